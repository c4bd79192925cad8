"""A host's Terraform files as a firewall of the model: resources become the provider's own terms, and the provider's
converter decides what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from msgspec.structs import replace

from validator.dialects import Fragment, Options
from validator.dialects._iac_defaults import assuming_defaults
from validator.dialects._iac_firewall import behind, placed
from validator.dialects._iac_values import Places, Resource
from validator.dialects._terraform_aws import aliases
from validator.dialects._terraform_aws import groups as aws_groups
from validator.dialects._terraform_azure import groups as azure_groups
from validator.dialects._terraform_data import (
    PLATFORM,
    PROVIDERS,
    Call,
    TerraformFile,
    TerraformResources,
    unread,
)
from validator.dialects._terraform_google import rules as google_rules
from validator.dialects._terraform_modules import has_defaults
from validator.dialects._terraform_modules import resources as made_by
from validator.errors import ExportError, SiteError, UnknownExportError
from validator.model import Firewall
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

_WANTED = "pass the files that hold them"
_NAMES = {"aws": "AWS security groups", "azure": "Azure network security groups", "gcp": "Google Cloud firewall rules"}


def convert(fragments: Sequence[Fragment], options: Options) -> Firewall | None:
    """The firewall of one family that all files of a host make.

    Where they hold firewalls of several providers, the one that the site's groups are of. Raises ExportError where no
    file holds any, or nobody told which; what the provider's converter raises, with the file's own lines.
    """
    found, calls = _resources(fragments)
    paths = tuple(dict.fromkeys(fragment.path for fragment in fragments))
    provider = _provider(found, calls, options, paths[0])
    told = replace(options, groups=_addresses(found, options.groups)) if provider == "aws" else options
    if not has_defaults([fragment.data for fragment in fragments if isinstance(fragment.data, TerraformFile)]):
        return _made(provider, found, calls, paths, told)

    def make(defaults: bool) -> Firewall | None:
        said = (found, calls) if defaults else _resources(fragments, defaults=False)
        return _made(provider, *said, paths, told)

    return assuming_defaults(make, options)


def _made(
    provider: str, found: Sequence[Resource], calls: Sequence[Call], paths: tuple[str, ...], told: Options
) -> Firewall | None:
    """The firewall that the provider's converter makes of resources."""
    places = Places()
    places.add(paths[0], 1, "")
    data = _translated(provider, found, calls, places)
    given = [Fragment(provider, provider, "", data, tuple(Family))]
    made = placed(_converter(provider), given, told, places)
    if made is None:
        return None
    firewall = replace(made, platform=PLATFORM, exports=paths)
    return behind(firewall, [(each, unread(each.type)) for each in found if unread(each.type)])


def _converter(provider: str) -> Any:
    return import_module(f"validator.dialects._{provider}").convert


def _resources(fragments: Sequence[Fragment], defaults: bool = True) -> tuple[list[Resource], list[Call]]:
    files = [fragment.data for fragment in fragments if isinstance(fragment.data, TerraformFile)]
    others = [fragment.data for fragment in fragments if isinstance(fragment.data, TerraformResources)]
    if len(others) + bool(files) > 1:
        problem = "this is one of several plans, states and configurations of one host"
        raise ExportError(problem, "give either the .tf files, the plan or the state", others[0].path, 1)
    if files:
        return made_by(files, defaults)
    return list(others[0].resources), list(others[0].calls)


def _provider(found: Sequence[Resource], calls: Sequence[Call], options: Options, path: str) -> str:
    kinds = {each.type for each in found}
    there = [name for name, types in PROVIDERS.items() if kinds.intersection(types)]
    if len(there) == 1:
        return there[0]
    if there:
        wanted = [name for name in there if options.groups and _holds(name, found, options.groups)]
        if len(wanted) == 1:
            return wanted[0]
        listed = " and ".join(_NAMES[name] for name in there)
        problem = f"the files of {options.host} hold {listed}"
        raise SiteError(problem, "say in the site file which groups the host is in", path, 1)
    if calls:
        named = ", ".join(f"{call.address} ({call.source})" for call in calls[:3])
        problem = f"no firewall is in these files, and the files of {named} are not given"
        raise ExportError(problem, "pass the plan: terraform show -json PLAN", calls[0].path, calls[0].line)
    other = next((each for each in found if unread(each.type)), None)
    if other is not None:
        problem = f"no security group or firewall rule is in these files, and {other.address} is not read"
        raise ExportError(problem, _WANTED, other.origin, other.values.line)
    raise ExportError("no security group or firewall rule is in these files", _WANTED, path, 1)


