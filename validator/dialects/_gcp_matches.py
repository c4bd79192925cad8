"""What a rule of Google Cloud matches: protocols and ports, peers, and the points it is for.

"VPC firewall rules" (Cloud NGFW documentation): ports may be given for tcp, udp and sctp and are the destination's;
without sources an inbound rule is for 0.0.0.0/0. A source tag or source service account stands for the primary
internal IPv4 address and the IPv6 addresses of the interfaces in the rule's network whose instance has it, and not for
alias ranges or external addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from validator.dialects import Options
from validator.dialects._cloud import addresses, is_block, members, told
from validator.dialects._gcp_data import FirewallRule, Protocol, network_name
from validator.dialects._gcp_points import Known, Point
from validator.model import AnyOf, Condition, ConditionMatch, FieldMatch, Match
from validator.packets.fields import ICMP, TCP, UDP, Field, Interval, Intervals
from validator.packets.intervals import normalise
from validator.source import Span

_PROTOCOLS = {"icmp": ICMP, "tcp": TCP, "udp": UDP, "esp": 50, "ah": 51, "sctp": 132}
_WITH_PORTS = (TCP, UDP, 132)
_INSTANCES = "gcloud compute instances list --format=json"
Alternative = tuple[Match, ...]
When = tuple[Alternative, ...]
"""When something holds: in one of these cases. No case: never; an empty one: always."""
ALWAYS: When = ((),)


def matches(whens: Iterable[When]) -> tuple[Match, ...] | None:
    """The matches of a rule that holds when all of `whens` do; None where it never does."""
    found: list[Match] = []
    for when in whens:
        if not when:
            return None
        if len(when) == 1:
            found += when[0]
        elif () not in when:
            found.append(AnyOf(when))
    return tuple(found)


def traffic(rule: FirewallRule) -> When | None:
    """Its protocols and ports; None where they are not understood."""
    cases: list[Alternative] = []
    for protocol in rule.protocols:
        number = _number(protocol)
        ports = [port(text) for text in protocol.ports]
        if number is None or None in ports or (ports and number not in _WITH_PORTS):
            return None
        case: list[Match] = []
        if number >= 0:
            case.append(FieldMatch(Field.PROTOCOL, ((number, number),)))
        if ports:
            case.append(FieldMatch(Field.DESTINATION_PORT, normalise(each for each in ports if each)))
        cases.append(tuple(case))
    return tuple(cases) or None


def _number(protocol: Protocol) -> int | None:
    """The protocol's number, -1 for all, None for none that is known."""
    name = protocol.name.lower()
    if name == "all":
        return -1
    if name.isascii() and name.isdigit() and len(name) < 4 and int(name) < 256:
        return int(name)
    return _PROTOCOLS.get(name)


def port(text: str) -> Interval | None:
    """The ports that `80` or `80-90` means; None where that is no port."""
    first, sign, last = text.partition("-")
    for each in (first, last) if sign else (first,):
        if not (each.isascii() and each.isdigit() and len(each) < 6 and int(each) < 65536):
            return None
    low, high = int(first), int(last if sign else first)
    return (low, high) if low <= high else None


def peers(rule: FirewallRule, path: str, known: Known, options: Options) -> When | None:
    """The other side's addresses; None where a block is none."""
    field = Field.SOURCE if rule.inbound else Field.DESTINATION
    ranges = rule.ranges
    if not (ranges or rule.source_tags or rule.source_accounts or rule.peers):
        ranges = ("0.0.0.0/0",)
    if not all(map(is_block, ranges)):
        return None
    cases: list[Alternative] = []
    if blocks := addresses(ranges, options.family):
        cases.append((FieldMatch(field, blocks),))
    for kind, names in (("network tag", rule.source_tags), ("service account", rule.source_accounts)):
        for name in names:
            cases += _instances(kind, name, rule, path, known, options)
    for peer in rule.peers:
        way = "comes from" if rule.inbound else "goes to"
        condition = Condition(f"gcp {field.label} {peer}", f"the packet {way} {peer}")
        cases += _set_or(told(peer.partition(" ")[2], options), field, condition)
    return tuple(cases)


def _set_or(resolved: Intervals | None, field: Field, condition: Condition) -> Iterator[Alternative]:
    """The addresses that something was resolved to, the condition where it was not, nothing where there are none."""
    if resolved is None:
        yield (ConditionMatch(condition),)
    elif resolved:
        yield (FieldMatch(field, resolved),)


def _instances(
    kind: str, name: str, rule: FirewallRule, path: str, known: Known, options: Options
) -> Iterator[Alternative]:
    """When the peer is an instance with a tag or account: by its address, if the site or an exported instance tells."""
    network = network_name(rule.network)
    key = f"gcp peer {network} {kind} {name}"
    who = f"an instance with {kind} {name}"
    found = known.members.get((network, kind, name))
    resolved = told(name, options)
    if resolved is not None or found is None:
        text = f"the peer is {who} ({_INSTANCES} tells which have it)"
        yield from _set_or(resolved, Field.SOURCE, Condition(key, text))
        return
    inside, listed = addresses(found, options.family), addresses(known.listed[network], options.family)
    yield from members(Field.SOURCE, inside, listed, key, who, Span(path, rule.line, rule.name), options)


def own(rule: FirewallRule, options: Options) -> When | None:
    """The blocks of the target's own addresses that a rule names; None where a block is none."""
    if not rule.destinations:
        return ALWAYS
    if not all(map(is_block, rule.destinations)):
        return None
    blocks = addresses(rule.destinations, options.family)
    field = Field.DESTINATION if rule.inbound else Field.SOURCE
    return ((FieldMatch(field, blocks),),) if blocks else ()


def per_point(points: Sequence[Point], ask: Callable[[Point], When]) -> When:
    """When something holds that depends on the enforcement point: what `ask` says of each."""
    alike: dict[When, list[int]] = {}
    for number, each in enumerate(points):
        alike.setdefault(ask(each), []).append(number)
    if len(alike) == 1:
        return next(iter(alike))
    cases: list[Alternative] = []
    for when, numbers in alike.items():
        place = FieldMatch(Field.ALTERNATIVE, normalise((number, number) for number in numbers))
        cases += [(place, *case) for case in when]
    return tuple(cases)


def is_target(rule: FirewallRule, point: Point, options: Options) -> When:
    """When `rule` is for `point`: its network, and one of its tags or accounts."""
    networks = {network_name(name) for name in (rule.network, *rule.target_networks) if name}
    if networks and point.network not in networks:
        return ()
    cases: list[Alternative] = []
    if not (rule.target_tags or rule.target_accounts or rule.target_secure_tags):
        return ALWAYS
    for kind, names, has in (
        ("network tag", rule.target_tags, point.tags),
        ("service account", rule.target_accounts, point.accounts),
        ("secure tag", rule.target_secure_tags, None),
    ):
        for name in names:
            if has is None and not (kind == "secure tag" and name in options.groups):
                text = f"the host has the {kind} {name}"
                cases.append((ConditionMatch(Condition(f"gcp host {kind} {name}", text)),))
            elif has is None or name in has:
                return ALWAYS
    return tuple(cases)


def limits(rule: FirewallRule) -> When:
    """What else must hold, of which the export knows only the name."""
    found = [
        Condition(f"gcp {'in' if rule.inbound else 'out'} {text}", f"the packet is of {text}") for text in rule.limits
    ]
    return (tuple(ConditionMatch(condition) for condition in found),)
