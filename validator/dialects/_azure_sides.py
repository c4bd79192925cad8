"""Whom a rule of Azure is about: the addresses of its source and its destination.

"Virtual network service tags" and "Application security groups" (Azure Virtual Network documentation). Rules are judged
by private addresses: inbound after public addresses are translated, outbound before ("Azure network security groups
overview"). So the host's own side is an address of its virtual network, and never of the Internet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from validator.dialects._azure_data import identity
from validator.dialects._azure_estate import Estate
from validator.dialects._azure_points import Point
from validator.dialects._cloud import addresses, is_block, members, told
from validator.model import Condition, ConditionMatch, FieldMatch, Match
from validator.packets.fields import Family, Field, Intervals
from validator.packets.intervals import complement, intersect, normalise

HOST_ADDRESS = "168.63.129.16"
"""The virtual address of the platform: probes come from it, it answers DNS and DHCP ("What is IP address
168.63.129.16?")."""
METADATA_ADDRESS = "169.254.169.254"
"""The virtual address of the instance metadata service."""

Side = tuple[tuple[Match, ...], ...]
"""The ways in which an address can be one that a rule names: any of them, each of all its matches. `()` is never,
`((),)` always."""
ALWAYS: Side = ((),)

_CLASSIC = {
    "virtual_network": "virtualnetwork",
    "azure_loadbalancer": "azureloadbalancer",
    "*": "*",
    "any": "*",
}
_NOT_INTERNET = {
    Family.IPV4: ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
    + ("224.0.0.0/3", f"{HOST_ADDRESS}/32"),
    Family.IPV6: ("::/128", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8"),
}
"""Addresses that the public Internet does not reach (IANA special-purpose registries), or that are the platform's."""
_PERHAPS_INTERNET = {Family.IPV4: ("169.254.0.0/16",), Family.IPV6: ("::/3", "4000::/2", "8000::/1")}
"""Addresses of which the documentation does not say whether the tag holds them."""
PLATFORM_TAGS = {
    "azureplatformdns": HOST_ADDRESS,
    "azureplatformimds": METADATA_ADDRESS,
}
LICENSING_TAG = "azureplatformlkm"


def tag_of(text: str) -> str:
    """A service tag in the form in which equal ones are equal, or `*` for everything."""
    name = identity(text)
    return _CLASSIC.get(name, name)


class Sides(Struct, frozen=True):
    """What source and destination of rules are at one point, in one family."""

    found: Estate
    point: Point
    effective: bool = False

    @property
    def family(self) -> Family:
        """The family of the packets that are judged."""
        return self.found.options.family

    def peer(self, blocks: Iterable[str], groups: Iterable[str], field: Field) -> Side:
        """The other end of a connection, whose address is in `field`."""
        intervals: list[tuple[int, int]] = []
        rest: list[tuple[Match, ...]] = []
        for block in blocks:
            if tag_of(block) == "*":
                return ALWAYS
            if is_block(block):
                intervals += addresses((block,), self.family)
                rest += self._of_both_families(block, "peer")
            else:
                rest += self._tag(block, field)
        for group in groups:
            rest += self._members(group, field)
        return _any_of(field, normalise(intervals), rest)

    def own(self, blocks: Iterable[str], groups: Iterable[str], field: Field) -> Side:
        """The end of a connection that is the host at this point, whose address is in `field`."""
        intervals: list[tuple[int, int]] = []
        rest: list[tuple[Match, ...]] = []
        for block in blocks:
            name = tag_of(block)
            if name in ("*", "virtualnetwork"):
                return ALWAYS
            known = self._known(block)
            if known is not None:
                intervals += known
                rest += self._of_both_families(block, "own")
            elif name != "internet":
                rest.append(_asks(f"own address in {name}", f"the host's own address is in {_called(block)}"))
        for group in groups:
            if self.point.application_groups is None:
                text = f"the host is in the application security group {_name(group)}"
                rest.append(_asks(f"own membership of {identity(group)}", text))
            elif {identity(group), identity(_name(group))} & self.point.application_groups:
                return ALWAYS
        own = addresses(self.point.addresses, self.family)
        if own and self.point.whole:
            inside = intersect(own, normalise(intervals))
            if inside == own:
                return ALWAYS
            return _any_of(field, inside, rest)
        return _any_of(field, normalise(intervals), rest)

    def _known(self, text: str) -> Intervals | None:
        """The addresses of a block, or of a tag that the site or a file of service tags resolves."""
        if is_block(text):
            return addresses((text,), self.family)
        named = self._told(text)
        if named is None and tag_of(text) in self.found.tags:
            return addresses(self.found.tags[tag_of(text)], self.family)
        return named

    def _told(self, text: str) -> Intervals | None:
        """The addresses of the site's network of this name."""
        options = self.found.options
        names = [name for name in options.networks if tag_of(name) == tag_of(text)]
        return told(names[0], options) if names else None

    def _of_both_families(self, block: str, whose: str) -> Iterator[tuple[Match, ...]]:
        """Effective rules write 0.0.0.0/0 where the rule says `*`, which is both families."""
        if self.effective and block == "0.0.0.0/0" and self.family is Family.IPV6:
            yield _asks(f"effective 0.0.0.0/0 {whose}", "0.0.0.0/0 of an effective rule stands for IPv6 as well")

    def _tag(self, text: str, field: Field) -> Iterator[tuple[Match, ...]]:
        """The ways in which the peer can be in a service tag, or in what else the text stands for."""
        name = tag_of(text)
        known = self._known(text)
        if known is not None:
            if name == "virtualnetwork":
                known = normalise([*known, *addresses((HOST_ADDRESS,), self.family)])
            yield (FieldMatch(field, known),)
        elif name == "virtualnetwork":
            yield (FieldMatch(field, self._network()),)
            yield (self._connected(True),)
        elif name == "internet":
            yield from self._internet(field)
        elif name in ("azureloadbalancer", *PLATFORM_TAGS) and self.family is Family.IPV4:
            address = PLATFORM_TAGS.get(name, HOST_ADDRESS)
            yield (FieldMatch(field, addresses((address,), self.family)),)
        elif name == "azureloadbalancer":
            yield (FieldMatch(field, addresses(("fe80::/10",), self.family)), *_asks(*self._unresolved(text)))
        else:
            yield _asks(*self._unresolved(text))

    @staticmethod
    def _unresolved(text: str) -> tuple[str, str]:
        how = "" if _is_expression(text) else ": give the ServiceTags file, or a network of that name in the site"
        return f"peer in {tag_of(text)}", f"the peer is in {_called(text)}{how}"

    def _network(self) -> Intervals:
        """What is known to be in VirtualNetwork: the point's own network, and the platform's address."""
        network = self.found.networks.get(self.point.network)
        return addresses((*(network.prefixes if network else ()), HOST_ADDRESS), self.family)

    def _connected(self, expected: bool) -> Match:
        """Whether the peer is in what VirtualNetwork holds beside that."""
        text = "the peer is in VirtualNetwork (peers, on-premises, routes): name it among the networks of the site"
        key = f"service tag VirtualNetwork of {self.point.network}"
        return ConditionMatch(Condition(key, text), expected)

    def _internet(self, field: Field) -> Iterator[tuple[Match, ...]]:
        """What is public and not in VirtualNetwork."""
        never, perhaps = _NOT_INTERNET[self.family], _PERHAPS_INTERNET[self.family]
        top = (1 << self.family.bits) - 1
        network = self._told("VirtualNetwork")
        outside = complement(normalise([*(network or self._network()), *addresses(never, self.family)]), top)
        doubtful = addresses(perhaps, self.family)
        public = intersect(outside, complement(doubtful, top))
        apart = () if network is not None else (self._connected(False),)
        yield (FieldMatch(field, public), *apart)
        unclear = intersect(outside, doubtful)
        if unclear:
            yield (FieldMatch(field, unclear), *apart, *_asks("peer in internet", "the peer is in Internet"))

    def _members(self, group: str, field: Field) -> Iterator[tuple[Match, ...]]:
        """The ways in which the peer can be in an application security group.

        Interfaces that are exported are in it or not; of other addresses nobody can tell, but the assumption is
        that all interfaces of the groups are exported.
        """
        known = self._told(group)
        known = self._told(_name(group)) if known is None else known
        text = f"the peer is in the application security group {_name(group)}"
        if known is not None:
            yield (FieldMatch(field, known),)
        elif not self.found.interfaces:
            yield _asks(f"peer in {identity(group)}", f"{text}: run az network nic list")
        else:
            inside: list[str] = []
            outside: list[str] = []
            for _, interface in self.found.interfaces:
                is_member = identity(group) in map(identity, interface.application_groups)
                (inside if is_member else outside).extend(interface.addresses)
            members_at, others_at = addresses(inside, self.family), addresses(outside, self.family)
            who = f"in the application security group {_name(group)}"
            key = f"peer in {identity(group)}"
            yield from members(field, members_at, others_at, key, who, self.point.span, self.found.options)


def _any_of(field: Field, intervals: Intervals, rest: list[tuple[Match, ...]]) -> Side:
    """The ways of `rest`, and addresses of `field` in `intervals`; ways that are never taken are left out."""
    ways = [(FieldMatch(field, intervals),), *rest] if intervals else rest
    possible = [way for way in ways if not any(isinstance(part, FieldMatch) and not part.intervals for part in way)]
    return tuple(dict.fromkeys(possible))


def _asks(key: str, text: str) -> tuple[Match, ...]:
    return (ConditionMatch(Condition(key, text)),)


def _called(text: str) -> str:
    """How people call what an entry stands for."""
    return f"`{text}`" if _is_expression(text) else f"the service tag {text}"


def _is_expression(text: str) -> bool:
    """Whether an entry is no name of a service tag, but what a template has to evaluate."""
    return not text.replace(".", "").replace("_", "").isalnum()


def _name(group: str) -> str:
    return group.rstrip("/").rpartition("/")[2]


__all__ = [
    "ALWAYS",
    "HOST_ADDRESS",
    "LICENSING_TAG",
    "METADATA_ADDRESS",
    "PLATFORM_TAGS",
    "Side",
    "Sides",
    "tag_of",
]
