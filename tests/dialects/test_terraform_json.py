"""Plans and states of Terraform: what is planned counts, what only applying tells is a condition."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.exports import asked, counts, read, refusal, trace, verdict, wall
from validator.errors import UnknownExportError
from validator.model import Firewall

Values = dict[str, Any]


def block(port: int = 80, **more: object) -> Values:
    rest = {"ipv6_cidr_blocks": [], "prefix_list_ids": [], "security_groups": [], "self": False, "description": ""}
    return {"protocol": "tcp", "from_port": port, "to_port": port, "cidr_blocks": ["0.0.0.0/0"], **rest, **more}


def resource(address: str, **values: object) -> Values:
    return {"address": address, "mode": "managed", "type": address.split(".")[-2], "values": values}


GROUP, RULE = "aws_security_group.web", "aws_security_group_rule.in"
APART: Values = {"type": "ingress", "protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["0.0.0.0/0"]}


def plan(
    *resources: Values,
    actions: dict[str, list[str]] | None = None,
    unknown: dict[str, Values] | None = None,
    configuration: Values | None = None,
    indent: int | None = None,
) -> str:
    """A plan that creates `resources`, unless `actions` says otherwise."""
    changes = [
        {
            "address": address,
            "type": address.split(".")[-2],
            "change": {
                "actions": (actions or {}).get(address, ["create"]),
                "after_unknown": (unknown or {}).get(address, {}),
            },
        }
        for address in dict.fromkeys([*(each["address"] for each in resources), *(actions or {})])
    ]
    body: Values = {"planned_values": {"root_module": {"resources": list(resources)}}, "resource_changes": changes}
    if configuration is not None:
        body["configuration"] = {"root_module": configuration}
    return json.dumps({"format_version": "1.2", "terraform_version": "1.9.5", **body}, indent=indent)


def configured(**expressions: Values) -> Values:
    """A configuration of the group and of the rule, with the rule's expressions."""
    return {
        "resources": [
            {"address": GROUP, "expressions": {"name": {}, "ingress": {}}},
            {"address": RULE, "expressions": expressions},
        ]
    }


def ports(found: Firewall) -> dict[int, str]:
    return {port: verdict(found, port) for port in (80, 443, 81)}


def test_what_is_planned_counts_and_what_is_destroyed_does_not() -> None:
    text = plan(resource(GROUP, ingress=[block()], egress=[]), actions={"aws_security_group.old": ["delete"]})
    found = wall(text)
    assert found.name == GROUP
    assert ports(found) == {80: "accept", 443: "drop", 81: "drop"}
    assert verdict(found, 443, hook="output") == "drop"


def test_rules_have_their_line_and_in_a_plan_of_one_line_their_address() -> None:
    values = (resource(GROUP, id="sg-1"), resource(RULE, security_group_id="sg-1", **APART))
    for indent in (None, 1):
        text = plan(*values, indent=indent)
        rule = trace(wall(text), destination_port=443).rule
        assert rule is not None
        assert '"cidr_blocks"' in text.splitlines()[rule.span.line - 1]
        assert rule.span.text.endswith(f"({RULE})")


def test_arguments_that_nobody_set_are_the_providers_defaults() -> None:
    unknown = {GROUP: {"egress": True, "id": True}}
    found = wall(plan(resource(GROUP, ingress=[block()]), unknown=unknown, configuration=configured()))
    assert verdict(found, 443, hook="output") == "drop"
    without = wall(plan(resource(GROUP, ingress=[block()]), unknown=unknown))
    assert verdict(without, 443, hook="output") == "unknown"


def test_what_only_applying_tells_is_a_condition() -> None:
    unknown = {GROUP: {"ingress": [{"cidr_blocks": True}]}}
    found = wall(plan(resource(GROUP, ingress=[{**block(), "cidr_blocks": None}]), unknown=unknown))
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "drop"]
    assert asked(found, 80) == [f"what {GROUP}.ingress gives admits it"]


REFERS = {"references": [f"{GROUP}.id", GROUP]}


def joined(expression: Values, configuration: Values | None = None, *more: Values) -> Firewall:
    """A group without rules, and a rule whose group is `expression`."""
    values = (resource(GROUP, ingress=[]), resource(RULE, **APART), *more)
    unknown = {RULE: {"security_group_id": True}}
    return wall(plan(*values, unknown=unknown, configuration=configuration or configured(security_group_id=expression)))


def test_a_rule_finds_its_group_by_the_configuration() -> None:
    found = joined(REFERS)
    assert found.alternatives == ()
    assert ports(found) == {80: "drop", 443: "unknown", 81: "drop"}
    assert asked(found, 443) == [f"the rules that {GROUP} has inline do not overwrite this one"]
    bare = configured(security_group_id=REFERS)
    del bare["resources"][0]["expressions"]["ingress"]
    assert ports(joined(REFERS, bare)) == {80: "drop", 443: "accept", 81: "drop"}


@pytest.mark.parametrize(
    "expression",
    [
        {},
        {"references": ["var.group"]},
        {"references": [f"{GROUP}.id", GROUP, "var.other"]},
        {"references": ["local.g"]},
    ],
)
def test_a_rule_whose_group_is_not_told_may_be_of_any(expression: Values) -> None:
    found = joined(expression)
    assert ports(found)[443] == "unknown"
    assert len(found.alternatives) == 2


