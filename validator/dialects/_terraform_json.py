"""Resources in the JSON that Terraform writes of a plan or a state.

"JSON Output Format" (Terraform internals documentation): `planned_values` and `values` hold the resources by module;
`resource_changes` what happens to each, with `after_unknown` for what only applying tells; `configuration` the
expressions' references. "State" (format 4): resources with their instances.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from validator.dialects._iac_values import Resource, Unknown
from validator.dialects._json_positions import Located
from validator.dialects._terraform_data import AWS_RULES, matters
from validator.dialects._terraform_references import Configuration

_READ_BACK = frozenset(("ingress", "egress"))


def of_plan(body: Located, path: str) -> Iterator[Resource]:
    """The firewall resources there are after the plan is applied."""
    changes = {str(each.get("address")): each for each in _objects(body.get("resource_changes"))}
    planned = body.get("planned_values")
    configuration = Configuration(body)
    stale = _takes_rules(body)
    seen: set[str] = set()
    for each in _walk(planned.get("root_module") if isinstance(planned, Located) else None):
        address = str(each.get("address"))
        seen.add(address)
        yield from _planned(each, each.get("values"), changes.get(address), configuration, path, stale)
    for address, change in changes.items():
        after = change["change"].get("after") if isinstance(change.get("change"), Located) else None
        if address not in seen and isinstance(after, Located):
            yield from _planned(change, after, change, configuration, path, stale)


def of_values(body: Located, path: str) -> Iterator[Resource]:
    """The firewall resources of a state that `terraform show -json` wrote."""
    values = body["values"]
    for each in _walk(values.get("root_module") if isinstance(values, Located) else None):
        if _wanted(each) and isinstance(each.get("values"), Located):
            yield _read_back(str(each.get("address")), each, each["values"], path)


def of_state(body: Located, path: str) -> Iterator[Resource]:
    """The firewall resources of a terraform.tfstate file of format 4."""
    for each in _objects(body.get("resources")):
        if not _wanted(each):
            continue
        module = f"{each['module']}." if isinstance(each.get("module"), str) else ""
        for instance in _objects(each.get("instances")):
            key = instance.get("index_key")
            index = "" if key is None else f"[{key}]" if isinstance(key, int) else f'["{key}"]'
            deposed = " (deposed)" if "deposed" in instance else ""
            address = f"{module}{each.get('type')}.{each.get('name')}{index}{deposed}"
            if isinstance(instance.get("attributes"), Located):
                yield _read_back(address, each, instance["attributes"], path)


def _read_back(address: str, resource: Located, values: Located, path: str) -> Resource:
    return Resource(address, str(resource.get("type")), values, path, made=False, computed=_READ_BACK)


def _wanted(resource: Located) -> bool:
    return resource.get("mode", "managed") == "managed" and matters(str(resource.get("type")))


def _objects(value: Any) -> Iterator[Located]:
    for each in value if isinstance(value, list) else ():
        if isinstance(each, Located):
            yield each


def _walk(module: Any) -> Iterator[Located]:
    """Every resource of a module and those in it, in their order."""
    stack = [module]
    while stack:
        found = stack.pop()
        if isinstance(found, Located):
            yield from _objects(found.get("resources"))
            stack += reversed(list(_objects(found.get("child_modules"))))


def _planned(
    resource: Located, values: Any, change: Located | None, configuration: Configuration, path: str, stale: bool
) -> Iterator[Resource]:
    if not _wanted(resource) or not isinstance(values, Located):
        return
    address = str(resource.get("address"))
    detail = change.get("change") if change is not None else None
    actions = detail.get("actions") if isinstance(detail, Located) else None
    made = isinstance(actions, list) and "create" in actions
    unknown = detail.get("after_unknown") if isinstance(detail, Located) else None
    given = configuration.arguments(address)
    computed = frozenset() if given is None else _READ_BACK - given
    merged = Located(values.line)
    merged.update(values)
    merged.lines.update(values.lines)
    for key, state in unknown.items() if isinstance(unknown, Located) else ():
        if given is not None and key not in given and made:
            merged.pop(key, None)  # nobody set it: the provider's default
        else:
            merged[key] = _merge(merged.get(key), state, configuration.value(address, key))
    for key in computed if made or stale else ():
        merged.pop(key, None)
        if not made:
            merged[key] = Unknown(f"{address}.{key}, of which the plan takes rules away")
    yield Resource(address, str(resource.get("type")), merged, path, made=made, computed=computed)


def _merge(value: Any, state: Any, named: Unknown) -> Any:
    """`value` with what `state` (after_unknown) says is not known yet."""
    if state is True:
        return named
    if isinstance(state, list) and state:
        known = value if isinstance(value, list) else []
        length = max(len(known), len(state))
        padded = [*known, *[None] * (length - len(known))]
        states = [*state, *[None] * (length - len(state))]
        return [_merge(each, at, named) for each, at in zip(padded, states, strict=True)]
    if isinstance(state, Located):
        found = Located(value.line if isinstance(value, Located) else state.line)
        if isinstance(value, Mapping):
            found.update(value)
        if isinstance(value, Located):
            found.lines.update(value.lines)
        for key, inner in state.items():
            found[key] = _merge(found.get(key), inner, named)
        return found
    return value


def _takes_rules(body: Located) -> bool:
    """Whether a plan removes or changes rules that a group's read-back lists may still hold."""
    for each in _objects(body.get("resource_changes")):
        change = each.get("change")
        actions = change.get("actions") if isinstance(change, Located) else None
        if (
            each.get("type") in AWS_RULES
            and isinstance(actions, list)
            and {"delete", "update"} & set(map(str, actions))
        ):
            return True
    return False
