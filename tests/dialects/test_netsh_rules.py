"""Dumps of Windows rules: what a packet meets, and what must never count as understood."""

from __future__ import annotations

import pytest

from tests.dialects.exports import asked, counts, read, refusal, trace, verdict, wall
from validator.dialects._windows_rules import LOCAL, WindowsRules
from validator.model import Firewall
from validator.packets.fields import Family

DASHES = "-" * 70 + "\n"
PLAIN = {
    "Enabled": "Yes",
    "Direction": "In",
    "Profiles": "Domain,Private,Public",
    "Grouping": "",
    "LocalIP": "Any",
    "RemoteIP": "Any",
    "Protocol": "TCP",
    "LocalPort": "80",
    "RemotePort": "Any",
    "Edge traversal": "No",
    "Action": "Allow",
}
SCOPE = {
    "Program": "Any",
    "Service": "Any",
    "InterfaceTypes": "Any",
    "Security": "NotRequired",
    "Rule source": "Local Setting",
}
WIDE = {"LocalPort": "Any"}
OTHER = {"Protocol": "Any", "LocalPort": None, "RemotePort": None}
BYPASS = {"Action": "Bypass", "LocalPort": "Any"}


def rule(name: str = "a rule", /, **changes: str | None) -> str:
    """A block of a plain dump: `RemoteIP="10.0.0.1"` changes a field, None leaves it out."""
    return block(name, {**PLAIN, **changes})


def verbose(name: str = "a rule", /, **changes: str | None) -> str:
    fields = {**PLAIN, **SCOPE, **changes}
    last = ("RemoteComputerGroup", "RemoteUserGroup", "Security", "Rule source")
    moved = {key: fields.pop(key) for key in last if key in fields}
    return block(name, {**fields, **moved})


def block(name: str, fields: dict[str, str | None]) -> str:
    fields["Action"] = fields.pop("Action")
    lines = [f"{key + ':':38}{value}\n" for key, value in fields.items() if value is not None]
    return f"\n{'Rule Name:':38}{name}\n{DASHES}{''.join(lines)}"


def dump(*blocks: str) -> str:
    return "".join(blocks) + "Ok.\n\n"


def host(*blocks: str, family: Family = Family.IPV4) -> Firewall:
    return wall(dump(*blocks), family=family)


def types(*rows: str) -> str:
    header = "\n" + " " * 38 + "Type    Code"
    return header + "".join("\n" + " " * 38 + row for row in rows)


def test_an_allow_rule_lets_its_port_in_and_no_other() -> None:
    wall = host(rule())
    assert verdict(wall, 80) == "accept"
    assert verdict(wall, 81) == "drop"
    assert verdict(wall, 80, protocol="udp") == "drop"


def test_without_a_rule_inbound_is_dropped_and_outbound_goes() -> None:
    wall = host(rule(), rule(Direction="Out", LocalPort="Any", RemotePort="21"))
    assert verdict(wall, 81, hook="output") == "accept"
    assert verdict(wall, 81, state="established") == "accept"


def test_an_outbound_rule_is_about_the_port_of_the_other_end() -> None:
    wall = host(rule(Direction="Out", Action="Block", LocalPort="Any", RemotePort="21"), rule())
    assert verdict(wall, 21, hook="output") == "drop"
    assert verdict(wall, 21, hook="output", protocol="udp") == "accept"
    assert verdict(wall, 21) == "drop"


@pytest.mark.parametrize("order", [1, -1])
def test_block_comes_before_allow_whatever_the_order(order: int) -> None:
    wall = host(*[rule(), rule("stop", Action="Block", LocalPort="1-100", RemoteIP="10.0.0.0/8")][::order])
    assert verdict(wall, 80, source="10.1.2.3") == "drop"
    assert verdict(wall, 80, source="11.1.2.3") == "accept"


def test_bypass_comes_before_block_where_the_connection_is_authenticated() -> None:
    wall = wall_of_bypass("Authenticate")
    assert verdict(wall, 80) == "unknown"
    assert asked(wall, 80) == ["the connection is protected by IPsec (Authenticate)"]


