"""The registry of match modules: every one of iptables-extensions(8), and older ones, with its treatment.

docs/dialects/iptables.md is made from this table.
"""

from __future__ import annotations

from collections.abc import Mapping

from validator.dialects import _iptables_conntrack as conntrack
from validator.dialects import _iptables_limits as limits
from validator.dialects import _iptables_matches as matches
from validator.dialects._iptables_context import Convert, MatchModule, Treatment


def sizes(text: str) -> dict[str, int]:
    """Options and their numbers of values, as `--dport:1 --syn`."""
    pairs = (each.partition(":") for each in text.split())
    return {f"--{name}": int(size or 0) for name, _, size in pairs}


_PORTS = "sport:1 dport:1"
_PROTOCOLS = {"tcp": 6, "udp": 17, "dccp": 33, "esp": 50, "ah": 51, "ipcomp": 108, "sctp": 132, "udplite": 136}
_PROTOCOLS |= {"icmp": 1, "icmp6": 58, "mh": 135}
_NEEDS = {name: frozenset((number,)) for name, number in _PROTOCOLS.items()}
_NEEDS["multiport"] = _NEEDS["mport"] = frozenset((6, 17, 33, 132, 136))
_NEEDS["tcpmss"] = _NEEDS["tcp"]


def _exact(name: str, note: str, convert: Convert, tests: str, details: str = "") -> MatchModule:
    needs = _NEEDS.get(name, frozenset())
    return MatchModule(name, Treatment.EXACT, note, convert, sizes(tests), sizes(details), needs)


def _nominal(name: str, note: str, convert: Convert, tests: str, details: str = "") -> MatchModule:
    return MatchModule(name, Treatment.NOMINAL, note, convert, sizes(tests), sizes(details))


def _asked(
    name: str,
    note: str,
    tests: str,
    details: str = "",
    *,
    own: bool = False,
    per_packet: bool = True,
    steady: bool = False,
    convert: Convert = matches.conditions,
) -> MatchModule:
    needs = _NEEDS.get(name, frozenset())
    asked = (Treatment.CONDITION, note, convert, sizes(tests), sizes(details), needs, own, per_packet, steady)
    return MatchModule(name, *asked)


def _header(name: str, options: str) -> MatchModule:
    note = "never matches: packets have no extension headers (`plain-headers`)"
    return MatchModule(name, Treatment.ASSUMED, note, matches.extension, {}, sizes(options))


