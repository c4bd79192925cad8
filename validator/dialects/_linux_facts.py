"""What exports tell of a Linux host beside its rules: interfaces, forwarding, sets, and the host they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_address

from msgspec import Struct, field

from validator.model import LOOPBACK, Condition
from validator.packets.fields import Family, Interval, Intervals
from validator.packets.intervals import complement, intersect, normalise
from validator.source import Span

Address = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network


def same_family(one: Address | Network, family: Family) -> bool:
    """Whether an address or network is of `family`."""
    return (one.version == 4) is (family is Family.IPV4)


class LinuxInterface(Struct, frozen=True):
    """An interface: its addresses with the networks they are in, and `peers`, networks at its other end.

    `broadcasts` are all IPv4 addresses that the kernel has as broadcast addresses because of it. An interface
    that is not `up` keeps its addresses, but leads nowhere and has no broadcasts. `master` is the device that it is
    enslaved to; `port` says that this one is known to take all its packets: it is a port of a bridge or bond.
    """

    name: str
    addresses: tuple[Address, ...] = ()
    broadcasts: tuple[str, ...] = ()
    peers: tuple[Network, ...] = ()
    up: bool = True
    master: str = ""
    port: bool = False

    def networks(self, family: Family) -> list[Network]:
        """The networks of `family` that it leads to without a router."""
        found = [*(address.network for address in self.addresses), *self.peers]
        return [each for each in found if self.up and same_family(each, family)]


class LinuxInterfaces(Struct, frozen=True):
    """Fragment data of `ip addr`: every interface of the host, with its addresses of `families`."""

    path: str
    interfaces: tuple[LinuxInterface, ...]
    families: tuple[Family, ...] = tuple(Family)


Told = tuple[bool, Span]
"""What is set, with its line."""


class Setting(Struct, frozen=True):
    """What `sysctl` says of a setting of interfaces: of those in `interfaces`, and of all others, None where nobody
    told."""

    others: Told | None = None
    interfaces: Mapping[str, Told] = field(default_factory=dict)

    @property
    def differing(self) -> dict[str, Told]:
        """The interfaces on which it is not as on the others."""
        of_others = self.others and self.others[0]
        return {name: told for name, told in self.interfaces.items() if told[0] is not of_others}


class LinuxSettings(Struct, frozen=True):
    """Fragment data of `sysctl`: whether the host forwards what comes in by an interface, by family, and whether IPv4
    packets that come in there may be sent to 127.0.0.0/8. `local_ports`: those that a connection is made from that asks
    for none, where the export tells."""

    path: str
    forwarding: Mapping[Family, Setting]
    localnet: Setting = Setting()
    local_ports: Intervals = ()


class SetPort(Struct, frozen=True):
    """The port of an element: `protocol` None is TCP and UDP alike. For ICMP `low` is `type << 8 | code`; a
    protocol without ports has 0."""

    protocol: int | None
    low: int
    high: int


class SetInterface(Struct, frozen=True):
    """The interface of an element; `prefix`: every interface whose name begins so; `bridged`: a bridge's port."""

    name: str
    prefix: bool = False
    bridged: bool = False


SetPart = Interval | SetPort | SetInterface | None
"""One dimension of an element: a range of addresses, MAC addresses or marks; None is a MAC not learned yet."""


class SetMember(Struct, frozen=True):
    """An element of an ipset, its `parts` in the order of the set's type.

    `nomatch`: packets in it are not in the set. `temporary`: it has a timeout.
    """

    parts: tuple[SetPart, ...]
    nomatch: bool = False
    temporary: bool = False


class IpSet(Struct, frozen=True):
    """A set of `ipset save`: `type` as `hash:ip,port`; `family` None where the type has none; the members of a
    list:set are names of sets, `passing` those of them with a timeout.

    `why` says what of it was not understood, if anything: its contents are then unknown. `changes`: made with a timeout
    other than 0 (none), or with elements that have one, so elements come and go. `markmask`: the bits of a mark that
    hash:ip,mark compares.
    """

    name: str
    type: str
    family: Family | None
    members: tuple[SetMember | str, ...]
    span: Span
    why: str = ""
    changes: bool = False
    passing: frozenset[str] = frozenset()
    markmask: int = 0xFFFFFFFF


