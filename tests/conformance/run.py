"""One ruleset held to the kernel: load it, send packets, and compare every answer."""

from __future__ import annotations

import re
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random

from tests.conformance.compare import Judge, NotRead
from tests.conformance.connections import Connection, draw_openings, followers, make
from tests.conformance.kernel import FIRST_LOOPING, Kernel, Passage
from tests.conformance.probes import draw_loops, draw_packets
from tests.conformance.rulesets import Ruleset
from tests.conformance.wire import Probe, encode, ends
from validator.engine.packet import Packet
from validator.errors import UserError
from validator.packets.fields import Field, State

_MOST_OPENINGS = 40
_WHERE = re.compile(r"/\S+?:\d+|\b\d+\b")
"""What tells apart conditions of one kind: the line, a number."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A probe for which an answer of ours, from `exports`, differs from the kernel's. `interpreter` is empty where
    it was not asked."""

    ruleset: Ruleset
    probe: Probe
    kernel: str
    sets: str
    interpreter: str
    exports: Mapping[str, str]


@dataclass(slots=True)
class Tally:
    """What came of probes: counts, disagreements, defects of the suite itself, and what unknown answers hang on."""

    counts: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Take in another tally."""
        self.counts += other.counts
        self.unknown += other.unknown
        self.disagreements += other.disagreements
        self.defects += other.defects
        self.refused += other.refused
        self.crashes += other.crashes


def hold(kernel: Kernel, ruleset: Ruleset, random: Random, size: int, every: int, directory: Path) -> Tally:
    """Compare our answers to the kernel's for `size` packets of each family of `ruleset`; the interpreter is asked
    about one in `every`. `directory` takes the exports."""
    tally = Tally()
    count = min(size // 20, _MOST_OPENINGS)
    openings = [opening for pool in ruleset.pools.values() for opening in draw_openings(random, pool, count)]
    made, problem = prepare(kernel, ruleset, openings)
    if problem:
        tally.refused.append(f"{ruleset.name}: {problem}")
        return tally
    probes = _draw(random, ruleset, size, openings, made)
    answers = ask(kernel, probes)
    try:
        judge = Judge(kernel.exports(ruleset), directory)
        for number, (probe, (verdict, state)) in enumerate(zip(probes, answers, strict=True)):
            defect = odd_state(probe, state)
            if not verdict:
                tally.counts["not let out"] += 1
            elif defect and ruleset.translates:  # translated ends are those of another connection now and then
                tally.counts["not taken up"] += 1
            elif defect:
                tally.defects.append(f"{ruleset.name}: {defect}")
            else:
                _compare(tally, judge, ruleset, probe, verdict, number % every == 0)
    except (NotRead, UserError) as error:
        tally.refused.append(f"{ruleset.name}: not read: {error}")
    except Exception:  # whatever breaks ours is a finding, and the run goes on
        tally.crashes.append(f"{ruleset.name}: {traceback.format_exc()}")
    tally.counts["rulesets"] += 1
    return tally


def _draw(
    random: Random, ruleset: Ruleset, size: int, openings: Sequence[Probe], made: Sequence[Connection]
) -> list[Probe]:
    """Packets of the connections made, `size` without one, and some over loopback."""
    taken = {ends(packet) for each in made for packet in (each.opening, each.answer)}
    taken |= {ends(each.packet) for each in openings}  # the kernel may know more than were made for us
    probes: list[Probe] = []
    for pool in ruleset.pools.values():
        probes += [Probe(packet) for packet in draw_packets(random, pool, size, honest=ruleset.bare)]
        if not ruleset.changes:
            probes += draw_loops(random, pool, size // 20)
    known = [probe for each in made for probe in followers(random, each)]
    return [*known, *(probe for probe in probes if ends(probe.packet) not in taken)]


def prepare(kernel: Kernel, ruleset: Ruleset, openings: Sequence[Probe]) -> tuple[list[Connection], str]:
    """Load `ruleset`, with connections begun by `openings`; what the tool says where it refuses the ruleset.

    A connection is translated as its first packet was, so where the ruleset translates, it must be there from the
    beginning; else connections are made before it, that packets of connections that it would not let begin are met.
    """
    kernel.clear()
    made: list[Connection] = []
    if openings and not ruleset.translates:
        kernel.keep(True)
        made = make(kernel, openings)
        kernel.keep(False)
    problem = kernel.load(ruleset.parts)
    if openings and ruleset.translates and not problem:
        kernel.keep(True)
        made = make(kernel, openings)
        kernel.keep(False)
    return made, problem


def ask(kernel: Kernel, probes: Sequence[Probe]) -> list[tuple[str, State | None]]:
    """The kernel's verdict on each probe, accept or drop, and the state that the packet had, if it got so far.

    The verdict is empty for a packet over loopback that was not let out.
    """
    numbers: list[int] = []
    plain, looping = count(1), count(FIRST_LOOPING)
    for probe in probes:
        number = next(looping if probe.sent else plain)
        numbers.append(number)
        sent = probe if probe.sent is None else replace(probe, packet=probe.sent)
        kernel.send(sent.packet, encode(sent, number))
    seen = kernel.read()
    return [
        (_verdict(probe, seen.passed.get(number, [])), seen.states.get(number))
        for probe, number in zip(probes, numbers, strict=True)
    ]


def _verdict(probe: Probe, passed: Sequence[Passage]) -> str:
    """Accept or drop; empty for a packet over loopback that was not let out, or was sent elsewhere."""
    hooks = {passage.hook for passage in passed}
    if probe.sent is None:
        return "accept" if hooks else "drop"
    ends = probe.packet.values[Field.DESTINATION], probe.packet.values[Field.DESTINATION_PORT]
    if not any(_leads_to(passage, *ends) for passage in passed):
        return ""
    return "accept" if "input" in hooks else "drop"


def _leads_to(passage: Passage, destination: int, port: int) -> bool:
    """Whether a packet left for this destination (a protocol without ports has port 0)."""
    return (
        passage.hook == "postrouting" and passage.destination == destination and port in (passage.destination_port, 0)
    )


def odd_state(probe: Probe, state: State | None) -> str:
    """What is wrong with a probe whose state is not the one it claims; a rule may say that it is not tracked."""
    claimed = State(probe.packet.values[Field.STATE])
    if state in (None, claimed, State.UNTRACKED):
        return ""
    return f"{probe.packet} is {state.name if state is not None else None}, not {claimed.name}"


def _compare(tally: Tally, judge: Judge, ruleset: Ruleset, probe: Probe, kernel: str, walk: bool) -> None:
    packet = probe.packet
    state = State(packet.values[Field.STATE])
    if ruleset.translates and probe.reply and state is State.RELATED:
        return
    sets = answer_of_sets(judge, ruleset, probe)
    interpreter = ""
    if not is_mirrored(ruleset, probe) and (walk or sets not in (kernel, "unknown")):
        interpreter = _walked(tally, judge, packet)
    tally.counts["probes"] += 1
    tally.counts[f"{packet.hook} {packet.family} {state.name.lower()}"] += 1
    tally.counts["unknown" if sets == "unknown" else f"agreed: {kernel}" if sets == kernel else "disagreed"] += 1
    if sets not in (kernel, "unknown") or interpreter not in (kernel, "unknown", ""):
        tally.disagreements.append(Disagreement(ruleset, probe, kernel, sets, interpreter, judge.exports))


def is_mirrored(ruleset: Ruleset, probe: Probe) -> bool:
    """Whether a probe is a reply that may be translated back, so that our answer starts at its request."""
    return ruleset.translates and probe.reply


def answer_of_sets(judge: Judge, ruleset: Ruleset, probe: Probe) -> str:
    """What the packet sets say of a probe."""
    if is_mirrored(ruleset, probe) and probe.opening is not None:
        return judge.replied(probe.packet, probe.opening)
    return judge.looked_up(probe.packet)


def _walked(tally: Tally, judge: Judge, packet: Packet) -> str:
    """The interpreter's verdict; for an unknown one, what it hangs on is counted."""
    trace = judge.interpreted(packet)
    tally.counts["walked"] += 1
    if trace.verdict == "unknown":
        tally.counts["walked: unknown"] += 1
        texts = (condition.text for condition in trace.conditions if condition.assumed is None)
        tally.unknown.update({_WHERE.sub("N", text) for text in texts})
    return "drop" if trace.verdict == "reject" else trace.verdict


__all__ = ["Disagreement", "Tally", "answer_of_sets", "ask", "hold", "is_mirrored", "odd_state", "prepare"]
