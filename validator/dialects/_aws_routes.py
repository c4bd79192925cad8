"""Route tables as a chain: what leaves a subnet needs a route, and one whose target is still there.

Amazon VPC User Guide, "Route priority": the most specific route that matches decides; of equal ones a static route
comes before a propagated one. A route to a prefix list is one to each of its entries. A route whose target is gone is a
black hole (EC2 API reference, Route: State). That a route exists proves no more than that nothing is dropped here: what
stands behind a gateway is not in these exports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from validator.dialects import Options
from validator.dialects._aws_data import Route, RouteTable
from validator.dialects._aws_inventory import Inventory
from validator.dialects._aws_platform import platform_rules
from validator.dialects._aws_points import Point, attached
from validator.dialects._cloud import addresses, is_block
from validator.model import ACCEPT, DROP, Chain, Condition, ConditionMatch, FieldMatch, Match, Rule, undecidable
from validator.packets.fields import Field
from validator.source import Span

_COMMAND = "aws ec2 describe-route-tables"
_ENTRIES = "aws ec2 get-managed-prefix-list-entries"


def route_chain(points: Sequence[Point], inventory: Inventory, options: Options) -> Chain:
    """What the routes of the points' subnets let leave."""
    rules = list(platform_rules(inventory, False, options.family))
    for facts in inventory.facts:
        if facts.tables and not facts.complete:
            why = f"the export is one page of several: run {_COMMAND} without --no-paginate"
            rules.extend(undecidable((), Span(facts.path, 1, why), why, why))
    tables: dict[str, list[int]] = {}
    unknown: dict[str, list[int]] = {}
    for number, point in enumerate(points):
        if point.table:
            tables.setdefault(point.table.id, []).append(number)
        else:
            unknown.setdefault(point.subnet_id, []).append(number)
    for identity, numbers in tables.items():
        rules.extend(_table(inventory.tables[identity], attached(points, numbers), inventory, options))
    for subnet, numbers in unknown.items():
        what = f"the route table of {subnet or 'the subnet'}, which is not exported, has a route: run {_COMMAND}"
        matches = (*attached(points, numbers), ConditionMatch(Condition(f"route of {subnet}", what)))
        span = points[numbers[0]].span
        rules.append(Rule(matches, ACCEPT, Span(span.path, span.line, what), what))
    first = next((point.table for point in points if point.table), None)
    text = "no route leads there"
    span = Span(first.path, first.line, f"{first.id}: {text}") if first else points[0].span
    return Chain("routes", tuple(rules), Rule((), DROP, span, text, implicit=True))


def _table(table: RouteTable, own: tuple[Match, ...], inventory: Inventory, options: Options) -> Iterator[Rule]:
    """The routes of a table, the most specific first; those to prefix lists that nobody knows before all."""
    blocks: list[tuple[str, Route]] = []
    for route in table.routes:
        exported = inventory.prefix_lists.get(route.destination)
        listed = options.networks.get(route.destination) or (exported.blocks if exported else None)
        if is_block(route.destination):
            blocks.append((route.destination, route))
        elif listed is not None:
            blocks += [(block, route) for block in listed]
        else:
            yield from _listed(table, route, own)
    blocks.sort(key=lambda each: (-ip_network(each[0], strict=False).prefixlen, each[1].propagated))
    for block, route in blocks:
        ranges = addresses([block], options.family)
        if ranges:
            text = f"{table.id}: {route.destination}" + (
                " is a black hole: its target is gone" if route.blackhole else ""
            )
            matches = (*own, FieldMatch(Field.DESTINATION, ranges))
            yield Rule(matches, DROP if route.blackhole else ACCEPT, Span(table.path, route.line, text), text, table.id)


def _listed(table: RouteTable, route: Route, own: tuple[Match, ...]) -> Iterator[Rule]:
    """A route to a prefix list whose entries no export holds."""
    command = f"{_ENTRIES} --prefix-list-id {route.destination} > {route.destination}.json"
    text = f"{table.id}: {route.destination} may lead there ({command} exports it)"
    span = Span(table.path, route.line, text)
    if route.blackhole:
        yield from undecidable(own, span, text, text)
        return
    leads = ConditionMatch(Condition(f"routed by prefix list {route.destination}", text))
    yield Rule((*own, leads), ACCEPT, span, text, table.id)
