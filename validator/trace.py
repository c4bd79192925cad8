"""Single packets through the firewalls of one host: a JSON packet in, a JSON answer out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from validator.check import choose_families
from validator.engine.interpret import Trace, interpret
from validator.engine.packet import packet_from_json
from validator.engine.walk import Step
from validator.errors import RequestError, UserError
from validator.hosts import Loaded, firewalls
from validator.model import Condition, Firewall, Hook
from validator.packets.fields import Family
from validator.results import Value
from validator.site import Site
from validator.source import Span

Answer = dict[str, Value]
"""An answer in the terms of `schemas/answer.schema.json`."""


class Tracer(Struct):
    """Answers for packets at the firewalls of one host of `loaded`.

    `host` may be empty where there is just one. Raises RequestError where it is not, or is unknown.
    """

    loaded: Loaded
    host: str = ""
    site: Site | None = None
    withdrawn: frozenset[str] = frozenset()
    _made: dict[Family, list[Firewall]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        hosts = list(dict.fromkeys(export.host for export in self.loaded.exports))
        if self.host and self.host not in hosts:
            raise RequestError(f"no export is of host {self.host!r}", "hosts: " + (", ".join(hosts) or "none"))
        if not self.host:
            if len(hosts) != 1:
                raise RequestError(
                    f"the exports are of {len(hosts)} hosts, and a packet meets one",
                    f"name it with --host ({', '.join(hosts)}), or say which exports belong together: HOST=a,b",
                )
            self.host = hosts[0]

    def answer(self, data: object) -> Answer:
        """What becomes of the packet that the JSON value `data` describes. Raises RequestError."""
        packet = packet_from_json(data, choose_families(self.loaded, None)[0])
        return answer_json(interpret(self._crossed(packet.family, packet.hook), packet))

    def _crossed(self, family: Family, hook: Hook) -> list[Firewall]:
        """The host's firewalls in the order a packet of this hook meets them."""
        if family not in self._made:
            found = firewalls(self.loaded, (family,), self.withdrawn, self.site)
            self._made[family] = [each for each in found if each.host == self.host and each.chains]
            if not self._made[family]:
                raise RequestError(f"no firewall rules were given for host {self.host}", "add its rule export")
        outer_first = self._made[family]
        return outer_first[::-1] if hook is Hook.OUTPUT else outer_first


def answers(tracer: Tracer, lines: Iterable[str], path: str) -> Iterator[tuple[Answer, UserError | None]]:
    """An answer for each line of JSON in `lines`, in order; blank lines are passed over.

    A line that is no packet gets an answer of verdict unknown with the mistake as `error`, and
    the mistake itself, which names `path` and line.
    """
    import json

    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield tracer.answer(json.loads(line)), None
        except (ValueError, RecursionError) as error:
            what = getattr(error, "msg", "too deep, or a number too long")
            mistake: UserError = RequestError(f"not a JSON object ({what})", "write a packet a line", path, number)
            yield _no_answer(mistake), mistake
        except UserError as error:
            mistake = RequestError(error.problem, error.remedy, path, number)
            yield _no_answer(mistake), mistake


def _no_answer(error: UserError) -> Answer:
    return {"verdict": "unknown", "rule": None, "path": [], "conditions": [], "error": str(error)}


def answer_json(trace: Trace) -> Answer:
    """A trace in the contract's form."""
    rule: Value = None
    if trace.rule is not None:
        rule = {**_place(trace.rule.span), "text": trace.rule.span.text or trace.rule.canonical}
    return {
        "verdict": trace.verdict,
        "rule": rule,
        "path": [_step(step) for step in trace.steps],
        "conditions": [_condition(condition) for condition in trace.conditions],
    }


def _place(span: Span) -> dict[str, Value]:
    return {"file": span.path, "line": span.line}


def _step(step: Step) -> Value:
    table, colon, chain = step.chain.name.partition(":")
    return {
        "table": table if colon else None,
        "chain": chain if colon else step.chain.name,
        **_place(step.rule.span),
    }


def _condition(condition: Condition) -> Value:
    place = _place(condition.span) if condition.span else {"file": None, "line": None}
    return {"text": condition.text, **place, "assumed": condition.assumed}
