"""The registry of targets: every one of iptables-extensions(8), and older ones, with its treatment and rules.

What goes on, goes on; what changes addresses is followed or its fate is free; what hands a packet to a program,
or is not known, may do anything. docs/dialects/iptables.md is made from this table.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping

from msgspec import Struct, field

from validator.dialects import _iptables_marks as marks
from validator.dialects import _iptables_translation as translations
from validator.dialects._iptables_context import Context
from validator.dialects._iptables_fields import NOT_LOOPBACK, TRACKED
from validator.dialects._iptables_modules import sizes
from validator.dialects._iptables_words import TargetUse, Unclear
from validator.model import (
    ACCEPT,
    CONTINUE,
    DROP,
    REJECT,
    RETURN,
    Action,
    Assignment,
    Choice,
    Condition,
    ConditionMatch,
    Hook,
    Match,
    Rule,
    Verb,
    undecidable,
    unfollowed,
)
from validator.packets.fields import Field, State


class Fate(enum.StrEnum):
    """What becomes of a packet at a target; the reference lists these words."""

    DECIDES = "decides"
    GOES_ON = "goes on"
    SETS = "sets, and goes on"
    TRANSLATES = "translates"
    FREE = "not followed: whether the packet gets through is open"
    ANYTHING = "not decidable: may accept, drop or go on"


class Place(Struct, frozen=True):
    """The rule that a target is used in."""

    hook: Hook
    matches: tuple[Match, ...]
    context: Context
    canonical: str

    def rule(self, action: Action, *more: Match) -> tuple[Rule, ...]:
        """One rule that does `action`."""
        return (Rule((*self.matches, *more), action, self.context.span, self.canonical),)

    def free(self, why: str) -> tuple[Rule, ...]:
        """Rules that leave open whether the packet gets through."""
        return unfollowed(self.matches, self.context.span, self.canonical, why)

    def anything(self, why: str) -> tuple[Rule, ...]:
        """Rules that leave open what becomes of the packet."""
        return undecidable(self.matches, self.context.span, self.canonical, why)


Convert = Callable[["TargetModule", TargetUse, Place], tuple[Rule, ...]]


class TargetModule(Struct, frozen=True):
    """A target: its options with their numbers of values, and what it does."""

    name: str
    fate: Fate
    note: str
    convert: Convert
    options: Mapping[str, int] = field(default_factory=dict)


def check(use: TargetUse, context: Context) -> None:
    """Raise Unclear where the options of a known target are not understood."""
    module = TARGETS.get(use.name)
    if module is None or use.goto:
        return
    if any(option.negated for option in use.options):
        raise Unclear(f"! among the options of {use.name}")
    place = Place(Hook.PREROUTING, (), context, "")
    module.convert(module, use, place)


SIMPLE = {"ACCEPT": ACCEPT, "DROP": DROP, "REJECT": REJECT, "RETURN": RETURN}
"""The targets that do one thing whatever their options are."""


def _decides(module: TargetModule, use: TargetUse, place: Place) -> tuple[Rule, ...]:
    return place.rule(SIMPLE[module.name])


def _goes_on(module: TargetModule, use: TargetUse, place: Place) -> tuple[Rule, ...]:
    return place.rule(CONTINUE)


def _hops(module: TargetModule, use: TargetUse, place: Place) -> tuple[Rule, ...]:
    """TTL and HL: what comes to be routed with 1 or less is not (ip_forward, ip6_forward); the rest goes on."""
    prefix = f"--{module.name.lower()}"
    few = use.has(f"{prefix}-dec") or any(marks.number(text) < 2 for text in use.values(f"{prefix}-set"))
    if place.hook is not Hook.PREROUTING or not few:
        return place.rule(CONTINUE)
    span = place.context.span
    text = f"the packet is to be routed, and its {module.name} is used up ({span.path}:{span.line})"
    used_up = ConditionMatch(place.context.host.condition(text, per_packet=True, span=span))
    return (*place.rule(DROP, used_up), *place.rule(CONTINUE))


def _free(module: TargetModule, use: TargetUse, place: Place) -> tuple[Rule, ...]:
    return place.free(f"what {module.name} does is not followed")


def _anything(module: TargetModule, use: TargetUse, place: Place) -> tuple[Rule, ...]:
    return place.anything(f"{module.name} hands the packet to what no export shows")


def _sets(assign: tuple[Assignment, ...]) -> Action:
    return Action(Verb.CONTINUE, assign=assign)


def _mark(module: TargetModule, use: TargetUse, place: Place) -> tuple[Rule, ...]:
    assign = marks.set_mark(use, "mark")
    if assign is None:
        raise Unclear("MARK sets nothing")
    return place.rule(_sets(assign))


def _connmark(module: TargetModule, use: TargetUse, place: Place) -> tuple[Rule, ...]:
    return place.rule(_sets(marks.connmark(use, place.context.span)), TRACKED)


def _any_mark(module: TargetModule, use: TargetUse, place: Place) -> tuple[Rule, ...]:
    return place.rule(_sets(marks.any_bits("mark", marks.EVERY, place.context.span)))


_UNTRACKED = _sets(((Field.STATE, int(State.UNTRACKED)),))


def _notrack(module: TargetModule, use: TargetUse, place: Place) -> tuple[Rule, ...]:
    """xt_CT.c: a packet that is tracked already, one that comes back by loopback, stays so."""
    return place.rule(_UNTRACKED, NOT_LOOPBACK)


def _ct(module: TargetModule, use: TargetUse, place: Place) -> tuple[Rule, ...]:
    if use.has("--notrack"):
        return _notrack(module, use, place)
    if not any(use.has(name) for name in ("--zone", "--zone-orig", "--zone-reply")):
        return place.rule(CONTINUE)
    # A zone has connections of its own: whether the packet's is known there depends on what else uses it.
    span = place.context.span
    text = f"state of the connection in the zone that {span.path}:{span.line} sets"
    choice = Choice(Condition(text, text, span, per_packet=True), ((int(State.NEW), int(State.INVALID)),))
    return place.rule(_sets(((Field.STATE, choice),)), NOT_LOOPBACK)


def _set(module: TargetModule, use: TargetUse, place: Place) -> tuple[Rule, ...]:
    """Sets change (see changed_sets); with --map-set the packet's mark may, too."""
    return _any_mark(module, use, place) if use.has("--map-mark") else place.rule(CONTINUE)


