"""JSON of Azure that is no export that Portproof reads: what it is, and what to run."""

from __future__ import annotations

from validator.dialects._azure_json import id_of, kind_of, thing
from validator.dialects._json_positions import Located, load
from validator.errors import ExportError
from validator.source import Source

_KINDS = {
    "rule": ("this is az network nsg rule list output, without the group's name and place", "run az network nsg list"),
    "subnet": (
        "this is az network vnet subnet list output, without the network's addresses",
        "run az network vnet list",
    ),
}


def lookalike(source: Source) -> tuple[int, str, str] | None:
    """The line that gives the file away, what it is, and what to do; None where it is nobody's guess."""
    found = _KINDS.get(kind_of(source))
    if found is not None:
        return 1, *found
    if "microsoft." not in source.text.casefold():
        return None
    try:
        data = load(source)
    except ExportError:
        return None
    listed = data.get("value") if isinstance(data, Located) and isinstance(data.get("value"), list) else data
    first = thing((listed[0] if listed else None) if isinstance(listed, list) else listed)
    if first is None:
        return None
    kind = first.text("type") or _type_of(id_of(data))
    if not kind.casefold().startswith("microsoft."):
        return None
    remedy = "run az network nsg list (and az network nic list, az network vnet list) and pass their output"
    return first.at("type"), f"this is JSON of {kind[:80]}", remedy


def _type_of(id_: str) -> str:
    """The type of the resource with this id, empty where it does not say."""
    _, found, rest = id_.partition("/providers/")
    parts = rest.split("/")
    return "/".join([parts[0], *parts[1::2]]) if found else ""
