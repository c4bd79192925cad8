"""Where the rules of Google Cloud are enforced: the interfaces of instances, or whatever is in a network.

"VPC firewall rules" (Cloud NGFW documentation), targets: every interface in the network of the rule, or those of the
instances with one of its network tags or service accounts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from msgspec import Struct

from validator.dialects import Options
from validator.dialects._gcp_data import FirewallRule, Instance, Instances, Interface, network_name
from validator.errors import SiteError
from validator.source import Span


@dataclass(frozen=True, slots=True)
class Point:
    """An enforcement point: tags and accounts are None where nobody told which there are; `region` empty likewise."""

    network: str
    tags: frozenset[str] | None = None
    accounts: frozenset[str] | None = None
    region: str = ""
    labels: tuple[Span, ...] = field(default=(), compare=False)

    @property
    def name(self) -> str:
        """What the firewall of this point is called."""
        return self.span.text.removeprefix("the host is ")

    @property
    def span(self) -> Span:
        """The line and the name of the (first) interface."""
        more = f" and {len(self.labels) - 1} more alike" if len(self.labels) > 1 else ""
        first = self.labels[0]
        return Span(first.path, first.line, first.text + more)


class Known(Struct, frozen=True):
    """What the exports name: rules with the path of each, and instances likewise.

    `members` are the primary addresses in a network of the instances with a tag or service account, `listed` every
    address of a network's instances.
    """

    rules: tuple[tuple[str, FirewallRule], ...]
    instances: tuple[tuple[str, Instance], ...]
    networks: tuple[str, ...]
    members: Mapping[tuple[str, str, str], Sequence[str]]
    listed: Mapping[str, Sequence[str]]

    @staticmethod
    def of(rules: Sequence[tuple[str, FirewallRule]], exports: Sequence[Instances], named: Sequence[str]) -> Known:
        """Put together what rules, exported instances and other exports (`named` networks) know."""
        instances = tuple((each.path, instance) for each in exports for instance in each.instances)
        found = [network_name(rule.network) for _, rule in rules if rule.network]
        found += [network_name(face.network) for _, each in instances for face in each.interfaces]
        members: dict[tuple[str, str, str], list[str]] = {}
        listed: dict[str, list[str]] = {}
        for _, each in instances:
            names = [("network tag", tag) for tag in each.tags] + [("service account", name) for name in each.accounts]
            for face in each.interfaces:
                listed.setdefault(network_name(face.network), []).extend((*face.primary, *face.others))
                for kind, name in names:
                    members.setdefault((network_name(face.network), kind, name), []).extend(face.primary)
        return Known(tuple(rules), instances, tuple(sorted({*found, *map(network_name, named)})), members, listed)

    def tags(self) -> set[str]:
        """Every network tag that stands somewhere."""
        found = {tag for _, rule in self.rules for tag in (*rule.target_tags, *rule.source_tags)}
        return found | {tag for _, each in self.instances for tag in each.tags}

    def accounts(self) -> set[str]:
        """Every service account that stands somewhere."""
        found = {name for _, rule in self.rules for name in (*rule.target_accounts, *rule.source_accounts)}
        return found | {name for _, each in self.instances for name in each.accounts}

    def secure_tags(self) -> set[str]:
        """Every secure tag that is a target."""
        return {tag for _, rule in self.rules for tag in rule.target_secure_tags}


def points(known: Known, options: Options, path: str) -> tuple[Point, ...]:
    """The enforcement points that the host may be, alike ones as one; raises SiteError for a name nobody knows.

    The site's addresses choose interfaces; its groups choose instances and networks by name, else they are the tags
    and accounts of the host. Where nothing is told: every interface, or, where no instance is exported, every network.
    """
    faces = [(where, each, face) for where, each in known.instances for face in each.interfaces]
    chosen = [(where, each, face) for where, each, face in faces if _has(face, options.addresses)]
    names = {each.name for _, each in known.instances}
    if not chosen:
        chosen = [(where, each, face) for where, each, face in faces if each.name in options.groups]
    if not chosen and not options.groups:
        chosen = faces
    _check(known, options, path, names)
    networks = _networks(known, options)
    if networks and chosen:
        chosen = [each for each in chosen if network_name(each[2].network) in networks] or chosen
    if chosen:
        return _merged([_of_interface(*each) for each in chosen])
    return tuple(_untold(known, options, path, networks))


def _of_interface(path: str, instance: Instance, face: Interface) -> Point:
    network = network_name(face.network)
    label = Span(path, instance.line, f"the host is {instance.name} in network {network}")
    return Point(network, frozenset(instance.tags), frozenset(instance.accounts), instance.region, (label,))


def _untold(known: Known, options: Options, path: str, networks: Sequence[str]) -> list[Point]:
    """Points of which the exports hold no interface: what the site tells of them, in each network they may be in."""
    tags = frozenset(options.groups) & known.tags()
    accounts = frozenset(options.groups) & known.accounts()
    found = []
    for network in networks or known.networks or ("",):
        label = Span(path, 1, f"the host is in network {network or 'of the export'}")
        found.append(Point(network, tags or None, accounts or None, "", (label,)))
    return found


def _networks(known: Known, options: Options) -> list[str]:
    wanted = {network_name(name) for name in options.groups}
    return [name for name in known.networks if name in wanted or name.rpartition("/")[2] in wanted]


def _check(known: Known, options: Options, path: str, names: set[str]) -> None:
    """Refuse a group of the site that stands nowhere: a rule for it would be taken not to hold."""
    tags, accounts, secure = known.tags(), known.accounts(), known.secure_tags()
    for name in options.groups:
        if name in names | tags | accounts | secure or _networks(known, Options("", options.family, groups=(name,))):
            continue
        listed = ", ".join(sorted(tags | accounts)[:10]) or "none"
        raise SiteError(
            f"host {options.host} is in {name}, which is no tag, service account, instance or network of the exports",
            f"name one of them; tags and accounts: {listed}",
            path,
            1,
        )


def _has(face: Interface, addresses: Sequence[str]) -> bool:
    wanted = [ip_network(text, strict=False) for text in addresses]
    own = [ip_network(text, strict=False) for text in (*face.primary, *face.others)]
    return any(a.version == b.version and a.overlaps(b) for a in wanted for b in own)


def _merged(found: Sequence[Point]) -> tuple[Point, ...]:
    """Interfaces that every rule treats alike are one point."""
    alike: dict[Point, list[Span]] = {}
    for point in found:
        alike.setdefault(point, []).extend(point.labels)
    return tuple(
        Point(each.network, each.tags, each.accounts, each.region, tuple(dict.fromkeys(spans)))
        for each, spans in alike.items()
    )
