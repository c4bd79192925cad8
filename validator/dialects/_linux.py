"""A Linux host's exports as a firewall of the model, in the kernel's order of hooks and base chains.

Netfilter's packet flow: a packet for the host passes PREROUTING and INPUT, one from it OUTPUT and POSTROUTING,
one through it PREROUTING, FORWARD and POSTROUTING; at each hook the base chains of all rulesets by priority
(linux/netfilter_ipv4.h, nft(8)), iptables' tables among them. Every one of them must accept.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from validator.dialects import Fragment, Options
from validator.dialects._linux_changes import changed_sets
from validator.dialects._linux_facts import Setting, to_itself
from validator.dialects._linux_forwarding import forwarding
from validator.dialects._linux_host import Host, IpSet, LinuxInterfaces, LinuxSettings, named_sets, own_addresses
from validator.dialects._linux_networks import connected, passed
from validator.dialects._linux_order import in_every_order
from validator.dialects._linux_others import beside, withdrawn
from validator.dialects._linux_ruleset import NAT_PRIORITIES, BaseChain, Ruleset
from validator.errors import ExportError
from validator.model import ACCEPT, Chain, Connected, Firewall, Hook, Rule
from validator.packets.fields import Family, Intervals
from validator.source import Span

if TYPE_CHECKING:
    from validator.dialects._iptables_dump import IptDump
    from validator.dialects._nft_data import NftRuleset


def convert(fragments: Sequence[Fragment], options: Options) -> Firewall | None:
    """The firewall of one family, or None where no ruleset speaks of it.

    Raises ExportError where two exports hold the same chains: which of them is in force nobody could tell.
    """
    host = _host(fragments, options)
    rulesets = list(_rulesets(fragments, host))
    if not any(ruleset.label for ruleset in rulesets):
        return None
    chains: dict[str, Chain] = {}
    rulesets += _where_replies_are_translated(rulesets)
    forwards = forwarding(host, rulesets)
    rulesets += [forwards] if forwards else []
    path = next(ruleset.path for ruleset in rulesets if ruleset.label)
    of_iptables = any(dump.family is host.family for dump in _dumps(fragments))
    others = beside(host, path, of_iptables, bool(_of_nft(fragments)))
    if others is not None and others.assumed is None:
        rulesets.append(withdrawn(others))
    for ruleset in rulesets:
        twice = next((name for name in ruleset.chains if name in chains), None)
        if twice is not None:
            problem = f"the chain {twice} of host {host.name} stands in another export as well"
            raise ExportError(problem, "give the export of one moment only", ruleset.path, 1)
        chains.update(ruleset.chains)
    ranked = [base for ruleset in rulesets for base in ruleset.bases]
    ranked.sort(key=lambda base: (list(Hook).index(base.hook), base.priority, base.order))
    bases, more = in_every_order(ranked, chains, host.name)
    chains.update(more)
    return Firewall(
        host=host.name,
        name=" + ".join(dict.fromkeys(ruleset.label for ruleset in rulesets if ruleset.label)),
        platform="linux",
        family=host.family,
        hooks={hook: tuple(base.name for base in bases if base.hook is hook) for hook in Hook},
        chains=chains,
        exports=tuple(dict.fromkeys(ruleset.path for ruleset in rulesets)),
        local_ports=_local_ports(fragments),
        assumed=(others,) if others is not None and others.assumed is not None else (),
        interfaces=passed(host.interfaces or ()),
        addresses=to_itself(host.interfaces or (), host.family),
        connected=_connected(host),
    )


def _connected(host: Host) -> Connected | None:
    """By which interfaces peers in the host's networks come in, and are reached, unless that is not to be assumed."""
    text = "peers in the network of an interface come in by it, and are reached by it"
    taken = host.assumed("connected-routes", text, True, Span(host.told_by, 1) if host.told_by else None)
    return connected(host.interfaces or (), host.family, taken) if taken.assumed else None


def _where_replies_are_translated(rulesets: Sequence[Ruleset]) -> Iterator[Ruleset]:
    """A nat chain without rules at PREROUTING and OUTPUT where there is none, but one elsewhere: the kernel translates
    at all four hooks as soon as one has a nat chain (nf_nat_register_fn), replies to translated sources here."""
    nat = [(base, ruleset) for ruleset in rulesets for base in ruleset.bases if ruleset.chains[base.name].first_packets]
    for hook in (Hook.PREROUTING, Hook.OUTPUT):
        if nat and not any(base.hook is hook for base, _ in nat):
            base, ruleset = nat[0]
            policy = ruleset.chains[base.name].policy
            span = policy.span if policy else Span(ruleset.path, 1, "")
            accepts = Rule((), ACCEPT, span, f"nat at {hook}", "the kernel translates replies here", implicit=True)
            name = f"nat at {hook}"
            chain = Chain(name, (), accepts, first_packets=True)
            yield Ruleset("", ruleset.path, {name: chain}, (BaseChain(hook, NAT_PRIORITIES[hook], name),))


def _rulesets(fragments: Sequence[Fragment], host: Host) -> Iterator[Ruleset]:
    """What each export contributes to the family of `host`.

    A host can have legacy and nft tables of iptables at once: both are in force. Tables that iptables-nft made are
    shown by nft as well, with less of what they say: those of an iptables-save count, and beside them the chains that
    only nft knows (`nft add chain ip filter ...`).
    """
    dumps = [dump for dump in _dumps(fragments) if dump.family is host.family]
    saved = {title: chains for dump in dumps for title, chains in _nft_titles(dump)}
    variants = {dump.variant for dump in dumps}
    of_nft = _of_nft(fragments)
    for fragment in fragments:
        if fragment in of_nft:
            yield from _of_nftables(fragment.data, host, saved)
        elif isinstance(fragment.data, tuple):
            yield from _of_iptables(fragment.data, host, variants, bool(of_nft))


