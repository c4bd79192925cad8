"""What the labels and words of one dump mean: by the tables, and by structure where no table has them.

The order of a rule's fields is the same in every language, since only texts are translated: (Description), Enabled,
Direction, Profiles, Grouping, LocalIP, RemoteIP, Protocol, (LocalPort, RemotePort for TCP and UDP), Edge traversal,
(Program, Service, InterfaceTypes, RemoteComputerGroup, RemoteUserGroup, Security, Rule source), Action. TCP and UDP
are the same everywhere, and tell which label is Protocol. `Any` is the one word that both addresses and ports know.
Profiles are listed in one order, so a rule of all three names each. What is left has no meaning here: it is a
condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field

from validator.dialects import _netsh_words as netsh
from validator.dialects._netsh_blocks import Block
from validator.dialects._windows_rules import PROFILES

_BEFORE = ("enabled", "direction", "profiles", "grouping", "local_ip", "remote_ip")
ORDER = (*_BEFORE, "protocol", "local_port", "remote_port", "edge", "action")
"""The fields of a plain dump, in their order."""

WITH_PORTS = ("tcp", "udp", "6", "17")
LIMIT = "limit "
"""A label between Edge traversal and Action that nobody knows means `limit ` and itself: it may narrow the rule."""

_PROTOCOLS = frozenset(("tcp", "udp", "icmpv4", "icmpv6"))
_SECURITY = frozenset(("notrequired", "authenticate", "authenc", "authdynenc", "authnoencap"))
_KEYWORDS = frozenset(("localsubnet", "dns", "dhcp", "wins", "defaultgateway", "rpc", "rpc-epmap", "iphttps")) | {
    *("teredo", "ply2disc", "mdns")
}
_Values = Mapping[str, frozenset[str]]


class Vocabulary(Struct, frozen=True):
    """The words of a dump.

    `name` is the label of its rules' names; `labels` are heads as they stand, with what they mean; `whole` are the
    fields of which every word of its language is known, so that another word there is damage and no gap in the tables.
    """

    name: str
    labels: Mapping[str, str]
    whole: frozenset[str]
    any_words: frozenset[str] = frozenset()
    profiles: Mapping[str, str] = field(default_factory=dict)

    def is_any(self, text: str) -> bool:
        """Whether `text` is the word for any."""
        return netsh.value(text) == "any" or text in self.any_words

    def profile(self, text: str) -> str:
        """The profile that `text` names, or empty."""
        return netsh.word("profiles", text) or self.profiles.get(text.strip(), "")


def vocabulary(dump: Sequence[Block], name: str) -> Vocabulary:
    """The vocabulary of a dump whose rules' names have the label `name`.

    Labels that neither tables nor structure tell stay out of it.
    """
    shapes = dict.fromkeys(block.heads for block in dump)
    heads = dict.fromkeys(head for shape in shapes for head in shape)
    labels = {head: key for head in heads if (key := netsh.label(head))}
    whole = netsh.whole([name, *(head for head, key in labels.items() if key in ORDER)])
    named = {*_BEFORE, "protocol", "action"} <= set(labels.values())
    if named and (
        whole >= netsh.FIELD_WORDS.keys() or (labels.keys() == heads.keys() and {"any", "profiles"} <= whole)
    ):
        return Vocabulary(name, labels, whole)
    learned = _learned(dump, list(shapes), labels)
    if any(labels.get(head, key) != key for head, key in learned.items()):
        learned = {}
    labels |= learned
    whole = netsh.whole([name, *(head for head, key in labels.items() if key in ORDER)])
    return Vocabulary(name, labels, whole, _any_words(dump, labels, whole), _profile_words(dump, labels))


def _values(dump: Iterable[Block]) -> _Values:
    """Every value of every label."""
    found: dict[str, set[str]] = {}
    for block in dump:
        for head, value in zip(block.heads, block.values, strict=True):
            found.setdefault(head, set()).add(value)
    return {head: frozenset(values) for head, values in found.items()}


def _learned(dump: Sequence[Block], shapes: Sequence[tuple[str, ...]], known: Mapping[str, str]) -> dict[str, str]:
    """What the labels mean by their places; empty where the blocks are not in the order of netsh."""
    common = [head for head in shapes[0] if all(shape.count(head) == 1 for shape in shapes)]
    if not common or any([head for head in shape if head in common] != common for shape in shapes):
        return {}
    values = _values(dump)
    protocols = [head for head in common if known.get(head) == "protocol"] or [
        head for head in common if head not in known and {value.lower() for value in values[head]} & _PROTOCOLS
    ]
    if len(protocols) != 1 or any(shape[-1] != common[-1] for shape in shapes):
        return {}
    at = common.index(protocols[0])
    first = {len(_BEFORE): _BEFORE, len(_BEFORE) + 1: ("description", *_BEFORE)}.get(at)
    ports = _ports(dump, protocols[0])
    if first is None or at == len(common) - 1 or ports is None or common[-1] in ports:
        return {}
    found = dict(zip(common, (*first, "protocol"), strict=False))
    found |= dict(zip(ports, ("local_port", "remote_port"), strict=False))
    found[common[-1]] = "action"
    tails = [[head for head in shape[shape.index(protocols[0]) + 1 : -1] if head not in ports] for shape in shapes]
    found |= {head: key for head, key in _between(tails, values, known) if head not in known}
    above = {head for shape in shapes for head in shape[: shape.index(common[at - len(_BEFORE)])]}
    found |= {head: "description" for head in above if head not in known and head not in found}
    return found


def _ports(dump: Iterable[Block], protocol: str) -> tuple[str, ...] | None:
    """The labels of the ports, which stand where the protocol has some and nowhere else; None where they do not."""
    pairs: set[tuple[str, ...]] = set()
    without: set[str] = set()
    for block in dump:
        at = block.heads.index(protocol)
        if block.values[at].lower() in WITH_PORTS:
            pairs.add(block.heads[at + 1 : at + 3])
        else:
            without.update(block.heads)
    pair = pairs.pop() if pairs else ()
    return None if pairs or len(pair) == 1 or without & set(pair) else pair


def _between(tails: Sequence[Sequence[str]], values: _Values, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What stands between the ports and the action: whether an edge device may stand before the host, then limits."""
    heads = dict.fromkeys(head for tail in tails for head in tail)
    firsts = {tail[0] if tail else "" for tail in tails}
    secure = [head for head in heads if {value.lower() for value in values[head]} <= _SECURITY]
    for head in heads:
        if firsts == {head} and "edge" not in known.values() and _may_be_edge(values[head]):
            yield head, "edge"
        elif secure == [head]:
            yield head, "security"
        elif secure and all(head not in tail or [*tail][-2:] == [*secure, head] for tail in tails):
            yield head, "rule_source"
        else:
            yield head, LIMIT + head.strip()