def _translate(module: TargetModule, use: TargetUse, place: Place) -> tuple[Rule, ...]:
    """DNAT, REDIRECT, NETMAP at the hooks that a destination is translated at; a source changes nothing here."""
    if place.hook in (Hook.POSTROUTING, Hook.INPUT):
        if module.name in ("NETMAP", "SAME"):
            return translations.source_rules(place, use)
        return place.anything(f"{module.name} stands at a hook that the kernel does not allow it at")
    host = place.context.host
    target = translations.target(use, host.family)
    if place.context.dry:
        return ()
    return translations.rules(place, target)


def _source(module: TargetModule, use: TargetUse, place: Place) -> tuple[Rule, ...]:
    return translations.source_rules(place, use)


def _known(name: str, fate: Fate, note: str, convert: Convert, options: str = "") -> TargetModule:
    return TargetModule(name, fate, note, convert, sizes(options))


def _passes(name: str, options: str = "", note: str = "") -> TargetModule:
    return _known(name, Fate.GOES_ON, note, _goes_on, options)


_HMARK = "hmark-tuple:1 hmark-mod:1 hmark-offset:1 hmark-rnd:1 hmark-src-prefix:1 hmark-dst-prefix:1"
_HMARK += " hmark-sport-mask:1 hmark-dport-mask:1 hmark-spi-mask:1 hmark-sport:1 hmark-dport:1 hmark-spi:1"
_HMARK += " hmark-proto-mask:1"
_TTL = "set to 0 or 1 or decremented at PREROUTING, a condition: whether routing drops the packet"
_MARK = "set-xmark:1 set-mark:1 and-mark:1 or-mark:1 xor-mark:1"
_ALL = (
    _known("ACCEPT", Fate.DECIDES, "", _decides),
    _passes("ACCOUNT", "addr:1 tname:1", "xtables-addons"),
    _passes("AUDIT", "type:1"),
    _known("BALANCE", Fate.FREE, "of old kernels", _free, "to-destination:1"),
    _passes("CHECKSUM", "checksum-fill"),
    _passes("CLASSIFY", "set-class:1"),
    _known(
        "CLUSTERIP",
        Fate.ANYTHING,
        "which node takes the packet",
        _anything,
        "new hashmode:1 clustermac:1 total-nodes:1 local-node:1 hash-init:1",
    ),
    _known(
        "CONNMARK",
        Fate.SETS,
        "32 bits; nothing without a connection",
        _connmark,
        f"{_MARK} save-mark restore-mark mask:1 nfmask:1 ctmask:1 left-shift-mark:1 right-shift-mark:1",
    ),
    _passes("CONNSECMARK", "save restore"),
    _known(
        "CT",
        Fate.SETS,
        "`--notrack` as NOTRACK; a zone leaves open what tracking says of all packets; the rest goes on",
        _ct,
        "notrack helper:1 timeout:1 ctevents:1 expevents:1 zone:1 zone-orig:1 zone-reply:1",
    ),
    _known("DNAT", Fate.TRANSLATES, "", _translate, "to-destination:1 random random-fully persistent"),
    _known("DNPT", Fate.FREE, "", _free, "src-pfx:1 dst-pfx:1"),
    _known("DROP", Fate.DECIDES, "", _decides),
    _passes("DSCP", "set-dscp:1 set-dscp-class:1"),
    _passes("ECN", "ecn-tcp-remove ecn-tcp-cwr:1 ecn-tcp-ece:1 ecn-ip-ect:1"),
    _known("HL", Fate.GOES_ON, "as TTL", _hops, "hl-set:1 hl-dec:1 hl-inc:1"),
    _known("HMARK", Fate.SETS, "any mark", _any_mark, _HMARK),
    _passes("IDLETIMER", "timeout:1 label:1 alarm"),
    _passes("LED", "led-trigger-id:1 led-delay:1 led-always-blink"),
    _passes(
        "LOG",
        "log-level:1 log-prefix:1 log-tcp-sequence log-tcp-options log-ip-options log-uid log-macdecode",
    ),
    _known("MARK", Fate.SETS, "32 bits", _mark, _MARK),
    _known(
        "MASQUERADE",
        Fate.DECIDES,
        "accepts; replies are followed to the new source",
        _source,
        "to-ports:1 random random-fully",
    ),
    _known("MIRROR", Fate.FREE, "of old kernels", _free),
    _known("NETMAP", Fate.TRANSLATES, "to any address of the network: which one is open", _translate, "to:1"),
    _passes(
        "NFLOG",
        "nflog-group:1 nflog-range:1 nflog-size:1 nflog-threshold:1 nflog-prefix:1",
    ),
    _known(
        "NFQUEUE",
        Fate.ANYTHING,
        "a program decides, also with `--queue-bypass`",
        _anything,
        "queue-num:1 queue-balance:1 queue-bypass queue-cpu-fanout",
    ),
    _known("NOTRACK", Fate.SETS, "the state UNTRACKED", _notrack),
    _known("QUEUE", Fate.ANYTHING, "a program decides", _anything),
    _passes("RATEEST", "rateest-name:1 rateest-interval:1 rateest-ewmalog:1"),
    _known("REDIRECT", Fate.TRANSLATES, "", _translate, "to-ports:1 random"),
    _known("REJECT", Fate.DECIDES, "", _decides, "reject-with:1"),
    _known("RETURN", Fate.DECIDES, "to the caller, or to the policy", _decides),
    _known("SAME", Fate.TRANSLATES, "of old kernels", _translate, "to:1 nodst random"),
    _passes("SECMARK", "selctx:1"),
    _known(
        "SET",
        Fate.GOES_ON,
        "the set's members are then conditions; `--map-mark` sets any mark",
        _set,
        "add-set:2 del-set:2 map-set:2 exist timeout:1 map-mark map-prio map-queue",
    ),
    _known(
        "SNAT",
        Fate.DECIDES,
        "accepts; replies are followed to the new source",
        _source,
        "to-source:1 random random-fully persistent",
    ),
    _known("SNPT", Fate.FREE, "", _free, "src-pfx:1 dst-pfx:1"),
    _known("SYNPROXY", Fate.FREE, "", _free, "sack-perm timestamp wscale:1 mss:1 ecn"),
    _known("TARPIT", Fate.FREE, "xtables-addons", _free, "tarpit honeypot reset"),
    _passes("TCPMSS", "set-mss:1 clamp-mss-to-pmtu"),
    _passes("TCPOPTSTRIP", "strip-options:1"),
    _passes("TEE", "gateway:1 oif:1", "a copy is sent elsewhere"),
    _passes("TOS", "set-tos:1 and-tos:1 or-tos:1 xor-tos:1"),
    _known("TPROXY", Fate.FREE, "", _free, "on-port:1 on-ip:1 tproxy-mark:1"),
    _passes("TRACE"),
    _known("TTL", Fate.GOES_ON, _TTL, _hops, "ttl-set:1 ttl-dec:1 ttl-inc:1"),
    _passes("ULOG", "ulog-nlgroup:1 ulog-cprange:1 ulog-qthreshold:1 ulog-prefix:1"),
)
TARGETS: Mapping[str, TargetModule] = {module.name: module for module in _ALL}
