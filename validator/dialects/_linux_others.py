"""What may filter on a Linux host beside the rulesets that were exported.

`iptables-save` shows no tables of nftables but those that iptables made, and `nft list ruleset` none of
iptables-legacy. Firewalld, Docker, Podman and fail2ban make tables of either. Where only one of the two was exported,
that the other has none is the assumption `every-ruleset`.
"""

from __future__ import annotations

from validator.dialects._linux_facts import Host
from validator.dialects._linux_ruleset import BaseChain, Ruleset
from validator.model import ACCEPT, DROP, Chain, Condition, ConditionMatch, Hook, Rule
from validator.source import Span

_LAST = (1 << 31) - 1
_NAME = "rulesets that were not exported"
_OF_NFTABLES = "tables of nftables, which iptables-save does not show, let the packet pass (run nft list ruleset)"
_OF_LEGACY = "tables of iptables-legacy, which nft does not show, let the packet pass (run iptables-legacy-save)"


def beside(host: Host, path: str, iptables: bool, nftables: bool) -> Condition | None:
    """That other rulesets let packets pass, where one kind alone was exported, in `path`; else None."""
    if iptables is nftables:
        return None
    return host.assumed("every-ruleset", _OF_NFTABLES if iptables else _OF_LEGACY, True, Span(path, 1))


def withdrawn(others: Condition) -> Ruleset:
    """A chain behind all others that accepts if `others` do."""
    span = others.span or Span("", 1)
    passes = Rule((ConditionMatch(others),), ACCEPT, span, others.text, implicit=True)
    chain = Chain(_NAME, (passes,), Rule((), DROP, span, others.text, "what was not exported", implicit=True))
    hooks = (Hook.INPUT, Hook.FORWARD, Hook.OUTPUT)
    return Ruleset("", span.path, {_NAME: chain}, tuple(BaseChain(hook, _LAST, _NAME) for hook in hooks))