def test_bypass_needs_authentication_where_a_plain_dump_hides_it() -> None:
    wall = host(rule("stop", Action="Block"), rule("pass", **BYPASS))
    assert verdict(wall, 80) == "unknown"
    assert asked(wall, 80) == ["the connection is protected by IPsec (bypass)"]


def test_a_bypass_rule_that_requires_nothing_passes_nothing_for_sure() -> None:
    assert verdict(wall_of_bypass("NotRequired"), 80) == "unknown"


def wall_of_bypass(security: str) -> Firewall:
    return host(verbose("stop", Action="Block"), verbose("pass", Security=security, **BYPASS))


@pytest.mark.parametrize("action", ["Allow", "Block"])
def test_a_disabled_rule_does_nothing(action: str) -> None:
    wall = host(rule(), rule("other", Enabled="No", Action=action, LocalPort="80-90"))
    assert verdict(wall, 80) == "accept"
    assert verdict(wall, 85) == "drop"


def test_a_rule_holds_in_its_profiles_alone() -> None:
    wall = host(rule(Profiles="Domain,Private"))
    assert [verdict(wall, 80, in_interface=name) for name in ("domain", "private", "public")] == [
        "accept",
        "accept",
        "drop",
    ]
    assert verdict(wall, 80) == "unknown"


def test_the_deciding_rule_is_named_with_its_line() -> None:
    found = trace(host(rule("first", LocalPort="1"), rule("second")), destination_port=80, in_interface="public")
    assert found.rule is not None
    assert (found.rule.name, found.rule.span.line) == ("second", 16)
    assert found.rule.span.text == "Rule Name: second | In | Allow | TCP | LocalPort 80"


def test_lists_and_ranges_of_ports_are_exact() -> None:
    wall = host(rule(LocalPort="554,8554-8558, 9000"))
    passing = [port for port in (553, 554, 555, 8553, 8554, 8558, 8559, 9000) if verdict(wall, port) == "accept"]
    assert passing == [554, 8554, 8558, 9000]


def test_remote_ports_are_exact() -> None:
    wall = host(rule(RemotePort="1024-2000"))
    assert verdict(wall, 80, source_port=1024) == "accept"
    assert verdict(wall, 80, source_port=1023) == "drop"


@pytest.mark.parametrize("word", ["RPC", "RPC-EPMap", "IPHTTPS", "Teredo", "Ply2Disc", "mDNS", "65536", "90-80", "²"])
@pytest.mark.parametrize("field", ["LocalPort", "RemotePort"])
def test_a_port_that_is_no_number_is_a_condition(word: str, field: str) -> None:
    wall = host(rule(**{**WIDE, field: f"{word},99"}))
    assert verdict(wall, 99, source_port=99) == "accept"
    assert verdict(wall, 80) == "unknown"
    assert word in asked(wall, 80)[0]


def test_addresses_blocks_and_ranges_are_exact() -> None:
    wall = host(rule(RemoteIP="10.0.0.1,192.168.0.0/24,172.16.0.5-172.16.0.9,10.9.0.0/255.255.0.0"))
    inside = ("10.0.0.1", "192.168.0.255", "172.16.0.5", "172.16.0.9", "10.9.255.1")
    outside = ("10.0.0.2", "192.168.1.0", "172.16.0.4", "172.16.0.10", "10.10.0.1")
    assert {verdict(wall, 80, source=address) for address in inside} == {"accept"}
    assert {verdict(wall, 80, source=address) for address in outside} == {"drop"}


def test_a_local_address_limits_a_rule() -> None:
    wall = host(rule(LocalIP="192.0.2.10/32"))
    assert verdict(wall, 80, destination="192.0.2.10") == "accept"
    assert verdict(wall, 80, destination="192.0.2.11") == "drop"


@pytest.mark.parametrize(
    "word",
    ["LocalSubnet", "DNS", "DHCP", "WINS", "DefaultGateway", "10.0.0.9-10.0.0.1", "10.0.0.9/0.0.0.255", "nowhere"],
)
def test_an_address_that_is_no_number_is_a_condition(word: str) -> None:
    wall = host(rule(RemoteIP=f"{word},10.0.0.1"))
    assert verdict(wall, 80, source="10.0.0.1") == "accept"
    assert verdict(wall, 80, source="10.0.0.2") == "unknown"
    blocking = host(rule(), rule("stop", Action="Block", RemoteIP=word))
    assert verdict(blocking, 80, source="10.0.0.2") == "unknown"


