"""The elements of a set as boxes of packets, few and large: elements that differ in one dimension are put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from validator.dialects._ipset_elements import DIMENSIONS, WITH_PORTS
from validator.dialects._linux_facts import Host, IpSet, SetInterface, SetMember, SetPart, SetPort
from validator.model import AnyOf, Bit, BitMatch, ConditionMatch, FieldMatch, InterfaceMatch, Match, NoneOf
from validator.packets.fields import ICMP, ICMPV6, TCP, UDP, Field, Interval, Intervals
from validator.packets.intervals import intersect, meets, normalise

_MOST_PAIRS = 1_000_000
_ALL_PORTS: Intervals = ((0, 65535),)


class Undecided(Exception):
    """A set whose elements do not tell which of them decides; the message says why. Never leaves the dialects."""


class Sides(Struct, frozen=True):
    """A set as a rule asks about it: `src` or `dst` for each of its dimensions."""

    host: Host
    found: IpSet
    dimensions: tuple[str, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the set's dimensions are: `ip`, `port`, ..."""
        return DIMENSIONS[self.found.type]


Names = tuple[str, ...]
Column = Intervals | Names
Box = tuple[Column, ...]
"""A column for what must be alike (`sort`), then one for each dimension; a port has two, protocols and ports.

`sort` tells what cannot be put together: ports, ICMP types, protocols without either; a MAC not yet learned; an
interface that is a bridge's port.
"""


def membership(sides: Sides, members: Sequence[SetMember]) -> Match:
    """Whether a packet is in a set of these elements. Raises Undecided."""
    kinds = sides.kinds
    if kinds in (("ip",), ("net",)):
        return FieldMatch(_address(sides.dimensions[0]), _nested(members)) if members else AnyOf(())
    if kinds == ("net", "iface"):
        return _by_interface(sides, members)
    denying = [each for each in members if each.nomatch]
    if not denying:
        return any_of(alternative for box in merged(boxes(sides, members)) for alternative in [box_matches(sides, box)])
    allowing = [each for each in members if not each.nomatch]
    if len(denying) * len(allowing) > _MOST_PAIRS:
        raise Undecided("too many elements with nomatch")
    nomatch = [(_sizes(sides, each), box) for each in denying for box in boxes(sides, [each])]
    plain: list[Box] = []
    special: list[tuple[tuple[Match, ...], ...]] = []
    for each in allowing:
        size = _sizes(sides, each)
        for box in boxes(sides, [each]):
            before = [(other_size, other) for other_size, other in nomatch if other_size <= size and _share(box, other)]
            if any(other_size == size for other_size, _ in before):
                raise Undecided("an element and one with nomatch are equally specific")
            if before:
                special.append(_except(sides, box, [other for _, other in before]))
            else:
                plain.append(box)
    found = [box_matches(sides, box) for box in merged(plain)]
    return any_of([*found, *special])


def _by_interface(sides: Sides, members: Sequence[SetMember]) -> Match:
    """A set of networks with interfaces: the smallest network that holds the address, whatever its interface,
    is the only one whose interfaces count (mtype_test_cidrs in ip_set_hash_gen.h). Raises Undecided."""
    own = territories(each.parts[0] for each in members if isinstance(each.parts[0], tuple))
    rows: dict[bool, list[tuple[Column, Box]]] = {False: [], True: []}
    for each in members:
        for box in boxes(sides, [each]):
            block = each.parts[0]
            assert isinstance(block, tuple)
            rows[each.nomatch].append(((block,), (box[0], tuple(own[block]), *box[2:])))
    if len(rows[True]) * len(rows[False]) > _MOST_PAIRS:
        raise Undecided("too many elements with nomatch")
    if any(block == other and _share(box, denied) for block, box in rows[False] for other, denied in rows[True]):
        raise Undecided("an element and one with nomatch name the same interface")
    return any_of(box_matches(sides, box) for box in merged(box for _, box in rows[False] if box[1]))


def _except(sides: Sides, box: Box, others: list[Box]) -> tuple[tuple[Match, ...], ...]:
    denied = tuple(NoneOf((any_of([box_matches(sides, other)]),)) for other in others)
    return tuple((*matches, *denied) for matches in box_matches(sides, box))


