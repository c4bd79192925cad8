"""ARM templates: what is literal in them, and what stays a condition that names its expression."""

from __future__ import annotations

import json

import pytest

from tests.dialects.azure import Json, deny, host, rule
from tests.dialects.exports import asked, counts, read, refusal, trace, verdict
from validator.dialects._arm_expressions import scope
from validator.dialects._json_positions import load
from validator.source import from_bytes

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"


def inner(each: Json) -> Json:
    """A rule as templates write it."""
    return {"name": each["name"], "properties": {key: value for key, value in each.items() if key != "name"}}


def group(*rules: object, name: str = "web", **more: object) -> Json:
    listed = [inner(each) if isinstance(each, dict) else each for each in rules]
    kind = "Microsoft.Network/networkSecurityGroups"
    return {"type": kind, "name": name, "properties": {"securityRules": listed}, **more}


def apart(each: Json, name: str = "web/extra", **more: object) -> Json:
    kind = "Microsoft.Network/networkSecurityGroups/securityRules"
    return {"type": kind, "name": name, "properties": inner(each)["properties"], **more}


def template(*resources: Json, **more: object) -> Json:
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **more}


def defaults(**values: object) -> Json:
    """Parameters with their default values, None for none."""
    return {name: {} if value is None else {"defaultValue": value} for name, value in values.items()}


def test_literal_rules_are_read() -> None:
    export = template(group(rule(), deny()))
    assert read(json.dumps(export))[0].NAME == "azure-arm"
    assert [verdict(host(export), port) for port in (80, 81)] == ["accept", "drop"]
    assert counts(json.dumps(export, indent=1))["unsupported"] == 0


def test_a_default_is_an_assumption_that_can_be_withdrawn() -> None:
    """A deployment may pass another value."""
    office = rule(sourceAddressPrefix="[parameters('office')]")
    export = template(group(office, rule("Ssh", priority=110, destinationPortRange="22"), deny()))
    export["parameters"] = defaults(office="192.0.2.0/24")
    assert [verdict(host(export), port, source="192.0.2.1") for port in (80, 22, 81)] == ["accept", "accept", "drop"]
    used = [trace(host(export), destination_port=port, source="192.0.2.1").conditions for port in (80, 22)]
    assert [[each.assumption for each in conditions] for conditions in used] == [["variable-defaults"], []]
    untold = host(export, withdrawn=("variable-defaults",))
    assert verdict(untold, 80, source="192.0.2.1") == "unknown"


def test_defaults_and_variables_are_what_they_say() -> None:
    wanted = rule(
        sourceAddressPrefix="[parameters('office')]",
        destinationPortRange=None,
        destinationPortRanges="[variables('ports')]",
        priority="[variables('priority')]",
    )
    export = template(
        group(wanted, deny()),
        parameters=defaults(office="192.0.2.0/24"),
        variables={"ports": ["80", "[variables('other')]"], "other": "90", "priority": 100},
    )
    found = host(export)
    assert [verdict(found, port, source="192.0.2.9") for port in (80, 90, 91)] == ["accept", "accept", "drop"]
    assert verdict(found, 80, source="10.0.0.1") == "drop"


def test_a_parameter_without_a_default_is_a_condition_that_names_it() -> None:
    export = template(
        group(rule(sourceAddressPrefix="[parameters('office')]"), deny()), parameters=defaults(office=None)
    )
    found = host(export)
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "drop"]
    assert asked(found, 80) == ["the peer is in `[parameters('office')]`"]


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ("protocol", "the protocol of rule is \"[parameters('x')]\""),
        ("destinationPortRange", "the ports of rule are \"[parameters('x')]\""),
        ("priority", "the priority of rule is \"[parameters('x')]\""),
        ("access", "the access of rule is \"[parameters('x')]\""),
        ("direction", "the direction of rule is \"[parameters('x')]\""),
    ],
)
def test_what_a_rule_does_may_depend_on_an_expression(field: str, why: str) -> None:
    export = template(group(rule(**{field: "[parameters('x')]"}), deny()), parameters=defaults(x=None))
    found = host(export)
    assert verdict(found, 80) == "unknown"
    assert any(why in text for text in asked(found, 80))
    assert counts(json.dumps(export, indent=1))["unsupported"] > 0


@pytest.mark.parametrize("rules", ["[parameters('rules')]", ["[parameters('one')]"]])
def test_rules_that_are_an_expression_may_be_anything(rules: object) -> None:
    export = template(group())
    export["resources"][0]["properties"]["securityRules"] = rules
    found = host(export)
    assert [verdict(found, 80), verdict(found, 80, hook="output")] == ["unknown", "unknown"]
    assert "rules of web come from [parameters(" in asked(found, 80)[0]


def test_rules_of_a_default_value_are_read_where_they_stand() -> None:
    export = template(group(), parameters=defaults(rules=[inner(rule("Web")), inner(deny())]))
    export["resources"][0]["properties"]["securityRules"] = "[parameters('rules')]"
    blamed = trace(host(export), destination_port=80).rule
    assert blamed is not None
    assert '"Web"' in json.dumps(export, indent=1).splitlines()[blamed.span.line - 1]


@pytest.mark.parametrize(
    "extra",
    [
        [apart(rule(priority=50))],
        [apart(rule(priority=50), "[concat(variables('name'), '/extra')]")],
        [apart(rule(priority=50), "[format('{0}/{1}', variables('name'), 'extra')]")],
    ],
)
def test_a_rule_may_stand_apart_from_its_group(extra: list[Json]) -> None:
    export = template(group(deny(), name="[variables('name')]"), *extra, variables={"name": "web"})
    assert [verdict(host(export), port) for port in (80, 81)] == ["accept", "drop"]


