"""One packet through a firewall, rule by rule, as a person would walk it: the reference.

Written apart from `evaluate.py`, which does the same with sets of packets; property tests hold the two
together. Where a rule asks something that the export cannot tell, the walk splits in two, once for
each answer; the packet's verdict is known where all walks end alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from validator.engine.packet import Packet
from validator.model import (
    LOOPBACK,
    AnyOf,
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
from validator.packets.fields import Field
from validator.packets.intervals import contains

MOST_WALKS = 2_000
"""How often a packet's walk may split before its verdict is given up as unknown."""
MOST_STEPS = 2_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """A rule that the packet met, or a chain's policy, and the chain."""

    firewall: Firewall
    chain: Chain
    rule: Rule


@dataclass(frozen=True, slots=True)
class Trace:
    """What becomes of a packet.

    `verdict` is accept, drop, reject or unknown. `rule` decides it; None where no rule does, or where several
    do under different conditions. `steps` are the rules met, on the first walk. `conditions` are those that
    the walks asked about, assumed ones included.
    """

    verdict: str
    rule: Rule | None
    steps: tuple[Step, ...]
    conditions: tuple[Condition, ...]


class _Undecided(Exception):
    """A match asked about a condition that has no value yet."""

    def __init__(self, condition: Condition) -> None:
        super().__init__(condition.key)
        self.condition = condition


@dataclass(slots=True)
class _Frame:
    """A chain being walked: the next rule, and whether its end goes to the caller's caller (goto)."""

    chain: Chain
    at: int = 0
    via_goto: bool = False


@dataclass(slots=True)
class _Walk:
    """A walk in progress: the firewalls and base chains still to pass, and the chains being walked."""

    packet: Packet
    ahead: list[tuple[Firewall, str]]
    given: dict[str, bool]
    frames: list[_Frame] = field(default_factory=list)
    firewall: Firewall | None = None
    steps: list[Step] = field(default_factory=list)
    rule: Rule | None = None
    policy_of: Chain | None = None

    def decided(self, rule: Rule, policy_of: Chain | None) -> None:
        """`rule` accepts for a base chain; a chain's policy does not hide the rule that accepted before it,
        nor the policy of a chain with more rules."""
        if policy_of and self.rule and (not self.policy_of or len(policy_of.rules) < len(self.policy_of.rules)):
            return
        self.rule, self.policy_of = rule, policy_of

    def split(self) -> _Walk:
        """A copy that can go another way."""
        frames = [replace(frame) for frame in self.frames]
        return replace(self, ahead=list(self.ahead), given=dict(self.given), frames=frames, steps=list(self.steps))


def interpret(firewalls: Sequence[Firewall], packet: Packet, given: Mapping[str, bool] | None = None) -> Trace:
    """Walk `packet` through `firewalls` (of one host and family, in the order it meets them) at its hook.

    `given` settles open conditions by key, and Field.ALTERNATIVE may be set in the packet's values.
    """
    asked: dict[str, Condition] = {}
    ended: list[tuple[str, _Walk]] = []
    todo = [_Walk(start, ahead, dict(given or {})) for start, ahead in _starts(firewalls, packet, asked)]
    todo.reverse()
    steps = 0
    gave_up = False
    while todo and not gave_up:
        walk = todo.pop()
        try:
            ended.append((_finish(walk, asked), walk))
        except _Undecided as undecided:
            key = undecided.condition.key
            other = walk.split()
            walk.given[key], other.given[key] = True, False
            todo += [other, walk]
        steps += 1
        gave_up = steps >= MOST_WALKS
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
) -> Iterator[tuple[Packet, list[tuple[Firewall, str]]]]:
    """The packet as it starts: once for each alternative and Windows profile that nobody chose between."""
    ahead = []
    for firewall in firewalls:
        if not firewall.loopback_filtered and LOOPBACK in (packet.in_interface, packet.out_interface):
            continue
        ahead += [(firewall, name) for name in firewall.hooks.get(packet.hook, ())]
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


