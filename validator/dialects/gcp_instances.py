"""`gcloud compute instances list --format=json`: the tags, service accounts, networks and addresses of instances.

compute.v1 API reference, `instances`. It adds facts to firewall rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from validator.dialects import Fragment
from validator.dialects._cloud import is_block
from validator.dialects._gcp import convert
from validator.dialects._gcp_data import Instance, Instances, Interface
from validator.dialects._gcp_json import body, looks_like_json, objects, text
from validator.dialects._json_positions import Located
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "gcp-instances"
TITLE = "gcloud compute instances list --format=json"
PLATFORM = "gcp"
STANDS_ALONE = False
_AGAIN = f"export it again with {TITLE}"


def sniff(source: Source) -> bool:
    """JSON with interfaces of Google's (`networkIP`)."""
    found = source.text
    return looks_like_json(source) and '"networkInterfaces"' in found and '"networkIP"' in found


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The instances in `source`. Raises ExportError where it is no JSON, or other JSON."""
    found = [_instance(each, source, ledger) for each in objects(body(source, ledger), source, _AGAIN)]
    return Fragment(NAME, PLATFORM, source.path, Instances(source.path, tuple(found)), tuple(Family))


def _instance(item: Located, source: Source, ledger: Ledger) -> Instance:
    name, line = text(item, "name"), item.at("name")
    faces = item.get("networkInterfaces")
    if not name or not isinstance(faces, list) or not faces:
        raise ExportError("an entry of the list is no instance", _AGAIN, source.path, item.line)
    tags = item.get("tags")
    tag_list = tags.get("items", []) if isinstance(tags, Located) else []
    accounts = [text(each, "email") for each in _objects(item, "serviceAccounts")]
    if not isinstance(tag_list, list) or not all(isinstance(tag, str) for tag in tag_list) or not all(accounts):
        raise ExportError(f"the tags or accounts of {name} are not understood", _AGAIN, source.path, line)
    for key in ("name", "tags", "serviceAccounts", "networkInterfaces", "zone"):
        if key in item:
            ledger.mark(item.at(key), LineState.MODELLED)
    for owner in (tags, *_objects(item, "serviceAccounts"), *_objects(item, "networkInterfaces")):
        for key in ("items", "email", "network", "networkIP", "ipv6Address"):
            if isinstance(owner, Located) and key in owner:
                ledger.mark(owner.at(key), LineState.MODELLED)
    zone = text(item, "zone").rpartition("/")[2]
    interfaces = tuple(_interface(face, name, source, line) for face in faces)
    return Instance(name, line, interfaces, tuple(tag_list), tuple(accounts), zone.rpartition("-")[0])


def _interface(face: Any, name: str, source: Source, line: int) -> Interface:
    if not isinstance(face, Located) or not text(face, "network"):
        raise ExportError(f"an interface of {name} has no network", _AGAIN, source.path, line)
    external = [each for key in ("accessConfigs", "ipv6AccessConfigs") for each in _objects(face, key)]
    primary = [text(face, "networkIP"), text(face, "ipv6Address"), *(text(each, "externalIpv6") for each in external)]
    others = [text(each, "natIP") for each in external]
    others += [text(each, "ipCidrRange") for each in _objects(face, "aliasIpRanges")]
    if any(address and not is_block(address) for address in (*primary, *others)):
        raise ExportError(f"an address of {name} is none", _AGAIN, source.path, face.line)
    return Interface(text(face, "network"), tuple(filter(None, primary)), tuple(filter(None, others)))


def _objects(item: Located, key: str) -> Iterator[Located]:
    found = item.get(key)
    yield from (each for each in (found if isinstance(found, list) else []) if isinstance(each, Located))


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