def _holds(provider: str, found: Sequence[Resource], groups: Sequence[str]) -> bool:
    """Whether every group that the site names is one of `provider`."""
    names: set[Any] = set()
    for each in found:
        if each.type in PROVIDERS[provider]:
            names |= {each.address, each.values.get("name"), each.values.get("id")} - {None}
            for key in ("target_tags", "target_service_accounts"):
                names |= {name for name in each.values.get(key) or () if isinstance(name, str)}
    return set(groups) <= names


def _addresses(found: Sequence[Resource], groups: Sequence[str]) -> tuple[str, ...]:
    """The addresses of the groups that people may call by id or name."""
    known = aliases(found)
    return tuple(known[name][0] if len(known.get(name, ())) == 1 else name for name in groups)


def require(found: Sequence[Resource], source: Source) -> None:
    """Raises UnknownExportError where `found`, the resources of `source`, are no firewall that is read."""
    if any(each.type in kinds for each in found for kinds in PROVIDERS.values()):
        return
    other = next((each for each in found if unread(each.type)), None)
    line, but = (other.values.line, f", and {other.address} is not read") if other else (1, "")
    problem = f"no security group or firewall rule is in this JSON of Terraform{but}"
    raise UnknownExportError(problem, _WANTED, source.path, line)


def _translated(provider: str, found: Sequence[Resource], calls: Sequence[Call], places: Places) -> object:
    if provider == "aws":
        return aws_groups(found, calls, places)
    if provider == "azure":
        return azure_groups(found, calls, places)
    return google_rules(found, places)


def account(found: Sequence[Resource], calls: Sequence[Call], source: Source, ledger: Ledger) -> None:
    """Give every line of `source` its state: those of rules what becomes of them, all others are ignored on purpose."""
    ledger.mark_range(1, len(source.lines), LineState.IGNORED)
    for each in found:
        if each.origin == source.path:
            state = LineState.UNSUPPORTED if unread(each.type) else LineState.MODELLED
            ledger.mark_range(each.values.line, max(each.last, each.values.line), state)
    kinds = {each.type for each in found}
    for provider, types in PROVIDERS.items():
        if kinds.intersection(types):
            places = Places()
            for number, state in _states(_translated(provider, found, calls, places)):
                path, line, _ = places.find(number)
                if path == source.path:
                    ledger.mark(line, state)


def _states(data: Any) -> Iterator[tuple[int, LineState]]:
    """The place of every rule in a provider's data, and what becomes of it."""
    for group in getattr(data, "groups", ()):
        for rule in (*(getattr(group, "ingress", None) or ()), *(getattr(group, "egress", None) or ())):
            yield rule.line, LineState.UNSUPPORTED if _misread(rule.why) else LineState.MODELLED
            for peer in rule.peers:
                known = peer.kind in ("cidr", "cidr6")
                yield peer.line, LineState.MODELLED if known else LineState.CONDITIONAL
        for rule in getattr(group, "rules", ()):
            yield rule.line, _state(rule)
    for rule in getattr(data, "rules", ()):
        yield rule.line, _state(rule)


def _state(rule: Any) -> LineState:
    if not rule.why:
        return LineState.MODELLED
    return LineState.UNSUPPORTED if _misread(rule.why) else LineState.CONDITIONAL


def _misread(why: str) -> bool:
    """Whether a rule was not understood; else only what it depends on is not among the files."""
    return bool(why) and not any(
        mark in why for mark in ("expression", "not given", "not among", "whether", "which group")
    )
