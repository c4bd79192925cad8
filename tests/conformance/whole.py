"""Whole connections: what `portproof check` says of a ruleset, against real ones under it."""

from __future__ import annotations

import dataclasses
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from random import Random

from msgspec import Struct, field
from msgspec.structs import replace

from tests.conformance.checked import Way, attempt, checked
from tests.conformance.compare import NotRead
from tests.conformance.ends import MORE_PATIENCE, Attempt, Ends
from tests.conformance.left_out import why_left_out
from tests.conformance.loading import Loading
from tests.conformance.netlink import forget_connections
from tests.conformance.rulesets import Ruleset
from tests.conformance.shrink import fewer
from validator.errors import UserError
from validator.packets.fields import Family
from validator.results import Result, Verdict

_MOST_PORTS = 5
_MOST_TRIES = 60
"""Shrinking: every try is a ruleset loaded and a connection waited for."""
PROVEN = {Verdict.OPEN: True, Verdict.BLOCKED: False}
"""The verdicts that say whether a connection works."""


class Difference(Struct, frozen=True):
    """A connection that works, or not, against what we say of it."""

    ruleset: Ruleset
    ways: Mapping[Family, Way]
    attempt: Attempt
    result: Result
    works: bool


class Counted(Struct):
    """What came of rulesets: counts, and what went wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)

    def add(self, other: Counted) -> None:
        """Take in what came of others."""
        self.counts += other.counts
        self.differences += other.differences
        self.refused += other.refused
        self.crashes += other.crashes


class Firewall:
    """The firewall of this process, between its neighbours."""

    def __init__(self) -> None:
        self._ends = Ends()
        self._loading = Loading()

    def judged(
        self, ruleset: Ruleset, ways: Mapping[Family, Way], ports: Sequence[int], directory: Path
    ) -> tuple[Result, ...]:
        """What we say of the ruleset, which is loaded from now on; `directory` takes its exports. Raises UserError, and
        NotRead also where the kernel refuses it."""
        self._loading.clear()
        problem = self._loading.load(ruleset.parts)
        if problem:
            raise NotRead(problem)
        return checked(self.exports(ruleset), ruleset.bare, ways, ports, directory)

    def exports(self, ruleset: Ruleset) -> dict[str, str]:
        """What somebody would export now."""
        return self._loading.exports(ruleset)

    def works(self, attempts: Sequence[Attempt], expected: Sequence[bool | None]) -> list[bool]:
        """Which connections work. One that fails and should not is tried again, with more patience."""
        works = self._ends.tried(attempts)
        again = [at for at, (one, other) in enumerate(zip(works, expected, strict=True)) if other and not one]
        if again:
            forget_connections()
            for at, one in zip(again, self._ends.tried([attempts[at] for at in again], MORE_PATIENCE), strict=True):
                works[at] = one
        return works


def connect(firewall: Firewall, ruleset: Ruleset, random: Random, directory: Path) -> Counted:
    """Compare our answers about the ruleset to real connections; `directory` takes the exports."""
    counted = Counted()
    ways = {family: _drawn(random, ruleset, family) for family in ruleset.pools}
    ports = sorted({port for pool in ruleset.pools.values() for port in pool.ports if port})
    try:
        results = firewall.judged(ruleset, ways, random.sample(ports, min(len(ports), _MOST_PORTS)), directory)
    except (NotRead, UserError) as error:
        counted.refused.append(f"{ruleset.name}: {error}")
        return counted
    except Exception:  # whatever breaks ours is a finding, and the run goes on
        counted.crashes.append(f"{ruleset.name}: {traceback.format_exc()}")
        return counted
    attempts = [attempt(result, ways) for result in results]
    left_out = [why_left_out(ruleset.parts, *each) for each in zip(results, attempts, strict=True)]
    expected = [None if why else PROVEN.get(result.verdict) for result, why in zip(results, left_out, strict=True)]
    works = firewall.works(attempts, expected)
    for result, tried, why, wanted, real in zip(results, attempts, left_out, expected, works, strict=True):
        counted.counts["connections"] += 1
        if why:
            counted.counts[f"left out: {why}"] += 1
        elif wanted is None:
            counted.counts[f"{result.verdict}"] += 1
        elif wanted is real:
            counted.counts[f"agreed: {result.verdict}"] += 1
        else:
            counted.counts["DIFFERED"] += 1
            counted.differences.append(Difference(ruleset, ways, tried, result, real))
    counted.counts["rulesets"] += 1
    return counted


def _drawn(random: Random, ruleset: Ruleset, family: Family) -> Way:
    """An address of the firewall, and a peer that the rules may name."""
    pool = ruleset.pools[family]
    return Way(*(str(ip_address(random.choice(addresses))) for addresses in (pool.own, pool.outside)))


def smaller(firewall: Firewall, found: Difference, directory: Path) -> Difference:
    """The same difference with as few lines as can be found."""
    best, port = found, found.attempt.port

    def differs(parts: Mapping[str, str]) -> bool:
        nonlocal best
        ruleset = dataclasses.replace(found.ruleset, parts=parts)
        try:
            results = firewall.judged(ruleset, found.ways, [port], directory)
        except (NotRead, UserError):
            return False
        for result in results:
            if attempt(result, found.ways) == found.attempt and result.verdict is found.result.verdict:
                same = firewall.works([found.attempt], [PROVEN[result.verdict]]) == [found.works]
                best = replace(found, ruleset=ruleset, result=result) if same else best
                return same
        return False

    for kind in found.ruleset.parts:
        differs({other: text for other, text in best.ruleset.parts.items() if other != kind})
    fewer(best.ruleset.parts, differs, _MOST_TRIES)
    return best
