"""The parts of the benchmark: each measures something and prints one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import corpus, rivals
from bench.clouds import security_groups
from bench.generate import SHAPES, policy
from bench.measure import PORTPROOF, Sample, compare, run
from bench.table import SAMPLE_HEADINGS, Goal, cells, ratio, show
from bench.windows import netsh

_SMALL = Path(__file__).parents[1] / "fixtures" / "iptables_save" / "open.rules"
_CHECK = (*PORTPROOF, "check", "--fail-on", "never")


@dataclass(frozen=True, slots=True)
class Settings:
    """`folder` is for generated files; `rounds` the runs of a command; `quick` leaves out what is slow."""

    folder: Path
    rounds: int
    quick: bool

    def sizes(self, *sizes: int) -> Sequence[int]:
        """The sizes to measure: all, or those that take little time."""
        return [size for size in sizes if size <= 20_000] if self.quick else sizes

    def rounds_of(self, size: int) -> int:
        """Fewer runs where one takes long."""
        return self.rounds if size < 20_000 else min(self.rounds, 3 if size < 500_000 else 1)


def _written(settings: Settings, name: str, lines: Iterable[str]) -> Path:
    path = settings.folder / name
    if not path.exists():
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(f"{line}\n" for line in lines)
    return path


def _ruleset(settings: Settings, shape: str, rules: int) -> Path:
    return _written(settings, f"{shape}-{rules}.rules", SHAPES[shape](rules))


def _against(
    title: str, commands: Mapping[str, Sequence[str]], goals: Mapping[str, Goal], base: str, rounds: int
) -> None:
    """Measure `commands` in turn; a row each, with its goal and the ratio to the command called `base`."""
    samples = compare(commands, rounds)
    rows = [
        (name, *cells(sample), ratio(sample, samples.get(base)), goals[name].verdict(sample) if name in goals else "")
        for name, sample in samples.items()
    ]
    show(title, ("command", *SAMPLE_HEADINGS, f"to {base}", "goal"), rows)


def cold(settings: Settings) -> None:
    """The start of the process, and the check of a small file."""
    commands = {
        "python -c pass": rivals.NOTHING,
        "portproof --version": (*PORTPROOF, "--version"),
        "portproof --help": (*PORTPROOF, "--help"),
        "portproof parse, small file": (*PORTPROOF, "parse", str(_SMALL)),
        "portproof check, small file": (*_CHECK, str(_SMALL)),
    }
    goals = {"portproof --version": Goal(0.12), "portproof check, small file": Goal(0.6)}
    _against("Cold start", commands, goals, "python -c pass", 2 * settings.rounds + 1)


def _dump(title: str, path: Path, goal: Goal | None, rounds: int) -> None:
    """Parse and check one dump, beside the tools that load it."""
    tools = rivals.restores(path)
    commands = {**tools, "portproof parse": (*PORTPROOF, "parse", str(path)), "portproof check": (*_CHECK, str(path))}
    goals = {"portproof check": goal} if goal else {}
    _against(title, commands, goals, next(iter(tools), "portproof parse"), rounds)


def university(settings: Settings) -> None:
    """The 4,800-rule dump of TU Munich's network chair."""
    path = corpus.university()
    if path is None:
        print(f"\nThe dump of TU Munich is not in {corpus.CORPUS}")
        return
    _dump(f"TU Munich's dump ({_rules(path):,} rules)", path, Goal(0.9), settings.rounds)


def _rules(path: Path) -> int:
    return sum(line.startswith("-A ") for line in path.read_text("utf-8").splitlines())


_SIZES = {"flat": (5_000, 100_000), "kube": (10_000, 100_000, 500_000)}
_GOALS = {("flat", 100_000): Goal(6.0, 500), ("kube", 100_000): Goal(6.0, 500), ("kube", 500_000): Goal(15.0, 1500)}


def generated(settings: Settings) -> None:
    """Generated dumps, beside the tools that load them."""
    for shape in SHAPES:
        for size in settings.sizes(*_SIZES[shape]):
            goal = _GOALS.get((shape, size))
            title = f"Generated: {size:,} rules, {shape}"
            _dump(title, _ruleset(settings, shape, size), goal, settings.rounds_of(size))


