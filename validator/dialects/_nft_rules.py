"""Rules of nftables as rules of the model, statement by statement, nft(8) STATEMENTS.

What does nothing to a packet's way (counters, logs) is passed over, but for what it reads: a packet that has it not
leaves the rule there. Limiters take their value at normal load.
`flow add` hands established, forwarded connections to a path around the hooks; it takes what the ruleset has
accepted, so what follows in the rule is a condition of the connection and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects import _nft_nat as nat
from validator.dialects._linux_host import Target, hidden_translation, translation
from validator.dialects._linux_sources import hidden_source, source_translation
from validator.dialects._nft_bits import UNKNOWN, WIDTH, assignments, word
from validator.dialects._nft_builder import Builder
from validator.dialects._nft_connections import tracked
from validator.dialects._nft_data import Element, Expr, NftRule, Statement, Unclear, fields, items
from validator.dialects._nft_listing import family_hidden
from validator.dialects._nft_logic import Conj, tests
from validator.dialects._nft_matches import Matcher, exhaustive, plain
from validator.dialects._nft_packet import HEADERS, extension_header, key_of
from validator.dialects._nft_render import element as render_element
from validator.dialects._nft_render import render, updated
from validator.dialects._nft_render import statement as render_statement
from validator.dialects._nft_surroundings import Surroundings
from validator.dialects._nft_targets import ACCEPTING, LOGGING, harmless
from validator.model import (
    ACCEPT,
    DROP,
    LOOPBACK,
    REJECT,
    RETURN,
    Action,
    Assignment,
    Bit,
    Choice,
    ConditionMatch,
    FieldMatch,
    Hook,
    InterfaceMatch,
    Rule,
    Verb,
    undecidable,
    unfollowed,
)
from validator.packets.fields import Family, Field, State

_EVERY_BIT = (1 << WIDTH) - 1
_NO_EFFECT = frozenset(("counter", "log", "dup", "ct helper", "ct timeout", "last", "secmark", "comment", "continue"))
_VERDICTS = {"accept": ACCEPT, "drop": DROP, "return": RETURN}
_REJECT_FAMILIES = {"icmp": Family.IPV4, "icmpv6": Family.IPV6}
_IS_TCP: Conj = (FieldMatch(Field.PROTOCOL, ((6, 6),)),)


class Place(Struct, frozen=True):
    """Where a rule stands: what its jumps name, the hook that its chain is asked at, and the table's matcher.

    `goes` gives the model's name of a chain, None where there is none. `translates`: a rule there may be a
    translation of destinations.
    """

    matcher: Matcher
    around: Surroundings
    hook: Hook | None
    goes: Callable[[str], str | None]
    title: str
    translates: bool = False


def rules_of(rule: NftRule, place: Place) -> tuple[Rule, ...]:
    """The rules that stand for `rule`; none where it never matches packets of the family. Never raises Unclear."""
    builder = Builder(rule.span, f"{place.title} {rule.text}", place.around.identity)
    around = replace(place.around, span=rule.span)
    walk = _Walk(replace(place, around=around), family_hidden(rule, place.matcher.table))
    walk.run(builder, rule.statements, rule.why)
    return tuple(builder.rules)


class _Walk(Struct, frozen=True):
    """Takes one rule's statements in order."""

    place: Place
    family_hidden: bool

    @property
    def _around(self) -> Surroundings:
        return self.place.around

    def run(self, builder: Builder, statements: Sequence[Statement], why: str) -> None:
        """Convert `statements`, of which `why` says what comes behind them and was not understood."""
        try:
            for at, statement in enumerate(statements):
                if builder.ended:
                    return
                rest = statements[at + 1 :]
                if self._branches(builder, statement, rest, why):
                    return
                self._one(builder, statement, last=not rest and not why)
            if why and not builder.ended:
                raise Unclear(why)
            builder.finish()
        except Unclear as reason:
            builder.give_up(str(reason), partial(self._hidden, builder))

    def _hidden(self, builder: Builder, matches: Conj) -> Iterator[Rule]:
        """What a rule that is not understood may do beside all else: set any mark that rules ask for, translate."""
        span, canonical, host = builder.span, builder.canonical, self._around.host
        marks = [self._unknown(name, f"the {name} that it sets", mask) for name, mask in host.asked_marks.items()]
        if marks:
            assign = tuple(each for bits in marks for each in bits)
            yield Rule(matches, Action(Verb.CONTINUE, assign=assign), span, canonical, understood=False)
        if self.place.translates:
            at_source = self.place.hook in (Hook.INPUT, Hook.POSTROUTING)
            yield (hidden_source if at_source else hidden_translation)(host, matches, span, canonical)

    def _one(self, builder: Builder, statement: Statement, last: bool) -> None:
        name, body = statement
        inner = fields(body)
        if name == "match":
            builder.limit(self.place.matcher.match(body, self._around))
        elif name in _VERDICTS:
            builder.verdict(_VERDICTS[name])
        elif name in ("jump", "goto"):
            self._jump(builder, name, str(inner.get("target")))
        elif name in ("limit", "ct count", "quota"):
            builder.limit(self._limiter(name, body))
        elif name in _NO_EFFECT:
            builder.limit(self.place.matcher.readable(body, self._around))
        else:
            self._rarer(builder, statement, last)

    def _rarer(self, builder: Builder, statement: Statement, last: bool) -> None:
        name, body = statement
        inner = fields(body)
        if name == "reject":
            self._reject(builder, str(inner.get("type", "")))
        elif name == "mangle":
            self._mangle(builder, inner, last)
        elif name in ("dnat", "redirect", "snat", "masquerade"):
            self._translate(builder, name, inner)
        elif name == "notrack":
            self._notrack(builder, last)
        elif name in ("set", "meter", "map"):
            builder.limit(self._update(inner))
        elif name == "reset":
            builder.limit(key_of(body, self._around).deps)
        elif name == "ct expectation":
            text = f"`{render_statement(statement)}` goes on"
            builder.limit((*tracked(self._around), ConditionMatch(self._around.asks_here(text))))
        elif name == "flow":
            text = f"the flow table {inner.get('flowtable')} takes the connection"
            builder.limit((ConditionMatch(self._around.asks_once(text)),))
        elif name == "xt":
            self._xt(builder, inner)
        else:
            raise Unclear(f"what {render_statement(statement)[:60]} does is not followed")

    def _branches(self, builder: Builder, statement: Statement, rest: Sequence[Statement], why: str) -> bool:
        """Take a statement whose effect a map gives element by element, with all that follows; whether it was one."""
        name, body = statement
        inner = fields(body)
        if name == "vmap":
            if any(each[0] not in _NO_EFFECT for each in rest) or why:
                raise Unclear("a verdict map with statements behind it")
            self._verdicts(builder, inner)
            return True
        part, mapping = "", {}
        if name == "mangle":
            part, mapping = "value", fields(fields(inner.get("value")).get("map"))
        elif name == "limit":
            mapping = fields(inner.get("map"))
        elif name in ("dnat", "redirect", "snat", "masquerade"):
            part, mapping = nat.mapped(inner) or ("", {})
        if not mapping:
            return False
        if self._unlisted(builder, mapping.get("data")):
            return True
        around = self._around
        deps, members = self.place.matcher.members(mapping.get("key"), mapping.get("data"), around)
        if name == "mangle" and any(_of_marks(member.matches) for member in members):
            raise Unclear("a mark that a map gives by marks")
        builder.limit(deps)
        builder.settle()
        all_of_them = exhaustive(mapping.get("key"), [member.element.key for member in members])
        for at, member in enumerate(members):
            matches = () if all_of_them and at == len(members) - 1 else member.matches
            one = builder.branch(matches, member.element.span, self._canonical(builder, member.element))
            given = member.element.value
            changed: Statement = (name, {**inner, part: given} if part else given)
            self.run(one, (changed, *rest), why)
            builder.rules += one.rules
        builder.ended = True
        return True

    def _unlisted(self, builder: Builder, data: Expr) -> bool:
        """Take a map whose elements the listing may have left out, which may do anything then; whether it was one."""
        has_some = self.place.matcher.unlisted(data, self._around)
        if has_some is None:
            return False
        builder.limit((has_some,))
        builder.settle()
        if not builder.ended:
            why, matches = has_some.condition.text, builder.matches
            may = (*self._hidden(builder, matches), *undecidable(matches, builder.span, builder.canonical, why))
            builder.add([replace(rule, understood=True) for rule in may])
            builder.ended = True
        return True

    def _canonical(self, builder: Builder, element: Element) -> str:
        return f"{builder.canonical} [{render_element(element)}]"

    def _verdicts(self, builder: Builder, inner: dict[str, Expr]) -> None:
        """nft(8) VERDICT MAPS: an element's verdict; a packet without element goes on with the next rule."""
        if self._unlisted(builder, inner.get("data")):
            return
        deps, members = self.place.matcher.members(inner.get("key"), inner.get("data"), self._around)
        builder.limit(deps)
        builder.settle()
        if builder.ended:
            return
        all_of_them = exhaustive(inner.get("key"), [member.element.key for member in members])
        for at, member in enumerate(members):
            matches = () if all_of_them and at == len(members) - 1 else member.matches
            one = builder.branch(matches, member.element.span, self._canonical(builder, member.element))
            verdict = member.element.value
            kind, target = next(iter(verdict.items())) if isinstance(verdict, dict) and verdict else ("", None)
            self.run(one, ((kind, target),), "")
            builder.rules += one.rules
        builder.ended = True

    def _jump(self, builder: Builder, name: str, target: str) -> None:
        chain = self.place.goes(target)
        if chain is None:
            raise Unclear(f"the chain {target[:60]} is not in the export")
        builder.verdict(Action(Verb.JUMP if name == "jump" else Verb.GOTO, chain))

    def _reject(self, builder: Builder, kind: str) -> None:
        """nft adds the protocol that the answer needs: TCP for a reset, the family for an ICMP code of it."""
        family = _REJECT_FAMILIES.get(kind)
        if family is not None and family is not self._around.host.family:
            builder.finish(silent=True)
            return
        if kind == "tcp reset":
            builder.limit(_IS_TCP)
            if self.family_hidden:
                text = f"`reject with tcp reset` is for both families: nft hides `meta nfproto` ({self._around.here})"
                builder.limit((ConditionMatch(self._around.asks_once(text)),))
        builder.verdict(REJECT)

    def _limiter(self, name: str, body: Expr) -> Conj:
        """`limit`, `ct count`: below the limit. `quota`: what was used up is not told."""
        around, text, table = self._around, render_statement((name, body)), self.place.matcher.table
        deps = tracked(around) if name == "ct count" else self.place.matcher.readable(body, around)
        text += f" of {table.title}" if isinstance(body, str) else f" ({around.here})"
        if name == "quota":
            return (*deps, ConditionMatch(around.asks(f"`{text}` matches")))
        over = bool(fields(body).get("inv"))
        if isinstance(body, str):
            if body not in table.limits:
                raise Unclear(f"the limit {body[:60]} is not in the export")
            over = table.limits[body]
        return (*deps, ConditionMatch(around.assumed("normal-load", f"`{text}` matches", not over)))

    def _update(self, inner: dict[str, Expr]) -> Conj:
        """`add @set { key statements : data }`: goes on where the key and the data can be read and the statements
        match, those of the set itself as well (nft_dynset_eval)."""
        matcher, around = self.place.matcher, self._around
        found = [matcher.readable(plain(inner.get("elem", inner.get("key"))), around)]
        found.append(matcher.readable(inner.get("data"), around))
        if inner.get("op") != "delete":
            name = updated(inner)
            title = f"{name} of {matcher.table.title}"
            found.append((ConditionMatch(around.assumed("normal-load", f"the set {title} has room", True)),))
            own = matcher.table.sets.get(name.removeprefix("@"))
            if own is not None and own.limited:
                found.append((ConditionMatch(around.asks_here(f"what the set {title} counts lets a packet go on")),))
        for each in items(inner.get("stmt")) if inner.get("stmt") is not None else []:
            for name, body in fields(each).items():
                if name in ("limit", "ct count", "quota"):
                    found.append(self._limiter(name, body))
                elif name not in _NO_EFFECT:
                    raise Unclear(f"{name[:40]} in the update of a set")
        return tuple(match for conj in found for match in conj)

    def _mangle(self, builder: Builder, inner: dict[str, Expr], last: bool) -> None:
        """nft(8) META, CT, PAYLOAD and EXTENSION HEADER STATEMENTS: for packets that have what is set and what it is
        set to. Where a packet has no connection nothing of it is set, and the rule goes on (nft_ct_set_eval)."""
        target, value = inner.get("key"), inner.get("value")
        meta, ct = fields(fields(target).get("meta")).get("key"), fields(fields(target).get("ct")).get("key")
        builder.limit(self.place.matcher.readable(value, self._around))
        if meta is None and ct is None:
            builder.limit(key_of(target, self._around).deps)
        if meta == "mark":
            self._mark(builder, "mark", value)
        elif ct == "mark":
            self._mark(builder, "connmark", value)
        elif ct == "zone":
            self._zone(builder, last)
        elif ct is None and not harmless(render(target), value):
            self._unfollowed(builder, f"{render(target)} is rewritten, which is not followed")

    def _unfollowed(self, builder: Builder, why: str) -> None:
        """Whether packets in the rule get through in the end is open: later rules see another packet."""
        builder.settle()
        if not builder.ended:
            builder.add(unfollowed(builder.matches, builder.span, builder.canonical, why))
            builder.ended = True

    def _mark(self, builder: Builder, name: str, value: Expr) -> None:
        assigned = assignments(name, word(value), self._unknown(name, render(value)))
        if name == "connmark" and self._around.early:
            builder.aside(tracked(self._around), assigned, last=False)
        else:
            builder.assign(assigned)

    def _unknown(self, name: str, text: str, mask: int = _EVERY_BIT) -> list[Assignment]:
        """What sets those bits of a mark to nobody knows what: each is a condition."""
        asks = self._around.asks_here
        places = [at for at in range(WIDTH) if mask >> at & 1]
        return [(Bit(name, at), Choice(asks(f"bit {at} of {text}"), ((0, 1),))) for at in places]

    def _translate(self, builder: Builder, name: str, inner: dict[str, Expr]) -> None:
        family = nat.FAMILIES.get(str(inner.get("family")))
        if family is not None and family is not self._around.host.family:
            return  # nft_nat_inet_eval: packets of another family go on
        if name in ("snat", "masquerade"):
            self._source(builder, name, inner)
            return
        hook = self.place.hook
        if hook not in (Hook.PREROUTING, Hook.OUTPUT):
            raise Unclear(f"{name} in a chain that is not asked at prerouting or output")
        target = nat.target(name, inner, self._around.host.family)
        builder.settle()
        if not builder.ended:
            builder.add(translation(self._around.host, hook, builder.matches, target, builder.span, builder.canonical))
            builder.ended = True

    def _source(self, builder: Builder, name: str, inner: dict[str, Expr]) -> None:
        """To what a prefix or an interval gives, sources are translated to any address and port."""
        host = self._around.host
        to = Target(((0, (1 << host.family.bits) - 1),))
        if name == "masquerade" or not (inner.get("type_flags") or inner.get("flags") == "netmap"):
            to = nat.target(name, inner, host.family)
        builder.settle()
        if not builder.ended:
            rules = source_translation(host, builder.matches, to.addresses, to.ports, builder.span, builder.canonical)
            builder.add(rules)
            builder.ended = True

    def _notrack(self, builder: Builder, last: bool) -> None:
        """nft_notrack_eval: packets without a connection become untracked."""
        builder.aside(self._without_connection(), ((Field.STATE, int(State.UNTRACKED)),), last)

    def _zone(self, builder: Builder, last: bool) -> None:
        """nft_ct_set_zone_eval: packets without a connection go to a zone that has connections of its own, and whether
        theirs is known there depends on what else uses it."""
        text = f"state of the connection in the zone that {self._around.here} sets"
        choice = Choice(self._around.asks(text), ((int(State.NEW), int(State.INVALID)),))
        builder.aside(self._without_connection(), ((Field.STATE, choice),), last)

    def _without_connection(self) -> Conj:
        """Packets without a connection so far: before connection tracking all but looped ones."""
        if self._around.early:
            return (InterfaceMatch(Field.IN_INTERFACE, (LOOPBACK,), negated=True),)
        return (FieldMatch(Field.STATE, ((int(State.INVALID), int(State.INVALID)),)),)

    def _xt(self, builder: Builder, inner: dict[str, Expr]) -> None:
        """What iptables-nft made and nft cannot say: a match is a condition of this rule, a target by its name."""
        kind, name = str(inner.get("type")), str(inner.get("name"))
        remedy = "iptables-save says it in full"
        if kind == "match" or (kind == "any" and name.islower()):
            if name in HEADERS:  # as ip6tables has them, whatever is negated
                builder.limit((extension_header(name, self._around),))
            elif name != "comment":
                builder.limit((ConditionMatch(self._around.asks_here(f"`{name}` of iptables matches; {remedy}")),))
        elif name == "REJECT":
            builder.verdict(REJECT)
        elif name in ACCEPTING:
            builder.verdict(ACCEPT)
        elif name in ("MARK", "CONNMARK"):
            builder.assign(
                assignments("mark" if name == "MARK" else "connmark", UNKNOWN, self._unknown(name.lower(), name))
            )
        elif name not in LOGGING:
            raise Unclear(f"the target {name[:40]} of iptables is hidden here; {remedy}")


def _of_marks(matches: Conj) -> bool:
    return any(tests(matches, Bit(name, at)) for name in ("mark", "connmark") for at in range(WIDTH))
