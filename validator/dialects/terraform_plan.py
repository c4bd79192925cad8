"""`terraform show -json`: a plan, or a state, as the JSON that Terraform documents.

"JSON Output Format" (Terraform internals documentation). Resources that the plan destroys do not count; what only
applying tells is a condition.
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._iac_values import Resource
from validator.dialects._json_positions import Located, load
from validator.dialects._terraform import account, convert, require
from validator.dialects._terraform_data import PLATFORM, TerraformResources
from validator.dialects._terraform_json import of_plan, of_values
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "terraform-plan"
TITLE = "terraform show -json (a plan or a state)"

_AGAIN = "run terraform show -json PLAN > FILE and pass that file"


def sniff(source: Source) -> bool:
    """JSON with the versions that Terraform writes first."""
    head = next((line.lstrip() for line in source.lines if line.strip()), "")
    text = source.text if head.startswith("{") else ""
    versions = '"format_version"' in text and '"terraform_version"' in text
    return versions and any(f'"{key}"' in text for key in ("planned_values", "values", "resource_changes"))


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The firewall resources of the plan or state. Raises ExportError where it is no JSON, other JSON, or has none."""
    data = load(source)
    body = data.get("tfplan", data) if isinstance(data, Located) else data
    if not isinstance(body, Located):
        raise ExportError("this is no plan or state of Terraform", _AGAIN, source.path, 1)
    try:
        found = _resources(body, source.path)
    except RecursionError:
        raise ExportError("JSON that is nested too deep", _AGAIN, source.path, 1) from None
    require(found, source)
    account(found, (), source, ledger)
    return Fragment(NAME, PLATFORM, source.path, TerraformResources(source.path, tuple(found)), tuple(Family))


def _resources(body: Located, path: str) -> list[Resource]:
    if isinstance(body.get("planned_values"), Located) or isinstance(body.get("resource_changes"), list):
        return list(of_plan(body, path))
    if isinstance(body.get("values"), Located):
        return list(of_values(body, path))
    raise ExportError("neither planned_values nor values is in this JSON of Terraform", _AGAIN, path, 1)


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
