"""One packet through a firewall, rule by rule, as a person would walk it: the reference.

Written apart from `evaluate.py`, which does the same with sets of packets; property tests hold the two
together. Where a rule asks something that the export cannot tell, the walk splits, once for
each answer; the packet's verdict is known where all walks end alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from validator.engine.asking import assign, bit_of, told
from validator.engine.packet import Packet
from validator.engine.passing import reached
from validator.engine.walk import DNAT, HERE, Frame, Given, Step, Stop, Undecided, Walk, stops
from validator.model import (
    LOOPBACK,
    AnyOf,
    BitMatch,
    Chain,
    Condition,
    ConditionMatch,
    FieldMatch,
    Firewall,
    Hook,
    InterfaceMatch,
    Match,
    NoneOf,
    Rule,
    Verb,
)
from validator.packets.fields import ICMP, ICMPV6, TCP, Field, State, TcpFlag
from validator.packets.intervals import contains

MOST_WALKS = 2_000
"""How often a packet's walk may split before its verdict is given up as unknown."""
MOST_STEPS = 2_000_000


class Trace(Struct, frozen=True):
    """What becomes of a packet.

    `verdict` is accept, drop, reject or unknown. `rule` decides it; None where no rule does, or where several
    do under different conditions. `steps` are the rules met, on the first walk. `conditions` are those that
    the walks asked about, assumed ones included.
    """

    verdict: str
    rule: Rule | None
    steps: tuple[Step, ...]
    conditions: tuple[Condition, ...]


def interpret(firewalls: Sequence[Firewall], packet: Packet, given: Mapping[str, Given] | None = None) -> Trace:
    """Walk `packet` through `firewalls` (of one host and family, in the order it meets them) at its hook.

    `given` settles open conditions by key, and Field.ALTERNATIVE may be set in the packet's values.
    """
    asked: dict[str, Condition] = {}
    ended: list[tuple[str, Walk]] = []
    todo = [Walk(start, ahead, dict(given or {})) for start, ahead in _starts(firewalls, packet, asked)]
    todo.reverse()
    rounds = 0
    gave_up = False
    while todo and not gave_up:
        walk = todo.pop()
        try:
            ended.append((_finish(walk, asked), walk))
        except Undecided as undecided:
            for value in reversed(undecided.values):
                other = walk.split()
                other.given[undecided.condition.key] = value
                todo.append(other)
        rounds += 1
        gave_up = rounds >= MOST_WALKS
    return _trace(ended, gave_up, asked)


def _trace(ended: Sequence[tuple[str, Walk]], gave_up: bool, asked: Mapping[str, Condition]) -> Trace:
    verdicts = {verdict for verdict, _ in ended}
    rules = {id(walk.rule): walk.rule for _, walk in ended}
    first = ended[0][1] if ended else None
    verdict = "unknown"
    if not gave_up and len(verdicts) == 1:
        verdict = verdicts.pop()
    elif not gave_up and verdicts == {"drop", "reject"}:
        verdict = "drop"
    decided = verdict != "unknown" and len(rules) == 1 and first is not None
    return Trace(
        verdict,
        first.rule if decided and first else None,
        tuple(first.steps) if first else (),
        tuple(asked.values()),
    )


def _starts(
    firewalls: Sequence[Firewall], packet: Packet, asked: dict[str, Condition]
) -> Iterator[tuple[Packet, list[Stop]]]:
    """The packet as it starts: once for each alternative and Windows profile that nobody chose between."""
    ahead: list[Stop] = []
    for firewall in firewalls:
        if not firewall.loopback_filtered and LOOPBACK in (packet.in_interface, packet.out_interface):
            continue
        ahead += stops(firewall, packet.hook)
    ahead.reverse()
    alternatives = next((f.alternatives for f in firewalls if f.alternatives), ())
    if alternatives and Field.ALTERNATIVE not in packet.values:
        asked["alternative"] = Condition("alternative", f"which is in force: {_names(alternatives)}")
        packets = [replace(packet, values={**packet.values, Field.ALTERNATIVE: n}) for n in range(len(alternatives))]
    else:
        packets = [packet]
    profiles = next((f.profiles for f in firewalls if f.profiles), ())
    named = {packet.in_interface, packet.out_interface} & {*profiles, LOOPBACK}
    for each in packets:
        if not profiles or named or packet.hook is Hook.FORWARD:
            yield each, list(ahead)
            continue
        if len(profiles) > 1:
            asked["profile"] = Condition("profile", f"which profile is active: {', '.join(profiles)}")
        for profile in profiles:
            if packet.hook is Hook.INPUT:
                yield replace(each, in_interface=profile), list(ahead)
            else:
                yield replace(each, out_interface=profile), list(ahead)


