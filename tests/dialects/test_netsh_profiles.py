"""The states and defaults of Windows profiles, alone and beside a dump of rules."""

from __future__ import annotations

import pytest

from tests.dialects.exports import asked, counts, read, refusal, trace, verdict, wall
from tests.dialects.test_netsh_rules import dump, rule
from validator.dialects import Options
from validator.errors import ExportError
from validator.model import Firewall
from validator.packets.fields import Family

DASHES = "-" * 70 + "\n"
ALLOW_80 = dump(rule())


def profile(name: str, state: str = "ON", policy: str = "BlockInbound,AllowOutbound", local: str = "Enable") -> str:
    lines = [("State", state), ("Firewall Policy", policy), ("LocalFirewallRules", local)]
    rest = "RemoteManagement                      Disable\n\nLogging:\nMaxFileSize                           4096\n"
    return f"\n{name} Profile Settings: \n{DASHES}" + "".join(f"{key:38}{value}\n" for key, value in lines) + rest


def profiles(domain: str = "", private: str = "", public: str = "") -> str:
    blocks = (domain or profile("Domain"), private or profile("Private"), public or profile("Public"))
    return "".join(blocks) + "\nOk.\n\n"


def every(**changes: str) -> str:
    return profiles(*(profile(name, **changes) for name in ("Domain", "Private", "Public")))


def host(text: str) -> Firewall:
    return wall(ALLOW_80, text)


def test_the_default_policy_takes_what_no_rule_decides() -> None:
    found = wall(dump(rule(), rule(Direction="Out", LocalPort="Any", RemotePort="21")), every())
    assert [verdict(found, port) for port in (80, 81)] == ["accept", "drop"]
    assert verdict(found, 81, hook="output") == "accept"
    assert not asked(found, 81)


def test_a_profile_that_allows_inbound_lets_in_what_no_rule_blocks() -> None:
    found = wall(dump(rule(Action="Block")), every(policy="AllowInbound,AllowOutbound"))
    assert [verdict(found, port) for port in (80, 81)] == ["drop", "accept"]


def test_a_profile_that_blocks_outbound_lets_out_what_a_rule_allows() -> None:
    text = dump(rule(Direction="Out", LocalPort="Any", RemotePort="443"))
    found = wall(text, every(policy="BlockInbound,BlockOutbound"))
    assert [verdict(found, port, hook="output") for port in (443, 80)] == ["accept", "drop"]


def test_block_always_overrides_every_rule_but_not_replies() -> None:
    found = host(every(policy="BlockInboundAlways,AllowOutbound"))
    assert verdict(found, 80) == "drop"
    assert verdict(found, 80, state="established") == "accept"
    assert trace(found, destination_port=80, in_interface="public").rule is not None


def test_block_always_overrides_bypass() -> None:
    found = wall(dump(rule(Action="Bypass")), every(policy="BlockInboundAlways,AllowOutbound"))
    assert verdict(found, 80) == "drop"


def test_a_profile_that_is_off_filters_nothing_and_the_line_is_known() -> None:
    found = host(profiles(public=profile("Public", state="OFF", policy="BlockInboundAlways,BlockOutbound")))
    assert [verdict(found, 81, in_interface=name) for name in ("domain", "public")] == ["drop", "accept"]
    assert {name: span.text for name, span in found.profiles_off.items()} == {"public": "State OFF"}


def test_each_profile_has_a_policy_of_its_own() -> None:
    found = host(profiles(private=profile("Private", policy="AllowInbound,AllowOutbound")))
    assert [verdict(found, 81, in_interface=name) for name in ("domain", "private", "public")] == [
        "drop",
        "accept",
        "drop",
    ]
    assert verdict(found, 81) == "unknown"


@pytest.mark.parametrize("word", ["Disable", "No", "Désactiver", "禁用", "whatever", ""])
def test_where_local_rules_do_not_count_or_may_not_everything_is_open(word: str) -> None:
    found = host(every(local=word))
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "unknown"]
    assert verdict(found, 81, hook="output") == "unknown"
    assert verdict(found, 80, state="established") == "accept"


@pytest.mark.parametrize("word", ["N/A (GPO-store only)", "Enable", "N/A (仅 GPO 存储)", "Activer"])
def test_where_local_rules_count_they_decide(word: str) -> None:
    assert verdict(host(every(local=word)), 80) == "accept"


def test_profiles_alone_leave_open_what_rules_would_decide() -> None:
    found = wall(every())
    assert verdict(found, 80) == "unknown"
    assert "the rules were not exported" in asked(found, 80)[0]
    assert verdict(wall(every(state="OFF")), 80) == "accept"
    assert verdict(wall(every(policy="BlockInboundAlways,AllowOutbound")), 80) == "drop"


def test_a_profile_that_is_not_exported_is_as_windows_starts_until_that_is_withdrawn() -> None:
    text = profile("Domain") + "\nOk.\n"
    assert verdict(wall(ALLOW_80, text), 81, in_interface="public") == "drop"
    withdrawn = wall(ALLOW_80, text, withdrawn=("profile-defaults",))
    assert verdict(withdrawn, 81, in_interface="public") == "unknown"
    assert verdict(withdrawn, 81, in_interface="domain") == "drop"


def test_states_without_a_policy_say_nothing_about_defaults() -> None:
    text = "".join(f"\n{name} Profile Settings: \n{DASHES}{'State':38}ON\n" for name in ("Domain", "Private", "Public"))
    withdrawn = wall(ALLOW_80, text + "Ok.\n", withdrawn=("profile-defaults",))
    assert verdict(withdrawn, 81, in_interface="public") == "unknown"


