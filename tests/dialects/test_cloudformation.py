"""CloudFormation templates: intrinsic functions, egress that nobody gave, rules beside their groups."""

from __future__ import annotations

import pytest

from tests.dialects.exports import asked, counts, read, refusal, trace, verdict, wall
from validator.dialects import Options
from validator.errors import ExportError, UnknownExportError
from validator.model import Firewall
from validator.packets.fields import Family


def template(rule: str = "", more: str = "", parts: str = "") -> str:
    """A template whose group has one ingress rule (as YAML in braces)."""
    return (
        f"{parts}Resources:\n  Web:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      GroupName: web\n"
        + (f"      SecurityGroupIngress:\n        - {rule}\n" if rule else "")
        + more
    )


def rule(port: str = "80", block: str = "10.0.0.0/8", protocol: str = "tcp", more: str = "") -> str:
    return f"{{IpProtocol: {protocol}, FromPort: {port}, ToPort: {port}, CidrIp: {block}{more}}}"


def passing(found: Firewall) -> list[int]:
    return [port for port in (79, 80, 81, 443) if verdict(found, port, source="10.1.1.1") == "accept"]


PARTS = """\
Parameters:
  Port: {Type: Number, Default: 80}
  Ports: {Type: CommaDelimitedList, Default: "22, 80"}
  Block: {Type: String, Default: 10.0.0.0/8}
  Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: 10.0.0.0/8}
  Told: {Type: String}
Mappings:
  Nets: {eu: {office: 10.0.0.0/8, port: 80}}
Conditions:
  Holds: !Equals [!Ref Port, "80"]
  Fails: !Not [!Condition Holds]
  Both: !And [!Condition Holds, !Or [!Condition Fails, !Equals [a, a]]]
  Open: !Equals [!Ref Told, x]
"""


@pytest.mark.parametrize(
    ("port", "block"),
    [
        ("!Ref Port", "!Ref Block"),
        ("{Ref: Port}", '{"Fn::Sub": "${Block}"}'),
        ("!Select [1, !Ref Ports]", '!Sub "10.0.0.0/8"'),
        ('!Select [0, !Split ["-", "80-90"]]', '!Join [".", [10, 0, 0, 0/8]]'),
        ("!FindInMap [Nets, eu, port]", "!FindInMap [Nets, eu, office]"),
        ("!If [Holds, 80, 443]", "!If [Fails, 0.0.0.0/0, 10.0.0.0/8]"),
        ("!If [Both, 80, 443]", '!Sub ["10.${a}/8", {a: 0.0.0}]'),
        ("'80'", "!Select ['0', [10.0.0.0/8]]"),
    ],
)
def test_functions_over_literals_are_evaluated(port: str, block: str) -> None:
    found = wall(template(rule(port, block), parts=PARTS))
    assert passing(found) == [80]
    assert verdict(found, 80, source="11.0.0.1") == "drop"


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ("!Ref Told", "Ref Told"),
        ("!Ref Stored", "Ref Stored"),
        ("!ImportValue net-block", "Fn::ImportValue net-block"),
        ("!GetAtt Vpc.CidrBlock", "Fn::GetAtt Vpc.CidrBlock"),
        ("!If [Open, 10.0.0.0/8, 0.0.0.0/0]", 'Fn::If ["Open", "10.0.0.0/8", "0.0.0.0/0"]'),
        ('!Sub "${Told}/8"', "Fn::Sub ${Told}/8"),
        ("!Select [0, !Cidr [10.0.0.0/8, 1, 8]]", "Fn::Select"),
        ("!Ref AWS::Region", "Ref AWS::Region"),
    ],
)
def test_what_deploying_would_tell_is_a_condition_that_names_it(block: str, text: str) -> None:
    written = template(rule(block=block), parts=PARTS)
    found = wall(written)
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "drop"]
    assert text in asked(found, 80)[0]
    assert counts(written)["conditional"] == 1
    assert counts(written)["unsupported"] == 0


def test_a_rule_of_a_condition_that_nobody_knows_may_be_there() -> None:
    text = template("!If [Open, " + rule() + ", !Ref AWS::NoValue]", parts=PARTS)
    assert verdict(wall(text), 80) == "unknown"
    assert passing(wall(text.replace("[Open", "[Holds"))) == [80]
    assert verdict(wall(text.replace("[Open", "[Fails")), 80, source="10.1.1.1") == "drop"


OUT = "      SecurityGroupEgress:\n        - {IpProtocol: '-1', CidrIp: 127.0.0.1/32}\n"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", "accept"),
        (OUT, "drop"),
        ("      SecurityGroupEgress: []\n", "unknown"),
        ("      SecurityGroupEgress: [!If [Open, !Ref AWS::NoValue, !Ref AWS::NoValue]]\n", "unknown"),
        (
            "  Out:\n    Type: AWS::EC2::SecurityGroupEgress\n    Properties: {GroupId: !Ref Web, IpProtocol: tcp,"
            " FromPort: 1, ToPort: 1, CidrIp: 10.0.0.0/8}\n",
            "unknown",
        ),
    ],
)
def test_egress_that_nobody_gave_allows_all(more: str, expected: str) -> None:
    for family, end in ((Family.IPV4, "8.8.8.8"), (Family.IPV6, "2001:db8::1")):
        found = wall(template(rule(), more, PARTS), family=family)
        assert verdict(found, 443, hook="output", destination=end) == expected


BESIDE = "  In:\n    Type: AWS::EC2::SecurityGroupIngress\n    Properties: {{GroupId: {}, IpProtocol: tcp,"
BESIDE += " FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}}\n"