_SRH = "hdr-len-eq hdr-len-gt hdr-len-lt segs-left-eq segs-left-gt segs-left-lt last-entry-eq last-entry-gt"
_SRH += " last-entry-lt next-hdr tag psid nsid lsid"
_ALL = (
    _exact(
        "addrtype",
        "LOCAL, UNICAST, BROADCAST, MULTICAST by the host's addresses; conditions: other types, `--limit-iface-*`",
        matches.addrtype,
        "src-type:1 dst-type:1",
        "limit-iface-in limit-iface-out",
    ),
    _asked(
        "ah",
        "the security parameter index; in IPv6 an extension header, as `rt`",
        "ahspi:1 ahlen:1",
        "ahres",
        convert=matches.extension,
    ),
    _asked("bpf", "each line for itself", "bytecode:1 object-pinned:1", own=True),
    _asked("cgroup", "the program's control group", "path:1 cgroup:1", steady=True),
    _asked(
        "cluster",
        "which node takes the packet",
        "cluster-local-node:1 cluster-local-nodemask:1",
        "cluster-total-nodes:1 cluster-hash-seed:1",
    ),
    MatchModule("comment", Treatment.ALWAYS, "text for people", matches.always, {}, sizes("comment:1")),
    _asked("condition", "xtables-addons: a switch in /proc", "condition:1", own=True),
    _asked("connbytes", "each line for itself", "connbytes:1", "connbytes-dir:1 connbytes-mode:1", own=True),
    _asked("connlabel", "each line for itself", "label:1", "set", own=True),
    _nominal(
        "connlimit",
        "`--connlimit-upto` matches, `--connlimit-above` does not; 0 is a condition",
        limits.connlimit,
        "connlimit-upto:1 connlimit-above:1",
        "connlimit-mask:1 connlimit-saddr connlimit-daddr",
    ),
    _exact("connmark", "32 bits; never matches without a connection", matches.mark, "mark:1"),
    _exact(
        "conntrack",
        "`--ctstate` but SNAT, `--ctproto`, `--ctdir`, `--ctstatus` as far as the state tells; conditions: the rest",
        conntrack.conntrack,
        "ctstate:1 ctproto:1 ctorigsrc:1 ctorigdst:1 ctreplsrc:1 ctrepldst:1 ctorigsrcport:1 ctorigdstport:1"
        " ctreplsrcport:1 ctrepldstport:1 ctstatus:1 ctexpire:1 ctdir:1",
    ),
    _asked("cpu", "each line for itself", "cpu:1", own=True),
    _exact(
        "dccp",
        "ports; conditions: `--dccp-types`, `--dccp-option`",
        matches.ports,
        f"{_PORTS} dccp-types:1 dccp-option:1",
    ),
    _asked("devgroup", "each line for itself", "src-group:1 dst-group:1", own=True),
    _asked("dscp", "the field of the header", "dscp:1 dscp-class:1"),
    _header("dst", "dst-len:1 dst-opts:1 dst-not-strict"),
    _asked("ecn", "the bits of the header", "ecn-tcp-cwr ecn-tcp-ece ecn-ip-ect:1"),
    _asked("esp", "the security parameter index", "espspi:1"),
    _asked("eui64", "whether the address is made from the MAC", ""),
    MatchModule(
        "frag",
        Treatment.ASSUMED,
        "never matches: packets arrive whole (`unfragmented`)",
        matches.frag,
        sizes("fragid:1 fraglen:1"),
        sizes("fragres fragfirst fragmore fraglast"),
    ),
    _asked("geoip", "xtables-addons: the country", "source-country:1 destination-country:1 src-cc:1 dst-cc:1"),
    _nominal(
        "hashlimit",
        "below the rate: `--hashlimit-above` does not match, the others do",
        limits.limit,
        "hashlimit:1 hashlimit-upto:1 hashlimit-above:1",
        "hashlimit-mode:1 hashlimit-srcmask:1 hashlimit-dstmask:1 hashlimit-name:1 hashlimit-burst:1"
        " hashlimit-htable-size:1 hashlimit-htable-max:1 hashlimit-htable-gcinterval:1 hashlimit-htable-expire:1"
        " hashlimit-rate-match hashlimit-rate-interval:1",
    ),
    _header("hbh", "hbh-len:1 hbh-opts:1 hbh-not-strict"),
    _asked("helper", "the connection's helper", "helper:1"),
    _asked("hl", "each line for itself", "hl-eq:1 hl-lt:1 hl-gt:1", own=True),
    _exact("icmp", "", matches.icmp, "icmp-type:1"),
    _exact("icmp6", "", matches.icmp, "icmpv6-type:1"),
    _asked("ipcomp", "the security parameter index", "ipcompspi:1", "compres"),
    _exact("iprange", "", matches.iprange, "src-range:1 dst-range:1"),
    _asked("ipv4options", "xtables-addons: options of the header", "flags:1", "any"),
    _asked("ipv6header", "an IPv6 extension header", "header:1", "soft"),
    _asked("ipvs", "each line for itself", "", "ipvs vproto:1 vaddr:1 vport:1 vdir:1 vmethod:1 vportctl:1", own=True),
    _asked("l2tp", "a tunnel's numbers", "", "pid:1 tid:1 sid:1 version:1 type:1 encap:1"),
    _asked("layer7", "of old kernels: the packet's contents", "l7proto:1", "l7dir:1", own=True),
    _asked("length", "the packet's size", "length:1"),
    _nominal("limit", "below the rate: matches", limits.limit, "limit:1", "limit-burst:1"),
    _exact("mac", "never matches without an Ethernet frame: negated also a condition", matches.mac, "mac-source:1"),
    _exact("mark", "32 bits", matches.mark, "mark:1"),
    _asked("mh", "Mobile IPv6", "mh-type:1"),
    _exact("mport", "of old kernels: multiport", matches.multiport, "sports:1 dports:1 ports:1"),
    _exact("multiport", "", matches.multiport, "sports:1 dports:1 ports:1"),
    _asked("nfacct", "with a quota, matches only above it; each line for itself", "", "nfacct-name:1", own=True),
    _asked("nth", "of old kernels; each line for itself", "every:1", "counter:1 start:1 packet:1", own=True),
    _asked("osf", "the peer's operating system", "genre:1", "ttl:1 log:1"),
    _asked(
        "owner",
        "the program behind a packet from this host",
        "uid-owner:1 gid-owner:1 pid-owner:1 sid-owner:1 cmd-owner:1 socket-exists",
        "suppl-groups",
        per_packet=False,
        steady=True,
    ),
    _asked(
        "physdev",
        "each line for itself",
        "physdev-in:1 physdev-out:1 physdev-is-in physdev-is-out physdev-is-bridged",
        own=True,
    ),
    MatchModule(
        "pkttype",
        Treatment.ASSUMED,
        "unicast (`unicast-frames`)",
        matches.pkttype,
        sizes("pkt-type:1"),
    ),
    _asked(
        "policy",
        "IPsec",
        "",
        "dir:1 pol:1 strict reqid:1 spi:1 proto:1 mode:1 tunnel-src:1 tunnel-dst:1 next",
    ),
    _asked("psd", "xtables-addons: port scans; each line for itself", "", own=True),
    _asked("quota", "each line for itself", "quota:1", "grow no-change packets", own=True),
    _asked("random", "of old kernels; each line for itself", "average:1", own=True),
    _asked(
        "rateest",
        "each line for itself",
        "rateest-lt rateest-gt rateest-eq",
        "rateest:1 rateest1:1 rateest2:1 rateest-delta rateest-bps:-1 rateest-pps:-1 rateest-bps1:-1"
        " rateest-pps1:-1 rateest-bps2:-1 rateest-pps2:-1",
        own=True,
    ),
    _asked("realm", "the route's realm", "realm:1", own=True),
    _nominal(
        "recent",
        "`--set` always matches; a hit count above 1 is not reached; else a condition, each line for itself",
        limits.recent,
        "set rcheck update remove",
        "seconds:1 reap hitcount:1 rttl name:1 rsource rdest mask:1",
    ),
    _nominal(
        "rpfilter",
        "the route back leads where the packet came from: taken for granted",
        matches.rpfilter,
        "",
        "loose validmark accept-local invert",
    ),
    _header("rt", "rt-type:1 rt-segsleft:1 rt-len:1 rt-0-res rt-0-addrs:1 rt-0-not-strict"),
    _exact("sctp", "ports; condition: `--chunk-types`", matches.ports, f"{_PORTS} chunk-types:2"),
    _asked(
        "set",
        "exact where an `ipset save` gives the set and no rule changes it",
        "match-set:2 set:2 packets-eq:1 packets-lt:1 packets-gt:1 bytes-eq:1 bytes-lt:1 bytes-gt:1",
        "return-nomatch update-counters update-subcounters",
        convert=matches.ipset,
    ),
    _asked(
        "socket",
        "whether a socket takes it; each line for itself; with `--restore-skmark`, which sets a mark, not understood",
        "",
        "nowildcard transparent",
        own=True,
    ),
    _header("srh", " ".join(f"srh-{each}:1" for each in _SRH.split())),
    _exact("state", "", conntrack.state, "state:1"),
    _asked("statistic", "each line for itself", "probability:1 every:1", "mode:1 packet:1", own=True),
    _asked("string", "the packet's contents", "string:1 hex-string:1", "from:1 to:1 algo:1 icase"),
    _exact(
        "tcp",
        "ports and flags; condition: `--tcp-option`, each line for itself",
        matches.ports,
        f"{_PORTS} tcp-flags:2 syn tcp-option:1",
    ),
    _asked("tcpmss", "the segment size that a SYN offers", "mss:1"),
    _asked(
        "time",
        "the time of day",
        "",
        "datestart:1 datestop:1 timestart:1 timestop:1 monthdays:1 weekdays:1 days:1 kerneltz utc localtz contiguous",
        steady=True,
    ),
    _asked("tos", "the field of the header", "tos:1"),
    _asked("ttl", "each line for itself", "ttl-eq:1 ttl-lt:1 ttl-gt:1 ttl:1", own=True),
    _asked("u32", "each line for itself", "u32:1", own=True),
    _exact("udp", "ports", matches.ports, _PORTS),
    _exact("udplite", "ports", matches.ports, _PORTS),
    _asked("unclean", "of old kernels: whether the packet looks odd", ""),
)
MODULES: Mapping[str, MatchModule] = {module.name: module for module in _ALL}
MODULE_ALIASES: Mapping[str, str] = {"icmpv6": "icmp6", "ipv6-icmp": "icmp6"}
OF_PROTOCOL: Mapping[int, str] = {number: name for name, number in _PROTOCOLS.items()}
"""The module that `-p` brings along for options of the protocol."""

ALIASES: Mapping[str, str] = {
    "--source-port": "--sport",
    "--destination-port": "--dport",
    "--source-ports": "--sports",
    "--destination-ports": "--dports",
}
"""Other names of options of modules."""
