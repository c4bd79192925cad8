"""`python -m tests.conformance`: random rulesets and packets, our answers against those of this machine's kernel."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random

from tests.conformance import whole_cases
from tests.conformance.cases import FOUND, write
from tests.conformance.corpus import rulesets
from tests.conformance.features import record
from tests.conformance.kernel import Kernel
from tests.conformance.kinds import KINDS
from tests.conformance.loading import TOOLS
from tests.conformance.namespaces import Unavailable, build
from tests.conformance.report import case_of, lines, whole_lines
from tests.conformance.rulesets import Ruleset, lenient
from tests.conformance.run import Tally, hold
from tests.conformance.shrink import shrunk
from tests.conformance.whole import Counted, Firewall, connect, smaller

_LENIENT = 0.7
"""How many of the rulesets that connections are made under."""
_shrunk: dict[str, int] = {}
"""How many disagreements this process has shrunk."""


def main(arguments: Sequence[str]) -> int:
    """0 where every answer agrees, or where the suite cannot run; 1 where one does not; 3 for a defect of the suite."""
    options = _options(arguments)
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        print(f"skipped: {', '.join(missing)} not found; install iptables, nftables, ipset and iproute2")
        return 0
    started = time.monotonic()
    try:
        if options.record:
            write(FOUND / "features.yaml", list(record(_kernel())))
            whole_cases.record(Firewall())
            return 0
        total, seconds = _run(options), time.monotonic() - started
        whole = _connections(options)
    except Unavailable as reason:
        print(f"skipped: {reason}")
        return 0
    for line in (*lines(total, seconds), *whole_lines(whole, time.monotonic() - started - seconds)):
        print(line)
    if options.write and total.disagreements:
        write(options.write / f"seed-{options.seed}.yaml", [case_of(each) for each in total.disagreements])
    if total.disagreements or total.crashes or whole.differences or whole.crashes:
        return 1
    return 3 if total.defects else 0


def _connections(options: argparse.Namespace) -> Counted:
    """As many rulesets as were asked for, with real connections; none for dumps, whose addresses nobody has here."""
    counted, kinds = Counted(), options.kinds
    work = [(options, kinds[number % len(kinds)], number) for number in range(options.connections)]
    if work and not options.corpus:
        with ProcessPoolExecutor(options.jobs, get_context("fork")) as pool:
            for one in pool.map(_connect, work):
                counted.add(one)
    return counted


def _run(options: argparse.Namespace) -> Tally:
    """Every ruleset that was asked for."""
    total = Tally()
    kinds = options.kinds
    work = [(options, kinds[number % len(kinds)], number) for number in range(options.rulesets)]
    if options.corpus:
        work = [(options, "corpus", number) for number in range(len(_corpus(options.corpus)))]
    with ProcessPoolExecutor(options.jobs, get_context("fork")) as pool:
        for number, tally in enumerate(pool.map(_work, work), 1):
            total.add(tally)
            if number % 100 == 0:
                print(f"{number} rulesets, {len(total.disagreements)} disagreements", file=sys.stderr)
    return total


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--rulesets", type=int, default=400, metavar="N", help="how many rulesets")
    parser.add_argument("--connections", type=int, default=40, metavar="N", help="rulesets with real connections")
    parser.add_argument("--probes", type=int, default=500, metavar="N", help="packets a ruleset and family")
    parser.add_argument("--seed", default="1", help="another seed, other rulesets and packets")
    parser.add_argument("--every", type=int, default=5, metavar="N", help="the interpreter walks one packet in N")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes")
    parser.add_argument("--shrink", type=int, default=5, metavar="N", help="disagreements to shrink, a process")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="the dumps in DIR/iptables and DIR/nft instead")
    parser.add_argument("--record", action="store_true", help="write found/features.yaml anew")
    parser.add_argument("--write", type=Path, metavar="DIR", help="write the disagreements there as cases")
    parser.add_argument("--kinds", nargs="+", choices=sorted(KINDS), default=sorted(KINDS), help="of which kinds")
    return parser.parse_args(arguments)


@cache
def _kernel() -> Kernel:
    """The firewall of this process."""
    return Kernel(build())


@cache
def _corpus(directory: Path) -> list[Ruleset]:
    return list(rulesets(directory))


def _work(task: tuple[argparse.Namespace, str, int]) -> Tally:
    """One ruleset, in the namespaces of the process that takes it."""
    options, kind, number = task
    random = Random(f"{options.seed} {kind} {number}")
    ruleset = _corpus(options.corpus)[number] if kind == "corpus" else KINDS[kind](random, f"{kind} {number}")
    kernel = _kernel()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        tally = hold(kernel, ruleset, random, options.probes, options.every, directory)
        # One of each kind is worth the time that shrinking takes.
        kinds = {(each.kernel, each.sets, each.interpreter): each for each in reversed(tally.disagreements)}
        tally.disagreements = list(kinds.values())
        for at, each in enumerate(tally.disagreements):
            if _shrunk.get("so far", 0) < options.shrink:
                _shrunk["so far"] = _shrunk.get("so far", 0) + 1
                tally.disagreements[at] = shrunk(kernel, each, directory)
    return tally


@cache
def _firewall() -> Firewall:
    """The firewall of this process that connections are made with."""
    return Firewall()


def _connect(task: tuple[argparse.Namespace, str, int]) -> Counted:
    """One ruleset with real connections, in the namespaces of the process that takes it."""
    options, kind, number = task
    random = Random(f"{options.seed} connections {kind} {number}")
    ruleset = KINDS[kind](random, f"{kind} {number}")
    if random.random() < _LENIENT:
        ruleset = lenient(random, ruleset)
    with tempfile.TemporaryDirectory() as name:
        firewall, directory = _firewall(), Path(name)
        counted = connect(firewall, ruleset, random, directory)
        # One of each ruleset is worth the time that shrinking takes.
        counted.differences = [smaller(firewall, each, directory) for each in counted.differences[:1]]
    return counted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
