"""Runs commands as whole processes and measures them: wall time, processor time, peak memory.

A process inherits the peak memory of the one that spawned it (getrusage(2) keeps it over execve), so
every command is spawned by a bare interpreter of a few megabytes, which also takes the time.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PORTPROOF = (sys.executable, "-m", "validator")
MOST_SECONDS = 300
"""What takes longer is ended."""
_SPAWN = """\
import os, signal, sys, time
null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
start = time.perf_counter()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=null)
signal.alarm(MOST)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - start
print([wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)])
""".replace("MOST", str(MOST_SECONDS))


@dataclass(frozen=True, slots=True)
class Sample:
    """What runs of one command took: medians in seconds, peak in megabytes, the last exit status."""

    wall: float
    processor: float
    megabytes: float
    status: int


def run(command: Sequence[str]) -> Sample:
    """Run `command` once, its output thrown away."""
    spawn = [sys.executable, "-I", "-S", "-c", _SPAWN, *command]
    done = subprocess.run(spawn, capture_output=True, text=True, check=True)
    wall, processor, megabytes, status = json.loads(done.stdout)
    return Sample(wall, processor, megabytes, status)


def compare(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Sample]:
    """Run every command `rounds` times in turn, so that all see the same load; medians by name."""
    taken: dict[str, list[Sample]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            taken[name].append(run(command))
    return {name: _median(samples) for name, samples in taken.items()}


def _median(samples: Sequence[Sample]) -> Sample:
    return Sample(
        statistics.median(sample.wall for sample in samples),
        statistics.median(sample.processor for sample in samples),
        max(sample.megabytes for sample in samples),
        samples[-1].status,
    )
