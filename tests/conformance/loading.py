"""The firewall of this process's namespace: load a ruleset with the system's own tools, and export what it holds."""

from __future__ import annotations

import json
import time
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from tests.conformance.namespaces import run
from tests.conformance.netlink import forget_connections
from tests.conformance.rulesets import SETTINGS, Ruleset

TABLE = "inet portproof_probe"
"""The table of the suite itself, which is no part of a ruleset (kernel.probe_table)."""
_LEGACY_TABLES = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
_FORWARDING = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
LOADERS = {
    "ipset": ("ipset", "restore"),
    "iptables-legacy": ("iptables-legacy-restore",),
    "ip6tables-legacy": ("ip6tables-legacy-restore",),
    "iptables-nft": ("iptables-nft-restore",),
    "ip6tables-nft": ("ip6tables-nft-restore",),
    "nft": ("nft", "-f", "-"),
}
"""What loads a part of a ruleset, in the order of loading."""
TOOLS = ("ip", *sorted({command[0] for command in LOADERS.values()}), "iptables-legacy-save", "iptables-nft-save")


class Loading:
    """What is loaded; `base` is a text for nft that is there from the beginning, whatever is cleared."""

    def __init__(self, base: str = "") -> None:
        self._base = base
        self._legacy: set[str] = set()
        self._ipset = False
        self._before = ""
        self.host = {"addr.json": run(["ip", "-j", "addr"]).stdout, "sysctl.txt": _sysctl()}
        self.clear()

    def clear(self) -> None:
        """No rules, no sets, no connections."""
        run(["nft", "-f", "-"], "flush ruleset\n" + self._base)
        for kind in self._legacy:
            run([f"{kind}-restore"], _EMPTY_TABLES)
        if self._ipset:
            _destroy_sets()
        _set(self._before)
        self._legacy, self._ipset, self._before = set(), False, ""
        forget_connections()

    def load(self, parts: Mapping[str, str]) -> str:
        """Load rulesets by kind (see LOADERS); empty, or what the tool said where it refused one."""
        settings = parts.get(SETTINGS, "")
        self._before = _sysctl(_names(settings))
        _set(settings)
        for kind, command in LOADERS.items():
            if kind not in parts:
                continue
            if kind.endswith("-legacy"):
                self._legacy.add(kind)
            self._ipset = self._ipset or kind == "ipset"
            done = run(command, parts[kind], check=False)
            if done.returncode:
                return f"{kind}: {done.stderr.strip()}"
        return ""

    def exports(self, ruleset: Ruleset) -> dict[str, str]:
        """What somebody would export from the firewall, by file name."""
        found = {} if ruleset.bare else dict(self.host)
        if SETTINGS in ruleset.parts:
            found["sysctl.txt"] = _sysctl(dict.fromkeys((*_FORWARDING, *_names(ruleset.parts[SETTINGS]))))
        for kind in (kind for kind in LOADERS if kind in ruleset.parts):
            if kind == "ipset":
                found["ipset.save"] = run(["ipset", "save"]).stdout
            elif kind != "nft" and not (kind.endswith("-nft") and ruleset.through_nft == "instead"):
                found[f"{kind}.rules"] = run([f"{kind}-save"]).stdout
        if "nft" in ruleset.parts or ruleset.through_nft:
            hidden = {TABLE.split()[1]} if ruleset.through_nft else {TABLE.split()[1], *_LEGACY_TABLES}
            if ruleset.as_json:
                found["ruleset.json"] = _nft_json(hidden)
            else:
                found["ruleset.nft"] = _nft_text(hidden)
        return found


def _nft_text(hidden: Container[str]) -> str:
    """`nft list ruleset`, without tables of these names."""
    tables = [line.split()[1:] for line in run(["nft", "list", "tables"]).stdout.splitlines()]
    return "".join(run(["nft", "list", "table", *table]).stdout for table in tables if table[1] not in hidden)


def _nft_json(hidden: Container[str]) -> str:
    """`nft -j list ruleset`, without tables of these names."""
    listed = json.loads(run(["nft", "-j", "list", "ruleset"]).stdout)["nftables"]
    ours = [
        entry
        for entry in listed
        for what in entry.values()
        if what.get("table", what.get("name") if "table" in entry else None) not in hidden
    ]
    return json.dumps({"nftables": ours})


def _destroy_sets() -> None:
    """Destroy every ipset. Rules of nft are freed some time after they are gone, and hold their sets till then."""
    run(["ipset", "flush"])
    for patience in range(40):
        if not run(["ipset", "destroy"], check=False).returncode:
            return
        time.sleep(0.005 * (patience + 1))
    raise RuntimeError("the sets are still in use")


def _sysctl(names: Iterable[str] = _FORWARDING) -> str:
    return "".join(f"{name} = {_setting(name).read_text()}" for name in names)


def _names(settings: str) -> list[str]:
    """The names of what `settings` sets."""
    return [line.partition(" = ")[0] for line in settings.splitlines()]


def _set(settings: str) -> None:
    """Set what `settings` says, as sysctl prints it."""
    for line in settings.splitlines():
        name, _, value = line.partition(" = ")
        _setting(name).write_text(value)


def _setting(name: str) -> Path:
    return Path("/proc/sys", name.replace(".", "/"))


_EMPTY_TABLES = "".join(
    f"*{table}\n" + "".join(f":{chain} ACCEPT\n" for chain in chains) + "COMMIT\n"
    for table, chains in _LEGACY_TABLES.items()
)
