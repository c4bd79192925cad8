"""A writer of small registry hives (regf), since the library only reads them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

Data = str | int | bytes
_NONE = 0xFFFFFFFF


@dataclass
class Key:
    """A key: its values by name, and the keys below it by name."""

    values: Mapping[str, Data] = field(default_factory=dict)
    keys: Mapping[str, Key] = field(default_factory=dict)


def hive(root: Key, name: str = "{00000000-0000-0000-0000-000000000000}", sequence: tuple[int, int] = (1, 1)) -> bytes:
    """A hive whose root key is `root`, the same bytes every time; `sequence` numbers differ where it is in use."""
    writer = _Writer()
    writer.key(root, name, parent=0, is_root=True)
    body = bytes(writer.cells)
    size = -(-(len(body) + 0x20) // 4096) * 4096
    rest = size - 0x20 - len(body)
    free = struct.pack("<i", rest) + bytes(rest - 4) if rest else b""
    block = struct.pack("<4sIIIIQI", b"hbin", 0, size, 0, 0, 0, 0) + body + free
    header = struct.pack("<4sIIQIIIIIII", b"regf", *sequence, 0, 1, 5, 0, 1, 0x20, size, 1)
    header += bytes(0x1FC - len(header))
    checksum = 0
    for (word,) in struct.iter_unpack("<I", header):
        checksum ^= word
    header += struct.pack("<I", checksum)
    return header + bytes(4096 - len(header)) + block


class _Writer:
    def __init__(self) -> None:
        self.cells = bytearray()

    def _cell(self, content: bytes) -> int:
        """Add a cell; its offset from the first block."""
        offset = 0x20 + len(self.cells)
        size = -(-(len(content) + 4) // 8) * 8
        self.cells += struct.pack("<i", -size) + content + bytes(size - 4 - len(content))
        return offset

    def key(self, key: Key, name: str, parent: int, is_root: bool = False) -> int:
        """Add a key and all below it."""
        text = name.encode("cp1252")
        offset = self._cell(bytes(0x4C) + text)
        below = [self.key(child, each, offset) for each, child in key.keys.items()]
        values = [self._value(each, data) for each, data in key.values.items()]
        keys_at = self._cell(struct.pack("<2sH", b"lf", len(below)) + b"".join(map(_leaf, below))) if below else _NONE
        values_at = self._cell(struct.pack(f"<{len(values)}I", *values)) if values else _NONE
        record = struct.pack("<2sHQII", b"nk", 0x2C if is_root else 0x20, 0, 0, parent)
        record += struct.pack("<IIIIIIII", len(below), 0, keys_at, _NONE, len(values), values_at, _NONE, _NONE)
        record += bytes(0x48 - len(record)) + struct.pack("<HH", len(text), 0) + text
        at = offset - 0x20 + 4
        self.cells[at : at + len(record)] = record
        return offset

    def _value(self, name: str, data: Data) -> int:
        kind, content = 3, data if isinstance(data, bytes) else b""
        if isinstance(data, int):
            kind, content = 4, struct.pack("<I", data)
        elif isinstance(data, str):
            kind, content = 1, (data + "\0").encode("utf-16-le")
        if len(content) <= 4:
            length, where = len(content) | 1 << 31, int.from_bytes(content, "little")
        else:
            length, where = len(content), self._cell(content)
        text = name.encode("cp1252")
        return self._cell(struct.pack("<2sHIIIHH", b"vk", len(text), length, where, kind, 1, 0) + text)


def _leaf(offset: int) -> bytes:
    return struct.pack("<I4s", offset, bytes(4))


ON = {"EnableFirewall": 1, "DefaultInboundAction": 1, "DefaultOutboundAction": 0}


def policy(*rules: str, **profiles: Mapping[str, Data]) -> Key:
    """The keys of a local policy with `rules`; each profile is on with Windows' defaults, or as `profiles` says."""
    sections = {name: Key({**ON, **profiles.get(name, {})}) for name in ("DomainProfile", "PublicProfile")}
    sections["StandardProfile"] = Key({**ON, **profiles.get("StandardProfile", {})})
    named: dict[str, Data] = {f"{{rule-{number}}}": text for number, text in enumerate(rules, 1)}
    return Key({"PolicyVersion": 545}, {**sections, "FirewallRules": Key(named)})


def system(folder: Key, current: int = 1) -> Key:
    """A SYSTEM hive whose control set 1 has `folder` as its firewall policy; control set 2 allows everything."""

    def control_set(policy: Key) -> Key:
        for name in ("FirewallPolicy", "Parameters", "SharedAccess", "Services"):
            policy = Key({}, {name: policy})
        return policy

    other = policy("v2.30|Action=Allow|Active=TRUE|Dir=In|Name=not in force|")
    sets = {"ControlSet001": control_set(folder), "ControlSet002": control_set(other)}
    return Key({}, {**sets, "Select": Key({"Current": current})})