def _names(alternatives: Sequence[object]) -> str:
    texts = [getattr(each, "text", str(each)) for each in alternatives]
    return ", ".join(texts[:4]) + (f" and {len(texts) - 4} more" if len(texts) > 4 else "")


def _finish(walk: Walk, asked: dict[str, Condition]) -> str:
    """Walk on to the end; raises Undecided, with the walk as it was before the rule that asks."""
    steps = 0
    while True:
        while not walk.frames:
            if not walk.ahead:
                return "accept"
            _next_stop(walk, asked)
        steps += 1
        if steps > MOST_STEPS:
            raise Undecided(Condition("a walk without end", "the walk does not end"))
        frame = walk.frames[-1]
        if frame.at < len(frame.chain.rules):
            rule = frame.chain.rules[frame.at]
            ended = ""
            if rule.enabled and all(_matches(match, walk, asked) for match in rule.matches):
                ended = _act(walk, frame, rule, asked)
            else:
                frame.at += 1
        else:
            ended = _return(walk)
        if ended:
            return ended


def _next_stop(walk: Walk, asked: dict[str, Condition]) -> None:
    """Go on to the next base chain, or past a routing decision."""
    stop = walk.ahead[-1]
    if stop.at is None:
        walk.ahead.pop()
        walk.begin(stop.firewall)
        return
    if not stop.chain:
        walk.ahead.pop()
        walk.route(stop)
        return
    chain = stop.firewall.chains[stop.chain]
    if chain.first_packets and not walk.first_packet and not _is_first(walk.packet):
        found = _first_packet(walk, stop, asked) if _translates(walk, stop) else None  # may raise, not yet passed
        walk.ahead.pop()
        if found is not None:
            _translate_alike(walk, found)
        return
    walk.ahead.pop()
    walk.at = stop.at
    walk.frames.append(Frame(chain))


def _translates(walk: Walk, stop: Stop) -> bool:
    """Whether a nat chain is where a packet of a known connection is translated: the first one of its hook."""
    if stop.at not in (Hook.PREROUTING, Hook.OUTPUT) or walk.packet.values.get(Field.STATE) != State.ESTABLISHED:
        return False
    names = stop.firewall.hooks[stop.at]
    return stop.chain == next(name for name in names if stop.firewall.chains[name].first_packets)


def _is_first(packet: Packet) -> bool:
    """Whether a nat chain is asked about the packet: new ones, and related ones that are no ICMP errors."""
    state, protocol = packet.values.get(Field.STATE), packet.values.get(Field.PROTOCOL)
    return state == State.NEW or (state == State.RELATED and protocol not in (ICMP, ICMPV6))


def _first_packet(walk: Walk, stop: Stop, asked: dict[str, Condition]) -> Walk | None:
    """The walk of the connection's first packet up to this chain, None where it does not get through that."""
    assert walk.firewall is not None
    assert stop.at is not None
    opening = {Field.STATE: int(State.NEW)}
    if walk.packet.values.get(Field.PROTOCOL) == TCP:
        opening[Field.TCP_FLAGS] = int(TcpFlag.SYN)
    packet = replace(walk.packet, values={**walk.packet.values, **opening})
    firewall = walk.firewall
    names = firewall.hooks[stop.at]
    last = max(number for number, name in enumerate(names) if firewall.chains[name].first_packets)
    ahead = [Stop(firewall, stop.at, name) for name in reversed(names[: last + 1])]
    other = Walk(packet, [*ahead, Stop(firewall)], walk.given, first_packet=True)
    return other if _finish(other, asked) == "accept" else None


