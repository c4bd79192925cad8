"""The same rules in every language: the same verdicts where the words are known, unknown and never wrong where not."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.exports import asked, counts, read, refusal, verdict, wall
from tests.dialects.netsh_languages import english, invented, said, spoken
from tests.dialects.test_netsh_rules import OTHER, dump, rule, types, verbose
from validator.dialects._netsh_words import FIELD_WORDS, word
from validator.dialects._windows_rules import WindowsRules
from validator.errors import UserError
from validator.known_words import ENDS, LABELS, LANGUAGES, VALUES
from validator.source import CODE_PAGES, from_bytes

POLICY = dump(
    rule("web", Profiles="Domain,Private", LocalPort="80,8000-8010"),
    rule("off", Enabled="No", LocalPort="81"),
    rule("stop", Action="Block", RemoteIP="1.2.3.4"),
    rule("wide", Protocol="UDP", LocalPort="Any", RemotePort="5000"),
    rule("near", LocalPort="90", RemoteIP="LocalSubnet"),
    rule("ping", **{**OTHER, "Protocol": "ICMPv4" + types("8       Any")}),
    rule("mail", Direction="Out", Action="Block", LocalPort="Any", RemotePort="25", Profiles="Public"),
    rule("all out", **{**OTHER, "Protocol": "Any", "Direction": "Out"}),
)
VERBOSE = dump(
    verbose("web", LocalPort="80"),
    verbose("program", LocalPort="81", Program=r"C:\a.exe", Service="spooler"),
    verbose("secure", LocalPort="82", Security="Authenticate", RemoteUserGroup="O:LSD:"),
    verbose("stop", Action="Block", LocalPort="Any", RemoteIP="1.2.3.4").replace(
        "Enabled:", "Description:  a: b\nEnabled:"
    ),
    verbose("out", Direction="Out", Action="Block", LocalPort="Any", RemotePort="25"),
)
ALL_WORDS = sorted({each.text for table in (LABELS, VALUES, ENDS) for words in table.values() for each in words
                    if each.language == "en"})  # fmt: skip
TABLE = Path(__file__).parents[3] / "shared" / "LOCALISATION.tsv"
Packet = dict[str, object]
INBOUND: list[Packet] = [{"port": port} for port in (79, 80, 81, 82, 90, 8005)]
INBOUND += [{"port": port, "source": "1.2.3.4"} for port in (80, 81)]
INBOUND += [{"port": 7, "protocol": "udp", "source_port": port} for port in (5000, 5001)]
INBOUND += [{"protocol": "icmp", "icmp_type": kind, "icmp_code": 1} for kind in (8, 9)]
PACKETS: list[Packet] = []
for profile in ("domain", "private", "public"):
    PACKETS += [{**packet, "hook": "input", "in_interface": profile} for packet in INBOUND]
    PACKETS += [{"port": port, "hook": "output", "out_interface": profile} for port in (25, 26)]


def verdicts(text: str | bytes) -> list[str]:
    found = wall(text)
    return [verdict(found, **packet) for packet in PACKETS]  # type: ignore[arg-type]


@cache
def wanted(text: str) -> list[str]:
    return verdicts(text)


def known(language: str, fields: tuple[str, ...]) -> bool:
    """Whether dumps showed all words of `fields` in a language."""
    return all(any(each.language == language and each.seen for each in VALUES[key]) for key in fields)


@pytest.mark.parametrize("text", [POLICY, VERBOSE], ids=["plain", "verbose"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_dump_says_the_same_in_every_language_with_english_words_in_its_gaps(language: str, text: str) -> None:
    data = said(text, spoken(language, english))
    assert verdicts(data) == wanted(text)
    assert read(data)[2].unsupported() == []


def table_of_words() -> dict[str, dict[str, str]]:
    """By language, its words by the English ones, as the table beside the repository has them; empty without it."""
    if not TABLE.exists():
        return {}
    rows = list(csv.reader(TABLE.read_text("utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    found: dict[str, dict[str, str]] = {language: {} for language in rows[0][1:]}
    for key, english_cell, *cells in rows[1:]:
        if not key.startswith(("p.", "src", "icmp_header")):
            for language, cell in zip(rows[0][2:], cells, strict=False):
                told = re.split(r"[;/]|\s\(", cell)[0].strip()
                if told and "?" not in cell:
                    found[language][english_cell.strip()] = told
    return {language: words for language, words in found.items() if words}


TABLE_WORDS = table_of_words()


@pytest.mark.skipif(not TABLE_WORDS, reason="the table of words is not here")
@pytest.mark.parametrize("text", [POLICY, VERBOSE], ids=["plain", "verbose"])
@pytest.mark.parametrize("language", TABLE_WORDS)
def test_a_dump_in_the_words_of_the_table_has_the_same_verdicts(language: str, text: str) -> None:
    words = TABLE_WORDS[language]
    assert len(words) > 5
    data = said(text, words)
    assert data != text
    assert verdicts(data) == wanted(text)
    assert read(data)[2].unsupported() == []
    gaps = said(text, {word: words.get(word, invented(word)) for word in ALL_WORDS})
    assert all(found in (sure, "unknown") for found, sure in zip(verdicts(gaps), wanted(text), strict=True))


@pytest.mark.skipif(not TABLE_WORDS, reason="the table of words is not here")
def test_every_language_of_the_table_is_one_whose_words_are_known() -> None:
    assert {*TABLE_WORDS, "en"} == set(LANGUAGES)


@pytest.mark.parametrize("colon", [":", " :", "："])
@pytest.mark.parametrize("text", [POLICY, VERBOSE], ids=["plain", "verbose"])
@pytest.mark.parametrize("language", [*LANGUAGES, "an invented one"])
def test_a_dump_in_a_language_with_gaps_is_the_same_or_unknown(language: str, text: str, colon: str) -> None:
    data = said(text, spoken(language, invented), colon)
    assert all(found in (sure, "unknown") for found, sure in zip(verdicts(data), wanted(text), strict=True))
    assert read(data)[2].unsupported() == []
    if known(language, ("yes", "no", "in", "out", "allow", "block")):
        assert verdicts(data) == wanted(text)


def test_marks_of_direction_around_words_change_nothing() -> None:
    marked = POLICY.replace(":", "\u200f:\u200e").replace("Yes", "\u202bYes\u202c")
    assert verdicts(marked) == wanted(POLICY)


def test_what_is_not_known_in_an_invented_language_is_asked_by_its_word() -> None:
    words = {**spoken("none", english), "In": "Ki", "Out": "Be", "Allow": "Jo", "Block": "Rossz", "Ok.": "Kesz"}
    words |= {label: invented(label) for label in ("Rule Name", "Enabled", "Direction", "Action")}
    found = wall(said(dump(rule(), rule(Direction="Out")), words))
    assert verdict(found, 80) == "unknown"
    assert set(asked(found, 80)) <= {
        *(f"the word 'Jo' as Action means {meaning} in dump" for meaning in ("Allow", "Block", "Bypass")),
        *(f"the word {each!r} as Direction means In in dump" for each in ("Ki", "Be")),
        "the connection is protected by IPsec (bypass)",
    }
    assert counts(said(dump(rule()), words))["conditional"] > 5


def test_profiles_of_no_known_name_are_told_by_the_order_of_a_rule_of_all_three() -> None:
    words = {**spoken("it", english), "Domain": "Dominio A", "Private": "Privato", "Public": "Pubblico"}
    one = rule("one", Profiles="Private")
    assert [verdict(wall(said(dump(one, rule("all", LocalPort="1")), words)), 80, in_interface=name) for name in
            ("domain", "private", "public")] == ["drop", "accept", "drop"]  # fmt: skip
    alone = wall(said(dump(one), words))
    assert [verdict(alone, 80, in_interface=name) for name in ("domain", "private", "public")] == ["unknown"] * 3


def test_lists_of_profiles_in_two_orders_tell_nothing() -> None:
    words = {**spoken("it", english), "Domain": "Dominio A", "Private": "Privato", "Public": "Pubblico"}
    text = said(dump(rule("one", Profiles="Private"), rule("all", LocalPort="1")), words)
    found = wall(text.replace("Ok.", "") + said(dump(rule("odd", LocalPort="2", Profiles="Public,Domain")), words))
    assert verdict(found, 80, in_interface="private") == "unknown"


def test_any_is_the_word_that_addresses_and_ports_share() -> None:
    words = {**spoken("it", english), "Any": "Qualsiasi"}
    assert verdict(wall(said(dump(rule()), words)), 80) == "accept"
    two = said(dump(rule(), rule(LocalPort="Any", RemotePort="Tutto", LocalIP="Tutto")), words)
    assert verdict(wall(two), 80) == "unknown"


def test_a_field_that_nobody_knows_between_the_ports_and_the_action_may_narrow_the_rule() -> None:
    french = said(dump(verbose(Program=r"C:\a.exe")), {**spoken("fr", english), "Program": "Programme"})
    found = wall(french)
    assert verdict(found, 80) == "unknown"
    assert asked(found, 80) == [r"Programme is C:\a.exe"]
    assert verdict(wall(french.replace(r"C:\a.exe", "Tout")), 80) == "accept"


def test_a_word_that_a_whole_language_does_not_have_is_damage() -> None:
    text = said(dump(rule(), rule(Enabled="Perhaps")), spoken("ja", english))
    assert counts(text)["unsupported"] > 5


def test_the_end_of_an_output_may_be_in_no_known_language_but_not_missing() -> None:
    text = said(POLICY, spoken("zh-TW", english))
    assert verdicts(text.replace("Ok.", "確定。")) == wanted(POLICY)
    assert "it is cut" in refusal(text.replace("Ok.", ""))
    assert "it is cut" in refusal(text.replace("Ok.", "規則"))  # the beginning of another rule's name


# --- property -------------------------------------------------------------------------

CHOICES = {
    "Enabled": ("Yes", "Yes", "No"),
    "Direction": ("In", "In", "Out"),
    "Profiles": ("Domain,Private,Public", "Domain", "Private,Public", "Public"),
    "RemoteIP": ("Any", "1.2.3.4/32", "LocalSubnet"),
    "LocalPort": ("Any", "80", "79-81"),
    "RemotePort": ("Any", "25"),
    "Action": ("Allow", "Allow", "Block", "Bypass"),
}
RULES = st.lists(
    st.fixed_dictionaries({key: st.sampled_from(values) for key, values in CHOICES.items()}), min_size=1, max_size=5
)


@settings(max_examples=120, deadline=None)
@given(RULES, st.sets(st.sampled_from(ALL_WORDS)), st.sampled_from(LANGUAGES))
def test_whatever_words_are_missing_no_verdict_is_wrong(
    rules: list[dict[str, str]], gaps: set[str], language: str
) -> None:
    text = dump(*(rule(f"r{place}", **fields) for place, fields in enumerate(rules)))
    words = spoken(language, lambda each: invented(each) if each in gaps else each)
    for found, sure in zip(verdicts(said(text, words)), verdicts(text), strict=True):
        assert found in (sure, "unknown")


# --- damage --------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de", "zh-TW", "an invented one"])
def test_a_line_that_is_lost_makes_no_verdict_wrong(language: str) -> None:
    lines = said(POLICY, spoken(language, invented)).splitlines(keepends=True)
    for lost in range(len(lines)):
        try:
            found = verdicts("".join(lines[:lost] + lines[lost + 1 :]))
        except UserError:
            continue
        assert all(each in (sure, "unknown") for each, sure in zip(found, wanted(POLICY), strict=True)), lines[lost]


# --- words and code pages -------------------------------------------------------------


def test_a_word_means_one_thing_in_all_languages() -> None:
    fields = [tuple(VALUES[key] for key in words) for words in FIELD_WORDS.values()]
    for rows in (tuple(LABELS.values()), *fields):
        texts = [{each.text.lower() for each in row} for row in rows]
        assert len(set().union(*texts)) == sum(map(len, texts))
    assert word("direction", " ACTIF ") == "in"
    assert word("direction", "Yes") == ""


@pytest.mark.parametrize("encoding", [*CODE_PAGES, "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_dump_reads_the_same_in_every_encoding_that_can_hold_its_language(language: str, encoding: str) -> None:
    text = said(POLICY, spoken(language, english))
    try:
        data = text.replace("\n", "\r\n").encode(encoding)
    except UnicodeEncodeError:
        pytest.skip("the code page lacks letters of the language")
    assert from_bytes(data, "dump").text + "\n" == text
    assert verdicts(data) == wanted(POLICY)


def test_the_dump_of_a_language_has_the_rules_of_the_english_one() -> None:
    rules = read(said(POLICY, spoken("de", english)))[1].data
    assert isinstance(rules, WindowsRules)
    assert [each.canonical for each in rules.rules] == [
        each.canonical
        for each in read(POLICY)[1].data.rules  # type: ignore[attr-defined]
    ]