def _may_be_edge(values: frozenset[str]) -> bool:
    """Whether values may be those of Edge traversal, which has four, and not programs."""
    return len(values) <= 4 and not any(char in value for value in values for char in "\\/.:0123456789")


def _any_words(dump: Iterable[Block], labels: Mapping[str, str], whole: frozenset[str]) -> frozenset[str]:
    """The word for any of a language without one in the tables: the one that stands for addresses and for ports."""
    if "any" in whole:
        return frozenset()
    words: dict[str, set[str]] = {"ip": set(), "port": set()}
    for head, values in _values(dump).items():
        kind = labels.get(head, "").partition("_")[2]
        if kind in words:
            words[kind].update(part.strip() for value in values for part in value.split(","))
    found = {word for word in words["ip"] & words["port"] if word and not word[0].isdigit() and ":" not in word}
    found = {word for word in found if word.lower() not in _KEYWORDS}
    return frozenset(found) if len(found) == 1 else frozenset()


def _profile_words(dump: Iterable[Block], labels: Mapping[str, str]) -> dict[str, str]:
    """The names of the profiles as the rules of all three list them; empty where lists disagree."""
    lists = {
        tuple(part.strip() for part in value.split(","))
        for head, values in _values(dump).items()
        if labels.get(head) == "profiles"
        for value in values
    }
    triples = [words for words in lists if len(set(words)) == len(words) == len(PROFILES)]
    if len(triples) != 1:
        return {}
    found = dict(zip(triples[0], PROFILES, strict=True))
    agree = all(netsh.word("profiles", word) in ("", profile) for word, profile in found.items())
    ordered = all([word for word in triples[0] if word in words] == list(words) for words in lists)
    return found if agree and ordered else {}
