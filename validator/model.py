"""The vendor-independent model: a firewall is hooks with chains of rules, first match wins.

Every dialect converts to this, and everything after the dialects reads only this. Nothing here
is computed; the meaning is in `engine/interpret.py` (one packet) and `engine/evaluate.py` (sets).
"""

from __future__ import annotations

import enum
from collections.abc import Hashable, Mapping, Sequence

from msgspec import Struct, field

from validator.packets.fields import Family, Field, Intervals, State
from validator.source import Span

LOOPBACK = "lo"
"""The name of the loopback interface in every firewall of the model, Windows included."""


class Hook(enum.StrEnum):
    """Where base chains are: netfilter's hooks. A packet is said to be at `input`, `output` or `forward`
    (towards the host, from it, through it); PASSES tells which hooks it passes."""

    PREROUTING = "prerouting"
    INPUT = "input"
    FORWARD = "forward"
    OUTPUT = "output"
    POSTROUTING = "postrouting"


PASSES: Mapping[Hook, tuple[Hook, ...]] = {
    Hook.INPUT: (Hook.PREROUTING, Hook.INPUT),
    Hook.FORWARD: (Hook.PREROUTING, Hook.FORWARD, Hook.POSTROUTING),
    Hook.OUTPUT: (Hook.OUTPUT, Hook.POSTROUTING),
}
"""The hooks that a packet passes, in order. Where its destination is translated at PREROUTING, it is
routed anew, and then passes INPUT or FORWARD and POSTROUTING as Bit `local-destination` says."""


class Condition(Struct, frozen=True, eq=False, gc=False):
    """Something an export cannot decide, as a variable: equal keys are the same variable.

    `text` is for people. `assumption` groups conditions that one sentence about the whole export
    settles (see assumptions.ASSUMPTIONS) and that a user can withdraw; `assumed` is the value taken then, and
    is None for a condition that stays open. `per_packet`: each packet of a connection may have its own
    value (its length, a random choice, a line that was not understood); else all have the same (the
    members of a set, the program). `about` is what it asks as kind and value: one of MODULES_ANSWER (`program`,
    `C:\\a.exe`), a field of addresses and a word for some (`source`, `LocalSubnet`), NEIGHBOURS and a way, or `hidden`
    and the first thing that an export hides. What two rules ask at random or by what came before needs two keys.
    """

    key: str
    text: str
    span: Span | None = None
    assumption: str | None = None
    assumed: bool | None = None
    per_packet: bool = False
    about: tuple[str, str] | None = None

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Condition) else NotImplemented

    def __ne__(self, other: object) -> bool:  # a Struct has one of its own
        return self.key != other.key if isinstance(other, Condition) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)


NEIGHBOURS = "neighbours"
"""The kind of conditions (Condition.about) that neighbours are known, whatever is dropped of the asking for them."""
MODULES_ANSWER = ("program", "service")
"""The kinds of conditions (Condition.about) that a module may answer of itself."""


class FieldMatch(Struct, frozen=True, gc=False):
    """True where `field` is in `intervals` (normal form; already complemented if negated)."""

    field: Field
    intervals: Intervals


class InterfaceMatch(Struct, frozen=True, gc=False):
    """True where the in- or out-interface's name is one of `names`; `eth+` is a prefix, `+` any.

    A packet without that interface (a locally made packet has no in-interface) has the empty
    name: `eth0` does not match it, `! eth0` and `+` do, as in the kernel.
    """

    field: Field
    names: tuple[str, ...]
    negated: bool = False


class Bit(Struct, frozen=True, gc=False):
    """One bit that a firewall keeps with a packet beside its header.

    `mark` and `connmark` (number 0 to 31): 0 at first, but a known connection's connmark may be anything.
    `dnat`: its destination was changed by translation. `dnat-done`, `snat-done`: a nat chain has said how its
    destination (source) is translated, if only to what it is; no other one is asked. `local-source`,
    `local-destination`: the address is one of the host itself (routing type LOCAL). `broadcast-destination`: it is a
    broadcast address of one of its networks, which is delivered here as well. `reply`: it goes against the
    connection's first packet.
    """

    name: str
    number: int = 0


_BIT_TEXTS = {
    "mark": "the packet's mark has bit {number} set",
    "dnat": "the packet's destination was translated on its way out",
    "connmark": "the connection's mark has bit {number} set",
    "reply": "the packet goes against the connection's first one",
    "broadcast-destination": "the destination is a broadcast address of a network of the host (export ip -j addr)",
}


def bit_condition(bit: Bit) -> Condition:
    """The condition that a bit is where no rule sets it and nothing else tells it."""
    text = _BIT_TEXTS.get(bit.name, f"{bit.name} bit {bit.number}").format(number=bit.number)
    return Condition(f"bit {bit.name} {bit.number}", text, per_packet=bit.name in ("mark", "connmark"))


class BitMatch(Struct, frozen=True, gc=False):
    """True where `bit` has the value `expected`."""

    bit: Bit
    expected: bool = True


class ConditionMatch(Struct, frozen=True, gc=False):
    """True where `condition` has the value `expected`."""

    condition: Condition
    expected: bool = True


