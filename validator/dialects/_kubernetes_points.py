"""The pods that a host may be, and what is known of pods and namespaces.

"Network Policies" (Kubernetes documentation): a policy selects pods of its own namespace by their labels.
Every namespace has the label kubernetes.io/metadata.name.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

from msgspec import Struct

from validator.dialects import Options
from validator.dialects._kubernetes_data import NetworkPolicy, Objects, Pod, Selector
from validator.dialects._kubernetes_selectors import all_of, selects
from validator.errors import SiteError
from validator.source import Span

_NAME = "kubernetes.io/metadata.name"


class Point(Struct, frozen=True):
    """A pod, or pods that are alike. `pod` is None where only a policy's selector tells of it (`labels` are those it
    asks for; `policy` the one)."""

    namespace: str
    labels: tuple[tuple[str, str], ...]
    span: Span
    pod: Pod | None = None
    policy: NetworkPolicy | None = None

    def selected(self, policy: NetworkPolicy) -> bool | None:
        """Whether `policy` selects this pod; None where its other labels decide."""
        if policy.namespace != self.namespace:
            return False
        if self.policy is not None and policy.selector == self.policy.selector:
            return True
        return selects(policy.selector, dict(self.labels), self.pod is not None)


class Cluster(Struct, frozen=True):
    """Everything the exports of one cluster hold; pods and policies with their paths."""

    policies: tuple[tuple[str, NetworkPolicy], ...]
    pods: tuple[tuple[str, Pod], ...]
    namespaces: dict[str, tuple[tuple[str, str], ...]]

    @staticmethod
    def of(exports: Sequence[Objects]) -> Cluster:
        """What `exports` hold together."""
        policies = tuple((each.path, policy) for each in exports for policy in each.policies)
        pods = tuple((each.path, pod) for each in exports for pod in each.pods)
        return Cluster(policies, pods, {name: labels for each in exports for name, labels in each.namespaces})

    def in_namespaces(self, selector: Selector, namespace: str) -> bool | None:
        """Whether `selector` selects a namespace; None where its labels are not exported."""
        labels = {**dict(self.namespaces.get(namespace, ())), _NAME: namespace}
        return selects(selector, labels, namespace in self.namespaces)

    def is_peer(self, pod: Pod, pods: Selector | None, namespaces: Selector | None, own: str) -> bool | None:
        """Whether a peer's selectors, in a policy of namespace `own`, select `pod`."""
        inside: bool | None = pod.namespace == own
        if namespaces is not None:
            inside = self.in_namespaces(namespaces, pod.namespace)
        return all_of((inside, True if pods is None else selects(pods, dict(pod.labels), True)))


def points(cluster: Cluster, options: Options, path: str) -> tuple[Point, ...]:
    """The pods that the host may be, alike ones as one. Raises SiteError for a pod that no export holds.

    The site's addresses choose pods, its groups by `namespace/pod`, by name, or by labels (`app=web`); else it may be
    every pod. Where no pod is exported: what the labels tell, in the namespaces of the policies (or those that groups
    name); else the pods that a policy selects, one policy after the other.
    """
    chosen = [item for item in cluster.pods if _has(item[1], options.addresses)]
    labels = tuple(sorted((key, value) for key, _, value in (g.partition("=") for g in options.groups if "=" in g)))
    names = [name for name in options.groups if "=" not in name]
    if not chosen and cluster.pods:
        chosen = [item for name in names for item in _called(name, cluster, options, path)]
        if labels:
            chosen = [item for item in chosen or cluster.pods if set(labels) <= set(item[1].labels)]
            if not chosen:
                _called(",".join(options.groups), cluster, options, path)
    found: dict[tuple[object, ...], list[Point]] = {}
    for where, pod in chosen or cluster.pods:
        span = Span(where, pod.line, f"the host is pod {pod.namespace}/{pod.name}")
        key = (pod.namespace, pod.labels, pod.ports, pod.nodes, pod.on_host)
        found.setdefault(key, []).append(Point(pod.namespace, pod.labels, span, pod))
    if found:
        return tuple(_merged(alike) for alike in found.values())
    return _by_labels(cluster, labels, names, options, path) if options.groups else _by_selector(cluster)


def _has(pod: Pod, addresses: Sequence[str]) -> bool:
    wanted = [ip_network(text, strict=False) for text in addresses]
    own = [ip_network(text, strict=False) for text in pod.addresses]
    return any(a.version == b.version and a.overlaps(b) for a in wanted for b in own)


def _by_labels(
    cluster: Cluster, labels: tuple[tuple[str, str], ...], names: Sequence[str], options: Options, path: str
) -> tuple[Point, ...]:
    known = sorted({policy.namespace for _, policy in cluster.policies} | set(cluster.namespaces)) or ["default"]
    for name in names:
        if name not in known:
            problem = f"host {options.host} is in {name}, which is no namespace of the exports, and they hold no pod"
            remedy = f"add kubectl get pods -A -o yaml, or name labels (app=web) and one of: {', '.join(known[:10])}"
            raise SiteError(problem, remedy, path, 1)
    words = ",".join(f"{key}={value}" for key, value in labels) or "any labels"
    return tuple(
        Point(space, labels, Span(path, 1, f"the host is a pod in {space} with {words}")) for space in names or known
    )


def _by_selector(cluster: Cluster) -> tuple[Point, ...]:
    found: dict[tuple[str, Selector], Point] = {}
    for where, policy in cluster.policies:
        span = Span(where, policy.line, f"the host is a pod that {policy.label} selects")
        point = Point(policy.namespace, policy.selector.labels, span, None, policy)
        found.setdefault((policy.namespace, policy.selector), point)
    return tuple(found.values())


def _merged(alike: Sequence[Point]) -> Point:
    first = alike[0]
    more = f" and {len(alike) - 1} more alike" if len(alike) > 1 else ""
    span = Span(first.span.path, first.span.line, first.span.text + more)
    return Point(first.namespace, first.labels, span, first.pod)


def _names(pod: Pod) -> tuple[str, ...]:
    """What a pod may be called: with its namespace or without; a workload's also without its kind."""
    short = pod.name.rpartition(":")[2]
    return pod.name, f"{pod.namespace}/{pod.name}", short, f"{pod.namespace}/{short}"


def _called(name: str, cluster: Cluster, options: Options, path: str) -> list[tuple[str, Pod]]:
    found = [item for item in cluster.pods if name in _names(item[1])]
    where = {item[1].namespace for item in found}
    if len(where) != 1:
        what = "which no export holds" if not found else f"of which there are {len(found)}"
        listed = ", ".join(sorted(f"{pod.namespace}/{pod.name}" for _, pod in cluster.pods)[:10]) or "none"
        raise SiteError(
            f"host {options.host} is pod {name}, {what}", f"write namespace/pod; pods exported: {listed}", path, 1
        )
    return found
