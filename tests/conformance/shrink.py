"""A disagreement made small: lines are dropped while kernel and answer still differ as they did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tests.conformance.compare import Judge, NotRead
from tests.conformance.kernel import Kernel
from tests.conformance.rulesets import translates
from tests.conformance.run import Disagreement, answer_of_sets, ask, is_mirrored, odd_state, prepare
from tests.conformance.wire import Probe, ends
from validator.errors import UserError

MOST_TRIES = 400


def shrunk(kernel: Kernel, found: Disagreement, directory: Path) -> Disagreement:
    """The same disagreement with as few lines as can be found."""
    best = found

    def differs(parts: Mapping[str, str]) -> bool:
        nonlocal best
        again = _again(kernel, best, parts, directory)
        best = again or best
        return again is not None

    fewer(found.ruleset.parts, differs)
    return best


def fewer(
    parts: Mapping[str, str], differs: Callable[[Mapping[str, str]], bool], tries: int = MOST_TRIES
) -> Mapping[str, str]:
    """Parts of a ruleset with as few lines as can be found in so many tries for which it is still true that it
    `differs`."""
    for kind in parts:
        gone = True
        while gone and tries:
            gone = False
            lines = parts[kind].splitlines()
            for first, last in _spans(lines):
                if not tries:
                    break
                tries -= 1
                less = {**parts, kind: "\n".join([*lines[:first], *lines[last:], ""])}
                if differs(less):
                    parts, gone = less, True
                    break
    return parts


def _spans(lines: Sequence[str]) -> list[tuple[int, int]]:
    """What may be left out of a text, the largest first: all, tables and chains of nft, tables of iptables,
    runs of lines, single lines from the last."""
    blocks: list[tuple[int, int]] = []
    begun: list[int] = []
    for at, line in enumerate(lines):
        if line.rstrip().endswith("{") or line.startswith("*"):
            begun.append(at)
        elif begun and line.strip() in ("}", "COMMIT"):
            blocks.append((begun.pop(), at + 1))
    runs = [
        (at, at + size)
        for size in (len(lines) // 2, len(lines) // 4, len(lines) // 8, 1)
        if size
        for at in range(len(lines) - size, -1, -size)
    ]
    blocks.sort(key=lambda block: block[0] - block[1])
    return [*blocks, *(run for run in runs if run not in blocks)]


def _again(kernel: Kernel, found: Disagreement, parts: Mapping[str, str], directory: Path) -> Disagreement | None:
    """The disagreement with these parts; None where it is gone, or is another one."""
    if translates(parts) is not found.ruleset.translates:
        return None
    ruleset = replace(found.ruleset, parts=parts)
    again = asked(kernel, replace(found, ruleset=ruleset), directory)
    if again is None or again.kernel != found.kernel:
        return None
    wrong = (found.sets not in (found.kernel, "unknown"), found.interpreter not in (found.kernel, "unknown", ""))
    same = (again.sets not in (again.kernel, "unknown"), again.interpreter not in (again.kernel, "unknown", ""))
    return again if wrong == same else None


def asked(kernel: Kernel, found: Disagreement, directory: Path) -> Disagreement | None:
    """All three answers for the probe of `found` under its ruleset; None where it cannot be asked."""
    ruleset, probe = found.ruleset, found.probe
    openings = [Probe(probe.opening, identifier=probe.identifier)] if probe.opening else []
    made, problem = prepare(kernel, ruleset, openings)
    if problem or len(made) != len(openings):
        return None
    if probe.reply and ends(made[0].answer) != ends(probe.packet) and probe.inner == b"":
        return None  # the first packet is translated otherwise, and so this is no reply to it
    (kernel_says, state), *_ = ask(kernel, [probe])
    if not kernel_says or odd_state(probe, state):
        return None
    try:
        judge = Judge(kernel.exports(ruleset), directory)
        sets = answer_of_sets(judge, ruleset, probe)
        verdict = "" if is_mirrored(ruleset, probe) else judge.interpreted(probe.packet).verdict
    except (NotRead, UserError):
        return None
    return Disagreement(ruleset, probe, kernel_says, sets, "drop" if verdict == "reject" else verdict, judge.exports)