def any_of(alternatives: Iterable[tuple[tuple[Match, ...], ...]]) -> Match:
    """One of these is true; a single match stands for itself."""
    flat = tuple(each for group in alternatives for each in group)
    return flat[0][0] if len(flat) == 1 and len(flat[0]) == 1 else AnyOf(flat)


# --- from elements to boxes --------------------------------------------------------


def boxes(sides: Sides, members: Iterable[SetMember]) -> Iterator[Box]:
    """A box for each element, `nomatch` or not."""
    for member in members:
        sort: list[str] = []
        columns: list[Column] = []
        for part in member.parts:
            _add(part, sort, columns)
        yield (tuple(sort), *columns)


def _add(part: SetPart, sort: list[str], columns: list[Column]) -> None:
    match part:
        case None:
            sort.append("unlearned")
            columns.append(())
        case SetPort(protocol, low, high):
            kind = "port"
            if protocol in (ICMP, ICMPV6):
                kind = "icmp"
            elif protocol is not None and protocol not in WITH_PORTS:
                kind = "other"
            sort.append(kind)
            columns.append(((TCP, TCP), (UDP, UDP)) if protocol is None else ((protocol, protocol),))
            columns.append(((low, high),) if kind != "other" else _ALL_PORTS)
        case SetInterface(name, prefix, bridged):
            odd = bridged or name.endswith("+")
            sort.append("bridged" if odd else "interface")
            columns.append((name + "+" if prefix else name,))
        case _:
            columns.append((part,))


def merged(rows: Iterable[Box]) -> list[Box]:
    """As few boxes as putting together one dimension after the other gives."""
    found = list(dict.fromkeys(rows))
    width = len(found[0]) if found else 0
    for column in range(width - 1, 0, -1):
        groups: dict[Box, list[Column]] = {}
        for row in found:
            groups.setdefault((*row[:column], *row[column + 1 :]), []).append(row[column])
        found = [(*rest[:column], _together(values), *rest[column:]) for rest, values in groups.items()]
    return found


def _together(values: list[Column]) -> Column:
    if len(values) == 1:
        return values[0]
    names = sorted({each for value in values for each in value if isinstance(each, str)})
    if names:
        return tuple(names)
    return normalise(each for value in values for each in value if not isinstance(each, str))


def _sizes(sides: Sides, member: SetMember) -> tuple[int, ...]:
    """How specific an element is: the sizes of its networks, the first dimension before the second."""
    sizes = []
    for kind, part in zip(sides.kinds, member.parts, strict=True):
        if kind == "net" and isinstance(part, tuple):
            sizes.append(part[1] - part[0])
    return tuple(sizes)


def _share(one: Box, other: Box) -> bool:
    """Whether a packet can be in both."""
    return one[0] == other[0] and all(_meet(a, b) for a, b in zip(one[1:], other[1:], strict=True))


def _meet(one: Column, other: Column) -> bool:
    names = [each for each in one if isinstance(each, str)]
    if names:
        return any(_same_name(a, str(b)) for a in names for b in other)
    return meets(_intervals(one), _intervals(other)) or not one


def _same_name(one: str, other: str) -> bool:
    if one.endswith("+") and other.endswith("+"):
        return one.startswith(other[:-1]) or other.startswith(one[:-1])
    if one.endswith("+"):
        return other.startswith(one[:-1])
    return one.startswith(other[:-1]) if other.endswith("+") else one == other


def _intervals(column: Column) -> Intervals:
    return tuple(each for each in column if not isinstance(each, str))


def _nested(members: Sequence[SetMember]) -> Intervals:
    """The addresses that are in a set of networks, where the smallest one that holds an address decides."""
    denied = {part: each.nomatch for each in members for part in each.parts if isinstance(part, tuple)}
    if not any(denied.values()):
        return normalise(denied)
    return normalise(pair for block, own in territories(denied).items() if not denied[block] for pair in own)


