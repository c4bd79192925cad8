"""Network policies of Kubernetes, and the objects they speak of, in their own terms.

NetworkPolicy v1 networking.k8s.io and Pod v1 core (Kubernetes API reference).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Struct


class Selector(Struct, frozen=True):
    """A label selector: every label and every expression (key, operator, values) must hold; none: everything."""

    labels: tuple[tuple[str, str], ...] = ()
    expressions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    @property
    def text(self) -> str:
        """It as kubectl writes it: `app=web,tier in (a,b)`."""
        words = {"In": "{0} in ({1})", "NotIn": "{0} notin ({1})", "Exists": "{0}", "DoesNotExist": "!{0}"}
        found = [f"{key}={value}" for key, value in self.labels]
        found += [words[operator].format(key, ",".join(values)) for key, operator, values in self.expressions]
        return ",".join(found) or "any"


class Port(Struct, frozen=True):
    """A port of a rule: `first` to `last` where it has numbers, `name` where it is a container's, else all ports."""

    protocol: str
    first: int | None = None
    last: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """One entry of from or to: a block without its exceptions, or pods by their labels and those of their namespace.

    `pods` alone are of the policy's namespace, `namespaces` alone are all pods there.
    """

    line: int = field(compare=False)
    block: str = ""
    exceptions: tuple[str, ...] = ()
    pods: Selector | None = None
    namespaces: Selector | None = None


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A rule: any of `peers` (none: everybody) on any of `ports` (none: all traffic)."""

    peers: tuple[Peer, ...]
    ports: tuple[Port, ...]
    line: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """A policy; `ingress` and `egress` are None where it is not of that type. `why`: what was not understood."""

    name: str
    namespace: str
    line: int = field(compare=False)
    selector: Selector
    ingress: tuple[PolicyRule, ...] | None
    egress: tuple[PolicyRule, ...] | None
    why: str = ""

    @property
    def label(self) -> str:
        """Its namespace and name."""
        return f"{self.namespace}/{self.name}"


class Pod(Struct, frozen=True):
    """A pod, or the template of a workload (then without addresses). `ports` are name, protocol and number of the
    containers' named ports; `nodes` the addresses of its node; `on_host`: it uses the network of its node."""

    name: str
    namespace: str
    line: int
    labels: tuple[tuple[str, str], ...]
    addresses: tuple[str, ...] = ()
    ports: tuple[tuple[str, str, int], ...] = ()
    nodes: tuple[str, ...] = ()
    on_host: bool = False


class Objects(Struct, frozen=True):
    """What one file holds. `namespaces` are names with labels; `others` the lines and kinds of policies of other APIs,
    which decide as well and are not understood."""

    path: str
    policies: tuple[NetworkPolicy, ...]
    pods: tuple[Pod, ...]
    namespaces: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    others: tuple[tuple[int, str], ...] = ()
