"""`portproof trace`: single packets."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click

from validator.cli import options
from validator.cli.run import complain
from validator.errors import RequestError


@click.command(name="trace")
@options.exports(required=False)
@click.option(
    "--packets", required=True, metavar="FILE", help="A JSON object a line, each a packet; - for standard input."
)
@click.option("--host", default="", metavar="NAME", help="Whose firewalls, where the exports are of several hosts.")
@options.policy
@options.site
@options.withdraw
def command(
    exports: tuple[str, ...],
    packets: str,
    host: str,
    policy_name: str,
    site_path: str | None,
    withdraw: tuple[str, ...],
) -> int:
    """Walk single packets through a host's firewalls, rule by rule.

    Reads a packet a line and writes an answer a line, in order. A packet is a JSON object with any of: hook
    (input, output, forward), protocol, source, source_port, destination, destination_port, in_interface,
    out_interface, state, tcp_flags, icmp_type, icmp_code, mac. What is missing takes its ordinary value.
    """
    from validator.trace import Tracer, answers

    withdrawn = options.withdrawn(withdraw)
    site = options.policy_and_site(policy_name, site_path)[1] if site_path else None
    loaded = options.loaded(exports, site)
    for error in loaded.errors:
        complain(error)
    if not loaded.exports:
        return 2
    wrong = bool(loaded.errors)
    tracer = Tracer(loaded, host, site, withdrawn)
    with _lines(packets) as (lines, name):
        for answer, mistake in answers(tracer, lines, name):
            click.echo(json.dumps(answer))
            if mistake is not None:
                complain(mistake)
                wrong = True
    return 2 if wrong else 0


@contextmanager
def _lines(path: str) -> Iterator[tuple[Iterable[str], str]]:
    """The lines of the packets' file, and what to call it. Raises RequestError."""
    if path == "-":
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace")
        yield sys.stdin or (), "standard input"
        return
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as stream:
            yield stream, path
    except OSError as error:
        if error.filename is None:
            raise
        raise RequestError(f"cannot be read ({error.strerror})", "check the path", path) from None
