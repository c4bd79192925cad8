"""Whatever the bytes: a dialect reads them, or says in one line why it does not."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from validator.dialects import Dialect, Options, registry
from validator.dialects._other_lookalikes import lookalike
from validator.errors import UserError
from validator.packets.fields import Family
from validator.source import Ledger, Source, from_bytes

FIXTURES = Path(__file__).parents[2] / "fixtures"


def seeds(dialect: Dialect) -> list[bytes]:
    """The heads of a dialect's fixtures."""
    folder = FIXTURES / dialect.NAME.replace("-", "_")
    return [path.read_bytes()[:6000] for path in sorted(folder.glob("*"))]


SEEDS = {dialect.NAME: seeds(dialect) for dialect in registry() if dialect.NAME != "registry-hive"}  # binary
RICH = (FIXTURES / "example" / "print-gateway.rules").read_bytes()
SEEDS["iptables-save"].append(RICH)
ODD = ["²", "٣", "-1", "99999999999", "9" * 5000, "\0", "\ufeff", '"', "\\", "-", ",", ":", "::", "!", "", " ", "\x1a"]
KNOWN: dict[str, tuple[type[Exception], ...]] = {}
"""Exceptions of dialects that are being rewritten: digits that are no numbers, `-I ""`. To be emptied."""
CALM = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def is_one_line(error: UserError) -> None:
    assert "\n" not in str(error)


def survives(data: bytes, only: str = "") -> None:
    """Every dialect (or the one called `only`) is asked about `data`, recognised or not."""
    try:
        source = from_bytes(data, "hostile")
    except UserError as error:
        is_one_line(error)
        return
    for dialect in registry():
        if not only or only == dialect.NAME:
            dialect.sniff(source)
            reads(dialect, source)
    lookalike(source)


def reads(dialect: Dialect, source: Source) -> None:
    ledger = Ledger(source.lines)
    with suppress(*KNOWN.get(dialect.NAME, ())):
        try:
            fragment = dialect.parse(source, ledger)
            for family in Family:
                dialect.convert([fragment], Options("host", family))
        except UserError as error:
            is_one_line(error)
    counts = ledger.counts()
    assert counts.pop("total") == len(source.lines) == sum(counts.values())


@CALM
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    survives(data)


@CALM
@given(st.text(max_size=400), st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]))
def test_any_text(text: str, encoding: str) -> None:
    survives(text.encode(encoding, "surrogatepass"))


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """An export of a dialect in which lines and words were lost, repeated, exchanged or replaced."""
    data = draw(st.sampled_from(SEEDS[name]))
    lines = from_bytes(data, "seed").text.split("\n")
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(("lose", "repeat", "swap", "word", "character"))):
            case "lose" if len(lines) > 1:
                del lines[at]
            case "repeat":
                lines.insert(at, lines[at])
            case "swap":
                other = draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case "word":
                words = lines[at].split(" ")
                words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(ODD))
                lines[at] = " ".join(words)
            case _:
                place = draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:place] + draw(st.characters()) + lines[at][place + 1 :]
    text = "\n".join(lines)
    return text[: draw(st.integers(len(text) // 2, len(text)))].encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_a_damaged_export(name: str) -> None:
    @CALM
    @given(damaged(name))
    def holds(data: bytes) -> None:
        survives(data, name)

    holds()


LABELS = st.sampled_from(
    [
        "Rule Name:",
        "-" * 70,
        "Enabled: Yes",
        "Direction: In",
        "Profiles: Domain",
        "LocalIP: Any",
        "RemoteIP:",
        "Action: Block",
    ]
    + [
        "Action: Block",
        "Protocol: ICMPv4",
        "   ² ²",
        "   Any  9",
        "LocalPort: ²",
        "Ok.",
        "",
        "Domain Profile Settings:",
        "State  ON",
    ]
    + ["Firewall Policy  BlockInbound,AllowOutbound", "WinHTTP:", "Proxy Server(s) : x", "[HKEY_A\\Internet Settings]"]
    + ['"ProxyEnable"=dword:ffffffffffff', "  ProxyEnable  REG_DWORD  0x" + "f" * 5000]
)


@CALM
@given(st.lists(LABELS, max_size=30))
def test_lines_of_windows_in_any_order(lines: list[str]) -> None:
    for dialect in registry():
        if dialect.PLATFORM == "windows":
            survives("\n".join(lines).encode(), dialect.NAME)


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-2, 70000), st.sampled_from(['"tcp"', '"-1"', '"²"', '"::/0"', "1e999"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["SecurityGroups", "data", "GroupId", "GroupName", "IpPermissions", "IpPermissionsEgress", "IpProtocol"]
                + ["FromPort", "ToPort", "IpRanges", "CidrIp", "UserIdGroupPairs", "NextToken"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=30,
)


def written(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ",\n".join(f'"{key}": {written(each)}' for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


@CALM
@given(JSON)
def test_any_json_in_the_words_of_amazon(value: object) -> None:
    survives(written(value).encode(), "aws-security-groups")