def territories(blocks: Iterable[Interval]) -> dict[Interval, list[Interval]]:
    """What of each network is in no smaller one. Networks are nested or disjoint."""
    found: dict[Interval, list[Interval]] = {}
    stack: list[Interval] = []
    cursor = 0

    def take(block: Interval, up_to: int) -> None:
        nonlocal cursor
        if cursor <= up_to:
            found[block].append((cursor, up_to))
        cursor = max(cursor, up_to + 1)

    for block in sorted(set(blocks), key=lambda block: (block[0], -block[1])):
        while stack and stack[-1][1] < block[0]:
            take(stack[-1], stack.pop()[1])
        if stack:
            take(stack[-1], block[0] - 1)
        cursor = block[0]
        found[block] = []
        stack.append(block)
    while stack:
        take(stack[-1], stack.pop()[1])
    return found


# --- from boxes to matches -----------------------------------------------------------


def _address(side: str) -> Field:
    return Field.SOURCE if side == "src" else Field.DESTINATION


def box_matches(sides: Sides, box: Box) -> tuple[tuple[Match, ...], ...]:
    """The alternatives under which a packet is in `box`: mostly one, several for ICMP types."""
    sort = iter(box[0])
    columns = iter(box[1:])
    alternatives: list[tuple[Match, ...]] = [()]
    for kind, side in zip(sides.kinds, sides.dimensions, strict=True):
        match kind:
            case "ip" | "net":
                found: list[tuple[Match, ...]] = [(FieldMatch(_address(side), _intervals(next(columns))),)]
            case "port":
                found = _ports(str(next(sort)), side, _intervals(next(columns)), _intervals(next(columns)))
            case "mac":
                found = [(_mac(sides, side, _intervals(next(columns))),)]
            case "mark":
                found = [_mark(_intervals(next(columns)), sides.found.markmask)]
            case _:
                found = [(_interface(sides, str(next(sort)), side, tuple(map(str, next(columns)))),)]
        alternatives = [(*before, *each) for before in alternatives for each in found]
    return tuple(alternatives)


def _ports(sort: str, side: str, protocols: Intervals, ports: Intervals) -> list[tuple[Match, ...]]:
    protocol = FieldMatch(Field.PROTOCOL, protocols)
    if sort == "other":
        return [(protocol,)]
    if sort == "port":
        field = Field.SOURCE_PORT if side == "src" else Field.DESTINATION_PORT
        return [(protocol, FieldMatch(field, ports))]
    found: list[tuple[Match, ...]] = []
    for kind in sorted({low >> 8 for low, _ in ports} | {high >> 8 for _, high in ports}):
        codes = intersect(ports, ((kind << 8, kind << 8 | 255),))
        ranges = normalise((low & 255, high & 255) for low, high in codes)
        found.append((protocol, FieldMatch(Field.ICMP_TYPE, ((kind, kind),)), FieldMatch(Field.ICMP_CODE, ranges)))
    return found


def _mac(sides: Sides, side: str, numbers: Intervals) -> Match:
    """The source's MAC address; the destination's is in no packet of the model (and kernels before 4.20 never
    look at it). An element without one takes that of the first packet it meets."""
    name = sides.found.name
    if side != "src":
        text = f"the packet's destination MAC address is one that set {name} has for it"
        return ConditionMatch(sides.host.condition(text, span=sides.found.span))
    if not numbers:
        text = f"an element of set {name} without a MAC address has taken that of the packet"
        return ConditionMatch(sides.host.condition(text, span=sides.found.span))
    return FieldMatch(Field.MAC, intersect(numbers, ((1, (1 << 48) - 1),)))


def _mark(values: Intervals, mask: int) -> tuple[Match, ...]:
    """The bits of the mark that `mask` compares; marks are single values."""
    value = values[0][0] & mask
    return tuple(BitMatch(Bit("mark", n), bool(value >> n & 1)) for n in range(32) if mask >> n & 1)


def _interface(sides: Sides, sort: str, side: str, names: Names) -> Match:
    if sort == "bridged":
        text = f"the packet passes a bridge's port that set {sides.found.name} names: {', '.join(names)}"
        return ConditionMatch(sides.host.condition(text, span=sides.found.span))
    return InterfaceMatch(Field.IN_INTERFACE if side == "src" else Field.OUT_INTERFACE, names)
