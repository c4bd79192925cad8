"""CloudFormation templates, YAML or JSON.

CloudFormation template reference. What deploying would tell (a parameter without a default, an import) is a
condition that names the function.
"""

from __future__ import annotations

import re

from validator.dialects import Fragment
from validator.dialects._cloudformation import EGRESS, GROUP, INGRESS, PLATFORM, convert, groups, stack
from validator.dialects._cloudformation_text import read
from validator.dialects._iac_values import Places
from validator.errors import UnknownExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "cloudformation"
TITLE = "CloudFormation templates (YAML or JSON)"

_RESOURCES = re.compile(r"^[\"']?Resources[\"']?\s*:", re.MULTILINE)
_TYPE = re.compile(r"[\"']?Type[\"']?\s*:\s*[\"']?(AWS|Custom)::")


def sniff(source: Source) -> bool:
    """`Resources` of which one has a type of AWS."""
    head = next((line.lstrip() for line in source.lines if line.strip()), "")
    text = source.text
    if "Resources" not in text:
        return False
    if head.startswith("{"):
        return '"Resources"' in text and _TYPE.search(text) is not None
    return _RESOURCES.search(text) is not None and _TYPE.search(text) is not None


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The security groups of the template. Raises ExportError where it is none, or makes no group and no rule."""
    found = stack(read(source), source.path)
    if not any(each.type in (GROUP, INGRESS, EGRESS) for each in found.resources):
        problem = "this CloudFormation template makes no security group and no rule of one"
        raise UnknownExportError(problem, "pass the template that does", source.path, 1)
    ledger.mark_range(1, len(source.lines), LineState.IGNORED)
    places = Places()
    for each in found.resources:
        filters = each.type in (GROUP, INGRESS, EGRESS)
        if filters or each.type.startswith("AWS::EC2::NetworkAcl"):
            ledger.mark(each.values.line, LineState.MODELLED if filters else LineState.UNSUPPORTED)
    for group in groups([found], places).groups:
        for rule in (*(group.ingress or ()), *(group.egress or ())):
            ledger.mark(places.find(rule.line)[1], LineState.UNSUPPORTED if rule.why else LineState.MODELLED)
            for peer in rule.peers:
                known = peer.kind in ("cidr", "cidr6")
                ledger.mark(places.find(peer.line)[1], LineState.MODELLED if known else LineState.CONDITIONAL)
    return Fragment(NAME, PLATFORM, source.path, found, tuple(Family))


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
