"""`kubectl get pods,namespaces -A -o yaml|json`, or manifests of workloads: the labels and addresses of pods.

Pod v1 core (API reference). It adds facts to network policies.
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._kubernetes import convert
from validator.dialects._kubernetes_objects import FACTS, kinds, read
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "kubernetes-objects"
TITLE = "kubectl get pods,namespaces -A -o yaml"
PLATFORM = "kubernetes"
STANDS_ALONE = False


def sniff(source: Source) -> bool:
    """YAML or JSON with pods, workloads or namespaces, and no network policy."""
    found = kinds(source)
    return bool(found & set(FACTS)) and not found & {"NetworkPolicy", "NetworkPolicyList"}


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The facts in `source`. Raises ExportError where it cannot be read, or holds none."""
    found = read(source, ledger)
    if not (found.pods or found.namespaces):
        raise ExportError("no pod, workload or namespace is in it", f"run {TITLE}", source.path, 1)
    return Fragment(NAME, PLATFORM, source.path, found, tuple(Family))


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