def _dumps(fragments: Iterable[Fragment]) -> list[IptDump]:
    """The dumps of iptables of both families and variants."""
    parts = [part for each in fragments if isinstance(each.data, tuple) for part in each.data]
    return [part for part in parts if hasattr(part, "variant")]


def _of_nft(fragments: Iterable[Fragment]) -> list[Fragment]:
    return [fragment for fragment in fragments if fragment.dialect.startswith("nft-")]


def _nft_data(fragment: Fragment) -> NftRuleset:
    from validator.dialects._nft_data import NftRuleset

    assert isinstance(fragment.data, NftRuleset)
    return fragment.data


def _nft_titles(dump: IptDump) -> Iterator[tuple[str, Container[str]]]:
    """The names that nft gives the tables of an iptables-nft dump, and the chains that the dump holds of each."""
    if dump.variant == "nft":
        family = "ip" if dump.family is Family.IPV4 else "ip6"
        yield from ((f"{family} {table}", chains) for table, chains in dump.tables.items())


def _of_nftables(data: object, host: Host, saved: Mapping[str, Container[str]]) -> Iterator[Ruleset]:
    from validator.dialects._nft_arp import of_devices
    from validator.dialects._nft_beside import beside
    from validator.dialects._nft_convert import ruleset, unfiltered
    from validator.dialects._nft_data import NftRuleset

    assert isinstance(data, NftRuleset)
    tables = {}
    for key, table in data.tables.items():
        chains = {name: chain for name, chain in table.chains.items() if name not in saved.get(table.title, ())}
        if chains or table.title not in saved:
            tables[key] = replace(table, chains=chains)
    found = ruleset(replace(data, tables=tables), host)
    if len(tables) == len(data.tables) and (not found.bases if found else not tables):
        yield unfiltered(data, host)
    yield from (each for each in (found, beside(data, host), of_devices(data, host)) if each is not None)


def _of_iptables(data: tuple[object, ...], host: Host, variants: Container[str], beside_nft: bool) -> Iterator[Ruleset]:
    from validator.dialects._iptables_convert import ruleset
    from validator.dialects.iptables_save import IptDump

    for part in data:
        if isinstance(part, IptDump) and part.family is host.family:
            if "nft" in variants and "legacy" in variants:
                prefix = "legacy " if part.variant == "legacy" else ""
                part = replace(part, prefix=prefix, incomplete="")
            if beside_nft and part.shown_by_nft:
                part = replace(part, incomplete="")
            yield ruleset(part, host)


def _host(fragments: Sequence[Fragment], options: Options) -> Host:
    """What the exports beside rules tell of the host."""
    interfaces: LinuxInterfaces | None = None
    forwards = localnet = Setting()
    sets: list[IpSet] = []
    for fragment in fragments:
        match fragment.data:
            case LinuxInterfaces() as found if options.family in found.families:
                interfaces = found
            case LinuxSettings() as settings:
                forwards = settings.forwarding.get(options.family, forwards)
                localnet = settings.localnet if settings.localnet != Setting() else localnet
            case tuple() as parts:
                sets += [part for part in parts if isinstance(part, IpSet)]
    dumps, of_nft = _dumps(fragments), [_nft_data(fragment) for fragment in _of_nft(fragments)]
    rewritten = any(dump.rewrites for dump in dumps) or any(map(_rewrites, of_nft))
    return Host(
        name=options.host,
        family=options.family,
        withdrawn=options.withdrawn,
        own=own_addresses(interfaces.interfaces, options.family) if interfaces else None,
        interfaces=interfaces.interfaces if interfaces else None,
        told_by=interfaces.path if interfaces else "",
        forwarding=forwards,
        localnet=localnet,
        sets=named_sets(sets, options.family),
        rewrites=rewritten,
        asked_marks=_asked_marks(dumps, of_nft, sets) if rewritten else {},
        changed_sets=changed_sets((target for dump in dumps for target in dump.targets), sets),
    )


def _local_ports(fragments: Iterable[Fragment]) -> Intervals:
    """The ports that connections of the host's own are made from, where an export tells."""
    told = [each.data.local_ports for each in fragments if isinstance(each.data, LinuxSettings)]
    return next(filter(None, reversed(told)), ())


def _rewrites(data: NftRuleset) -> bool:
    from validator.dialects._nft_updates import rewrites

    return rewrites(data)


def _asked_marks(dumps: Iterable[IptDump], of_nft: Iterable[NftRuleset], sets: Iterable[IpSet]) -> Mapping[str, int]:
    """The bits of marks that rules of any ruleset ask for; all of them where nftables or a set asks for some."""
    from validator.dialects._iptables_marks import ALL_MARKS, asked

    chains = (chain for data in of_nft for table in data.tables.values() for chain in table.chains.values())
    texts = (rule.text for chain in chains for rule in chain.rules)
    if any("mark" in text for text in texts) or any("mark" in each.type for each in sets):
        return ALL_MARKS
    found: dict[str, int] = {}
    for dump in dumps:
        for name, mask in asked(dump).items():
            found[name] = found.get(name, 0) | mask
    return found
