"""`ServiceTags_Public_*.json`, or `az network list-service-tags`: the blocks of service tags on one day.

"Virtual network service tags" (Azure Virtual Network documentation, "Service tags on-premises"): the file is made every
week; a tag may come with a region (`Storage.WestEurope`).
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._azure import convert
from validator.dialects._azure_data import ServiceTags
from validator.dialects._azure_json import is_kind, mark, texts, thing
from validator.dialects._azure_sides import tag_of
from validator.dialects._cloud import is_block
from validator.dialects._json_positions import Located, load
from validator.errors import ExportError
from validator.source import Ledger, LineState, Source

NAME = "azure-service-tags"
TITLE = "az network list-service-tags"
PLATFORM = "azure"
STANDS_ALONE = False

_AGAIN = f"download it again, or export it with {TITLE}"


def sniff(source: Source) -> bool:
    """JSON with the tags of a cloud and a change number."""
    return is_kind(source, "tags")


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The tags in `source`. Raises ExportError where it is no JSON, or holds what is no tag."""
    data = load(source)
    values = data.get("values") if isinstance(data, Located) else None
    if not isinstance(values, list):
        raise ExportError("no service tags are in this JSON", _AGAIN, source.path, 1)
    ledger.mark_range(1, len(source.lines), LineState.IGNORED)
    tags: dict[str, tuple[str, ...]] = {}
    for entry in values:
        found = thing(entry)
        blocks = texts(found, "addressPrefixes") if found else ()
        if found is None or not found.text("name") or not all(is_block(block) for block in blocks):
            line = found.line if found else 1
            raise ExportError("an entry of the values is no service tag", _AGAIN, source.path, line)
        tags[tag_of(found.text("name"))] = blocks
        ledger.mark(found.at("name"), LineState.MODELLED)
        mark(found, "addressPrefixes", source, ledger, LineState.MODELLED)
    return Fragment(NAME, PLATFORM, source.path, ServiceTags(source.path, tags), ())


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
