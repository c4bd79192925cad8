"""Subjects about firewalls themselves: switched off, told differently, proxy settings, chains that go wrong."""

from __future__ import annotations

from collections.abc import Iterator

from validator.check import Checked
from validator.engine.passing import passed, reached
from validator.facts import lasting, line_text
from validator.model import Firewall, Hook, Verb
from validator.results import Subject, Value
from validator.source import Span

_NO_FILTER_TABLE = "stops nothing inbound: the export has no filter table (iptables-save without -t writes every table)"


def firewall_subjects(checked: Checked) -> Iterator[Subject]:
    """The subjects of kind firewall, setting, proxy and chain, in the order of the firewalls."""
    yield from _firewalls(checked)
    yield from _settings(checked)
    yield from _proxies(checked)
    yield from _chains(checked)


def _firewalls(checked: Checked) -> Iterator[Subject]:
    seen: set[tuple[str, str, str | None]] = set()
    for firewall in checked.firewalls:
        if not firewall.chains:
            continue
        names: tuple[str | None, ...] = firewall.profiles or (None,)
        for profile in names:
            # A Windows profile is on or off for both families at once.
            key = (firewall.host, firewall.platform if profile else firewall.name, profile)
            if key in seen:
                continue
            seen.add(key)
            span = firewall.profiles_off.get(profile) if profile else _lets_all_in(firewall)
            place = span or Span(firewall.exports[0] if firewall.exports else "", 1)
            facts: dict[str, Value] = {
                "host": firewall.host,
                "where": f"{firewall.host}, profile {profile}" if profile else firewall.host,
                "firewall": firewall.name,
                "platform": firewall.platform,
                "family": firewall.family.value,
                "profile": profile,
                "off": span is not None,
                "how": _NO_FILTER_TABLE if _lacks_filter_table(firewall) else "is off or stops nothing inbound",
                "line": line_text(place),
            }
            yield Subject("firewall", facts, place, f"{key[1]}\n{profile or ''}")


def _lacks_filter_table(firewall: Firewall) -> bool:
    """Whether a firewall is of iptables alone, and its export has no table for what is filtered."""
    of_iptables = {"iptables", "ip6tables"}.issuperset(firewall.name.split(" + "))
    return of_iptables and not any(name.endswith("filter:INPUT") for name in firewall.chains)


def _lets_all_in(firewall: Firewall) -> Span | None:
    """The line to point at where nothing in a firewall can stop an inbound packet, or None."""
    bases = [firewall.chains[name] for name in passed(firewall, Hook.INPUT) if name in firewall.chains]
    stops = (Verb.DROP, Verb.REJECT)
    for chain in reached(firewall, [base.name for base in bases]):
        rules = (*chain.rules, chain.policy) if chain.policy else chain.rules
        if any(rule.enabled and (rule.action.verb in stops or not rule.understood) for rule in rules):
            return None
    for base in bases:
        if base.policy is not None:
            return base.policy.span
    return Span(firewall.exports[0] if firewall.exports else "", 1)


def _settings(checked: Checked) -> Iterator[Subject]:
    """The settings that exports tell differently; of a host for both families at once."""
    for host, each in dict.fromkeys((f.host, each) for f in checked.firewalls for each in f.overruled):
        facts: dict[str, Value] = {
            "host": host,
            "where": host,
            "setting": each.setting,
            "value": each.value,
            "line": line_text(each.span),
            "overruled": each.overruled,
            "overruled_line": line_text(each.overruled_span),
            "because": each.why,
        }
        stable = "\n".join((each.setting, each.value, each.overruled, each.why))
        yield Subject("setting", facts, each.span, stable)


def _proxies(checked: Checked) -> Iterator[Subject]:
    seen: set[tuple[str, Span]] = set()
    for firewall in checked.firewalls:
        proxy = firewall.proxy
        if proxy is None or (firewall.host, proxy.span) in seen:
            continue
        seen.add((firewall.host, proxy.span))
        facts: dict[str, Value] = {
            "host": firewall.host,
            "where": firewall.host,
            "server": proxy.server,
            "bypass_local": proxy.bypass_local,
            "bypass_needed": checked.report.policy.bypass_proxy_for_local,
            "line": line_text(proxy.span),
        }
        yield Subject("proxy", facts, proxy.span, lasting(proxy.span.text))


def _chains(checked: Checked) -> Iterator[Subject]:
    for problem in checked.problems:
        facts: dict[str, Value] = {
            "host": problem.host,
            "where": problem.host,
            "chain": problem.chain,
            "problem": problem.kind,
            "text": problem.text,
            "line": line_text(problem.span),
        }
        yield Subject("chain", facts, problem.span, f"{problem.kind}\n{problem.chain}\n{lasting(problem.span.text)}")
