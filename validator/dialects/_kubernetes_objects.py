"""Objects of Kubernetes in YAML or JSON: what of them Portproof reads.

Pod v1 core, and the pod templates of workloads (Kubernetes API reference); lists as kubectl gives them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from validator.dialects._cloud import is_block
from validator.dialects._json_positions import Located, load
from validator.dialects._kubernetes_data import NetworkPolicy, Objects, Pod, Selector
from validator.dialects._kubernetes_spec import Sides, Unclear, labels_of, specification
from validator.dialects._yaml_positions import load_all
from validator.errors import ExportError
from validator.source import Ledger, LineState, Source

_HEAD = re.compile(r"(---|\{|\[|\"?(apiVersion|kind|metadata|items|spec)\"?\s*:|%YAML)")
_KIND = re.compile(r"^[\s-]*\"?kind\"?\s*:\s*[\"']?(\w+)", re.MULTILINE)
_TEMPLATE = re.compile(r"\{\{-?\s*[\w.$\"/(]")
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "ReplicationController")
_APIS = ("networking.k8s.io/", "extensions/v1beta1")
FACTS = ("Pod", "Namespace", "PodList", "NamespaceList", "CronJob", *_WORKLOADS)
_RENDER = "render it first (helm template, kustomize build) and pass what that prints"


def kinds(source: Source) -> set[str]:
    """The kinds of objects that `source` seems to hold; none where it does not look like YAML or JSON objects."""
    head = next((line for line in source.lines if line.strip() and not line.lstrip().startswith("#")), "")
    head = head.lstrip("\ufeff")
    if not _HEAD.match(head) and not _TEMPLATE.search(head):
        return set()
    text = source.text
    if "apiVersion" not in text:
        return set()
    return set(_KIND.findall(text)) | set(re.findall(r"[\"{,]\s*\"kind\"\s*:\s*\"(\w+)\"", text))


def read(source: Source, ledger: Ledger) -> Objects:
    """Every object in `source` that is of use. Raises ExportError where it cannot be read, or is a template."""
    json = next((line.lstrip() for line in source.lines if line.strip()), "").startswith("{")
    try:
        documents = [load(source)] if json else load_all(source)
    except ExportError:
        _refuse_template(source)
        raise
    ledger.mark_range(1, len(source.lines), LineState.IGNORED)
    reader = _Reader(source, ledger)
    for document in documents:
        for item in _items(document, source.path):
            reader.take(item)
    return Objects(
        source.path, tuple(reader.policies), tuple(reader.pods), tuple(reader.namespaces), tuple(reader.others)
    )


def _refuse_template(source: Source) -> None:
    for number, line in enumerate(source.lines, 1):
        if _TEMPLATE.search(line) and not line.lstrip().startswith("#"):
            raise ExportError("this is a template, not what the cluster gets", _RENDER, source.path, number)


def _items(document: Any, path: str) -> Iterator[Located]:
    """The objects of a document: itself, or those of a List."""
    if not isinstance(document, Located):
        raise ExportError("a document is no object of Kubernetes", "export it again with kubectl get -o yaml", path, 1)
    kind = document.get("kind")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            if isinstance(item, Located) and "kind" not in item:
                item["kind"], item["apiVersion"] = kind.removesuffix("List"), document.get("apiVersion")
            yield from _items(item, path)
        if isinstance(document.get("metadata"), Located) and document["metadata"].get("continue"):
            line = document["metadata"].at("continue")
            raise ExportError("the list is one page of several", "export it again with --chunk-size=0", path, line)
        return
    yield document


class _Reader:
    """Collects the objects of one file, and marks their lines."""

    def __init__(self, source: Source, ledger: Ledger) -> None:
        self._source, self._ledger = source, ledger
        self.policies: list[NetworkPolicy] = []
        self.pods: list[Pod] = []
        self.namespaces: list[tuple[str, tuple[tuple[str, str], ...]]] = []
        self.others: list[tuple[int, str]] = []

    def take(self, item: Located) -> None:
        """One object: a policy, a fact, a policy of another API, or none of these."""
        kind, api = str(item.get("kind")), str(item.get("apiVersion"))
        if kind == "NetworkPolicy" and api.startswith(_APIS):
            self.policies.append(self._policy(item))
        elif "NetworkPolicy" in kind:
            self.others.append((item.at("kind"), kind))
            self._mark(item, LineState.UNSUPPORTED)
        elif kind in FACTS:
            self._fact(item, kind)

    # --- policies ---

    def _policy(self, item: Located) -> NetworkPolicy:
        name, namespace, _ = _metadata(item)
        spec = item.get("spec")
        line = item.at("metadata")
        if isinstance(item.get("metadata"), Located):
            line = item["metadata"].at("name")
        why = ""
        selector = Selector()
        sides: Sides = (None, None)
        try:
            if not isinstance(spec, Located):
                raise Unclear("it has no spec")
            if self._has_template(spec):
                problem = "this is a template, not what the cluster gets"
                raise ExportError(problem, _RENDER, self._source.path, item.at("spec"))
            selector, sides = specification(spec)
        except Unclear as error:
            why = str(error)
        if isinstance(spec, Located):
            self._mark(spec, LineState.UNSUPPORTED if why else LineState.MODELLED)
            self._ledger.mark(item.at("spec"), LineState.UNSUPPORTED if why else LineState.MODELLED)
        self._ledger.mark(line, LineState.UNSUPPORTED if why else LineState.MODELLED)
        return NetworkPolicy(name, namespace, line, selector, sides[0], sides[1], why)

    def _has_template(self, value: Any) -> bool:
        if isinstance(value, Located):
            return any(_TEMPLATE.search(key) or self._has_template(each) for key, each in value.items())
        if isinstance(value, list):
            return any(self._has_template(each) for each in value)
        return isinstance(value, str) and bool(_TEMPLATE.search(value))

    def _mark(self, value: Any, state: LineState) -> None:
        """Mark the lines of every key below `value`, and those of lists of texts."""
        if isinstance(value, list):
            for each in value:
                self._mark(each, state)
        if not isinstance(value, Located):
            return
        for key, each in value.items():
            if key not in value.lines:
                continue
            line = value.at(key)
            conditional = state is LineState.MODELLED and key in ("namespaceSelector", "podSelector") and each
            self._ledger.mark(line, LineState.CONDITIONAL if conditional else state)
            if isinstance(each, list) and each and not any(isinstance(entry, (Located, list)) for entry in each):
                self._ledger.mark_range(line, min(line + len(each), len(self._source.lines)), state)
            self._mark(each, state)

    # --- facts ---

    def _fact(self, item: Located, kind: str) -> None:
        name, namespace, labels = _metadata(item)
        metadata = item.get("metadata")
        line = metadata.at("name") if isinstance(metadata, Located) else item.line
        if labels is None or not name:
            problem = f"a {kind} without a name, or with unclear labels"
            raise ExportError(problem, "export it again", self._source.path, line)
        if kind == "Namespace":
            self.namespaces.append((name, labels))
        elif kind == "Pod":
            self._pod(item, name, namespace, labels, line)
        else:
            template = _inner(item, "spec", "jobTemplate", "spec") if kind == "CronJob" else _inner(item, "spec")
            template = _inner(template, "template")
            inner = _metadata(template)[2]
            if inner is None:
                raise ExportError(f"the labels of {kind} {name} are unclear", "mend them", self._source.path, line)
            self._pod(template, f"{kind.lower()}:{name}", namespace, inner, line)
        self._ledger.mark(line, LineState.MODELLED)
        if isinstance(metadata, Located):
            self._mark(metadata.get("labels"), LineState.MODELLED)

    def _pod(self, item: Located, name: str, namespace: str, labels: tuple[tuple[str, str], ...], line: int) -> None:
        spec, status = _inner(item, "spec"), _inner(item, "status")
        if status.get("phase") in ("Succeeded", "Failed"):
            return  # its address is free again
        ports = []
        sidecars = [each for each in _objects(spec, "initContainers") if each.get("restartPolicy") == "Always"]
        for container in (*_objects(spec, "containers"), *sidecars):
            for each in _objects(container, "ports"):
                number = each.get("containerPort")
                if isinstance(each.get("name"), str) and isinstance(number, int):
                    ports.append((each["name"], str(each.get("protocol", "TCP")), number))
        found = [str(status.get("podIP") or ""), *(str(each.get("ip") or "") for each in _objects(status, "podIPs"))]
        nodes = [str(status.get("hostIP") or ""), *(str(each.get("ip") or "") for each in _objects(status, "hostIPs"))]
        for key in ("podIP", "hostIP"):
            if key in status.lines:
                self._ledger.mark(status.at(key), LineState.MODELLED)
        for address in filter(None, (*found, *nodes)):
            if not is_block(address):
                raise ExportError(f"an address of pod {name} is none", "export it again", self._source.path, line)
        addresses = tuple(dict.fromkeys(filter(None, found)))
        on_host = spec.get("hostNetwork") is True
        node = tuple(dict.fromkeys(filter(None, nodes)))
        self.pods.append(Pod(name, namespace, line, labels, addresses, tuple(ports), node, on_host))


def _inner(item: Located, *keys: str) -> Located:
    for key in keys:
        found = item.get(key)
        item = found if isinstance(found, Located) else Located(item.line)
    return item


def _objects(item: Located, key: str) -> list[Located]:
    found = item.get(key)
    return [each for each in found if isinstance(each, Located)] if isinstance(found, list) else []


def _metadata(item: Located) -> tuple[str, str, tuple[tuple[str, str], ...] | None]:
    """Name, namespace (`default` where none is given, as kubectl takes it), labels (None: unclear)."""
    found = _inner(item, "metadata")
    name, namespace = found.get("name"), found.get("namespace")
    labels: tuple[tuple[str, str], ...] | None
    try:
        labels = labels_of(found.get("labels"))
    except Unclear:
        labels = None
    return (
        name if isinstance(name, str) else "",
        namespace if isinstance(namespace, str) and namespace else "default",
        labels,
    )