def test_every_line_is_accounted_for() -> None:
    found = counts(every())
    assert found["unsupported"] == 0
    assert found["modelled"] == 9


def test_a_line_that_is_not_known_is_unsupported() -> None:
    assert counts(every().replace("RemoteManagement  ", "RemoteMadness  "))["unsupported"] == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("State                                 ON\n", "", "has no state: the output is cut"),
        ("  ON\n", "  PERHAPS\n", "state 'PERHAPS' is in no known language; run `chcp 437`"),
        ("BlockInbound,AllowOutbound", "NotConfigured", "policy 'NotConfigured' is not known"),
        ("LocalFirewallRules                    Enable\n", "", "no LocalFirewallRules: the output is cut"),
        ("\nPrivate Profile Settings: \n" + DASHES, "", "State stands twice"),
        ("Private Profile", "Domain Profile", ""),
        ("\nDomain Profile Settings: \n", "", "a profile without its title: the output is damaged"),
    ],
)
def test_what_is_missing_or_ambiguous_is_refused(old: str, new: str, message: str) -> None:
    text = every().replace(old, new)
    if message:
        assert message in refusal(text)
    else:
        assert read(text)[2].unsupported() == []  # the same profile again, in the same words


def test_a_lost_state_line_cannot_give_a_profile_the_policy_of_the_next() -> None:
    text = profiles(private=profile("Private", policy="AllowInbound,AllowOutbound"))
    text = text.replace("\nPrivate Profile Settings: \n" + DASHES + f"{'State':38}ON\n", "")
    assert "Firewall Policy stands twice" in refusal(text)


def test_two_answers_about_one_profile_are_refused() -> None:
    text = profiles(private=profile("Domain", state="OFF"))
    assert "the domain profile stands twice" in refusal(text)


def test_two_exports_of_one_host_that_disagree_are_refused() -> None:
    first, second = read(every(), "a.txt")[1], read(every(state="OFF"), "b.txt")[1]
    dialect = read(every())[0]
    with pytest.raises(ExportError, match=r"^b\.txt:4: the domain profile is set otherwise than in a\.txt:4; pass one"):
        dialect.convert([first, second], Options("host", Family.IPV4))


NAMES = ("Domain", "Private", "Public")


def translated(text: str, titles: tuple[str, ...], state: str, on: str, off: str) -> str:
    for name, title in zip(NAMES, titles, strict=True):
        text = text.replace(f"{name} Profile Settings:", title)
    return text.replace("State   ", f"{state}   ").replace("  ON", f"  {on}").replace("  OFF", f"  {off}")


LANGUAGES = [
    ("Domänenprofil-Einstellungen:", "Privates Profil-Einstellungen:", "Öffentliches Profil-Einstellungen:")
    + ("Status", "EIN", "AUS"),
    ("Paramètres Profil de domaine :", "Paramètres Profil privé :", "Paramètres Profil public :")
    + ("État", "Actif", "Inactif"),
    ("Configuración de Perfil de dominio:", "Configuración de Perfil privado:", "Configuración de Perfil público:")
    + ("Estado", "ACTIVAR", "DESACTIVAR"),
    ("ドメイン プロファイル 設定:", "プライベート プロファイル 設定:", "パブリック プロファイル 設定:")
    + ("State", "オン", "オフ"),
    ("域配置文件 设置:", "专用配置文件 设置:", "公用配置文件 设置：", "状态", "启用", "禁用"),
    ("Qwx a:", "Qwx b:", "Qwx c :", "Qwx", "ON", "OFF"),
]


@pytest.mark.parametrize("words", LANGUAGES, ids=["German", "French", "Spanish", "Japanese", "Chinese", "invented"])
def test_titles_and_states_are_known_in_other_languages(words: tuple[str, ...]) -> None:
    *titles, state, on, off = words
    text = profiles(
        public=profile("Public", state="OFF"), private=profile("Private", policy="AllowInbound,BlockOutbound")
    )
    found = host(translated(text, tuple(titles), state, on, off))
    assert [verdict(found, 81, in_interface=name) for name in ("domain", "private", "public")] == [
        "drop",
        "accept",
        "accept",
    ]
    assert verdict(found, 80, in_interface="domain") == "accept"


def test_a_state_in_an_unknown_word_is_refused() -> None:
    assert "the domain profile's state 'QWX' is in no known language" in refusal(every().replace("ON", "QWX"))


def test_one_profile_under_an_unknown_title_is_not_guessed() -> None:
    text = translated(profile("Public") + "Ok.\n", ("Qwx a:", "Qwx b:", "Qwx c:"), "Qwx", "ON", "OFF")
    assert "which profile 'Qwx c:' is, is in no known language; run `chcp 437`" in refusal(text)


def test_titles_that_contradict_the_order_are_not_guessed() -> None:
    text = every().replace("Domain Profile Settings:", "Qwx:").replace("Private Profile", "Domain Profile")
    assert "which profile 'Qwx:' is" in refusal(text)


def test_rules_in_the_same_file_are_to_be_parted() -> None:
    assert "two outputs stand in one file" in refusal(every() + ALLOW_80)


@pytest.mark.parametrize("form", ["utf-16", "utf-8-sig", "cp850"])
def test_encoding_and_line_ends_change_nothing(form: str) -> None:
    data = every(policy="AllowInbound,AllowOutbound").replace("\n", "\r\n").encode(form)
    assert verdict(wall(ALLOW_80, data), 81) == "accept"