class Host(Struct, frozen=True):
    """All that is known of one host and family.

    `own`: its addresses, None where nobody told; `interfaces`: None likewise; `told_by`: the export that tells them.
    `rewrites`: some rule changes packets or their connections, or is not understood, see _linux_changes.py;
    `asked_marks` are then the bits of `mark` and `connmark` that rules ask for. `changed_sets` are the ipsets that
    rules change.
    """

    name: str
    family: Family
    withdrawn: frozenset[str] = frozenset()
    own: Intervals | None = None
    interfaces: tuple[LinuxInterface, ...] | None = None
    told_by: str = ""
    forwarding: Setting = Setting()
    localnet: Setting = Setting()
    sets: Mapping[str, IpSet] = field(default_factory=dict)
    rewrites: bool = False
    asked_marks: Mapping[str, int] = field(default_factory=dict)
    changed_sets: frozenset[str] = frozenset()

    def condition(self, text: str, *, per_packet: bool = False, span: Span | None = None) -> Condition:
        """An open condition on this host: one variable for one text."""
        return Condition(f"{self.name}: {text}", text, span, per_packet=per_packet)

    def assumed(self, assumption: str, text: str, value: bool, span: Span | None = None) -> Condition:
        """A condition with the value that `assumption` gives it, unless it was withdrawn."""
        taken = None if assumption in self.withdrawn else value
        return Condition(f"{self.name}: {text}", text, span, assumption, taken)


def own_addresses(interfaces: Iterable[LinuxInterface], family: Family) -> Intervals:
    """What the kernel delivers to the host itself: every address, down interfaces' too, and for loopback the
    whole IPv4 network of each of its addresses (`ip route show table local`)."""
    found: list[Interval] = []
    broadcasts: list[Interval] = []
    for each in interfaces:
        for address in each.addresses:
            if not same_family(address, family):
                continue
            whole = each.name == LOOPBACK and each.up and family is Family.IPV4
            network = address.network
            found.append(_range(network) if whole else (int(address.ip), int(address.ip)))
        if family is Family.IPV4:
            broadcasts += [(int(ip_address(text)),) * 2 for text in each.broadcasts if each.name == LOOPBACK]
    return intersect(normalise(found), complement(normalise(broadcasts), (1 << family.bits) - 1))


def to_itself(interfaces: Iterable[LinuxInterface], family: Family) -> tuple[tuple[int, int], ...]:
    """The addresses of interfaces that are up, but for loopback and link-local ones of IPv6, each behind the source
    that the kernel takes for what the host sends there: itself, in IPv4 the first one of its network on the interface
    (fib_add_ifaddr in the kernel's net/ipv4/fib_frontend.c)."""
    found: dict[int, int] = {}
    for each in interfaces:
        first: dict[object, int] = {}
        for address in each.addresses:
            if same_family(address, family) and each.up and not (address.is_loopback or _needs_scope(address)):
                key = address.network if family is Family.IPV4 else address
                found.setdefault(int(address.ip), first.setdefault(key, int(address.ip)))
    return tuple((source, address) for address, source in found.items())


def _needs_scope(address: Address) -> bool:
    return address.version == 6 and address.is_link_local


def _range(network: Network) -> Interval:
    return int(network.network_address), int(network.broadcast_address)


def named_sets(sets: Iterable[IpSet], family: Family) -> dict[str, IpSet]:
    """Sets by name: of two with one name that of `family`, else the later one."""
    found: dict[str, IpSet] = {}
    for each in sets:
        before = found.get(each.name)
        if before is None or each.family in (None, family) or before.family not in (None, family):
            found[each.name] = each
    return found
