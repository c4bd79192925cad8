"""The words in which results are told, the same in every format for people. Not escaped for any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from validator.packets.fields import Intervals
from validator.results import Blame, Box, Finding, PacketJson, Report, Result, Value
from validator.source import Span

LABELS = ("BLOCKED", "PARTIAL", "UNKNOWN", "RESTRICTED", "OPEN")
"""The words of a verdict, worst first; RESTRICTED is a partial verdict where nobody declared the peers."""

_TOLD = ("blocked", "partly blocked", "unknown", "open to some peers only", "open")


def label(result: Result) -> str:
    """One of LABELS."""
    return "RESTRICTED" if result.restricted else result.verdict.value.upper()


def headline(report: Report) -> str:
    """The answer in one sentence: how many port checks are blocked, unknown, open."""
    name = report.policy.title or report.policy.id
    labels = [label(result) for result in report.results]
    counts = [(labels.count(each), told) for each, told in zip(LABELS, _TOLD, strict=True)]
    counts = [(count, told) for count, told in counts if count]
    if not counts:
        return f"{name}: no port was checked"
    (count, told), *others = counts
    if not others:
        if len(labels) == 1:
            return f"{name}: the only port check is {told}"
        return f"{name}: all {len(labels)} port checks {told}"
    first = f"{count} of {len(labels)} port checks {told}"
    return f"{name}: {', '.join([first, *(f'{count} {told}' for count, told in others)])}"


def alternatives(report: Report) -> dict[str, tuple[list[str], bool]]:
    """The groups of several modules of which one must be open: their names, and whether one is, everywhere."""
    groups: dict[str, tuple[list[str], bool]] = {}
    for result in report.results:
        if result.alternative:
            names, met = groups.get(result.alternative, ([], True))
            names = names if result.module_name in names else [*names, result.module_name]
            groups[result.alternative] = (names, met and result.alternative_met)
    return {group: found for group, found in groups.items() if len(found[0]) > 1}


def alternative_text(group: str, names: list[str], met: bool) -> str:
    """A sentence about a group of alternatives."""
    state = "one is open" if met else "none is surely open"
    return f"{', '.join(names)}: one of these must be open, and {state}; the setting {group} says which one counts"


def place(span: Span) -> str:
    """`file:line`, or the file where no line applies."""
    return f"{span.path}:{span.line}" if span.line > 0 else span.path


def decider(blame: Blame) -> str:
    """Where a deciding line stands; a default that no line says is named as one."""
    return f"default of {blame.span.path}" if blame.implicit else place(blame.span)


def deciders(result: Result) -> Iterator[str]:
    """The places that decide a result, those that explain its verdict first."""
    match label(result):
        case "OPEN" | "RESTRICTED":
            requests = [blame for blame in result.accepted_by if blame.leg != "reply"]
            yield from map(decider, requests or result.accepted_by)
        case "UNKNOWN":
            spans = [use.span for use in result.conditions if use.assumed is None and use.span]
            yield from map(place, spans)
            yield from () if spans else map(decider, result.blame)
        case _:
            yield from map(decider, result.blocked_by)
    if not result.blame:
        yield "no firewall on the way"


def ports_text(ports: Intervals) -> str:
    """`9340`, `25, 587`, `5863-5864`."""
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in ports)


def packet_text(packet: PacketJson) -> str:
    """A packet in one line: `tcp 198.51.100.7:40000 -> 192.0.2.10:9340, new, on eth0`."""

    def end(side: str) -> str:
        address, port = str(packet.get(side) or "any"), packet.get(f"{side}_port")
        shown = f"[{address}]" if ":" in address else address
        return f"{shown}:{port}" if port is not None else shown

    parts = [f"{packet.get('protocol') or 'any protocol'} {end('source')} -> {end('destination')}"]
    parts += [str(packet["state"])] if packet.get("state") else []
    interfaces = [packet.get("in_interface"), packet.get("out_interface")]
    parts += [f"on {name}" for name in interfaces if name]
    return ", ".join(parts)


def box_text(box: Box) -> str:
    """A box of packets in one line: `source 10.0.0.0/8; destination port 9340`."""
    return "; ".join(f"{key.replace('_', ' ')} {_values(value)}" for key, value in box.items())


def _values(value: Value) -> str:
    if not isinstance(value, list):
        return str(value)
    return ", ".join(_range(each) for each in value)


def _range(value: Value) -> str:
    if isinstance(value, list) and len(value) == 2:
        low, high = value
        return str(low) if low == high else f"{low}-{high}"
    return str(value)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by severity, then rule, otherwise in their order."""
    return sorted(findings, key=lambda finding: (finding.severity.rank, finding.rule))


def times(number: int, word: str) -> str:
    """`1 line`, `2 lines`, `1,200 lines`."""
    return f"{number:,} {word}" + ("" if number == 1 else "s")
