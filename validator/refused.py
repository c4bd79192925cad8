"""Exports that could not be used: what may be in them counts, so that no proof stands without it.

An export that may hold rules of a host makes a firewall of the host that may stop any packet, as every firewall of a
host must accept. Where rules of several exports make one firewall together (Windows, the clouds) what is known of it
is no proof of *blocked* either: the rules that are missing may allow what the others do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects import Dialect
from validator.errors import FactsExportError, SeveralExportsError, UserError
from validator.model import ACCEPT, DROP, Chain, Condition, ConditionMatch, Firewall, Hook, Rule
from validator.source import Span

_HOOKS = (Hook.INPUT, Hook.OUTPUT, Hook.FORWARD)


class Refused(Struct, frozen=True):
    """An export that could not be used, and why. `host` is empty where nobody named one, `dialect` None where it is
    not known what the file is."""

    path: str
    error: UserError
    dialect: Dialect | None = None
    host: str = ""

    @property
    def may_hold_rules(self) -> bool:
        """Whether it may hold rules: one whose kind is known and that only adds facts does not."""
        if self.dialect is None:
            return not isinstance(self.error, FactsExportError)
        return holds_rules(self.dialect) or isinstance(self.error, SeveralExportsError)

    def may_be_of(self, platform: str) -> bool:
        """Whether it may be of `platform`."""
        return self.dialect is None or isinstance(self.error, SeveralExportsError) or platform == self.dialect.PLATFORM


def stands_alone(dialect: Dialect) -> bool:
    """Whether an export of `dialect` makes a host of its own, and does not only add to another."""
    return bool(getattr(dialect, "STANDS_ALONE", True))


def holds_rules(dialect: Dialect) -> bool:
    """Whether an export of `dialect` may hold rules that let a packet pass or stop it."""
    return bool(getattr(dialect, "HOLDS_RULES", stands_alone(dialect)))


def with_refused(firewalls: Sequence[Firewall], refused: Sequence[Refused]) -> tuple[Firewall, ...]:
    """`firewalls` with what exports of their hosts that could not be used may hold.

    Nothing is added to a host none of whose firewalls filters: it is not judged at all.
    """
    missing: dict[str, list[Refused]] = {}
    for each in refused:
        if each.may_hold_rules:
            missing.setdefault(each.host, []).append(each)
    innermost = {(firewall.host, firewall.family): at for at, firewall in enumerate(firewalls) if firewall.chains}
    found = list(firewalls)
    for at, firewall in enumerate(firewalls):
        of_host = missing.get(firewall.host, ())
        own = [each for each in of_host if each.may_be_of(firewall.platform)]
        if own and firewall.chains and firewall.platform != "linux":
            found[at] = _unknown(firewall, own)
        elif of_host and innermost.get((firewall.host, firewall.family)) == at:
            found[at] = _beside(firewall, of_host)
    return tuple(found)


def _unknown(firewall: Firewall, missing: Sequence[Refused]) -> Firewall:
    """`firewall` where rules of it may be missing that would let packets pass: nothing is known of it then."""
    chains = _chains(missing)
    return replace(firewall, hooks=dict.fromkeys(_HOOKS, tuple(chains)), chains=chains)


def _beside(firewall: Firewall, missing: Sequence[Refused]) -> Firewall:
    """`firewall` with base chains beside its own: the last ones, so that what is blocked anyway is told first."""
    chains = _chains(missing)
    hooks = {hook: (*firewall.hooks.get(hook, ()), *chains) for hook in _HOOKS}
    paths = dict.fromkeys(each.path for each in missing)
    return replace(
        firewall,
        name=" + ".join((firewall.name, *(f"{path} (could not be used)" for path in paths))),
        hooks={**firewall.hooks, **hooks},
        chains={**firewall.chains, **chains},
        exports=tuple(dict.fromkeys((*firewall.exports, *paths))),
    )


def _name(refused: Refused) -> str:
    return f"what {refused.path} holds"


def _chains(missing: Sequence[Refused]) -> Mapping[str, Chain]:
    """A chain for each file, which a packet gets through or does not."""
    found: dict[str, Chain] = {}
    for each in missing:
        error = each.error
        text = f"what {each.path} holds, which could not be used: {error.problem}; {error.remedy}"
        span = Span(each.path, error.line or 1)
        lets_pass = ConditionMatch(Condition(_name(each), text, span))
        rule = Rule((lets_pass,), ACCEPT, span, text, understood=False)
        stops = Rule((), DROP, span, text, implicit=True, understood=False)
        found[_name(each)] = Chain(_name(each), (rule,), stops)
    return found


__all__ = ["Refused", "holds_rules", "stands_alone", "with_refused"]
