"""A variable's default is what Terraform takes where nobody passes another value: an assumption, not a proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialects.test_terraform_files import CALL, CHILD, group, ingress
from validator import policy_file, rules, site_file
from validator.check import CheckOptions, check
from validator.hosts import load
from validator.results import Report

OFFICE = 'variable "office" {\n  default = ["10.0.0.0/8"]\n}\n'
PORT = 'variable "port" {\n  default = 8080\n}\n'
ON = 'variable "on" {\n  default = true\n}\n'
RULE = (
    'resource "aws_vpc_security_group_ingress_rule" "apart" {{\n{}  security_group_id = aws_security_group.web.id\n'
    '  cidr_ipv4 = "0.0.0.0/0"\n  ip_protocol = "tcp"\n  from_port = 8080\n  to_port = 8080\n}}\n'
)
SITE = """\
hosts:
  web: {exports: [EXPORTS], modules: [http-server, https-server], groups: [GROUPS]}
networks: {office: [10.0.0.0/8]}
peers: {http-server: [office], https-server: [office]}
"""


def report(folder: Path, text: str, withdrawn: tuple[str, ...] = (), groups: str = "", **more: str) -> Report:
    """What is found of TCP 8080 and 443, from 10.0.0.0/8, on a host in the groups of these files."""
    named = {"main.tf": text, **{name.replace("__", "/") + ".tf": each for name, each in more.items()}}
    for name, each in named.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(each)
    policy = policy_file.load("ol-connect")
    (folder / "site.yaml").write_text(SITE.replace("EXPORTS", ", ".join(named)).replace("GROUPS", groups))
    site = site_file.load(str(folder / "site.yaml"), policy)
    loaded = load([], site)
    assert loaded.errors == ()
    return rules.judge(check(loaded, policy, site, CheckOptions(withdrawn=frozenset(withdrawn))), rules.load())


def judged(found: Report) -> dict[int, tuple[str, bool]]:
    """By port: the verdict, and whether it depends on the defaults of variables."""
    return {
        each.ports[0][0]: (each.verdict, any(use.assumption == "variable-defaults" for use in each.conditions))
        for each in found.results
    }


WITHDRAWN = ("variable-defaults",)


@pytest.mark.parametrize(
    ("text", "assumed", "withdrawn"),
    [
        # No variable decides.
        (group(ingress("8080")), {8080: ("open", False), 443: ("blocked", False)}, ("open", "blocked")),
        # Peers: the rule's own port depends on it, another one does not.
        (OFFICE + group(ingress("8080", "var.office")), {8080: ("open", True), 443: ("blocked", False)}, None),
        # A port may be any other one.
        (PORT + group(ingress("var.port")), {8080: ("open", True), 443: ("blocked", True)}, ("unknown", "unknown")),
        # What another rule admits is proven all the same, but a rule that its packets can meet is told of.
        (
            OFFICE + group(ingress("8080", "var.office") + ingress("8080")),
            {8080: ("open", True), 443: ("blocked", False)},
            ("open", "blocked"),
        ),
        # A rule that is there, and one that is not, by a variable.
        (ON + group("") + RULE.format("  count = var.on ? 1 : 0\n"), {8080: ("open", True)}, ("unknown", "blocked")),
        (
            ON.replace("true", "false") + group("") + RULE.format("  count = var.on ? 1 : 0\n"),
            {8080: ("blocked", True)},
            ("unknown", "blocked"),
        ),
        # By way of locals, functions and dynamic blocks.
        (
            OFFICE
            + "locals {\n  all = concat(var.office, [])\n}\n"
            + group(
                '  dynamic "ingress" {\n    for_each = local.all\n    content {\n      protocol = "tcp"\n'
                "      from_port = 8080\n      to_port = 8080\n      cidr_blocks = [ingress.value]\n    }\n  }\n"
            ),
            {8080: ("open", True)},
            ("unknown", "blocked"),
        ),
        # Names, descriptions and tags decide nothing.
        (
            'variable "stage" {\n  default = "test"\n}\n'
            + group(ingress("8080", more='    description = "${var.stage}"\n')).replace('"web"\n', '"${var.stage}"\n')
            + 'resource "aws_security_group" "other" {\n  name = var.stage\n}\n',
            {8080: ("open", False), 443: ("blocked", False)},
            ("open", "blocked"),
        ),
    ],
)
def test_a_result_that_depends_on_a_default_says_so(
    tmp_path: Path, text: str, assumed: dict[int, tuple[str, bool]], withdrawn: tuple[str, str] | None
) -> None:
    found = judged(report(tmp_path, text, groups="aws_security_group.web"))
    assert {port: found[port] for port in assumed} == assumed
    taken_back = judged(report(tmp_path, text, WITHDRAWN, groups="aws_security_group.web"))
    assert (taken_back[8080][0], taken_back[443][0]) == (withdrawn or ("unknown", "blocked"))
    assert not any(depends for _, depends in taken_back.values())


def test_the_assumption_is_told_once_for_the_files(tmp_path: Path) -> None:
    found = report(tmp_path, OFFICE + group(ingress("8080", "var.office")))
    assert list(found.assumptions) == ["variable-defaults"]
    (told,) = [each for each in found.findings if each.rule == "PP021"]
    assert told.message.startswith("web: assumed in 1 of its results: ")
    assert "nobody passes other values than the defaults of Terraform's variables" in told.message
    assert Path(told.span.path).name == "main.tf"


def test_only_the_group_that_the_variable_is_about_depends_on_it(tmp_path: Path) -> None:
    text = OFFICE + group(ingress("8080", "var.office")) + group(ingress("443"), "other")
    assert judged(report(tmp_path, text, groups="other")) == {8080: ("blocked", False), 443: ("open", False)}


def test_what_a_module_is_called_with_is_no_assumption_but_a_default_in_it_may_be_overruled_by_the_root(
    tmp_path: Path,
) -> None:
    """Only the root module's variables can be set from outside ("Input Variables")."""
    child = CHILD.replace('variable "port" {}', 'variable "port" {\n  default = 443\n}')
    call = CALL.replace("  port = 443\n", "")
    assert judged(report(tmp_path, call, modules__sg__main=child))[443] == ("open", False)
    assert judged(report(tmp_path, CALL, modules__sg__main=CHILD))[443] == ("open", False)
    through = PORT + CALL.replace("443", "var.port")
    assert judged(report(tmp_path, through, modules__sg__main=CHILD))[8080] == ("open", True)