class AnyOf(Struct, frozen=True, gc=False):
    """True where all matches of one of `alternatives` are true (none: never)."""

    alternatives: tuple[tuple[Match, ...], ...]


class NoneOf(Struct, frozen=True, gc=False):
    """True where not all of `matches` are true (the negation of a conjunction)."""

    matches: tuple[Match, ...]


Match = FieldMatch | InterfaceMatch | BitMatch | ConditionMatch | AnyOf | NoneOf


class Verb(enum.StrEnum):
    """What a rule does with a packet it matches."""

    ACCEPT = "accept"
    DELIVER = "deliver"  # accept, and no later chain of the hook sees the packet
    DROP = "drop"
    REJECT = "reject"
    JUMP = "jump"  # to a chain and back
    GOTO = "goto"  # to a chain, and from its end to the caller
    RETURN = "return"  # to the caller, or to the policy of a built-in chain
    CONTINUE = "continue"  # log, count, mark: go on with the next rule


class Copy(Struct, frozen=True):
    """The value that another bit has, or its opposite (set a mark from a connmark, flip a bit)."""

    bit: Bit
    inverted: bool = False


class Choice(Struct, frozen=True):
    """One of the values in `intervals`, and nobody can tell which: as free as a condition with this key."""

    condition: Condition
    intervals: Intervals


class InterfaceName(Struct, frozen=True):
    """The interface of this name, as a value for Field.OUT_INTERFACE; `lo` for loopback."""

    name: str


class AnyInterface(Struct, frozen=True):
    """Any interface, loopback only if `or_loopback`, and nobody can tell which."""

    condition: Condition
    or_loopback: bool = False


Assigned = int | Copy | Choice | InterfaceName | AnyInterface
"""What a field or bit can be set to: an interface to one of the last two, any other field to an int or
a Choice, a bit to 0, 1, a Copy or a Choice of them."""
Assignment = tuple[Field | Bit, Assigned]
TRANSLATED_TO = (Field.DESTINATION, Field.DESTINATION_PORT)
"""What an assignment of a nat chain changes of the packet itself."""
REPLIED_TO = (Field.SOURCE, Field.SOURCE_PORT, Field.IN_INTERFACE)
"""Assigned by a nat chain that translates the source, these leave the packet as it is to all later chains: they say
where its replies go until they are translated back, to which port, and which interface leads there."""


class Action(Struct, frozen=True, gc=False):
    """A verb, the chain it goes to, and what it sets before that (CONTINUE: marks, states; ACCEPT: the
    translated destination, or where replies go). Assignments take place one after the other."""

    verb: Verb
    chain: str = ""
    assign: tuple[Assignment, ...] = ()


ACCEPT, DROP, REJECT = Action(Verb.ACCEPT), Action(Verb.DROP), Action(Verb.REJECT)
RETURN, CONTINUE = Action(Verb.RETURN), Action(Verb.CONTINUE)


class Rule(Struct, frozen=True, gc=False):
    """One rule: all of `matches` true, then `action`.

    `span` is the deciding line as the reader finds it. `canonical` is the rule's text without
    what changes when an export is made again (line numbers, counters); fingerprints stand on it.
    A rule that is not `enabled` never matches, but reports name it. `implicit` rules stand in no
    line (replies of a stateful firewall, built-in defaults). `understood` is False for a stand-in
    of a line that was not understood. A `void` rule is not enabled, since rules made locally do not count where it
    would.
    """

    matches: tuple[Match, ...]
    action: Action
    span: Span
    canonical: str = ""
    name: str = ""
    enabled: bool = True
    implicit: bool = False
    understood: bool = True
    void: bool = False


class Likeness(Struct, frozen=True):
    """What chains have in common: those with an equal `key` differ in the `addresses` that they translate to, in the
    chains they jump to, and, where they do not translate, in which packets of a protocol they do something to."""

    key: Hashable
    addresses: tuple[int, ...]


class Outline(Struct, frozen=True):
    """What is known of a chain's rules before they are made: the chains that they jump to, what they set (an address
    may be any), and the names of the assumptions they stand on with the export that these are about.

    They name no interface but the host's, and no assumption keeps one of them from matching.
    """

    targets: tuple[str, ...] = ()
    sets: tuple[Assignment, ...] = ()
    assumptions: tuple[tuple[str, str], ...] = ()

    def likeness(self) -> Likeness | None:
        """What they have in common with the rules of other chains; None where nobody knows."""
        return None


class Chain(Struct, frozen=True):
    """A list of rules, and for a base chain the `policy`: the rule that takes what is left.

    `first_packets`: a base chain that is asked about the first packet of a connection only, and what it
    sets holds for all that follow (a nat chain). Packets without a connection (invalid, untracked) never
    meet it. `outline` is there where `rules` are made when somebody asks for one; see deferred.py.
    """

    name: str
    rules: Sequence[Rule]
    policy: Rule | None = None
    first_packets: bool = False
    outline: Outline | None = None


class Proxy(Struct, frozen=True):
    """A host's proxy setting: `server` empty where none is configured."""

    server: str
    bypass_local: bool
    span: Span