@pytest.mark.parametrize(
    "group", ["!Ref Web", "!GetAtt Web.GroupId", "!GetAtt [Web, GroupId]", '!Sub "${Web.GroupId}"']
)
def test_a_rule_beside_its_group_says_so_with_its_own_line(group: str) -> None:
    text = template(rule(), BESIDE.format(group))
    found = wall(text)
    assert passing(found) == [80, 443]
    decided = trace(found, destination_port=443, source="10.0.0.1").rule
    assert decided is not None
    assert decided.span.line == 10
    assert decided.span.text.endswith("(In)")


def test_a_rule_of_another_stacks_group() -> None:
    found = wall(
        template(more=BESIDE.format("sg-1")).replace(
            "  Web:\n    Type: AWS::EC2::SecurityGroup\n", "  Web:\n    Type: X\n"
        )
    )
    assert found.name == "sg-1"
    assert [verdict(found, port, source="10.0.0.1") for port in (443, 80)] == ["accept", "unknown"]


def test_a_group_that_only_deploying_tells_may_be_this_one() -> None:
    dialect, fragment, _ = read(template(rule(), BESIDE.format("!Ref Told"), PARTS))
    found = dialect.convert([fragment], Options("h", Family.IPV4, groups=("web",)))
    assert found is not None
    assert [verdict(found, port, source="10.1.1.1") for port in (80, 443, 81)] == ["accept", "unknown", "drop"]
    assert asked(found, 443, source="10.1.1.1") == ["Ref Told is the group Web"]


def test_references_between_groups_are_conditions_with_their_name() -> None:
    text = template("{IpProtocol: tcp, FromPort: 80, ToPort: 80, SourceSecurityGroupId: !GetAtt Web.GroupId}")
    assert asked(wall(text), 80) == ["the peer is in security group Web"]


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ("  Acl:\n    Type: AWS::EC2::NetworkAcl\n    Properties: {VpcId: v}\n", "Acl, which is not read, stops it"),
        (
            "  Net:\n    Type: AWS::CloudFormation::Stack\n    Properties: {Parameters: {G: !Ref Web}}\n",
            "the nested stack Net adds a rule that admits it",
        ),
        ("Transform: My-Macro\n", "the macro My-Macro adds a rule that admits it"),
    ],
)
def test_what_may_change_the_answer_is_named(more: str, text: str) -> None:
    found = wall(template(rule(), more))
    port = 80 if "stops" in text else 81
    assert asked(found, port, source="10.1.1.1") == [text]


def test_a_resource_whose_condition_does_not_hold_is_not_made() -> None:
    other = "  Db:\n    Type: AWS::EC2::SecurityGroup\n    Condition: {}\n    Properties: {{GroupName: db}}\n"
    assert wall(template(rule(), other.format("Fails"), PARTS)).alternatives == ()
    assert len(wall(template(rule(), other.format("Holds"), PARTS)).alternatives) == 2


@pytest.mark.parametrize(
    "bad",
    [
        rule(more=", Ports: 1"),
        rule(protocol="tpc"),
        rule(port="90000"),
        rule(block="everybody"),
        "{IpProtocol: tcp, FromPort: 80, ToPort: 80}",
        "{IpProtocol: tcp, CidrIp: 0.0.0.0/0}",
        "{IpProtocol: icmp, CidrIp: 0.0.0.0/0}",
        "nothing",
    ],
)
def test_a_rule_that_is_not_understood_may_admit_anything(bad: str) -> None:
    text = template(bad)
    assert verdict(wall(text), 81) == "unknown"
    assert counts(text)["unsupported"] > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Resources:\n  A:\n    Type: AWS::S3::Bucket\n",
            "dump:1: this CloudFormation template makes no security group",
        ),
        ("Resources:\n  A:\n    Type: AWS::S3::Bucket\n  A: 1\n", "dump:4: the key 'A' stands twice in one object"),
        ("Resources:\n  A:\n    Type: AWS::S3::Bucket\n  B: [\n", "not valid YAML"),
        ("Resources:\n  A:\n    Type: AWS::S3::Bucket\n  B: {{ x }}: 1\n", "dump:4: not valid YAML"),
        ("Resources:\n  A:\n    Type: AWS::S3::Bucket\n  B: " + "[" * 3000 + "]" * 3000 + "\n", "nested too deep"),
        ('{"Resources": {"A": {"Type": "AWS::S3::Bucket"}', "the export is cut"),
    ],
)
def test_what_is_no_template_with_a_group_is_refused_with_its_line(text: str, message: str) -> None:
    assert message in refusal(text)


def test_aliases_that_grow_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
    assert "more than 300,000 values" in refusal("\n".join(lines) + "\n" + template(rule()))


def test_templates_without_groups_are_passed_over_by_the_hook() -> None:
    with pytest.raises(UnknownExportError):
        read("Resources:\n  A:\n    Type: AWS::S3::Bucket\n")


def test_templates_of_one_host_are_taken_together() -> None:
    texts = [template(rule()), template(rule("443")).replace("Web", "Db").replace("web", "db")]
    exports = [read(text, f"{number}.yaml") for number, text in enumerate(texts)]
    found = exports[0][0].convert(
        [fragment for _, fragment, _ in exports], Options("h", Family.IPV4, groups=("web", "Db"))
    )
    assert found is not None
    assert passing(found) == [80, 443]
    assert found.exports == ("0.yaml", "1.yaml")


def test_conditions_alone_make_no_firewall() -> None:
    text = template(parts=PARTS).replace("    Properties", "    Condition: Fails\n    Properties")
    with pytest.raises(ExportError, match="makes no security group"):
        read(text)