def test_where_a_default_decides_which_groups_there_are_every_result_depends_on_it(tmp_path: Path) -> None:
    text = ON + group(ingress("8080")).replace("{\n", "{\n  count = var.on ? 1 : 0\n", 1)
    found = judged(report(tmp_path, text, groups='"aws_security_group.web[0]"'))
    assert found == {8080: ("open", True), 443: ("blocked", True)}


AZURE = """\
variable "office" {
  default = "10.0.0.0/8"
}
resource "azurerm_network_security_group" "n" {
  name = "n"
  security_rule {
    name = "web"
    priority = 100
    direction = "Inbound"
    access = "Allow"
    protocol = "Tcp"
    source_port_range = "*"
    destination_port_range = "8080"
    source_address_prefix = var.office
    destination_address_prefix = "*"
  }
  security_rule {
    name = "rest"
    priority = 200
    direction = "Inbound"
    access = "Deny"
    protocol = "*"
    source_port_range = "*"
    destination_port_range = "*"
    source_address_prefix = "*"
    destination_address_prefix = "*"
  }
}
"""
GOOGLE = """\
variable "office" {
  default = "10.0.0.0/8"
}
resource "google_compute_firewall" "web" {
  name = "web"
  network = "default"
  source_ranges = [var.office]
  allow {
    protocol = "tcp"
    ports = ["8080"]
  }
}
"""


@pytest.mark.parametrize("text", [AZURE, GOOGLE])
def test_rules_of_every_provider_may_depend_on_defaults(tmp_path: Path, text: str) -> None:
    assert judged(report(tmp_path, text))[8080] == ("open", True)
    assert judged(report(tmp_path, text, WITHDRAWN))[8080] == ("unknown", False)
    known = text.replace("var.office", '"10.0.0.0/8"')
    assert judged(report(tmp_path, known)) == {8080: ("open", False), 443: ("blocked", False)}


def test_names_that_variables_give_decide_nothing_where_the_group_is_not_told_either(tmp_path: Path) -> None:
    text = 'variable "stage" {\n  default = "test"\n}\n'
    text += group(ingress("8080")).replace('"web"\n', '"${var.stage}"\n') + group(ingress("8080"), "other")
    assert judged(report(tmp_path, text)) == {8080: ("open", False), 443: ("blocked", False)}


TEMPLATE = """\
Parameters:
  Office: {Type: String, Default: 10.0.0.0/8}
  Stage: {Type: String, Default: test}
Resources:
  Web:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: !Sub "web of ${Stage}"
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: 8080, ToPort: 8080, CidrIp: !Ref Office}
        - {IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}
"""


def test_so_do_parameters_of_templates(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text(TEMPLATE)
    policy = policy_file.load("ol-connect")
    (tmp_path / "site.yaml").write_text(SITE.replace("EXPORTS", "stack.yaml").replace("GROUPS", ""))
    site = site_file.load(str(tmp_path / "site.yaml"), policy)
    found = [
        judged(check(load([], site), policy, site, CheckOptions(withdrawn=frozenset(withdrawn))).report)
        for withdrawn in ((), WITHDRAWN)
    ]
    assert found[0] == {8080: ("open", True), 443: ("open", False)}
    assert found[1] == {8080: ("unknown", False), 443: ("open", False)}
