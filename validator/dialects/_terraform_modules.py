"""The resources that Terraform configuration makes: modules, variables, locals, count, for_each and dynamic blocks.

Terraform language documentation: all .tf files of a folder are one module; "Modules" (`source = "./x"` is the folder
x beside it), "Input Variables" (the default, where the caller gives none; see `_iac_defaults`), "The count / for_each
Meta-Arguments", "dynamic Blocks".
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from validator.dialects._hcl_evaluate import Budget, Scope, evaluate
from validator.dialects._hcl_functions import NotHere, Set
from validator.dialects._hcl_paths import Step
from validator.dialects._hcl_tree import Block, Body, Expression
from validator.dialects._iac_values import Reference, Resource, Unknown, unknowns, whole
from validator.dialects._terraform_blocks import META, MOST, countable, members, values_of
from validator.dialects._terraform_data import Call, TerraformFile, matters
from validator.errors import ExportError

_DEEPEST = 30
Key = str | int | None
"""What tells instances apart: for_each's key, count's index, None for the only one."""


def resources(files: Sequence[TerraformFile], defaults: bool = True) -> tuple[list[Resource], list[Call]]:
    """The firewall resources of all `files`, and the modules that were called and are not among them.

    Without `defaults` nobody knows what the variables are that may be set from outside. Raises ExportError for a
    configuration that Terraform refuses, or that takes too long.
    """
    folders: dict[str, list[TerraformFile]] = {}
    for file in files:
        folders.setdefault(file.folder, []).append(file)
    tops = roots(files)
    found: list[Resource] = []
    calls: list[Call] = []
    for top in tops:
        prefix = "" if len(tops) == 1 else f"{posixpath.basename(top)}/"
        module = Module(top, folders, prefix, {}, Budget(folders[top][0].path), defaults=defaults)
        try:
            found += module.all_resources()
            calls += module.all_calls()
        except RecursionError:
            problem = "Terraform configuration that is nested too deep"
            raise ExportError(problem, "pass the plan: terraform show -json PLAN", folders[top][0].path, 1) from None
    return found, calls


def roots(files: Sequence[TerraformFile]) -> list[str]:
    """The folders that no other folder calls, in order; all of them where each is called."""
    folders = {file.folder for file in files}
    return sorted(folders - {folder for file in files for folder in called(file)}) or sorted(folders)


def has_defaults(files: Sequence[TerraformFile]) -> bool:
    """Whether a variable that may be set from outside has a default."""
    tops = roots(files)
    blocks = [block for file in files if file.folder in tops for block in file.body.blocks]
    return any(block.type == "variable" and "default" in block.body.attributes for block in blocks)


def called(file: TerraformFile) -> set[str]:
    """The other folders whose modules a file calls."""
    return {_called(block, file) for block in file.body.blocks if block.type == "module"} - {file.folder, ""}


def _called(block: Block, file: TerraformFile) -> str:
    """The folder that a module block names; empty where it is no path."""
    source = block.body.attributes.get("source")
    try:
        name = evaluate(source[0], Scope(_nothing, {}, Budget(file.path))) if source else ""
    except RecursionError:
        name = ""
    local = isinstance(name, str) and name.startswith(("./", "../"))
    return posixpath.normpath(posixpath.join(file.folder, name)) if local else ""


def _nothing(root: str, steps: Sequence[Step]) -> tuple[Any, int]:
    raise NotHere


class Module:
    """One instance of a module: its blocks, and what its caller gave it."""

    def __init__(
        self,
        folder: str,
        folders: Mapping[str, list[TerraformFile]],
        prefix: str,
        given: Mapping[str, Any],
        budget: Budget,
        depth: int = 0,
        defaults: bool = True,
    ) -> None:
        self._folders, self._prefix, self._given, self._depth = folders, prefix, given, depth
        self._defaults = defaults
        self._scope = Scope(self._resolve, {}, budget, prefix)
        self._named: dict[tuple[str, str], tuple[Block, TerraformFile]] = {}
        self._locals: dict[str, Expression] = {}
        self._values: dict[tuple[str, str], Any] = {}
        self._active: set[tuple[str, str]] = set()
        for file in folders[folder]:
            self._read(file)

    def _read(self, file: TerraformFile) -> None:
        for block in file.body.blocks:
            if block.type == "locals":
                for name, (expression, line) in block.body.attributes.items():
                    if name in self._locals:
                        raise _twice(f"local.{name}", file.path, line)
                    self._locals[name] = expression
            elif block.type in ("variable", "resource", "module", "output"):
                key = block.type, ".".join(block.labels)
                if key in self._named:
                    raise _twice(key[1], file.path, block.line)
                self._named[key] = block, file

    # --- names ----------------------------------------------------------------------

    def _resolve(self, root: str, steps: Sequence[Step]) -> tuple[Any, int]:
        name = steps[0] if steps and isinstance(steps[0], str) else ""
        if root == "local" and name in self._locals:
            return self._once(("local", name), lambda: evaluate(self._locals[name], self._scope)), 1
        kind = {"var": "variable", "module": "module"}.get(root, "resource")
        label = f"{root}.{name}" if kind == "resource" else name
        if (kind, label) not in self._named:
            raise NotHere
        if kind == "variable":
            return self._once((kind, label), lambda: self._variable(name)), 1
        return self._once((kind, label), lambda: self._handles(kind, label)), 1

    def _once(self, key: tuple[str, str], make: Any) -> Any:
        """The value of `key`, made when it is first asked for. Raises NotHere where it needs itself."""
        if key in self._values:
            return self._values[key]
        if key in self._active:
            raise NotHere
        self._active.add(key)
        try:
            self._values[key] = make()
        finally:
            self._active.discard(key)
        return self._values[key]

    def _variable(self, name: str) -> Any:
        attributes = self._named["variable", name][0].body.attributes
        if name in self._given:
            value = self._given[name]
        elif "default" in attributes and self._defaults:
            value = evaluate(attributes["default"][0], self._scope)
        else:
            raise NotHere
        kind = attributes["type"][0] if "type" in attributes else None
        if isinstance(value, list) and kind is not None:
            start = getattr(kind.node.meta, "start_pos", 0)
            if kind.text[start:].lstrip().startswith("set("):
                return Set(value)
        return value

    def _handles(self, kind: str, label: str) -> Any:
        """A resource or module, or a list or map of them where count or for_each makes several."""
        found = self._instances(kind, label)
        if any(isinstance(key, Unknown) for key, _, _ in found):
            raise NotHere
        instances = [(key, self._handle(kind, label, key, scope)) for key, scope, _ in found]
        if len(instances) == 1 and instances[0][0] is None:
            return instances[0][1]
        if all(isinstance(key, int) for key, _ in instances) and "count" in self._named[kind, label][0].body.attributes:
            return [handle for _, handle in instances]
        return {str(key): handle for key, handle in instances}

    def _handle(self, kind: str, label: str, key: Any, scope: Scope) -> Any:
        if kind == "resource":
            return _ResourceHandle(self._named[kind, label][0].body, scope, self._address(label, key))
        return self._once(("child", self._address(label, key)), lambda: self._child(label, key, scope))

    def _address(self, label: str, key: Any) -> str:
        if isinstance(key, Unknown):
            return f"{self._prefix}{label}[*]"
        return self._prefix + label + ("" if key is None else f"[{key}]" if isinstance(key, int) else f'["{key}"]')

    # --- instances ------------------------------------------------------------------

    def _instances(self, kind: str, label: str) -> list[tuple[Any, Scope, str]]:
        """Key, scope and doubt of every instance of a block; one of which nobody knows where count is not known."""
        attributes = self._named[kind, label][0].body.attributes
        if "count" in attributes:
            number = evaluate(attributes["count"][0], self._scope)
            many = whole(number)
            if many is not None and 0 <= many <= MOST:
                return [(index, self._scope.inner(count={"index": index}), "") for index in range(many)]
            return [self._unsure("count", number)]
        if "for_each" in attributes:
            listed = evaluate(attributes["for_each"][0], self._scope)
            if countable(listed):
                return list(members(listed, self._scope, "each"))
            return [self._unsure("for_each", listed)]
        return [(None, self._scope, "")]

    def _unsure(self, what: str, value: Any) -> tuple[Any, Scope, str]:
        text = value.text if isinstance(value, Unknown) else str(value)
        return Unknown(text), self._scope, f"{what} = {text} makes it"

    # --- modules --------------------------------------------------------------------

    def _child(self, label: str, key: Any, scope: Scope) -> Any:
        block, file = self._named["module", label]
        folder = _called(block, file)
        if folder not in self._folders or self._depth > _DEEPEST:
            return None
        given = {
            name: evaluate(expression, scope)
            for name, (expression, _) in block.body.attributes.items()
            if name not in META and name not in ("source", "version", "providers")
        }
        prefix = f"{self._address('module.' + label, key)}."
        return Module(folder, self._folders, prefix, given, scope.budget, self._depth + 1)

    def get(self, name: str) -> Any:
        """The output `name`. Raises NotHere."""
        if ("output", name) not in self._named:
            raise NotHere
        attributes = self._named["output", name][0].body.attributes
        if "value" not in attributes:
            raise NotHere
        return self._once(("output", name), lambda: evaluate(attributes["value"][0], self._scope))

    def _children(self) -> Iterator[tuple[str, Any, str]]:
        for kind, label in list(self._named):
            if kind == "module":
                for key, scope, doubt in self._instances(kind, label):
                    yield label, self._handle(kind, label, key, scope), doubt

    def all_calls(self) -> Iterator[Call]:
        """The modules called here and further in whose files are not given."""
        for label, made, _ in self._children():
            if made is not None:
                yield from made.all_calls()
                continue
            block, file = self._named["module", label]
            source = block.body.attributes.get("source")
            named = evaluate(source[0], self._scope) if source else ""
            given = [evaluate(expression, self._scope) for expression, _ in block.body.attributes.values()]
            references = tuple(found for found in unknowns(given) if isinstance(found, Reference))
            yield Call(f"{self._prefix}module.{label}", str(named), file.path, block.line, references)

    # --- resources ------------------------------------------------------------------

    def all_resources(self) -> Iterator[Resource]:
        """The firewall resources made here and in the modules that are called."""
        for (kind, label), (block, file) in list(self._named.items()):
            if kind == "resource" and block.labels[:1] and matters(block.labels[0]):
                for key, scope, doubt in self._instances(kind, label):
                    values = values_of(block.body, scope, block.line)
                    yield Resource(
                        self._address(label, key), block.labels[0], values, file.path, uncertain=doubt, last=block.last
                    )
        for _, made, doubt in self._children():
            if made is not None:
                for found in made.all_resources():
                    yield found if not doubt else _doubted(found, doubt)


def _doubted(found: Resource, doubt: str) -> Resource:
    return Resource(found.address, found.type, found.values, found.origin, uncertain=doubt, last=found.last)


class _ResourceHandle:
    """A resource whose attributes are evaluated when they are asked for; those it does not set are references."""

    def __init__(self, body: Body, scope: Scope, address: str) -> None:
        self._body, self._scope, self._address = body, scope, address
        self._active: set[str] = set()

    def get(self, name: str) -> Any:
        """The attribute `name`. Raises NotHere where it needs itself."""
        found = self._body.attributes.get(name)
        if found is None:
            return Reference(f"{self._address}.{name}", self._address, name)
        if name in self._active:
            raise NotHere
        self._active.add(name)
        try:
            return evaluate(found[0], self._scope)
        finally:
            self._active.discard(name)


def _twice(name: str, path: str, line: int) -> ExportError:
    return ExportError(f"{name[:60]} stands here a second time", "give the files of one configuration only", path, line)