def test_the_same_keyword_is_the_same_condition() -> None:
    wall = host(rule(RemoteIP="LocalSubnet"), rule("stop", Action="Block", RemoteIP="LocalSubnet"))
    assert verdict(wall, 80) == "drop"


def test_one_list_may_hold_both_families() -> None:
    text = rule(RemoteIP="10.0.0.0/8,fe80::/64,ff02::1-ff02::2")
    assert verdict(host(text), 80, source="10.0.0.1") == "accept"
    six = host(text, family=Family.IPV6)
    assert verdict(six, 80, source="fe80::9") == "accept"
    assert verdict(six, 80, source="ff02::2") == "accept"
    assert verdict(six, 80, source="fe81::9") == "drop"


def test_addresses_of_one_family_match_nothing_of_the_other() -> None:
    assert verdict(host(rule(RemoteIP="0.0.0.0/0"), family=Family.IPV6), 80) == "drop"
    assert verdict(host(rule(RemoteIP="::-ffff::")), 80) == "drop"


@pytest.mark.parametrize(("protocol", "passes"), [("Any", ["tcp", "udp", "47"]), ("47", ["47"]), ("GRE", ["47"])])
def test_a_rule_without_ports_is_for_its_protocol(protocol: str, passes: list[str]) -> None:
    wall = host(rule(**{**OTHER, "Protocol": protocol}))
    assert [name for name in ("tcp", "udp", "47") if verdict(wall, 80, protocol=name) == "accept"] == passes


@pytest.mark.parametrize("protocol", ["300", "²", "IPX", ""])
def test_a_protocol_that_is_not_known_may_be_the_one_asked_about(protocol: str) -> None:
    text = dump(rule(**{**OTHER, "Protocol": protocol}))
    assert verdict(wall(text), 80) == "unknown"
    assert counts(text)["modelled"] == 0


def test_the_rows_of_an_icmp_rule_are_types_and_codes() -> None:
    wall = host(rule(**{**OTHER, "Protocol": "ICMPv4" + types("8       Any", "3       4")}))
    assert verdict(wall, protocol="icmp", icmp_type=8, icmp_code=7) == "accept"
    assert verdict(wall, protocol="icmp", icmp_type=3, icmp_code=4) == "accept"
    assert verdict(wall, protocol="icmp", icmp_type=3, icmp_code=1) == "drop"
    assert verdict(wall, 80) == "drop"


def test_an_icmp_rule_for_any_type_is_for_no_other_protocol() -> None:
    wall = host(rule(**{**OTHER, "Protocol": "ICMPv6" + types("Any     Any")}), family=Family.IPV6)
    assert verdict(wall, protocol="icmpv6", icmp_type=1) == "accept"
    assert verdict(wall, 80) == "drop"


@pytest.mark.parametrize("rows", [types(), types("8       Some"), types("8 Any", "² 1"), types("999     Any"), ""])
def test_an_icmp_table_that_is_not_understood_leaves_the_rule_open(rows: str) -> None:
    assert verdict(host(rule(**{**OTHER, "Protocol": "ICMPv4" + rows})), protocol="icmp", icmp_type=13) == "unknown"


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("Program", r"C:\a.exe", r"the program is C:\a.exe"),
        ("Service", "spooler", "the service is spooler"),
        ("InterfaceTypes", "Wireless", "the interface type is Wireless"),
        ("RemoteComputerGroup", "O:LSD:", "the remote computer is in O:LSD:"),
        ("RemoteUserGroup", "O:LSD:", "the remote user is in O:LSD:"),
        ("Security", "Authenticate", "the connection is protected by IPsec (Authenticate)"),
        ("Security", "AuthEnc", "the connection is protected by IPsec (AuthEnc)"),
        ("Security", "Nicht erforderlich", "the connection is protected by IPsec (Nicht erforderlich)"),
    ],
)
@pytest.mark.parametrize("action", ["Allow", "Block"])
def test_what_a_verbose_rule_is_limited_to_is_a_condition(field: str, value: str, text: str, action: str) -> None:
    wall = host(verbose("wide", LocalPort="1-100"), verbose(Action=action, LocalPort="80-200", **{field: value}))
    port = 150 if action == "Allow" else 80
    assert verdict(wall, port) == "unknown"
    assert text in asked(wall, port)