def parser(settings: Settings) -> None:
    """Lines a second that are read and understood, beside the tools in C that load the same file."""
    nothing = run(rivals.NOTHING)
    start = run((*PORTPROOF, "parse", str(_SMALL)))
    for shape in SHAPES:
        for size in settings.sizes(20_000, 100_000, 500_000):
            path = _ruleset(settings, shape, size)
            tools = rivals.restores(path)
            commands = {**tools, "portproof parse": (*PORTPROOF, "parse", str(path))}
            samples = compare(commands, settings.rounds_of(size))
            lines = len(path.read_bytes().splitlines())
            rows = []
            best = min((sample.wall for name, sample in samples.items() if name in tools), default=None)
            for name, sample in samples.items():
                work = sample.wall - (0 if name in tools else start.wall - nothing.wall)
                against = f"{work / best:.1f} x" if best else "-"
                rows.append((name, *cells(sample), f"{lines / work:,.0f}", against))
            headings = ("command", *SAMPLE_HEADINGS, "lines/s", "to the fastest in C")
            show(f"Parser: {size:,} rules, {shape}; without the start of the process (goal: 3 x)", headings, rows)


def windows(settings: Settings) -> None:
    """Generated dumps of Windows rules, as netsh writes them."""
    for size in settings.sizes(2_000, 20_000):
        path = _written(settings, f"netsh-{size}.txt", netsh(size))
        commands = {"portproof parse": (*PORTPROOF, "parse", str(path)), "portproof check": (*_CHECK, str(path))}
        goals = {"portproof check": Goal(2.0)} if size == 20_000 else {}
        _against(f"Generated: {size:,} rules, netsh", commands, goals, "portproof parse", settings.rounds_of(size))


def rules(settings: Settings) -> None:
    """The cost of a check by the number of rules."""
    for shape in SHAPES:
        samples = {
            size: _check_of(settings, _ruleset(settings, shape, size), size)
            for size in settings.sizes(1_000, 5_000, 20_000, 100_000)
        }
        _by_number(f"Check by number of rules, {shape}", "rules", samples)


def requirements(settings: Settings) -> None:
    """The cost of a check by the number of requirements, on 5,000 flat rules."""
    path = _ruleset(settings, "flat", 5_000)
    samples = {}
    for size in settings.sizes(1, 10, 100, 1_000):
        name = str(_written(settings, f"policy-{size}.yaml", policy(size)))
        samples[size] = _check_of(settings, path, size, "--policy", name)
    _by_number("Check by number of requirements, 5,000 flat rules", "requirements", samples)


def _check_of(settings: Settings, path: Path, size: int, *options: str) -> Sample:
    command = (*_CHECK, *options, str(path))
    return compare({"": command}, settings.rounds_of(size))[""]


def _by_number(title: str, what: str, samples: Mapping[int, Sample]) -> None:
    """A row a size; what one thing more costs is the slope since the row above."""
    base = run(rivals.NOTHING)
    rows = []
    last, last_size = base, 0
    for size, sample in samples.items():
        slope = 1e6 * (sample.wall - last.wall) / (size - last_size) if last_size else None
        rows.append((f"{size:,}", *cells(sample), f"{slope:.0f}" if slope is not None else "-"))
        last, last_size = sample, size
    show(title, (what, *SAMPLE_HEADINGS, "us for one more"), rows)


def cloud(settings: Settings) -> None:
    """A describe-security-groups of a busy account."""
    for groups, permissions in ((500, 10_000), (5_000, 100_000)):
        if permissions in settings.sizes(permissions):
            name = f"groups-{permissions}.json"
            path = str(_written(settings, name, security_groups(groups, permissions)))
            title = f"Security groups: {groups:,} with {permissions:,} permissions"
            commands = {"portproof parse": (*PORTPROOF, "parse", path), "portproof check": (*_CHECK, path)}
            goals = {"portproof check": Goal(10.0, 1000)} if permissions == 100_000 else {}
            _against(title, commands, goals, "portproof parse", settings.rounds_of(permissions))


def every_export(settings: Settings) -> None:
    """Each export of the corpus."""
    corpus.time_corpus(1 if settings.quick else 3, 10 if settings.quick else None)


SECTIONS: dict[str, Callable[[Settings], None]] = {
    "cold": cold,
    "university": university,
    "generated": generated,
    "parser": parser,
    "windows": windows,
    "rules": rules,
    "requirements": requirements,
    "cloud": cloud,
    "corpus": every_export,
}
