"""Terraform configuration: what its expressions give, and what stays a condition that names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialects.exports import asked, counts, read, refusal, trace, verdict, wall
from validator.dialects import Options
from validator.dialects._hcl_tree import MAX_CHARACTERS
from validator.errors import ExportError, SiteError, UserError
from validator.hosts import firewalls, load
from validator.model import Firewall
from validator.packets.fields import Family


def group(body: str, name: str = "web") -> str:
    return f'resource "aws_security_group" "{name}" {{\n  name = "{name}"\n{body}\n}}\n'


def ingress(ports: str = "80", blocks: str = '["10.0.0.0/8"]', more: str = "") -> str:
    return (
        f'  ingress {{\n    protocol = "tcp"\n    from_port = {ports}\n    to_port = {ports}\n'
        f"    cidr_blocks = {blocks}\n{more}  }}\n"
    )


def files(*paths: tuple[str, str], family: Family = Family.IPV4, groups: tuple[str, ...] = ()) -> Firewall:
    """The firewall of several files, path and text each."""
    exports = [read(text, path) for path, text in paths]
    found = exports[0][0].convert([fragment for _, fragment, _ in exports], Options("h", family, groups=groups))
    assert found is not None
    return found


def passing(found: Firewall, source: str = "10.1.1.1") -> list[int]:
    return [port for port in (79, 80, 81, 443) if verdict(found, port, source=source) == "accept"]


# --- expressions --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ports", "before"),
    [
        ("80", ""),
        ('"80"', ""),
        ("79 + 1", ""),
        ("local.a", "locals {\n  a = 80\n}\n"),
        ("local.a.b[1]", "locals {\n  a = { b = [1, 80] }\n}\n"),
        ('local.a["b"]', 'locals {\n  a = { "b" : 80 }\n}\n'),
        ("local.a", 'locals {\n  a = "${local.b}0"\n  b = 8\n}\n'),
        ("var.a", 'variable "a" {\n  type = number\n  default = 80\n}\n'),
        ("var.a ? 80 : 443", 'variable "a" {\n  default = true\n}\n'),
        ("var.a == 1 && !false ? 80 : 443", 'variable "a" {\n  default = 1\n}\n'),
        ("(2 * (39 + 1))", ""),
        ("[for p in [1, 80] : p if p > 1][0]", ""),
        ("{ for k, v in { a = 80 } : upper(k) => v }.A", ""),
        ('lookup({ a = 80 }, "a", 1)', ""),
        ("element([1, 80], 1)", ""),
        ("max(1, 80)", ""),
        ('tonumber(split("-", "80-90")[0])', ""),
        ("length([for i in range(80) : i])", ""),
        ("range(81, 79)[1]", ""),
        ("tolist(toset([443, 80]))[0]", ""),
        ("length(toset([for i in range(160) : i % 80]))", ""),
        ('{ ("a") = 80 }.a', ""),
        ("(local.a[*].port)[0]", "locals {\n  a = [{ port = 80 }]\n}\n"),
        ("local.a.*.port[0]", "locals {\n  a = [{ port = 80 }]\n}\n"),
        ("one(local.a.*.port)", "locals {\n  a = [{ port = 80 }]\n}\n"),
        ("merge({ a = 1 }, { a = 80 }).a", ""),
        ("aws_x.y.port", 'resource "aws_x" "y" {\n  port = 80\n}\n'),
    ],
)
def test_an_expression_over_literals_is_evaluated(ports: str, before: str) -> None:
    assert passing(wall(before + group(ingress(ports)))) == [80]


@pytest.mark.parametrize(
    "blocks",
    [
        '["10.0.0.0/8"]',
        'concat(["10.0.0.0/9"], ["10.128.0.0/9"])',
        'flatten([["10.0.0.0/8"]])',
        'toset(["10.0.0.0/8"])',
        'compact(["", "10.0.0.0/8"])',
        '[cidrsubnet("8.0.0.0/6", 2, 2)]',
        '["${join(".", [10, 0, 0, 0])}/8"]',
        'distinct(["10.0.0.0/8", "10.0.0.0/8"])',
        'values({ a = "10.0.0.0/8" })',
        'true ? ["10.0.0.0/8"] : ["0.0.0.0/0"]',
        '[for s in toset(["10.0.0.0/8"]) : s]',
        '[for k, v in toset(["10.0.0.0/8"]) : k]',
    ],
)
def test_blocks_of_addresses_may_be_expressions(blocks: str) -> None:
    found = wall(group(ingress(blocks=blocks)))
    assert [verdict(found, 80, source=end) for end in ("10.1.1.1", "11.1.1.1")] == ["accept", "drop"]


@pytest.mark.parametrize(
    "blocks",
    [
        "var.blocks",
        "local.missing",
        "data.aws_vpc.main.cidr_blocks",
        "[var.block]",
        'var.wide ? ["0.0.0.0/0"] : ["10.0.0.0/8"]',
        "module.network.blocks",
        'cidrsubnets("10.0.0.0/8", 8)',
        '[for b in var.blocks : "${b}/32"]',
        '["${var.first}.0.0.0/8"]',
        'jsondecode(file("blocks.json"))',
        'flatten([var.blocks, ["10.0.0.0/8"]])',
        'sort(["10.0.0.0/8", var.block])',
        '[tolist(toset(["10.0.0.0/8", var.block]))[0]]',
        '["%{ if true }10.0.0.0/8%{ endif }"]',
    ],
)
def test_what_needs_evaluation_is_a_condition_that_names_it(blocks: str) -> None:
    text = 'variable "block" {}\n' + group(ingress(blocks=blocks))
    found = wall(text)
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "drop"]
    (question,) = asked(found, 80)
    assert question.removeprefix("what ").removesuffix(" gives admits it") in blocks
    assert counts(text)["conditional"] == 1
    assert counts(text)["unsupported"] == 0


def test_a_port_that_needs_evaluation_leaves_the_rule_open() -> None:
    found = wall(group(ingress("var.port")))
    assert [verdict(found, 80), verdict(found, 80, protocol="udp")] == ["unknown", "drop"]
    assert asked(found, 80) == ["what var.port gives admits it"]


def test_a_condition_of_which_both_outcomes_are_alike_decides_nothing() -> None:
    assert passing(wall(group(ingress(blocks='var.x ? ["0.0.0.0/0"] : ["0.0.0.0/0"]')))) == [80]


def test_locals_that_need_each_other_are_conditions() -> None:
    found = wall("locals {\n  a = local.b\n  b = local.a\n}\n" + group(ingress(blocks="local.a")))
    assert verdict(found, 80) == "unknown"


def test_an_expression_that_grows_without_end_is_refused() -> None:
    doubling = "".join(f"  a{n + 1} = [for x in local.a{n} : [for y in local.a{n} : x]]\n" for n in range(4))
    text = "locals {\n  a0 = range(900)\n" + doubling + "}\n" + group(ingress(blocks="flatten(local.a4)"))
    assert "take too long to evaluate; pass the plan" in refusal(text)


# --- count, for_each, dynamic -------------------------------------------------------


def test_each_instance_of_a_group_is_a_group() -> None:
    many = group("  for_each = { a = 80, b = 443 }\n" + ingress("each.value"))
    found = wall(many)
    assert [span.text for span in found.alternatives] == [
        'the interface is in aws_security_group.web["a"] (web)',
        'the interface is in aws_security_group.web["b"] (web)',
    ]
    assert passing(files(("a.tf", many), groups=('aws_security_group.web["b"]',))) == [443]


@pytest.mark.parametrize(("count", "number"), [("2", 2), ("true ? 1 : 0", 1), ("length([1, 2, 3])", 3)])
def test_count_makes_that_many(count: str, number: int) -> None:
    found = wall(group(f"  count = {count}\n" + ingress()) + group("", "other"))
    assert len(found.alternatives) == number + 1


def test_count_of_zero_makes_none() -> None:
    assert wall(group("  count = 0\n" + ingress()) + group("", "other")).name == "other"


def test_rules_whose_number_nobody_knows_are_conditions() -> None:
    found = wall(
        group("") + 'resource "aws_security_group_rule" "in" {\n  count = var.many\n  type = "ingress"\n'
        '  protocol = "tcp"\n  from_port = 80\n  to_port = 80\n  cidr_blocks = ["0.0.0.0/0"]\n'
        "  security_group_id = aws_security_group.web.id\n}\n"
    )
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "drop"]
    assert "count = var.many makes it" in asked(found, 80)[0]


def test_a_dynamic_block_is_written_out() -> None:
    text = group(
        '  dynamic "ingress" {\n    for_each = [80, 443]\n    iterator = port\n    content {\n'
        '      protocol = "tcp"\n      from_port = port.value\n      to_port = port.value\n'
        '      cidr_blocks = ["0.0.0.0/0"]\n    }\n  }\n'
    )
    assert passing(wall(text)) == [80, 443]
    assert passing(wall(text.replace("[80, 443]", "var.ports"))) == []
    assert verdict(wall(text.replace("[80, 443]", "var.ports")), 22) == "unknown"
    assert passing(wall(text.replace("[80, 443]", "[]"))) == []


def test_rules_may_be_an_attribute() -> None:
    rule = '{ protocol = "tcp", from_port = 80, to_port = 80, cidr_blocks = ["0.0.0.0/0"], self = false }'
    assert passing(wall(group(f"  ingress = [{rule}]\n"))) == [80]
    assert verdict(wall(group("  ingress = var.rules\n")), 80) == "unknown"
    assert verdict(wall(group("  ingress = []\n")), 80) == "drop"


# --- groups -------------------------------------------------------------------------


def test_terraform_removes_the_default_that_allows_all_egress() -> None:
    assert verdict(wall(group(ingress())), 443, hook="output") == "drop"


def test_a_group_refers_to_others_by_their_resource() -> None:
    text = group(ingress(more="    security_groups = [aws_security_group.db.id]\n    self = true\n")) + group("", "db")
    found = files(("a.tf", text), groups=("web",))
    assert asked(found, 80, source="11.0.0.1") == [
        "the peer is in security group aws_security_group.db (db)",
        "the peer is in security group aws_security_group.web (web)",
    ]


RULE = (
    'resource "aws_vpc_security_group_ingress_rule" "in" {{\n  security_group_id = {}\n  ip_protocol = "tcp"\n'
    '  from_port = 80\n  to_port = 80\n  cidr_ipv4 = "0.0.0.0/0"\n}}\n'
)


def test_a_rule_that_is_a_resource_says_so_with_its_own_line() -> None:
    found = wall(group("") + RULE.format("aws_security_group.web.id"))
    rule = trace(found, destination_port=80).rule
    assert rule is not None
    assert rule.span.line == 10
    assert rule.span.text.endswith("tcp 80 from 0.0.0.0/0 (aws_vpc_security_group_ingress_rule.in)")


def test_a_rule_of_a_group_that_nobody_knows_may_be_of_any() -> None:
    found = files(("a.tf", group("") + RULE.format("var.group")), groups=("web",))
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "drop"]
    assert asked(found, 80) == ["var.group is the group aws_security_group.web"]


def test_of_a_group_made_elsewhere_only_the_rules_here_are_known() -> None:
    found = wall(RULE.format('"sg-1"'))
    assert [verdict(found, port) for port in (80, 81)] == ["accept", "unknown"]
    assert asked(found, 81)[0].startswith("another rule of sg-1 admits it, which is not among these files")


def test_rules_inline_and_apart_overwrite_each_other() -> None:
    found = wall(group(ingress("443")) + RULE.format("aws_security_group.web.id"))
    assert [verdict(found, port, source="10.0.0.1") for port in (80, 443, 81)] == ["unknown", "accept", "drop"]


def test_a_default_group_has_only_its_inline_rules() -> None:
    found = wall('resource "aws_default_security_group" "d" {\n' + ingress() + "}\n")
    assert passing(found) == [80]
    assert verdict(found, 80, hook="output") == "drop"


@pytest.mark.parametrize(
    "more",
    [
        "    ports = [80]\n",
        '    self = "perhaps"\n',
        '    ipv6_cidr_blocks = ["everybody"]\n',
        "    cidr_blocks = [80]\n",
    ],
)
def test_a_rule_that_is_not_understood_may_admit_anything(more: str) -> None:
    rule = ingress(more=more) if "cidr_blocks = [80]" not in more else ingress(blocks="[80]")
    text = group(rule)
    assert verdict(wall(text), 81) == "unknown"
    assert counts(text)["unsupported"] > 0


@pytest.mark.parametrize(("ports", "protocol"), [("-1", "tcp"), ("70000", "tcp"), ("300", "icmp"), ("80", "tpc")])
def test_ports_and_protocols_that_are_none_are_not_understood(ports: str, protocol: str) -> None:
    assert verdict(wall(group(ingress(ports).replace("tcp", protocol))), 81) == "unknown"


def test_a_network_acl_that_is_not_read_may_stop_anything() -> None:
    acl = 'resource "aws_network_acl" "a" {\n  vpc_id = "vpc-1"\n}\n'
    found = wall(group(ingress()) + acl)
    assert [verdict(found, port, source="10.0.0.1") for port in (80, 81)] == ["unknown", "drop"]
    assert asked(found, 80, source="10.0.0.1") == ["aws_network_acl.a, which is not read, stops it"]
    assert counts(group(ingress()) + acl)["unsupported"] == 3


# --- modules and files --------------------------------------------------------------

CHILD = 'variable "port" {}\nvariable "of" {\n  default = null\n}\n' + group(ingress("var.port"), "inner")
CHILD += 'output "id" {\n  value = aws_security_group.inner.id\n}\n'
CALL = 'module "a" {\n  source = "./modules/sg"\n  port = 443\n}\n'


def test_the_files_of_a_folder_are_one_module() -> None:
    found = files(
        ("net/variables.tf", 'variable "blocks" {\n  default = ["10.0.0.0/8"]\n}\n'),
        ("net/groups.tf", group(ingress(blocks="var.blocks"))),
        ("net/rules.tf", RULE.format("aws_security_group.web.id")),
    )
    assert found.exports == ("net/variables.tf", "net/groups.tf", "net/rules.tf")
    rule = trace(found, destination_port=80, source="10.0.0.1").rule
    assert rule is not None
    assert (rule.span.path, rule.span.line) == ("net/groups.tf", 7)


def test_a_module_called_by_path_gets_its_arguments() -> None:
    found = files(("net/main.tf", CALL), ("net/modules/sg/main.tf", CHILD))
    assert passing(found) == [443]
    assert found.name == "inner"
    rule = trace(found, destination_port=443, source="10.0.0.1").rule
    assert rule is not None
    assert rule.span.path == "net/modules/sg/main.tf"
    assert "module.a.aws_security_group.inner" in rule.span.text


def test_outputs_of_a_module_name_its_groups() -> None:
    found = files(
        ("net/main.tf", CALL + RULE.format("module.a.id")), ("net/modules/sg/main.tf", CHILD.replace("port)", "port)"))
    )
    assert [verdict(found, port, source="10.0.0.1") for port in (80, 443, 81)] == ["unknown", "accept", "drop"]


def test_a_module_may_be_made_several_times() -> None:
    call = CALL.replace("  port = 443\n", '  for_each = toset(["80", "443"])\n  port = each.value\n')
    found = files(("net/main.tf", call), ("net/modules/sg/main.tf", CHILD))
    assert [span.text for span in found.alternatives] == [
        'the interface is in module.a["443"].aws_security_group.inner (inner)',
        'the interface is in module.a["80"].aws_security_group.inner (inner)',
    ]


def test_a_module_whose_files_are_not_given_may_add_rules_to_a_group_it_knows() -> None:
    call = 'module "a" {\n  source = "corp/rules/aws"\n  group = aws_security_group.web.id\n}\n'
    found = wall(group(ingress()) + call)
    assert [verdict(found, port, source="10.0.0.1") for port in (80, 81)] == ["accept", "unknown"]
    assert "module.a (corp/rules/aws), whose files are not given" in asked(found, 81)[0]
    assert verdict(wall(group(ingress()) + call.replace("aws_security_group.web.id", '"x"')), 81) == "drop"


def test_files_without_a_firewall_say_what_is_missing() -> None:
    with pytest.raises(ExportError, match=r"variables.tf:1: no security group or firewall rule is in these files"):
        files(("variables.tf", 'variable "x" {}\n'))
    with pytest.raises(ExportError, match=r"main.tf:1: .* the files of module.a \(corp/sg/aws\) are not given"):
        files(("main.tf", 'module "a" {\n  source = "corp/sg/aws"\n}\n'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('resource "a" "b" {\n  x = [\n}\n', "not valid Terraform configuration; run terraform validate"),
        ('resource "a" "b" {\n  x = 1\n  x = 2\n}\n', "dump:3: 'x' stands twice in one block"),
        (group("") + group(""), "dump:5: aws_security_group.web stands here a second time"),
        (group(ingress(blocks="[" * 900 + "]" * 900)), "nested too deep"),
        ('variable "x" {\n  default = "' + "x" * MAX_CHARACTERS + '"\n}\n', "it would take too long to read"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        wall(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_override_files_are_left_to_terraform() -> None:
    with pytest.raises(ExportError, match="pass the plan"):
        read(group(ingress()), "net/dev_override.tf")


AZURE = 'resource "azurerm_network_security_group" "n" {\n  name = "n"\n}\n'


def test_firewalls_of_two_providers_need_to_be_told_apart() -> None:
    text = group(ingress()) + AZURE
    with pytest.raises(SiteError, match=r"hold AWS security groups and Azure network security groups; say in the site"):
        wall(text)
    assert passing(files(("a.tf", text), groups=("web",))) == [80]


# --- hosts --------------------------------------------------------------------------


def test_files_of_a_folder_are_one_host_that_is_called_so(tmp_path: Path) -> None:
    for name, text in (
        ("net/variables.tf", 'variable "port" {\n  default = 80\n}\n'),
        ("net/main.tf", group(ingress("var.port")) + CALL),
        ("net/modules/sg/main.tf", CHILD),
        ("db/main.tf", group(ingress())),
        ("old/db/main.tf", group(ingress())),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    loaded = load([str(path) for path in sorted(tmp_path.rglob("*.tf"))])
    assert not loaded.errors
    hosts = {export.source.path.removeprefix(f"{tmp_path}/"): export.host for export in loaded.exports}
    assert hosts["net/main.tf"] == hosts["net/variables.tf"] == hosts["net/modules/sg/main.tf"] == "net"
    assert {hosts["db/main.tf"], hosts["old/db/main.tf"]} == {f"{tmp_path}/db", f"{tmp_path}/old/db"}
    made = {found.host: found for found in firewalls(loaded, [Family.IPV4])}
    assert len(made["net"].alternatives) == 2
    assert made["net"].platform == "terraform"


def test_a_host_has_either_files_or_a_plan() -> None:
    plan = '{"format_version": "1", "terraform_version": "1", "values": {"root_module": {"resources": [{"address": '
    plan += '"aws_security_group.a", "type": "aws_security_group", "values": {"ingress": []}}]}}}'
    with pytest.raises(ExportError, match=r"give either the \.tf files, the plan or the state"):
        files(("plan.json", plan), ("a.tf", group(ingress())))