@pytest.mark.parametrize(
    ("text", "hidden"), [(rule(), "program, service, user or package"), (verbose(), "user or package")]
)
def test_what_a_dump_hides_is_assumed_until_that_is_withdrawn(text: str, hidden: str) -> None:
    assert verdict(wall(dump(text)), 80) == "accept"
    withdrawn = wall(dump(text), withdrawn=("hidden-scope",))
    assert verdict(withdrawn, 80) == "unknown"
    assert asked(withdrawn, 80) == [f"the rule 'a rule' is for every {hidden}"]


def test_the_profiles_nobody_exported_are_assumed_until_that_is_withdrawn() -> None:
    withdrawn = wall(dump(rule()), withdrawn=("profile-defaults",))
    assert verdict(withdrawn, 80, in_interface="public") == "unknown"
    assert verdict(withdrawn, 81, in_interface="public") == "unknown"
    assert verdict(withdrawn, 81, in_interface="public", hook="input", state="established") == "accept"


def test_loopback_is_not_filtered() -> None:
    assert verdict(host(rule("stop", Action="Block", **WIDE)), 80, in_interface="lo") == "accept"


@pytest.mark.parametrize("form", ["utf-8", "utf-8-sig", "utf-16", "cp850", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n"])
def test_encoding_and_line_ends_change_nothing(form: str, end: str) -> None:
    wall_ = wall(dump(rule("Größe")).replace("\n", end).encode(form))
    assert verdict(wall_, 80) == "accept"
    assert trace(wall_, destination_port=80, in_interface="public").rule is not None


def test_names_may_repeat_and_hold_anything() -> None:
    wall = host(rule("a: b"), rule("a: b", LocalPort="81"), rule("@{x?ms-resource://y}", LocalPort="82"), rule(""))
    assert [verdict(wall, port) for port in (80, 81, 82, 83)] == ["accept", "accept", "accept", "drop"]


def test_a_description_of_several_lines_is_text() -> None:
    text = verbose().replace("Enabled:", "Description:      first\nsecond line\n\nthird: line\nEnabled:")
    assert verdict(wall(dump(text)), 80) == "accept"
    assert counts(dump(text))["unsupported"] == 0


def test_a_description_cannot_say_what_the_rule_does() -> None:
    stop = verbose("stop", Action="Block").replace("Enabled:", "Description: a\nAction: Allow\nEnabled:", 1)
    assert verdict(wall(dump(stop)), 80) == "unknown"


# --- what is not understood ---------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"Enabled": "Perhaps"},
        {"Direction": "Sideways"},
        {"Action": "Permit"},
        {"Profiles": "Domain,Home"},
        {"Profiles": ""},
        {"LocalPort": ""},
        {"RemotePort": " , "},
        {"RemoteIP": ""},
        {"LocalIP": ","},
        {"LocalPort": None},
        {"RemotePort": None},
        {"Protocol": "Any"},
        {"Protocol": "47", "RemotePort": None},
        {"Colour": "red"},
    ],
)
@pytest.mark.parametrize("action", ["Allow", "Block"])
def test_a_rule_that_is_not_wholly_understood_may_do_anything(changes: dict[str, str | None], action: str) -> None:
    text = dump(rule(), rule("odd", **{"Action": action, **changes}))
    wall_ = wall(text)
    assert verdict(wall_, 80) == "unknown"
    assert verdict(wall_, 81) == "unknown"
    assert verdict(wall_, 81, hook="output") == "unknown"
    assert counts(text)["unsupported"] > 5