def test_a_rule_may_stand_under_its_group() -> None:
    child = {"type": "securityRules", "name": "extra", "properties": inner(rule(priority=50))["properties"]}
    export = template(group(deny(), resources=[child]))
    assert [verdict(host(export), port) for port in (80, 81)] == ["accept", "drop"]


def test_a_group_whose_name_is_a_parameter_still_has_its_rules() -> None:
    name = "[parameters('name')]"
    export = template(
        group(deny(), name=name),
        apart(rule(priority=50), "[concat(parameters('name'), '/extra')]"),
        parameters=defaults(name=None),
    )
    assert [verdict(host(export), port) for port in (80, 81)] == ["accept", "drop"]


def test_a_rule_for_a_group_that_is_made_elsewhere_does_not_stand_alone() -> None:
    found = host(template(apart(rule())))
    assert verdict(found, 80) == "unknown"
    assert "other rules of the group web are not in this template" in asked(found, 80)[0]


@pytest.mark.parametrize(
    ("condition", "expected"), [(True, "accept"), (False, "drop"), ("[parameters('x')]", "unknown")]
)
def test_a_rule_may_be_deployed_or_not(condition: object, expected: str) -> None:
    export = template(group(deny()), apart(rule(priority=50), condition=condition), parameters=defaults(x=None))
    assert verdict(host(export), 80) == expected
    assert verdict(host(export), 81) == "drop"


def test_without_a_group_that_may_not_be_deployed_nothing_is_filtered() -> None:
    export = template(group(rule(), deny(), condition="[parameters('x')]"), parameters=defaults(x=None))
    assert [verdict(host(export), port) for port in (80, 81)] == ["accept", "unknown"]


def test_what_loops_and_nested_deployments_make_is_not_known() -> None:
    looped = apart(rule(priority=50), copy={"name": "loop", "count": 3})
    assert verdict(host(template(group(deny()), looped)), 81) == "unknown"
    nested = {"type": "Microsoft.Resources/deployments", "name": "more", "properties": {}}
    found = host(template(group(deny()), nested))
    assert verdict(found, 81) == "unknown"
    assert "pass its template as well" in asked(found, 81)[0]


def test_the_place_of_a_group_is_read_from_networks() -> None:
    network = {
        "type": "Microsoft.Network/virtualNetworks",
        "name": "net",
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
            "subnets": [
                {
                    "name": "front",
                    "properties": {
                        "networkSecurityGroup": {
                            "id": "[resourceId('Microsoft.Network/networkSecurityGroups', 'web')]",
                        }
                    },
                }
            ],
        },
    }
    found = host(template(group(), network))
    assert verdict(found, 80, source="10.1.2.3") == "accept"
    assert verdict(found, 80, source="10.2.2.3") == "unknown"
    assert list(found.chains) == ["subnet inbound", "subnet outbound"]


def test_a_template_that_doubles_itself_is_not_followed() -> None:
    doubling = {f"v{n}": f"[concat(variables('v{n + 1}'), variables('v{n + 1}'))]" for n in range(35)}
    export = template(
        group(rule(sourceAddressPrefix="[variables('v0')]"), deny()), variables={**doubling, "v35": "10.0.0.1"}
    )
    assert [verdict(host(export), port) for port in (80, 81)] == ["unknown", "drop"]


@pytest.mark.parametrize(
    ("export", "why"),
    [
        (template(), "no network security group is in this template"),
        ({"$schema": SCHEMA}, "the template has no resources"),
    ],
)
def test_a_template_without_groups_is_refused(export: Json, why: str) -> None:
    assert why in refusal(json.dumps(export))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[variables('a')]", "x"),
        ("[Variables('A')]", "x"),
        ("[concat('it''s ', variables('a'), 1)]", "it's x1"),
        ("[toLower('ABC')]", "abc"),
        ("[variables('list')[1]]", "two"),
        ("[variables('object').inner]", "deep"),
        ("[concat(variables('list'), createArray('three'))]", ["one", "two", "three"]),
        (
            "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'n', 's')]",
            "Microsoft.Network/virtualNetworks/n/subnets/s",
        ),
        ("[resourceId('group', 'Microsoft.Network/virtualNetworks', 'n')]", "Microsoft.Network/virtualNetworks/n"),
        ("[[not an expression]", "[not an expression]"),
        ("[concat('a-', parameters('open'))]", "a-[parameters('open')]"),
        ("[parameters('open')]", "[parameters('open')]"),
        ("[uniqueString('a')]", "[uniqueString('a')]"),
        ("[variables('itself')]", None),
        ("[concat('a'", "[concat('a'"),
        ("[concat('a' 'b')]", "[concat('a' 'b')]"),
        ("[variables('list')[9]]", "[variables('list')[9]]"),
        ("[]", "[]"),
        (f"[{'concat(' * 99}]", f"[{'concat(' * 99}]"),
    ],
)
def test_expressions(expression: str, value: object) -> None:
    variables = {"a": "x", "list": ["one", "two"], "object": {"inner": "deep"}, "itself": "[variables('itself')]"}
    data = load(from_bytes(json.dumps({"variables": variables, "parameters": {"open": {}}}).encode(), "template"))
    found = scope(data).resolve(expression)
    assert found == value or (value is None and "[" in found)
