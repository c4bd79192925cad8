"""How each match module's options become matches of the model, per iptables-extensions(8)."""

from __future__ import annotations

from msgspec.structs import replace

from validator.dialects import _iptables_fields as fields
from validator.dialects._iptables_context import Context, MatchModule
from validator.dialects._iptables_fields import NEVER, Gaps
from validator.dialects._iptables_marks import mark_match
from validator.dialects._iptables_words import Group, Option, Unclear
from validator.dialects._linux_host import address_type
from validator.model import AnyOf, ConditionMatch, FieldMatch, Match, NoneOf
from validator.packets.fields import Family, Field, top
from validator.packets.intervals import complement

_SIDES = {"-s": Field.SOURCE, "-d": Field.DESTINATION}
_WAYS = {"-i": Field.IN_INTERFACE, "-o": Field.OUT_INTERFACE}
_ENDS = {"--sport": Field.SOURCE_PORT, "--sports": Field.SOURCE_PORT, "--dport": Field.DESTINATION_PORT}
_ENDS["--dports"] = Field.DESTINATION_PORT


def basic(option: Option, context: Context) -> tuple[Match, ...]:
    """An option of iptables itself: `-s`, `-d`, `-i`, `-o`, `-p`, `-f`. Raises Unclear."""
    name, negated, values = option.name, option.negated, option.values
    if name in _SIDES:
        try:
            return (fields.addresses(_SIDES[name], values[0], negated, context.host.family),)
        except Gaps:
            return (context.own(option.text, not negated),)  # translation may change the address
    if name in _WAYS:
        return (fields.interface(_WAYS[name], values[0], negated),)
    if name == "-p":
        match = fields.protocol(values[0], negated)
        return (match,) if match is not None else ()
    if name == "-f":
        return (context.assumed("unfragmented", "-f (a fragment)", False, not negated),)
    return ()


