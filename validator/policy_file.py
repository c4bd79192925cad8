"""Read a policy: a bundled one by its name, or a user's file, which is held to the schema first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from validator import yaml_lines
from validator.errors import PolicyError, UserError
from validator.packets.fields import Interval, Intervals
from validator.packets.intervals import normalise
from validator.policy import Direction, Module, Policy, PortEntry
from validator.resources import folder


def bundled() -> tuple[str, ...]:
    """The names of the policies that come with Portproof."""
    return tuple(sorted(path.stem for path in folder("policy").glob("*.yaml")))


def load(name_or_path: str) -> Policy:
    """The policy with a bundled name, or the one in a file. Raises PolicyError.

    A bundled policy is not validated again: the tests do that, and jsonschema takes long to import.
    """
    if name_or_path in bundled():
        document = yaml_lines.read(str(folder("policy") / f"{name_or_path}.yaml"), PolicyError)
        return _policy(document, f"policy/{name_or_path}.yaml")
    if not Path(name_or_path).exists() and not name_or_path.endswith((".yaml", ".yml")):
        known = ", ".join(bundled())
        raise PolicyError(f"no policy is called {name_or_path!r}", f"bundled: {known}; or give a file", name_or_path)
    document = yaml_lines.read(name_or_path, PolicyError)
    yaml_lines.validate(document, "policy", PolicyError)
    policy = _policy(document, name_or_path)
    _hold_together(policy, document)
    return policy


def _policy(document: yaml_lines.Document, path: str) -> Policy:
    data = document.data
    settings: Mapping[str, Any] = data.get("settings") or {}
    return Policy(
        id=data["id"],
        version=data["version"],
        title=data["title"],
        modules=tuple(_module(document, name, body) for name, body in data["modules"].items()),
        settings={name: tuple((body or {}).get("values", ())) for name, body in settings.items()},
        path=path,
        bypass_proxy_for_local=data.get("bypass_proxy_for_local", False),
        shared_ports_note=data.get("shared_ports_note", ""),
        defaults={name: body["default"] for name, body in settings.items() if "default" in (body or {})},
    )


def _module(document: yaml_lines.Document, identity: str, body: Mapping[str, Any]) -> Module:
    entries = []
    for name, entry in body["entries"].items():
        where = ("modules", identity, "entries", name, "ports")
        entries.append(
            PortEntry(
                id=name,
                direction=Direction(entry["direction"]),
                protocols=tuple(entry["protocols"]),
                ports=parse_ports(entry.get("ports", ()), document, where, PolicyError),
                when=dict(entry.get("when", {})),
                ports_from=entry.get("ports_from", ""),
                local=entry.get("local", False),
                comment=entry.get("comment", ""),
                helper=entry.get("helper", ""),
            )
        )
    return Module(
        id=identity,
        name=body["name"],
        entries=tuple(entries),
        alternative=body.get("alternative", ""),
        category=body.get("category", ""),
        clear_text=body.get("clear_text", False),
        configurable=body.get("configurable", False),
        programs=tuple(body.get("programs", ())),
        comment=body.get("comment", ""),
    )


def parse_ports(
    values: Sequence[int | str],
    document: yaml_lines.Document,
    where: Sequence[str | int],
    kind: type[UserError],
) -> Intervals:
    """Ports and ranges (`5000-5010`) as intervals; raises `kind` where one is out of range."""
    found: list[Interval] = []
    for position, value in enumerate(values):
        low, _, high = str(value).partition("-")
        numbers = (low, high or low)
        first, last = map(int, numbers) if all(map(str.isdigit, numbers)) else (0, 0)
        if not 0 < first <= last <= 65535:
            line = document.line((*where, position))
            raise kind(f"{value!r} is no port or range of ports", "write 1 to 65535, low-high", document.path, line)
        found.append((first, last))
    return normalise(found)


def _hold_together(policy: Policy, document: yaml_lines.Document) -> None:
    """What a schema cannot say: a setting's default is one of its values, and the settings that entries name
    are declared, with that value."""
    for name, value in policy.defaults.items():
        check_setting(policy, name, value, document, ("settings", name, "default"), PolicyError)
    for module in policy.modules:
        for entry in module.entries:
            way = ("modules", module.id, "entries", entry.id)
            for name, value in entry.when.items():
                check_setting(policy, name, value, document, (*way, "when", name), PolicyError)
            if entry.ports_from and entry.ports_from not in policy.settings:
                line = document.line((*way, "ports_from"))
                problem = f"the setting {entry.ports_from!r} is not declared"
                raise PolicyError(problem, "declare it under settings:", document.path, line)


def check_setting(
    policy: Policy,
    name: str,
    value: object,
    document: yaml_lines.Document,
    where: Sequence[str | int],
    kind: type[UserError],
) -> None:
    """Raise `kind` unless `policy` has the setting `name` and lets it have `value`."""
    if name not in policy.settings:
        known = ", ".join(policy.settings) or "none"
        raise kind(
            f"unknown setting {name!r}", f"settings of {policy.id}: {known}", document.path, document.line(where)
        )
    allowed = policy.settings[name]
    if allowed and not any(value == one and type(value) is type(one) for one in allowed):
        listed = ", ".join(str(one).lower() if isinstance(one, bool) else str(one) for one in allowed)
        raise kind(f"{name} cannot be {value!r}", f"write one of: {listed}", document.path, document.line(where))
