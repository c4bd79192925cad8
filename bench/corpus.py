"""Every export of the corpus, parsed and checked in this process, so that only our own work counts."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from bench.table import show
from validator import check, hosts, policy_file, rules
from validator.errors import UserError
from validator.policy import Policy
from validator.reports import formats

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
FOLDERS = ("netsh", "iptables", "aws")


@dataclass(frozen=True, slots=True)
class Timed:
    """One export: seconds to parse and to check (with findings and the text report), or why not."""

    name: str
    lines: int
    parse: float
    check: float
    refused: str = ""


def files() -> list[Path]:
    """The exports of the folders that are there."""
    return [path for folder in FOLDERS for path in sorted((CORPUS / folder).glob("*")) if path.is_file()]


def university() -> Path | None:
    """The 4,800-rule dump of TU Munich's network chair: the copy that is understood whole, else the largest."""
    found = list((CORPUS / "iptables").glob("*chair_for_Network_Architectures_and_Services*"))
    return max(found, key=lambda path: (path.name.endswith("-mac"), path.stat().st_size), default=None)


def time_corpus(rounds: int, most: int | None) -> None:
    """Print what every export took, slowest first, at most `most`; then those that were refused."""
    policy = policy_file.load("ol-connect")
    rules.load()
    timed = [_timed(path, policy, rounds) for path in files()]
    done = sorted((each for each in timed if not each.refused), key=lambda each: -each.parse - each.check)
    if not timed:
        print(f"\nNo corpus in {CORPUS}")
        return
    rows = [
        (each.name, f"{each.lines:,}", *(f"{1000 * part:.1f}" for part in (each.parse, each.check)))
        for each in done[:most]
    ]
    total = [f"{sum(part):.2f} s" for part in ([each.parse for each in done], [each.check for each in done])]
    rows.append((f"all {len(done)}", f"{sum(each.lines for each in done):,}", *total))
    show("Corpus, without the start of the process", ("export", "lines", "parse ms", "check ms"), rows)
    refused = [(each.name, each.refused) for each in timed if each.refused]
    print(f"\nRefused: {len(refused)} of {len(timed)}")
    for name, why in refused:
        print(f"  {name}: {why}")


def _timed(path: Path, policy: Policy, rounds: int) -> Timed:
    name = f"{path.parent.name}/{_clipped(path.name, 70)}"
    parsing: list[float] = []
    checking: list[float] = []
    lines = 0
    for _ in range(rounds):
        start = time.perf_counter()
        loaded = hosts.load([str(path)])
        parsing.append(time.perf_counter() - start)
        if loaded.errors:
            return Timed(name, 0, 0, 0, _clipped(loaded.errors[0].problem, 90))
        lines = len(loaded.exports[0].source.lines)
        start = time.perf_counter()
        try:
            checked = check.check(loaded, policy, None, check.CheckOptions())
        except UserError as error:
            return Timed(name, 0, 0, 0, _clipped(error.problem, 90))
        formats()["text"].render(rules.judge(checked, rules.load()))
        checking.append(time.perf_counter() - start)
    return Timed(name, lines, statistics.median(parsing), statistics.median(checking))


def _clipped(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width // 2 - 2]}...{text[-(width // 2) :]}"
