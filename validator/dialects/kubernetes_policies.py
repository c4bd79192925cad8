"""Network policies of Kubernetes: manifests (YAML), and `kubectl get networkpolicy -A -o yaml|json`.

NetworkPolicy v1 networking.k8s.io (API reference). A file may hold several documents and other objects: pods, the
pods of workloads and namespaces are facts, others are ignored on purpose. Policies of other APIs (admin network
policies, those of network plugins) decide as well, and are not understood.
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._kubernetes import convert
from validator.dialects._kubernetes_objects import kinds, read
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "kubernetes-policies"
TITLE = "kubectl get networkpolicy -A -o yaml, or manifests"
PLATFORM = "kubernetes"


def sniff(source: Source) -> bool:
    """YAML or JSON with network policies."""
    return bool(kinds(source) & {"NetworkPolicy", "NetworkPolicyList"})


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The policies and facts in `source`. Raises ExportError where it cannot be read, or holds no policy."""
    found = read(source, ledger)
    if not found.policies:
        raise ExportError("no network policy of networking.k8s.io is in it", f"run {TITLE}", source.path, 1)
    return Fragment(NAME, PLATFORM, source.path, found, tuple(Family))


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