def _finish(walk: _Walk, asked: dict[str, Condition]) -> str:
    """Walk on to the end; raises _Undecided, with the walk before the rule that asks."""
    steps = 0
    while True:
        if not walk.frames:
            if not walk.ahead:
                return "accept"
            walk.firewall, name = walk.ahead[-1]
            walk.frames.append(_Frame(walk.firewall.chains[name]))
            walk.ahead.pop()
        steps += 1
        if steps > MOST_STEPS:
            raise _Undecided(Condition("a walk without end", "the walk does not end"))
        frame = walk.frames[-1]
        if frame.at < len(frame.chain.rules):
            rule = frame.chain.rules[frame.at]
            if rule.enabled and all(_matches(match, walk, asked) for match in rule.matches):
                frame.at += 1
                ended = _act(walk, frame.chain, rule, asked)
                if ended:
                    return ended
            else:
                frame.at += 1
        else:
            ended = _return(walk)
            if ended:
                return ended


def _act(walk: _Walk, chain: Chain, rule: Rule, asked: dict[str, Condition]) -> str:
    """Do what a rule that matched says; the verdict if that ends the walk, else empty."""
    assert walk.firewall is not None
    action = rule.action
    if action.verb in (Verb.JUMP, Verb.GOTO):
        target = walk.firewall.chains.get(action.chain)
        if target is None or any(frame.chain is target for frame in walk.frames):
            what = f"{'loop of jumps at' if target else 'jump to the missing chain'} {action.chain}"
            key = f"{what} ({walk.firewall.host})"
            asked.setdefault(key, Condition(key, f"{what}: the kernel refuses this ruleset", rule.span))
            if key not in walk.given:
                walk.frames[-1].at -= 1  # ask, then meet this rule again
                raise _Undecided(asked[key])
            walk.steps.append(Step(walk.firewall, chain, rule))
            if walk.given[key]:
                walk.decided(rule, None)
                return _accepted(walk)
            walk.rule = rule
            return "drop"
    walk.steps.append(Step(walk.firewall, chain, rule))
    match action.verb:
        case Verb.JUMP:
            walk.frames.append(_Frame(walk.firewall.chains[action.chain]))
        case Verb.GOTO:
            walk.frames.append(_Frame(walk.firewall.chains[action.chain], via_goto=True))
        case Verb.RETURN:
            return _return(walk)
        case Verb.CONTINUE:
            if action.assign:
                values = {**walk.packet.values, **dict(action.assign)}
                walk.packet = replace(walk.packet, values=values)
        case Verb.ACCEPT:
            walk.decided(rule, None)
            return _accepted(walk)
        case Verb.DELIVER:
            walk.decided(rule, None)
            firewall = walk.firewall
            walk.ahead = [each for each in walk.ahead if each[0] is not firewall]
            return _accepted(walk)
        case Verb.DROP | Verb.REJECT:
            walk.rule = rule
            return action.verb.value
    return ""


def _return(walk: _Walk) -> str:
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


def _accepted(walk: _Walk) -> str:
    """The base chain accepts: the next one, or the end."""
    walk.frames.clear()
    return ""


def _matches(match: Match, walk: _Walk, asked: dict[str, Condition]) -> bool:
    match match:
        case FieldMatch():
            value = walk.packet.values.get(match.field)
            if value is None:
                return _told(_unknown_field(match), walk, asked)
            return contains(match.intervals, value)
        case InterfaceMatch():
            inward = match.field is Field.IN_INTERFACE
            name = walk.packet.in_interface if inward else walk.packet.out_interface
            return any(_named(pattern, name) for pattern in match.names) is not match.negated
        case ConditionMatch():
            return _told(match.condition, walk, asked) is match.expected
        case AnyOf():
            return any(all(_matches(part, walk, asked) for part in parts) for parts in match.alternatives)
        case NoneOf():
            return not all(_matches(part, walk, asked) for part in match.matches)


def _unknown_field(match: FieldMatch) -> Condition:
    text = f"the packet's {match.field.label}, which was not given, is one that the rule names"
    return Condition(f"{match.field.label} in {match.intervals}", text)


def _told(condition: Condition, walk: _Walk, asked: dict[str, Condition]) -> bool:
    """The value of a condition: assumed, given, or chosen where this walk split."""
    asked.setdefault(condition.key, condition)
    if condition.assumed is not None:
        return condition.assumed
    if condition.key not in walk.given:
        raise _Undecided(condition)
    return walk.given[condition.key]


def _named(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("+") else name == pattern