def test_a_field_that_stands_twice_may_be_the_rest_of_another_rule() -> None:
    lost = rule("stop", Action="Block").replace(DASHES, "")
    text = dump(rule(), lost)
    assert verdict(wall(text), 80) == "unknown"
    without_name = dump(rule(), "\n" + DASHES + rule(Action="Block").split(DASHES)[1])
    assert verdict(wall(without_name), 80) == "unknown"


def test_prose_behind_a_rule_is_unsupported_and_changes_nothing() -> None:
    text = dump(rule()) + "C:\\Users\\me> exit\n"
    assert verdict(wall(text), 80) == "accept"
    assert counts(text)["unsupported"] == 1


def test_a_prompt_before_the_dump_changes_nothing_and_its_command_is_understood() -> None:
    text = "C:\\>netsh advfirewall firewall show rule name=all\n" + dump(rule())
    assert verdict(wall(text), 80) == "accept"
    assert counts(text)["unsupported"] == 0
    assert counts("C:\\>cd \\\n" + text)["unsupported"] == 1


@pytest.mark.parametrize(
    "command",
    [
        "netsh advfirewall firewall show rule name=web",
        'NETSH advfirewall firewall show rule name="My rule" verbose',
        "netsh advfirewall firewall show rule name=all profile=public",
        "netsh advfirewall firewall show rule name=all type=static",
        "netsh advfirewall monitor show firewall rule name=all",
        "netsh advfirewall firewall show rule name=all | more",
    ],
)
def test_a_command_that_shows_some_rules_only_is_refused(command: str) -> None:
    message = refusal(f"PS C:\\Users\\me> {command}\n{dump(rule())}")
    assert message.startswith("dump:1: the command shows only some of the rules; run netsh advfirewall firewall show")


@pytest.mark.parametrize(
    ("options", "covers"),
    [
        (("dir=in",), ("local-in",)),
        (("dir=OUT", "verbose"), ("local-out",)),
        (("dir=in", "dir=out"), LOCAL),
        (("",), LOCAL),
    ],
)
def test_a_dump_of_one_direction_covers_that_one_alone(options: tuple[str, ...], covers: tuple[str, ...]) -> None:
    command = "C:\\>netsh advfirewall firewall show rule name=all "
    outputs = [f"{command}{option}\n{dump(rule())}" for option in options if option != "verbose"]
    assert covered("".join(outputs)) == covers


def covered(text: str) -> tuple[str, ...]:
    """The rules that a dump holds completely."""
    data = read(text)[1].data
    assert isinstance(data, WindowsRules)
    return data.covers


IN, OUT = rule(), rule(Direction="Out", LocalPort="Any", RemotePort="21", Action="Block")


@pytest.mark.parametrize(
    ("blocks", "covers"),
    [
        ((IN,), ("local-in",)),
        ((OUT, OUT), ("local-out",)),
        ((IN, OUT), LOCAL),
        ((IN, rule(Direction="Sideways")), ("local-in",)),
    ],
)
def test_a_dump_without_its_command_covers_the_directions_of_its_rules(
    blocks: tuple[str, ...], covers: tuple[str, ...]
) -> None:
    assert covered(dump(*blocks)) == covers


def test_of_the_direction_that_a_dump_does_not_show_nothing_is_known() -> None:
    inward, outward = host(IN), host(OUT)
    assert [verdict(inward, 80), verdict(inward, 81)] == ["accept", "drop"]
    assert verdict(inward, 21, hook="output") == verdict(outward, 80) == "unknown"
    assert "a local outbound rule that was not exported blocks it" in asked(inward, 21, hook="output")
    assert [verdict(outward, port, hook="output") for port in (21, 22)] == ["drop", "accept"]
    both = wall(dump(IN), dump(OUT))
    assert [verdict(both, 80), verdict(both, 81), verdict(both, 22, hook="output")] == ["accept", "drop", "accept"]


def test_one_word_for_a_direction_that_nobody_knows_is_not_both() -> None:
    unknown = [each.replace("Direction:", "Qdirection:").replace("In\n", "Qi\n").replace("Out\n", "Qo\n") for each in
               (IN, OUT)]  # fmt: skip
    assert covered(dump(unknown[0])) == ()
    assert covered(dump(*unknown)) == LOCAL


