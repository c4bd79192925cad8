"""`python -m bench`: every benchmark, or those named with --only."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

from bench.sections import SECTIONS, Settings
from validator import __version__


def main() -> None:
    """Measure, and print a table for each section."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Times Portproof as whole processes.")
    parser.add_argument(
        "--only", action="append", choices=tuple(SECTIONS), metavar="NAME", help=f"one of: {', '.join(SECTIONS)}"
    )
    parser.add_argument("--quick", action="store_true", help="fewer runs, and nothing that takes long")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="portproof-bench-") as folder:
        os.environ["XDG_STATE_HOME"] = folder  # where `check` keeps its last report
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # pip compiles what it installs
        settings = Settings(Path(folder), 1 if options.quick else 5, options.quick)
        load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""
        print(f"Portproof {__version__}, Python {platform.python_version()}, {platform.machine()}, {load}")
        print("Medians of whole processes; compare figures of one run only.")
        for name, section in SECTIONS.items():
            if not options.only or name in options.only:
                section(settings)


if __name__ == "__main__":
    main()