def conditions(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """A condition for each test of the group, all of them under the same details."""
    details = [("! " if each.negated else "") + each.text for each in group.options if each.name in module.details]
    tests = [each for each in group.options if each.name in module.tests]
    found = []
    for test in tests or [Option("", False, ())]:
        text = " ".join(each for each in (module.name, test.text, *details) if each)
        if module.own:
            found.append(context.own(text, not test.negated))
        else:
            found.append(context.shared(text, not test.negated, per_packet=module.per_packet))
    return tuple(found)


def unknown_module(group: Group, context: Context) -> tuple[Match, ...]:
    """A module that is not known: it can but match or not, whatever its options mean; each line asks for itself."""
    words = (("! " if each.negated else "") + each.text for each in group.options)
    return (context.own(" ".join((group.module, *words)).strip()),)


def always(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """A module that matches every packet."""
    return ()


def ports(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """tcp, udp and the like: ports and flags exactly, other tests as conditions. Raises Unclear."""
    found: list[Match] = []
    for option in group.options:
        name, negated, values = option.name, option.negated, option.values
        if name in _ENDS:
            found.append(fields.ports(_ENDS[name], values[0], negated, False))
        elif name == "--syn":
            found.append(fields.tcp_flags(*fields.SYN_ONLY, negated))
        elif name == "--tcp-flags":
            found.append(fields.tcp_flags(values[0], values[1], negated))
        else:
            found.append(context.own(f"{module.name} {option.text}", not negated))
    return tuple(found)


def multiport(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """xt_multiport.c: one of --sports, --dports, --ports. Raises Unclear."""
    if len(group.options) != 1:
        raise Unclear("multiport takes one of --sports, --dports and --ports")
    option = group.options[0]
    name, negated, values = option.name, option.negated, option.values
    if values[0].count(",") + values[0].count(":") > 14:
        raise Unclear("multiport takes 15 ports, a range counting as two")
    if name == "--ports":
        return (fields.either_port(values[0], negated),)
    return (fields.ports(_ENDS[name], values[0], negated, True),)


def icmp(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """icmp, icmp6. Raises Unclear."""
    family = Family.IPV4 if module.name == "icmp" else Family.IPV6
    found = (fields.icmp_type(each.values[0], each.negated, family) for each in group.options)
    return tuple(match for match in found if match is not None)


def iprange(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """Each side by itself, negated by itself (xt_iprange.c). Raises Unclear."""
    family = context.host.family
    found: list[Match] = []
    for option in group.options:
        side = Field.SOURCE if option.name == "--src-range" else Field.DESTINATION
        ranges = fields.address_ranges(option.values[0], family)
        found.append(fields.field_match(side, ranges, option.negated, family))
    return tuple(found)


def mac(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """xt_mac.c: packets that no Ethernet frame brought (loopback, tunnels) never match, negated or not."""
    found: list[Match] = []
    for option in group.options:
        negated, values = option.negated, option.values
        numbers = fields.mac(values[0])
        if negated:
            rest = complement(numbers, top(Field.MAC, Family.IPV4))
            found += [FieldMatch(Field.MAC, rest), fields.NOT_LOOPBACK]
            found.append(context.shared("the interface is an Ethernet one"))
        else:
            found.append(FieldMatch(Field.MAC, numbers))
    return tuple(found)


_TYPES = frozenset(
    ("UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST")
    + ("BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE")
)


def addrtype(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """Types of addresses as the host's routes have them; as seen from one interface alone, a condition."""
    limits = [each.name for each in group.options if each.name in module.details]
    found: list[Match] = []
    for option in group.options:
        if option.name in limits:
            continue
        kinds = option.values[0].upper().split(",")
        odd = [kind for kind in kinds if kind not in _TYPES]
        if odd:
            raise Unclear(f"unknown type of address {odd[0]}")
        if limits:
            found.append(context.shared(" ".join(("addrtype", option.text, *limits)), not option.negated))
            continue
        side = Field.SOURCE if option.name == "--src-type" else Field.DESTINATION
        matches = [address_type(context.host, side, kind) for kind in kinds]
        if any(match is None for match in matches):
            found += [NEVER] if option.negated else []
            continue
        match = AnyOf(tuple((match,) for match in matches if match is not None))
        found.append(NoneOf((match,)) if option.negated else match)
    return tuple(found)


def pkttype(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """Frames are taken to be for this host alone, unless that is withdrawn."""
    found: list[Match] = []
    for option in group.options:
        negated, values = option.negated, option.values
        kind = values[0].lower()
        if kind not in ("unicast", "broadcast", "multicast", "otherhost", "host"):
            raise Unclear(f"unknown type of packet {kind}")
        kind = "unicast" if kind == "host" else kind
        condition = context.host.assumed("unicast-frames", f"pkttype --pkt-type {kind}", kind == "unicast")
        found.append(ConditionMatch(replace(condition, per_packet=True), not negated))
    return tuple(found)


_COUNTS = ("--packets-eq", "--packets-lt", "--packets-gt", "--bytes-eq", "--bytes-lt", "--bytes-gt")


def ipset(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """Membership as the set's export has it; a set that rules change is asked about by each line for itself."""
    option = next((each for each in group.options if each.name in ("--match-set", "--set")), None)
    if option is None:
        raise Unclear("no set is named")
    name, flags = option.values
    dimensions = tuple(flags.split(","))
    if any(each not in ("src", "dst") for each in dimensions) or len(dimensions) > 6:
        raise Unclear(f"{flags} is no list of src and dst")
    text = f"set --match-set {name} {flags}"
    found: list[Match] = []
    if any(each.name == "--return-nomatch" for each in group.options):
        found.append(context.own(f"{text} --return-nomatch", not option.negated))
    elif name in context.host.changed_sets or context.dry:
        found.append(context.own(text, not option.negated))
    else:
        from validator.dialects._ipset_matches import set_match

        match = set_match(context.host, name, dimensions, option.negated, context.span.path)
        found.append(_of_each_packet(match))
    counts = [each for each in group.options if each.name in _COUNTS]
    found += [context.own(f"{text} {each.text}", not each.negated) for each in counts]
    return tuple(found)


def _of_each_packet(match: Match) -> Match:
    """The match with its conditions asked for each packet: request and reply have each other's addresses."""
    match match:
        case ConditionMatch():
            return replace(match, condition=replace(match.condition, per_packet=True))
        case AnyOf():
            return AnyOf(tuple(tuple(_of_each_packet(part) for part in parts) for parts in match.alternatives))
        case NoneOf():
            return NoneOf(tuple(_of_each_packet(part) for part in match.matches))
    return match


def mark(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """`mark`, `connmark`: bits kept with the packet; packets without a connection have no connmark."""
    found: list[Match] = [fields.TRACKED] if module.name == "connmark" else []
    for option in group.options:
        negated, values = option.negated, option.values
        found += mark_match(module.name, values[0], negated)
    return tuple(found)


def before_tracking(group: Group, context: Context) -> tuple[Match, ...]:
    """What asks for a packet's connection in the raw table, where only what loopback brings back has one."""
    words = (("! " if each.negated else "") + each.text for each in group.options)
    return (context.own(" ".join((group.module, *words)) + " in the raw table"),)


def frag(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """ip6t_frag.c: only packets with a fragment header, whatever is negated."""
    words = " ".join(("frag", *(("! " if each.negated else "") + each.text for each in group.options)))
    return (context.assumed("unfragmented", words, False),)


def extension(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """ip6t_rt.c, ip6t_hbh.c, ip6t_srh.c, ip6t_ah.c: only packets with an extension header, whatever is negated."""
    if context.host.family is Family.IPV4:
        return conditions(module, group, context)
    words = " ".join((module.name, *(("! " if each.negated else "") + each.text for each in group.options)))
    return (context.assumed("plain-headers", words, False),)


def rpfilter(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """Whether the reverse route leads back: taken for granted; `--invert` turns it round."""
    rest = [each.text for each in group.options if each.name != "--invert"]
    inverted = any(each.name == "--invert" for each in group.options)
    return (context.assumed("reverse-path", " ".join(("rpfilter", *rest)), True, not inverted),)