def test_a_command_that_found_no_rule_is_refused() -> None:
    assert "the command found no rule; run netsh" in refusal("\nNo rules match the specified criteria.\n\n")


def test_profiles_and_rules_in_one_file_are_to_be_parted() -> None:
    title = f"Domain Profile Settings:\n{DASHES}State                                 ON\nOk.\n"
    assert "two outputs stand in one file; pass each output as a file of its own" in refusal(title + dump(rule()))


def test_port_proxies_and_rules_in_one_file_are_to_be_parted() -> None:
    row = "*               80          10.0.0.9        8080"
    table = f"\nListen on ipv4:             Connect to ipv4:\n\n{'-' * 15} {'-' * 10}  {'-' * 15} {'-' * 10}\n{row}\n\n"
    for text in (table + dump(rule()), dump(rule()) + table, dump(rule()) + table + dump(rule())):
        told = refusal(text)
        assert "two outputs stand in one file: one is of port proxies; pass each output as a file of its own" in told
        assert f"dump:{text.splitlines().index(row) + 1}:" in told


@pytest.mark.parametrize("line", ["Rule Name:", DASHES])
def test_what_is_left_of_a_rule_above_the_first_one_is_refused(line: str) -> None:
    stop = rule("stop", Action="Block")
    text = stop[: stop.index(line)] + stop[stop.index(line) :].partition("\n")[2]
    assert "a rule without its name: the dump is damaged" in refusal(dump(text, rule()))


def test_fields_in_another_order_than_netsh_has_are_not_understood() -> None:
    text = (
        rule("odd", LocalPort="90")
        .replace("Enabled:  ", "Colour:  ")
        .replace("Direction:", "Enabled:   Yes\nDirection:")
    )
    swapped = (
        rule("odd").replace("LocalPort:   ", "X:").replace("RemotePort:", "LocalPort:").replace("X:", "RemotePort:   ")
    )
    assert verdict(wall(dump(rule(), text)), 81) == "unknown"
    assert verdict(wall(dump(rule(), swapped)), 81) == "unknown"


def test_a_word_that_ends_an_output_does_not_count_inside_of_a_rule() -> None:
    text = verbose().replace("Enabled:", "Description:      first\nOk.\nEnabled:")
    assert "it is cut" in refusal(text)
    assert verdict(wall(text + "Ok.\n"), 80) == "accept"


def test_every_cut_of_a_dump_is_refused() -> None:
    lines = dump(rule("first"), rule("second", Action="Block")).splitlines(keepends=True)
    end = lines.index("Ok.\n")
    for length in range(4, end + 1):
        message = refusal("".join(lines[:length]))
        assert "is cut" in message, length
    assert "dump does not end with `Ok.`" in refusal("".join(lines[:end]))


def test_a_dump_that_was_cut_before_its_end_is_refused_in_any_language() -> None:
    text = dump(rule()).replace("Ok.\n", "")
    assert "it is cut" in refusal(text)
    assert verdict(wall(text + "Aceptar\n"), 80) == "accept"


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (("Rule Name", "LocalPort"), "the rules' blocks were filtered away (findstr, grep)"),
        (("Rule Name", "-----", "LocalPort"), "has no Enabled: the dump is cut or filtered"),
        (("Rule Name", "-----", "Enabled", "Direction", "Action"), "has no Profiles: the dump is cut or filtered"),
    ],
)
def test_a_dump_that_was_filtered_is_refused(kept: tuple[str, ...], message: str) -> None:
    lines = dump(rule("a"), rule("b")).splitlines(keepends=True)
    assert message in refusal("".join(line for line in lines if line.startswith(kept)))


def test_a_label_of_no_known_language_is_known_by_its_place() -> None:
    assert verdict(wall(dump(rule()).replace("Enabled:", "Włączone:")), 80) == "accept"


def test_a_label_of_no_known_language_in_no_known_place_is_named_with_the_way_out() -> None:
    message = refusal(dump(rule()).replace("Enabled:", "Włączone:").replace("Profiles:", "Włączone:"))
    assert "the field 'Włączone:" in message
    assert "chcp 437" in message
