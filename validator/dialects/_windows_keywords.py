"""Words for addresses in Windows rules as numbers, where the site file tells them.

[MS-FASP] 2.2.21: LocalSubnet is the addresses that are currently within the computer's local subnet; DNS, DHCP, WINS
and DefaultGateway are the current servers and gateways. PowerShell writes a 4 or 6 behind a word that is
meant for one IP version (Set-NetFirewallRule, -RemoteAddress).

The site file gives a host's addresses with the lengths of their prefixes (`10.20.0.10/16`), or the blocks of a word.
What it gives is taken for all there is. Whether LocalSubnet also reaches from one network of a host to another, and
to IPv6 link-local addresses, Microsoft does not say: such packets stay a condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv6Network, ip_interface, ip_network

from msgspec import Struct, field

from validator.model import ConditionMatch, FieldMatch, Match
from validator.packets.fields import Family, Field, Intervals
from validator.packets.intervals import complement, intersect, normalise

Alternatives = list[tuple[Match, ...]]
_LINK_LOCAL = IPv6Network("fe80::/10")
_SAME = {"ply2renders": "playtodevice", "playtorenderers": "playtodevice", "rmtintranet": "intranetremoteaccess"}
_WORDS = ("localsubnet", "dns", "dhcp", "wins", "defaultgateway", "internet", "intranet", *_SAME, *_SAME.values())


class Keywords(Struct, frozen=True):
    """What is told of a host: its `addresses` (addresses and blocks), `interfaces` (those given with a prefix), and
    the blocks that words stand for, by the word in small letters."""

    addresses: Sequence[str] = ()
    interfaces: Sequence[str] = ()
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def alternatives(
        self, word: str, family: Family, peer: Field, own: Field | None, unknown: ConditionMatch
    ) -> Alternatives:
        """When the address in `peer` is one that `word` stands for: matches of which one must hold, none for never.

        `own` is the field of the host's own address, None where `peer` is that one; `unknown` the condition
        that the address is such a one, for what is not told.
        """
        name = word.strip().lower().replace(" ", "")
        if name[:-1] in _WORDS and name[-1] in "46":
            if (name[-1] == "4") is not (family is Family.IPV4):
                return []
            name = name[:-1]
        name = _SAME.get(name, name)
        if name in self.told:
            ranges = _ranges(self.told[name], family)
            return [(FieldMatch(peer, ranges),)] if ranges else []
        if name == "localsubnet":
            return self._local_subnet(family, peer, own, unknown)
        return [(unknown,)]

    def _local_subnet(self, family: Family, peer: Field, own: Field | None, unknown: ConditionMatch) -> Alternatives:
        version = 4 if family is Family.IPV4 else 6
        interfaces = [each for each in map(ip_interface, self.interfaces) if each.version == version]
        networks = sorted({str(each.network) for each in interfaces})
        if not interfaces:
            return [(unknown,)]
        attached = _ranges((str(each.ip) for each in interfaces), family)
        others = intersect(_ranges(self.addresses, family), complement(attached, (1 << family.bits) - 1))
        found: Alternatives = []
        for network in networks:
            here = [str(each.ip) for each in interfaces if str(each.network) == network]
            match = FieldMatch(peer, _ranges([network], family))
            alone = own is None or (len(networks) == 1 and not others)
            found.append((match,) if alone or own is None else (match, FieldMatch(own, _ranges(here, family))))
        if others:
            return [*found, (unknown,)]
        unsure = [*(networks if len(networks) > 1 and own is not None else ())]
        unsure += [str(_LINK_LOCAL)] if version == 6 else []
        return [*found, (FieldMatch(peer, _ranges(unsure, family)), unknown)] if unsure else found


def _ranges(blocks: Iterable[str], family: Family) -> Intervals:
    version = 4 if family is Family.IPV4 else 6
    networks = [network for network in map(ip_network, blocks) if network.version == version]
    return normalise((int(network.network_address), int(network.broadcast_address)) for network in networks)
