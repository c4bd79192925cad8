"""Registry hives (regf) as text: a `.wfw` of `netsh advfirewall export`, SYSTEM and SOFTWARE hives.

A hive has no lines. It becomes the lines that `reg export` would write of its firewall keys, so that a person can
look a line up and everything after this module reads one form: line numbers count those lines. A hive is untrusted and
its reader is another's: sizes are bounded here, and whatever the reader trips over is a damaged hive.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from validator.errors import ExportError

if TYPE_CHECKING:
    from Registry.RegistryParse import NKRecord, VKRecord

MAGIC, XZ_MAGIC = b"regf", b"\xfd7zXZ\0"
MAX_KEYS, MAX_VALUES, MAX_DEPTH, MAX_VALUE = 20_000, 200_000, 12, 1 << 20
_SZ, _EXPAND_SZ, _DWORD = 1, 2, 4
_INLINE = 1 << 31  # the flag of a length whose data stand in its own record
_POLICY = ("services", "sharedaccess", "parameters", "firewallpolicy")
_GROUP_POLICY = ("policies", "microsoft", "windowsfirewall")
_SECTIONS = frozenset(("domainprofile", "standardprofile", "privateprofile", "publicprofile", "firewallrules"))
_GROUP_POLICY_ROOT = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\WindowsFirewall"
_POLICY_ROOT = "HKEY_LOCAL_MACHINE\\SYSTEM\\{}\\Services\\SharedAccess\\Parameters\\FirewallPolicy"
_AGAIN = "export it again (netsh advfirewall export FILE.wfw, or reg save HKLM\\SYSTEM FILE)"


def unpack(data: bytes, path: str, limit: int) -> bytes:
    """The content of the xz file `data`, at most `limit` bytes. Raises ExportError."""
    reader = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=256 * 1024 * 1024)
    try:
        content = reader.decompress(data, max_length=limit + 1)
    except (lzma.LZMAError, EOFError):
        raise ExportError("the xz file is damaged", "compress the export again", path) from None
    if len(content) > limit:
        raise ExportError(f"the xz file holds more than {limit:,} bytes", "split the export", path)
    if not reader.eof or reader.unused_data.strip(b"\0"):
        raise ExportError("the xz file is cut, or more than one", "compress the export again", path)
    return content


def to_text(data: bytes, path: str) -> tuple[list[str], bool]:
    """The firewall keys of a hive as lines of a `.reg` file, and whether the hive was closed when it was copied.

    Raises ExportError where it is cut, damaged, or has no firewall keys.
    """
    from Registry import RegistryParse  # slow to import, and needed by hives alone

    try:
        header = RegistryParse.REGFBlock(data, 0, False)
        if header.checksum() != header.calculate_checksum() or header.major_version() != 1:
            raise _damaged(path, "its header is not whole")
        if not header.is_primary_file():
            raise ExportError("this is the log of a registry hive", "pass the hive itself", path)
        if len(data) < header.first_hbin_offset() + header.hbins_size():
            raise ExportError("the registry hive is cut", _AGAIN, path)
        lines = ["Windows Registry Editor Version 5.00", ""]
        walk = _Walk(data, path)
        for name, key in walk.firewall_keys(header.first_key()):
            lines.extend(walk.lines(name, key, 0))
    except ExportError:
        raise
    # The reader of hives checks little: broken offsets end in struct, index, recursion, decoding and other errors.
    except Exception as error:
        raise _damaged(path, type(error).__name__) from None
    return lines, bool(header.validate_sequence_numbers())


def _damaged(path: str, why: str) -> ExportError:
    return ExportError(f"the registry hive is damaged ({why})", _AGAIN, path)


class _Walk:
    """Walks a hive within bounds; a hostile one may point anywhere, also at itself."""

    def __init__(self, data: bytes, path: str) -> None:
        self._data, self._path = data, path
        self._keys = self._values = 0

    def firewall_keys(self, root: NKRecord) -> Iterator[tuple[str, NKRecord]]:
        """The keys that say something about the firewall, with the names they have in a running Windows."""
        names = {child.name().lower() for child in self._children(root)}
        if "select" in names and any(name.startswith("controlset") for name in names):
            select = self._below(root, ("select",))
            number = next((self._number(value) for value in self._read(select) if value.name().lower() == "current"), 0)
            current = f"ControlSet{number:03d}"
            policy = self._below(root, (current.lower(), *_POLICY))
            yield _POLICY_ROOT.format(current), policy
        elif "policies" in names and "microsoft" in names:
            yield _GROUP_POLICY_ROOT, self._below(root, _GROUP_POLICY)
        elif names & _SECTIONS:
            # A .wfw is named by a GUID. Group policy, saved alone, has another name for the private profile.
            of_group = root.name().lower() == "windowsfirewall" or "privateprofile" in names
            yield (_GROUP_POLICY_ROOT if of_group else _POLICY_ROOT.format("CurrentControlSet")), root
        else:
            raise self._missing()

    def lines(self, name: str, key: NKRecord, depth: int) -> Iterator[str]:
        """A key, its values and the keys below it, as `reg export` writes them."""
        if depth > MAX_DEPTH:
            raise _damaged(self._path, "keys are nested too deep")
        yield f"[{_visible(name)}]"
        for value in self._read(key):
            quoted = value.name().replace("\\", "\\\\").replace('"', '\\"')
            yield f'"{_visible(quoted)}"={self._data_of(value)}' if value.has_name() else f"@={self._data_of(value)}"
        yield ""
        for child in self._children(key):
            yield from self.lines(f"{name}\\{child.name()}", child, depth + 1)

    def _below(self, key: NKRecord, names: tuple[str, ...]) -> NKRecord:
        for name in names:
            found = [child for child in self._children(key) if child.name().lower() == name]
            if len(found) != 1:
                raise self._missing()
            key = found[0]
        return key

    def _missing(self) -> ExportError:
        remedy = "pass the file of netsh advfirewall export, or a SYSTEM hive"
        return ExportError("this registry hive holds no firewall settings", remedy, self._path)

    def _children(self, key: NKRecord) -> list[NKRecord]:
        from Registry.RegistryParse import HBINCell, RIRecord

        number = key.subkey_number()
        self._keys += number
        if self._keys > MAX_KEYS:
            raise _damaged(self._path, "it has too many keys")
        if not number:
            return []
        listed = key.subkey_list()
        if isinstance(listed, RIRecord):  # a list of lists: never of lists of lists, which could go on for ever
            for at in range(4, 4 + 4 * listed.unpack_word(2), 4):
                offset = listed.abs_offset_from_hbin_offset(listed.unpack_dword(at))
                if HBINCell(self._data, offset, listed).data_id() not in (b"lf", b"lh", b"li"):
                    raise _damaged(self._path, "a list of keys is not one")
        found = list(islice(listed.keys(), number + 1))
        if len(found) != number or len({child.name().lower() for child in found}) != number:
            raise _damaged(self._path, "a list of keys is not whole")
        return found

    def _read(self, key: NKRecord) -> list[VKRecord]:
        number = key.values_number()
        self._values += number
        if self._values > MAX_VALUES:
            raise _damaged(self._path, "it has too many values")
        found = list(key.values_list().values()) if number else []
        if len(found) != number or len({value.name().lower() for value in found}) != number:
            raise _damaged(self._path, "a list of values is not whole")
        return found

    def _number(self, value: VKRecord) -> int:
        if value.data_type() != _DWORD or value.raw_data_length() != _INLINE + 4:
            raise _damaged(self._path, f"{_visible(value.name())[:40]} is no number")
        return int.from_bytes(value.raw_data()[:4], "little")

    def _data_of(self, value: VKRecord) -> str:
        """The data of a value as `reg export` writes them; texts that are not plain stay bytes."""
        kind, length = value.data_type(), value.data_length()
        if length > MAX_VALUE:
            raise _damaged(self._path, "a value is too long")
        data = bytes(value.raw_data() or b"")[:length] if length else b""
        if len(data) != length:
            raise _damaged(self._path, "a value is cut")
        if kind == _DWORD and length == 4:
            return f"dword:{self._number(value):08x}"
        if kind in (_SZ, _EXPAND_SZ):
            text = data.decode("utf-16-le").rstrip("\0")
            if text.isprintable():
                return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"hex({kind:x}):" + ",".join(f"{byte:02x}" for byte in data)


def _visible(text: str) -> str:
    """A name without line ends and other controls, which could pass for lines of their own."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
