"""The command line. Nothing is decided here: options in, a call, text and exit status out.

Exit status: 0 nothing at or above --fail-on, 1 findings, 2 the user's mistake, 3 our own fault, 130
interrupted, 141 where the reader of a pipe left before the end.
"""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """The command `portproof`. Asked for its version alone, it imports nothing else."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from validator import __version__

        print(f"portproof {__version__}")
        return
    gc.disable()
    from validator.cli.run import run

    status = run(sys.argv[1:])
    gc.freeze()  # or the interpreter would look for garbage at its end, when all memory goes at once
    sys.exit(status)
