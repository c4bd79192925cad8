"""Network policies of Kubernetes: manifests and lists, with and without pods."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any

import pytest

from tests.dialects.exports import asked, counts, read, refusal, verdict
from validator.dialects import Options
from validator.errors import ExportError, SiteError
from validator.model import Firewall
from validator.packets.fields import Family

HEAD = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\n  namespace: x\nspec:\n"


def policy(spec: str, name: str = "p") -> str:
    return HEAD.replace("name: p\n", f"name: {name}\n") + "".join(f"  {line}\n" for line in spec.splitlines())


def pod(name: str, address: str = "", namespace: str = "x", **more: Any) -> str:
    spec = {"containers": [{"name": "c", "ports": more.pop("ports", [])}], **more.pop("spec", {})}
    found = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": more},
        "spec": spec,
        "status": {"phase": "Running", "podIP": address, "hostIP": "10.1.0.1"},
    }
    return json.dumps(found, indent=1)


def space(name: str, **labels: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})


def wall(*texts: str, family: Family = Family.IPV4, **options: Any) -> Firewall:
    found = [read(text, f"dump{n or ''}") for n, text in enumerate(texts)]
    firewall = found[0][0].convert([fragment for _, fragment, _ in found], Options("host", family, **options))
    assert firewall is not None
    return firewall


DENY = policy("podSelector: {}\npolicyTypes: [Ingress, Egress]")
WEB = policy("podSelector: {}\ningress:\n- from:\n  - podSelector: {matchLabels: {app: web}}\n  ports:\n  - port: 80")


def test_a_policy_isolates_in_the_directions_of_its_types() -> None:
    assert verdict(wall(DENY), 80) == "drop"
    assert verdict(wall(DENY), 80, hook="output") == "drop"
    assert verdict(wall(DENY), 80, state="established") == "accept"
    ingress = policy("podSelector: {}\negress: []")
    assert [verdict(wall(ingress), 80, hook=hook) for hook in ("input", "output")] == ["drop", "accept"]
    both = policy("podSelector: {}\negress:\n- ports: [{port: 53, protocol: UDP}]")
    assert [verdict(wall(both), 80, hook=hook) for hook in ("input", "output")] == ["drop", "drop"]
    egress = policy("podSelector: {}\npolicyTypes: [Egress]\ningress: []")
    assert [verdict(wall(egress), 80, hook=hook) for hook in ("input", "output")] == ["accept", "drop"]


def test_rules_of_all_policies_are_a_union() -> None:
    more = policy("podSelector: {}\ningress:\n- ports: [{port: 80}, {port: 90, endPort: 95}]", "q")
    found = wall(DENY + "---\n" + more)
    assert [port for port in (79, 80, 81, 90, 95, 96) if verdict(found, port) == "accept"] == [80, 90, 95]
    assert verdict(found, 80, protocol="udp") == "drop"
    assert verdict(wall(policy("podSelector: {}\ningress:\n- {}")), 7) == "accept"


def test_a_block_has_exceptions_and_a_family() -> None:
    found = policy("podSelector: {}\ningress:\n- from:\n  - ipBlock: {cidr: 10.0.0.0/8, except: [10.9.0.0/16]}")
    assert verdict(wall(found), 80, source="10.1.1.1") == "accept"
    assert verdict(wall(found), 80, source="10.9.1.1") == "drop"
    assert verdict(wall(found, family=Family.IPV6), 80) == "drop"


def test_pods_are_their_addresses_where_they_are_exported() -> None:
    found = wall(WEB, pod("web", "10.2.0.1", app="web"), pod("far", "10.2.0.2", "y", app="web"), groups=("x/web",))
    assert verdict(found, 80, source="10.2.0.1") == "accept"
    assert verdict(found, 80, source="10.2.0.2") == "drop"
    assert verdict(wall(WEB), 80) == "unknown"
    assert asked(wall(WEB), 80)[0].startswith("the peer is one of the pods app=web in x (kubectl get pods")
    told = wall(WEB, networks={"pods app=web in x": ("10.3.0.0/24",)})
    assert [verdict(told, 80, source=text) for text in ("10.3.0.1", "10.4.0.1")] == ["accept", "drop"]
    assert verdict(wall(WEB, pod("web", app="web"), groups=("web",)), 80) == "unknown"


def test_namespaces_are_known_by_their_labels_and_names() -> None:
    by_team = policy("podSelector: {}\ningress:\n- from:\n  - namespaceSelector: {matchLabels: {team: a}}")
    pods = [pod("host", "10.2.0.1"), pod("far", "10.2.0.2", "y")]
    host: dict[str, Any] = {"groups": ("x/host",)}
    assert verdict(wall(by_team, *pods, space("y", team="a"), space("x"), **host), 80, source="10.2.0.2") == "accept"
    assert verdict(wall(by_team, *pods, **host), 80, source="10.2.0.2") == "unknown"
    name = by_team.replace("team: a", "kubernetes.io/metadata.name: y")
    assert verdict(wall(name, *pods, **host), 80, source="10.2.0.2") == "accept"
    assert verdict(wall(name, *pods, **host), 80, source="10.2.0.1") == "drop"


def test_a_named_port_is_a_container_port_of_the_receiving_pod() -> None:
    named = policy("podSelector: {}\ningress:\n- ports: [{port: rest}]")
    ports = [{"name": "rest", "containerPort": 9340}]
    found = wall(named, pod("a", "10.2.0.1", ports=ports), groups=("a",))
    assert [verdict(found, port) for port in (9340, 80)] == ["accept", "drop"]
    assert verdict(wall(named, pod("b", "10.2.0.1"), groups=("b",)), 80) == "drop"
    assert verdict(wall(named), 80) == "unknown"
    out = policy("podSelector: {}\negress:\n- ports: [{port: rest}]")
    assert verdict(wall(out, pod("a", "10.2.0.1", ports=ports), groups=("a",)), 80, hook="output") == "unknown"


def test_the_node_of_a_pod_always_reaches_it() -> None:
    found = wall(DENY, pod("a", "10.2.0.1"), groups=("a",))
    assert verdict(found, 80, source="10.1.0.1") == "accept"
    assert verdict(found, 80, source="10.1.0.2") == "drop"


def test_a_pod_on_the_network_of_its_node_is_not_decided() -> None:
    found = wall(DENY, pod("a", "10.2.0.1", spec={"hostNetwork": True}), groups=("a",))
    assert verdict(found, 80) == "unknown"


def test_nothing_is_promised_of_other_protocols() -> None:
    assert verdict(wall(DENY), None, protocol="icmp") == "unknown"
    assert verdict(wall(policy("podSelector: {}\ningress:\n- {}")), None, protocol="icmp") == "unknown"


def test_which_pod_the_host_is_may_be_told_in_several_ways() -> None:
    web = policy("podSelector: {matchLabels: {app: web}}")
    pods = [pod("web", "10.2.0.1", app="web"), pod("db", "10.2.0.2", app="db")]
    assert verdict(wall(web, *pods, addresses=("10.2.0.1/32",)), 80) == "drop"
    assert verdict(wall(web, *pods, groups=("db",)), 80) == "accept"
    assert verdict(wall(web, *pods, groups=("app=web",)), 80) == "drop"
    untold = wall(web, *pods)
    assert [span.text for span in untold.alternatives] == ["the host is pod x/web", "the host is pod x/db"]
    assert verdict(untold, 80) == "unknown"
    with pytest.raises(SiteError, match="is pod wbe, which no export holds"):
        wall(web, *pods, groups=("wbe",))


def test_without_pods_labels_tell_or_the_policies_do() -> None:
    web = policy("podSelector: {matchLabels: {app: web}}")
    assert verdict(wall(web), 80) == "drop"
    assert verdict(wall(web, groups=("app=web",)), 80) == "drop"
    assert verdict(wall(web, groups=("app=db", "x")), 80) == "accept"
    assert verdict(wall(web, groups=("tier=a",)), 80) == "unknown"
    tier = policy("podSelector: {matchLabels: {tier: a}}\ningress:\n- {}", "q")
    assert verdict(wall(web + "---\n" + tier), 80) == "unknown"
    with pytest.raises(SiteError, match="which is no namespace of the exports"):
        wall(web, groups=("y",))


def test_workloads_tell_the_labels_of_their_pods() -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "namespace": "x"}}
    text = json.dumps({**deployment, "spec": {"template": template}})
    web = policy("podSelector: {matchLabels: {app: web}}")
    assert verdict(wall(web, text), 80) == "drop"
    assert verdict(wall(web.replace("app: web", "app: db"), text, groups=("w",)), 80) == "accept"


@pytest.mark.parametrize("kind", ["AdminNetworkPolicy", "CiliumNetworkPolicy"])
def test_policies_of_other_apis_prove_nothing(kind: str) -> None:
    other = f"---\napiVersion: other/v1\nkind: {kind}\nmetadata: {{name: z}}\nspec:\n  priority: 1\n"
    assert verdict(wall(DENY + other), 80) == "unknown"
    assert counts(DENY + other)["unsupported"] > 0


def test_a_baseline_decides_only_what_no_policy_isolates() -> None:
    other = "---\napiVersion: other/v1\nkind: BaselineAdminNetworkPolicy\nmetadata: {name: default}\nspec: {}\n"
    assert verdict(wall(DENY + other), 80) == "drop"
    assert verdict(wall(policy("podSelector: {}") + other), 80, hook="output") == "unknown"


@pytest.mark.parametrize(
    "spec",
    [
        "surprise: 1",
        "podSelector: {matchLabels: {a@b: c}}",
        "podSelector: {matchLabels: {a: 1}}",
        "podSelector: {matchExpressions: [{key: a, operator: Like, values: [b]}]}",
        "podSelector: {matchExpressions: [{key: a, operator: In}]}",
        "podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}",
        "policyTypes: [Both]",
        "ingress: [{from: [{}]}]",
        "ingress: [{from: [{ipBlock: {cidr: A}}]}]",
        "ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: ['::/0']}}]}]",
        "ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}, podSelector: {}}]}]",
        "ingress: [{ports: [{port: 0}]}]",
        "ingress: [{ports: [{port: 90, endPort: 80}]}]",
        "ingress: [{ports: [{port: web, endPort: 80}]}]",
        "ingress: [{ports: [{protocol: ICMP}]}]",
        "ingress: [null]",
        "ingress: {}",
    ],
)
def test_a_policy_that_the_server_refuses_proves_nothing(spec: str) -> None:
    text = policy(spec)
    assert verdict(wall(text), 80) == "unknown"
    assert verdict(wall(text), 80, hook="output") == "unknown"
    assert counts(text)["unsupported"] > 0


def test_two_policies_of_one_name_must_be_the_same() -> None:
    assert verdict(wall(DENY + "---\n" + DENY), 80) == "drop"
    with pytest.raises(ExportError, match="x/p stands here a second time, and differs"):
        wall(DENY + "---\n" + WEB)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DENY.replace("name: p", "name: {{ .Values.name }}"), "4: this is a template"),
        (DENY + "---\n{{- if .Values.on }}\n", "10: this is a template"),
        (policy('podSelector: {matchLabels: {app: "{{ .Chart.Name }}"}}'), "6: this is a template"),
        (DENY + "spec: {}\n", "9: the key 'spec' stands twice"),
        (DENY + "  bad: [\n", "not valid YAML"),
        (DENY + "---\n- 1\n", "a document is no object of Kubernetes"),
        (DENY.replace("networking.k8s.io/v1", "other/v1"), "1: no network policy of networking.k8s.io is in it"),
        (DENY + "x: " + "[" * 3000 + "\n", "YAML"),
        (pod("a", "here"), "an address of pod a is none"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, message: str) -> None:
    assert message in refusal(text)


@pytest.mark.parametrize("deep", ["[" * 100_000, "{a: " * 20_000, "- " * 100_000, "\n- " + "- " * 50_000, "? " * 9_000])
def test_yaml_that_is_nested_too_deep_is_refused(deep: str) -> None:
    message = refusal(HEAD + "  x: " + deep)
    assert "YAML" in message


def test_aliases_that_grow_are_refused_at_once() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{name}: &{name} [{', '.join(['*' + before] * 10)}]" for before, name in pairwise("abcdefgh")]
    began = time.perf_counter()
    assert "1: YAML that is nested too deep, or a value out of range" in refusal(DENY + "\n".join(lines))
    assert time.perf_counter() - began < 2


def test_a_blank_or_comment_document_is_nothing() -> None:
    assert verdict(wall("# what is this\n---\n" + DENY + "---\n# nothing\n---\n"), 80) == "drop"


def test_a_list_of_kubectl_is_read_as_yaml_and_json() -> None:
    item = {"metadata": {"name": "p", "namespace": "x"}, "spec": {"podSelector": {}}}
    data = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": [item]}
    assert verdict(wall(json.dumps(data, indent=1)), 80) == "drop"
    listed = "apiVersion: v1\nkind: List\nitems:\n- " + DENY.rstrip().replace("\n", "\n  ") + "\n"
    assert verdict(wall(listed), 80) == "drop"
    assert counts(listed)["unsupported"] == 0


def test_pods_that_no_export_lists_are_a_named_assumption() -> None:
    exports = (WEB, pod("web", "10.2.0.1", app="web"), pod("else", "10.2.0.3"), space("x"))
    sources = ("10.2.0.1", "10.2.0.3", "10.2.0.9")
    told = wall(*exports, groups=("x/web",))
    assert [verdict(told, 80, source=each) for each in sources] == ["accept", "drop", "drop"]
    taken_back = wall(*exports, groups=("x/web",), withdrawn=frozenset({"listed-members"}))
    assert [verdict(taken_back, 80, source=each) for each in sources] == ["accept", "drop", "unknown"]