class Forward(Struct, frozen=True):
    """A service of the host that takes TCP connections to `listen` (an address, `*` for any of the family, or the name
    of a host) and `port`, and makes one of its own to `connect` (an address or name) and `connect_port` for
    each. `listeners` are the program and service that do so. The firewall judges both connections."""

    family: Family
    listen: str
    port: int
    connect: str
    connect_port: int
    listeners: tuple[str, ...]
    span: Span


class Overruled(Struct, frozen=True):
    """A setting that two exports of a host tell differently: what it is, both values and lines, and `why` the one
    that counts does so."""

    setting: str
    value: str
    span: Span
    overruled: str
    overruled_span: Span
    why: str


class Connected(Struct, frozen=True):
    """Disjoint networks of a host, each with the interfaces that packets from and to its peers there pass."""

    networks: tuple[tuple[Intervals, tuple[str, ...]], ...]
    condition: Condition


class Firewall(Struct, frozen=True):
    """An enforcement point of one host, for one address family.

    `hooks` names for each hook its base chains, in order: a packet gets through when every one of every hook
    it passes (PASSES) accepts. A hook that is missing accepts everything. `profiles` are the Windows
    profiles: interfaces of those names, judged one by one; empty elsewhere. `active_profiles` are those that an
    export says are in use; empty where none says. `loopback_filtered`
    is False where the operating system exempts loopback. `alternatives` are settings of which nobody told
    which is in force (the security groups of an interface), each with a text: rules test their position
    with Field.ALTERNATIVE, and a requirement is judged for every one. `profiles_off` gives the line that says
    that a profile is switched off (then it filters nothing). `forwards` are the ports that a service of the host
    forwards elsewhere, `overruled` the settings that exports tell differently.
    `platform_addresses` are those of a cloud's own services: no module is there, so peers that nobody declared do
    not include them. `both_ends`: where a peer is a host of the site, its own firewall of this kind is crossed too. It
    must not know marks and interfaces, and conditions may only let pass: a question about the peer is another
    one at the other end. `interfaces` are the names of the host's network interfaces, where an export tells
    them all: no packet comes in or leaves by others. `addresses` are those of the host beside loopback, where an export
    tells them, each behind the one that the host sends from to it. `connected` likewise. `local_ports` are those that
    the host's own connections are made from, where an export tells. `assumed` is what every answer stands on beside its
    rules.
    """

    host: str
    name: str
    platform: str
    family: Family
    hooks: Mapping[Hook, tuple[str, ...]]
    chains: Mapping[str, Chain]
    exports: tuple[str, ...]
    profiles: tuple[str, ...] = ()
    active_profiles: tuple[str, ...] = ()
    profiles_off: Mapping[str, Span] = field(default_factory=dict)
    loopback_filtered: bool = True
    alternatives: tuple[Span, ...] = ()
    platform_addresses: Intervals = ()
    both_ends: bool = False
    proxy: Proxy | None = None
    forwards: tuple[Forward, ...] = ()
    overruled: tuple[Overruled, ...] = ()
    interfaces: tuple[str, ...] = ()
    addresses: tuple[tuple[int, int], ...] = ()
    connected: Connected | None = None
    local_ports: Intervals = ()
    assumed: tuple[Condition, ...] = ()


def stateful(span: Span) -> Rule:
    """The implicit first rule of a firewall that keeps state: packets of a known connection pass."""
    match = FieldMatch(Field.STATE, ((int(State.ESTABLISHED), int(State.RELATED)),))
    return Rule((match,), ACCEPT, span, "stateful", "replies pass (stateful firewall)", implicit=True)


def undecidable(matches: tuple[Match, ...], span: Span, canonical: str, why: str) -> tuple[Rule, ...]:
    """Rules that stand for a line which was not understood.

    Where `matches` (what was understood of it) holds, the line may or may not match, and may
    accept, drop or return: three free variables, so no proof can lean on it in either direction.
    """

    def guess(what: str) -> Condition:
        return Condition(f"{what} of {span.path}:{span.line}", f"{why} ({what})", span)

    applies, drops, accepts = guess("whether it applies"), guess("whether it drops"), guess("whether it accepts")
    base = (*matches, ConditionMatch(applies))
    return (
        Rule((*base, ConditionMatch(drops)), DROP, span, canonical, understood=False),
        Rule((*base, ConditionMatch(accepts)), ACCEPT, span, canonical, understood=False),
        Rule(base, RETURN, span, canonical, understood=False),
    )


def unfollowed(matches: tuple[Match, ...], span: Span, canonical: str, why: str) -> tuple[Rule, ...]:
    """Rules for packets that `matches` sends where this firewall's later chains do not see them as
    they are (address translation): whether they get through in the end is one free variable."""
    text = f"{why} ({span.path}:{span.line})"
    passes = Condition(f"unfollowed {span.path}:{span.line}", text, span)
    return (
        Rule((*matches, ConditionMatch(passes)), Action(Verb.DELIVER), span, canonical),
        Rule(matches, DROP, span, canonical),
    )
