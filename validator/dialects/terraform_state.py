"""terraform.tfstate, format 4: the state as Terraform keeps it.

"State" (Terraform language documentation); its format is Terraform's own, so `terraform show -json` is the better
export.
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._json_positions import Located, load
from validator.dialects._terraform import account, convert, require
from validator.dialects._terraform_data import PLATFORM, TerraformResources
from validator.dialects._terraform_json import of_state
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "terraform-state"
TITLE = "terraform.tfstate"

_SHOW = "run terraform show -json > FILE and pass that file"


def sniff(source: Source) -> bool:
    """JSON with the keys that every state has."""
    head = next((line.lstrip() for line in source.lines if line.strip()), "")
    text = source.text if head.startswith("{") else ""
    return all(f'"{key}"' in text for key in ("version", "serial", "lineage"))


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The firewall resources of the state. Raises ExportError where it is no JSON, of another format, or has none."""
    body = load(source)
    if not isinstance(body, Located) or body.get("version") != 4 or not isinstance(body.get("resources"), list):
        raise ExportError("this is no state of format 4", _SHOW, source.path, 1)
    found = list(of_state(body, source.path))
    require(found, source)
    account(found, (), source, ledger)
    return Fragment(NAME, PLATFORM, source.path, TerraformResources(source.path, tuple(found)), tuple(Family))


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
