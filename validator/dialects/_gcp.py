"""Firewall rules and firewall policies of Google Cloud as a firewall of the model.

"VPC firewall rules" (Cloud NGFW documentation, https://docs.cloud.google.com/firewall/docs/firewalls): the rule with
the lowest priority number decides, deny before allow at the same one; what no rule decides is denied inbound and
allowed outbound (the implied rules at 65535); replies to what was allowed pass (stateful); a disabled rule does not
count. What no rule changes is in `_gcp_platform`.

"Evaluation order for firewall policies and rules": hierarchical policies, system policies, VPC rules, then global and
regional network policies; with networkFirewallPolicyEnforcementOrder BEFORE_CLASSIC_FIREWALL the network policies come
before the VPC rules. A policy's rule allows, denies or goes to the next step; so does a packet that no rule matches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from msgspec import Struct

from validator.dialects import Fragment, Options
from validator.dialects._cloud import assumed
from validator.dialects._gcp_data import (
    FirewallRule,
    FirewallRules,
    Instances,
    Networks,
    Policies,
    Policy,
    network_name,
)
from validator.dialects._gcp_matches import ALWAYS, When, is_target, limits, matches, own, peers, per_point, traffic
from validator.dialects._gcp_platform import platform_addresses, platform_rules
from validator.dialects._gcp_points import Known, Point, points
from validator.errors import ExportError
from validator.model import (
    ACCEPT,
    DROP,
    RETURN,
    Action,
    Chain,
    Condition,
    ConditionMatch,
    Firewall,
    Hook,
    Rule,
    Verb,
    undecidable,
)
from validator.source import Span

_NO_POLICIES = "no-firewall-policies"
_LIST = "gcloud compute firewall-rules list --format=json"
_KINDS = ("hierarchy", "system", "global", "regional")


class _Host(Struct, frozen=True):
    """What the exports of one host hold, and where it may be; `whole` where they hold every policy there is."""

    rules: tuple[FirewallRules, ...]
    policies: tuple[tuple[str, Policy], ...]
    known: Known
    points: tuple[Point, ...]
    policies_first: dict[str, bool]
    whole: bool
    options: Options
    path: str


def convert(fragments: Sequence[Fragment], options: Options) -> Firewall | None:
    """The firewall of one host and family: of an instance's interface, or of a network.

    Where nobody told which, each is an alternative. Without any rules it has no chains. Raises SiteError for a tag,
    account, instance or network that no export knows, ExportError for policies whose order nobody can tell.
    """
    host = _host(fragments, options)
    chains: dict[str, Chain] = {}
    if host.rules or host.policies:
        for name, inbound in (("ingress", True), ("egress", False)):
            chains |= {chain.name: chain for chain in _chains(name, inbound, host)}
    hooks = {Hook.INPUT: ("ingress",), Hook.OUTPUT: ("egress",)} if chains else {}
    several = len(host.points) > 1
    return Firewall(
        host=options.host,
        name=f"{len(host.points)} places in Google Cloud" if several else host.points[0].name,
        platform="gcp",
        family=options.family,
        hooks=hooks,
        chains=chains,
        exports=tuple(dict.fromkeys(fragment.path for fragment in fragments)),
        loopback_filtered=False,
        alternatives=tuple(point.span for point in host.points) if several and chains else (),
        platform_addresses=platform_addresses(options.family),
    )


def _host(fragments: Sequence[Fragment], options: Options) -> _Host:
    data = [each for fragment in fragments for each in _parts(fragment.data)]
    rules = tuple(each for each in data if isinstance(each, FirewallRules))
    policies = [(each.path, policy) for each in data if isinstance(each, Policies) for policy in each.policies]
    policies.sort(key=lambda item: (_KINDS.index(item[1].kind), item[1].rank))
    _check_order(policies)
    networks = [network for each in data if isinstance(each, Networks) for network in each.networks]
    every = [(each.path, rule) for each in rules for rule in each.rules]
    every += [(path, rule) for path, policy in policies for rule in policy.rules]
    named = [name for _, policy in policies for name in policy.networks or ()]
    known = Known.of(every, [each for each in data if isinstance(each, Instances)], named)
    path = next((each.path for each in rules), fragments[0].path)
    first = {network_name(network.name): network.policies_first for network in networks}
    whole = any(each.whole for each in data if isinstance(each, Policies))
    return _Host(rules, tuple(policies), known, points(known, options, path), first, whole, options, path)


def _parts(data: object) -> tuple[object, ...]:
    """An export that holds rules and policies has both as a tuple."""
    return data if isinstance(data, tuple) else (data,)


def _check_order(policies: Sequence[tuple[str, Policy]]) -> None:
    """Two policies of folders, exported one by one: which folder is the outer one stands in neither."""
    ranks: dict[int, str] = {}
    for path, policy in policies:
        if policy.kind != "hierarchy":
            continue
        if ranks.setdefault(policy.rank, policy.name) != policy.name:
            problem = f"which of the policies {ranks[policy.rank]} and {policy.name} comes first cannot be told"
            remedy = "export gcloud compute networks get-effective-firewalls NETWORK --format=json, which orders them"
            raise ExportError(problem, remedy, path, policy.line)


# --- chains ------------------------------------------------------------------


def _chains(name: str, inbound: bool, host: _Host) -> Iterator[Chain]:
    """The base chain of a direction and the chains of its steps."""
    steps: list[Rule] = []
    late: list[Rule] = []
    for number, (path, policy) in enumerate(host.policies):
        chain = Chain(f"policy {number} {policy.name} {name}", tuple(_policy(path, policy, inbound, host)))
        where = per_point(host.points, partial(_is_in, policy))
        span = Span(path, policy.line, f"policy {policy.name}")
        if policy.kind in ("global", "regional"):
            # What a policy does not decide goes on, so that asking it a second time, in its later place, is harmless.
            first = per_point(host.points, lambda point: _policies_first(host, point))
            steps += _jump((where, first), span, chain)
            late += _jump((where,), span, chain)
        else:
            steps += _jump((where,), span, chain)
        yield chain
    rules = Chain(f"VPC rules {name}", tuple(_vpc(inbound, host)))
    yield rules
    steps += _jump((ALWAYS,), Span(host.path, 1, "VPC firewall rules"), rules)
    fixed = (*platform_rules(inbound, host.options.family, host.path), *_unseen(host))
    yield Chain(name, (*fixed, *steps, *late), _implied(name, inbound, host))


def _unseen(host: _Host) -> Iterator[Rule]:
    """Policies that no export holds: assumed to decide nothing."""
    if not host.whole:
        text = "a firewall policy that was not exported decides it"
        condition = assumed(
            f"gcp policies {host.options.host}", text, _NO_POLICIES, Span(host.path, 1, text), host.options
        )
        yield from undecidable((condition,), Span(host.path, 1, text), text, text)


def _jump(whens: Sequence[When], span: Span, chain: Chain) -> Iterator[Rule]:
    found = matches(whens)
    if found is not None:
        yield Rule(found, Action(Verb.JUMP, chain.name), span, f"to {chain.name}", implicit=True)


def _is_in(policy: Policy, point: Point) -> When:
    """When `point` is where a policy holds."""
    if policy.networks is not None and point.network not in map(network_name, policy.networks):
        return ()
    if not policy.region or point.region == policy.region:
        return ALWAYS
    if point.region:
        return ()
    return ((ConditionMatch(Condition(f"gcp region {policy.region}", f"the host is in region {policy.region}")),),)


def _policies_first(host: _Host, point: Point) -> When:
    if point.network in host.policies_first:
        return ALWAYS if host.policies_first[point.network] else ()
    text = (
        f"network {point.network} asks network policies before VPC rules "
        "(gcloud compute networks list --format=json tells)"
    )
    return ((ConditionMatch(Condition(f"gcp order {point.network}", text)),),)


def _implied(name: str, inbound: bool, host: _Host) -> Rule:
    verb = "denies" if inbound else "allows"
    text = f"no rule decides it: the implied rule {verb} {name}"
    return Rule((), DROP if inbound else ACCEPT, Span(host.path, 1, text), text, implicit=True)


# --- rules -------------------------------------------------------------------


def _policy(path: str, policy: Policy, inbound: bool, host: _Host) -> Iterator[Rule]:
    for rule in _in_order([(path, rule) for rule in policy.rules], inbound):
        yield from _rules(*rule, host)


def _vpc(inbound: bool, host: _Host) -> Iterator[Rule]:
    """The VPC firewall rules, with what is missing of them."""
    for export in host.rules:
        if not export.complete:
            why = export.why or f"the export does not hold every rule: run {_LIST}"
            yield from undecidable((), Span(export.path, 1, why), why, why)
    exported = {network_name(rule.network) for export in host.rules for rule in export.rules}
    missing = per_point(host.points, lambda point: () if point.network in exported else ALWAYS)
    found = matches((missing,))
    if found is not None:
        away = sorted({point.network for point in host.points} - exported)
        why = f"no VPC firewall rule of network {away[0] or 'unknown'} is in the exports: run {_LIST}"
        yield from undecidable(found, Span(host.path, 1, why), why, why)
    every = [(export.path, rule) for export in host.rules for rule in export.rules]
    for path, rule in _in_order(every, inbound):
        yield from _rules(path, rule, host)


def _in_order(rules: Sequence[tuple[str, FirewallRule]], inbound: bool) -> list[tuple[str, FirewallRule]]:
    """By priority, and deny before allow at the same one; what was not understood before both."""
    return sorted(
        (each for each in rules if each[1].inbound is inbound),
        key=lambda each: (each[1].priority, not each[1].why, each[1].allow),
    )


def _rules(path: str, rule: FirewallRule, host: _Host) -> Iterator[Rule]:
    """The rule in the model: none where it cannot match in this family or is for other hosts."""
    options = host.options
    where = per_point(host.points, lambda point: is_target(rule, point, options))
    parts = (traffic(rule), peers(rule, path, host.known, options), own(rule, options))
    why = rule.why
    for part, what in zip(parts, ("protocols or ports", "sources or destinations", "addresses"), strict=True):
        if part is None and not why:
            why = f"its {what} are not understood"
    text = f"{rule.name}: priority {rule.priority}, {described(rule)}"
    span = Span(path, rule.line, f"{text}: {why}" if why else text)
    if why:
        found = matches((where,))
        if found is not None and not rule.disabled:
            yield from undecidable(found, span, text, f"{rule.name}: {why}")
        return
    found = matches((where, *(part for part in parts if part is not None), limits(rule)))
    if found is None:
        return
    action = RETURN if rule.goto_next else ACCEPT if rule.allow else DROP
    yield Rule(found, action, span, text, rule.name, enabled=not rule.disabled)


def described(rule: FirewallRule) -> str:
    """A rule in one line, as people say it: `allow tcp:80 from 10.0.0.0/8`."""
    verb = "goto_next" if rule.goto_next else "allow" if rule.allow else "deny"
    what = ", ".join(f"{each.name}:{'+'.join(each.ports)}" if each.ports else each.name for each in rule.protocols)
    ends = [*rule.ranges, *rule.source_tags, *rule.source_accounts, *rule.peers] or ["0.0.0.0/0"]
    shown = ", ".join(ends[:3]) + (f" and {len(ends) - 3} more" if len(ends) > 3 else "")
    return f"{verb} {what} {'from' if rule.inbound else 'to'} {shown}"
