"""The commands, found when they are asked for, and how a run ends: its exit status and its errors."""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence

import click

from validator import __version__
from validator.errors import RequestError, UserError
from validator.reports.safe_text import plain

COMMANDS = {
    "check": "Prove which ports of an application get through the exported firewalls.",
    "trace": "Walk single packets through a host's firewalls, rule by rule.",
    "explain": "Explain a rule of the catalogue, or a finding or result of the last check.",
    "rules": "List the rules of the catalogue.",
    "policy": "List, show and validate policies: what applications need.",
    "graph": "Draw hosts, modules and firewalls as Mermaid, DOT or GraphML.",
    "parse": "Only read exports, and say of each what was understood.",
}
READER_GONE = 141
"""As a shell reports a program that a closed pipe ended (128 + SIGPIPE); never 0, which would be a pass."""
ISSUES = "https://github.com/portproof/portproof/issues"


class _ReaderGone(Exception):
    """Nobody reads our output any more."""


class _Commands(click.Group):
    """Imports a command's module when it is asked for: the others' imports cost nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found = importlib.import_module(f"validator.cli.{cmd_name}").command
        assert isinstance(found, click.Command)
        return found

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderGone from None  # click would end the process with 1, which means findings

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="portproof", message="%(prog)s %(version)s")
def cli() -> None:
    """Prove from firewall exports alone whether an application's ports get through.

    Start with: portproof check EXPORT...
    """


def run(arguments: Sequence[str]) -> int:
    """Run the command line `arguments`; the exit status. Errors go to stderr, one line each."""
    _utf8_or_escapes()
    status: object = READER_GONE
    try:
        status = cli.main(list(arguments), prog_name="portproof", standalone_mode=False)
        sys.stdout.flush()
    except UserError as error:
        complain(error)
        status = 2
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        status = 2
    except click.ClickException as error:
        complain(_misused(error))
        status = 2
    except (click.exceptions.Abort, KeyboardInterrupt):
        status = 130
    except (_ReaderGone, BrokenPipeError):
        _say_no_more()  # the status stays: that of the command, if it came to an end
    except OSError as error:
        status = _unwritable(error) if error.errno == errno.ENOSPC else _our_fault(error)
    except Exception as error:
        status = _our_fault(error)
    return status if isinstance(status, int) else 0


def _misused(error: click.ClickException) -> UserError:
    """An unknown option, a missing argument and so on, as one line with what to do."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "portproof"
    message = error.format_message().rstrip(".")
    return RequestError(message[:1].lower() + message[1:], f"see {command} --help")


def _say_no_more() -> None:
    """Let what is still in the buffer of stdout go nowhere, also at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unwritable(error: OSError) -> int:
    complain(RequestError(f"the output cannot be written ({error.strerror})", "make room, or write elsewhere with -o"))
    _say_no_more()
    return 2


def complain(error: UserError) -> None:
    """One mistake of the user as one line on stderr."""
    click.echo(f"portproof: {plain(str(error))}", err=True)


def _our_fault(error: Exception) -> int:
    if os.environ.get("PORTPROOF_DEBUG"):
        import traceback

        traceback.print_exc()
    what = plain(f"{type(error).__name__}: {error}")[:300]
    click.echo(f"portproof: internal error, our fault: {what}", err=True)
    click.echo(f"portproof: please report it at {ISSUES} with the output of PORTPROOF_DEBUG=1", err=True)
    return 3


def _utf8_or_escapes() -> None:
    """Output never fails for want of a character: what the locale lacks is written as an escape.

    Nor for want of a stream: where stdout or stderr was closed, what is written goes nowhere.
    """
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open until the end
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - likewise
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