def _translate_alike(walk: Walk, first: Walk) -> None:
    """Translate a packet as the first one of its connection was."""
    changed = {
        field: first.packet.values[field]
        for field in (Field.DESTINATION, Field.DESTINATION_PORT)
        if field in first.packet.values
    }
    if first.bits.get(DNAT):
        walk.packet = replace(walk.packet, values={**walk.packet.values, **changed})
        walk.bits[DNAT] = True
        walk.bits[HERE] = first.bits[HERE]
        walk.rerouted, walk.way_out = first.rerouted, first.way_out


def _act(walk: Walk, frame: Frame, rule: Rule, asked: dict[str, Condition]) -> str:
    """Do what a rule that matched says; the verdict if that ends the walk, else empty."""
    assert walk.firewall is not None
    action, chain = rule.action, frame.chain
    if action.verb in (Verb.JUMP, Verb.GOTO):
        target = walk.firewall.chains.get(action.chain)
        if target is None or any(each.name == chain.name for each in reached(walk.firewall, [target.name])):
            return _impossible(walk, frame, rule, target, asked)
    assign(walk, action.assign, asked)
    frame.at += 1
    walk.steps.append(Step(walk.firewall, chain, rule))
    match action.verb:
        case Verb.JUMP:
            walk.frames.append(Frame(walk.firewall.chains[action.chain]))
        case Verb.GOTO:
            walk.frames.append(Frame(walk.firewall.chains[action.chain], via_goto=True))
        case Verb.RETURN:
            return _return(walk)
        case Verb.ACCEPT:
            walk.decided(rule, chain)
            walk.frames.clear()
        case Verb.DELIVER:
            walk.decided(rule, chain)
            firewall = walk.firewall
            walk.ahead = [each for each in walk.ahead if each.firewall is not firewall]
            walk.frames.clear()
        case Verb.DROP | Verb.REJECT:
            walk.rule = rule
            return action.verb.value
    return ""


def _impossible(walk: Walk, frame: Frame, rule: Rule, target: Chain | None, asked: dict[str, Condition]) -> str:
    """A jump that the kernel would refuse to load: to a missing chain, or round in a loop."""
    assert walk.firewall is not None
    what = f"{'loop of jumps at' if target else 'jump to the missing chain'} {rule.action.chain}"
    key = f"{what} ({walk.firewall.host})"
    accepts = told(Condition(key, f"{what}: the kernel refuses this ruleset", rule.span), walk, asked)
    walk.steps.append(Step(walk.firewall, frame.chain, rule))
    if accepts:
        walk.decided(rule, frame.chain)
        walk.frames.clear()
        return ""
    walk.rule = rule
    return "drop"


def _return(walk: Walk) -> str:
    """Leave the innermost chain: to its caller, past callers that went away with goto, or to the policy."""
    assert walk.firewall is not None
    left = walk.frames.pop()
    while left.via_goto and walk.frames:
        left = walk.frames.pop()
    if walk.frames:
        return ""
    policy = left.chain.policy
    if policy is None:
        return ""  # a base chain without a policy accepts
    walk.steps.append(Step(walk.firewall, left.chain, policy))
    if policy.action.verb is Verb.ACCEPT:
        walk.decided(policy, left.chain)
        return ""
    walk.rule = policy
    return policy.action.verb.value


# --- matches -------------------------------------------------------------------


def _matches(match: Match, walk: Walk, asked: dict[str, Condition]) -> bool:
    match match:
        case FieldMatch():
            value = walk.packet.values.get(match.field)
            if value is None:
                return told(_unknown_field(match), walk, asked)
            return contains(match.intervals, value)
        case InterfaceMatch():
            inward = match.field is Field.IN_INTERFACE
            name = walk.packet.in_interface if inward else walk.out_interface
            return any(_named(pattern, name) for pattern in match.names) is not match.negated
        case BitMatch():
            return bit_of(match.bit, walk.bits, walk, asked) is match.expected
        case ConditionMatch():
            return told(match.condition, walk, asked) is match.expected
        case AnyOf():
            return any(all(_matches(part, walk, asked) for part in parts) for parts in match.alternatives)
        case NoneOf():
            return not all(_matches(part, walk, asked) for part in match.matches)


def _unknown_field(match: FieldMatch) -> Condition:
    text = f"the packet's {match.field.label}, which was not given, is one that the rule names"
    return Condition(f"{match.field.label} in {match.intervals}", text)


def _named(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("+") else name == pattern