def test_groups_are_found_through_modules() -> None:
    inner = {"resources": [{"address": RULE, "expressions": {"security_group_id": {"references": ["var.g"]}}}]}
    outer = {
        "resources": [{"address": GROUP, "expressions": {}}],
        "module_calls": {"m": {"expressions": {"g": REFERS}, "module": inner}},
    }
    rule = resource(f"module.m.{RULE}", **APART)
    unknown = {rule["address"]: {"security_group_id": True}}
    found = wall(plan(resource(GROUP), rule, unknown=unknown, configuration=outer))
    assert ports(found) == {80: "drop", 443: "accept", 81: "drop"}
    given = {
        "resources": [
            {"address": RULE, "expressions": {"security_group_id": {"references": ["module.m.id", "module.m"]}}}
        ],
        "module_calls": {
            "m": {
                "module": {
                    "resources": [{"address": GROUP, "expressions": {}}],
                    "outputs": {"id": {"expression": REFERS}},
                }
            }
        },
    }
    group = resource(f"module.m.{GROUP}")
    unknown = {RULE: {"security_group_id": True}}
    found = wall(plan(group, resource(RULE, **APART), unknown=unknown, configuration=given))
    assert ports(found) == {80: "drop", 443: "accept", 81: "drop"}


def test_which_of_several_instances_is_meant_the_configuration_does_not_tell() -> None:
    values = [resource(f"{GROUP}[{number}]", name=f"web{number}", ingress=[]) for number in (0, 1)]
    unknown = {RULE: {"security_group_id": True}}
    found = wall(
        plan(*values, resource(RULE, **APART), unknown=unknown, configuration=configured(security_group_id=REFERS))
    )
    assert len(found.alternatives) == 3
    exact = configured(security_group_id={"references": [f"{GROUP}[1].id", f"{GROUP}[1]", GROUP]})
    found = wall(plan(*values, resource(RULE, **APART), unknown=unknown, configuration=exact))
    assert len(found.alternatives) == 2


def test_rules_that_were_read_back_are_not_sure_where_the_plan_takes_some_away() -> None:
    bare = {"resources": [{"address": GROUP, "expressions": {}}, {"address": RULE, "expressions": {}}]}
    group = resource(GROUP, id="sg-1", ingress=[block()], egress=[])
    kept = wall(plan(group, actions={GROUP: ["no-op"]}, configuration=bare))
    assert ports(kept)[80] == "accept"
    gone = wall(plan(group, actions={GROUP: ["no-op"], RULE: ["delete"]}, configuration=bare))
    assert ports(gone)[80] == "unknown"


def test_known_ids_join_rules_and_groups() -> None:
    bare = {"resources": [{"address": GROUP, "expressions": {}}, {"address": RULE, "expressions": {}}]}
    group = resource(GROUP, id="sg-1", ingress=[], egress=[])
    values = (group, resource(RULE, security_group_id="sg-1", **APART))
    found = wall(plan(*values, actions={GROUP: ["no-op"], RULE: ["no-op"]}, configuration=bare))
    assert ports(found) == {80: "drop", 443: "accept", 81: "drop"}


def state(**attributes: object) -> str:
    instances = [{"index_key": "a", "attributes": {"id": "sg-1", **attributes}}]
    listed = [
        {"mode": "managed", "module": "module.m", "type": "aws_security_group", "name": "web", "instances": instances}
    ]
    return json.dumps({"version": 4, "serial": 1, "lineage": "x", "resources": listed})


def test_a_state_says_what_is_there() -> None:
    found = wall(state(ingress=[block()], egress=[]))
    assert ports(found) == {80: "accept", 443: "drop", 81: "drop"}
    assert found.name == 'module.m.aws_security_group.web["a"]'
    assert ports(wall(state(ingress=[block()], egress=[]), groups=("sg-1",)))[80] == "accept"


def test_the_rule_of_a_plan_that_is_not_understood_is_counted() -> None:
    text = plan(resource(GROUP, ingress=[{**block(), "ports": [1]}]), indent=1)
    assert counts(text)["unsupported"] > 0
    assert verdict(wall(text), 81) == "unknown"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            plan(resource("aws_instance.a")),
            "dump:1: no security group or firewall rule is in this JSON of Terraform; pass",
        ),
        (plan(resource("azurerm_firewall.a")), "and azurerm_firewall.a is not read"),
        ('{"format_version": "1", "terraform_version": "1", "values": 3}', "neither planned_values nor values"),
        (
            '{"version": 3, "serial": 1, "lineage": "x", "modules": []}',
            "this is no state of format 4; run terraform show",
        ),
        (plan(resource(GROUP))[:-20], "not valid JSON"),
    ],
)
def test_json_without_a_firewall_is_refused(text: str, message: str) -> None:
    assert message in refusal(text)


def test_plans_without_firewalls_are_passed_over_by_the_hook() -> None:
    with pytest.raises(UnknownExportError):
        read(plan(resource("aws_instance.a")))
