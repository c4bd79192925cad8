"""The old `netsh firewall show config`: all there is on Windows XP, a part of it since Vista."""

from __future__ import annotations

import pytest

from tests.dialects.exports import counts, read, refusal, verdict, wall
from validator.dialects._windows_rules import LOCAL, WindowsRule
from validator.dialects._windows_store import WindowsStore

DASHES = "-" * 67 + "\n"
ADVICE = 'IMPORTANT: Command executed successfully.\nHowever, "netsh firewall" is deprecated;\n'


def profile(name: str, mode: str = "Enable", exceptions: str = "Enable", tables: str = "") -> str:
    return (
        f"\n{name} profile configuration:\n{DASHES}Operational mode                  = {mode}\n"
        f"Exception mode                    = {exceptions}\nMulticast/broadcast response mode = Enable\n"
        f"Notification mode                 = Enable\n\n{tables}"
    )


def table(title: str, header: str, *rows: str) -> str:
    return f"{title}:\n{header}\n{DASHES}" + "".join(f"{row}\n" for row in rows) + "\n"


def ports(*rows: str, of: str = "Domain profile") -> str:
    return table(f"Port configuration for {of}", "Port   Protocol  Mode     Name", *rows)


LOG = f"Log configuration:\n{DASHES}File location   = C:\\WINDOWS\\pfirewall.log\nDropped packets = Disable\n"


def xp(domain: str = "", standard: str = "", end: str = LOG) -> str:
    return (domain or profile("Domain", tables=ports())) + (standard or profile("Standard")) + end


def vista(domain: str = "", standard: str = "") -> str:
    header = "Port   Protocol  Mode    Traffic direction     Name"
    rows = table(
        "Port configuration for Domain profile", header, "9340 TCP Enable Inbound A", "80 TCP Disable Inbound B"
    )
    return (domain or profile("Domain", tables=rows)) + (standard or profile("Standard")) + LOG + ADVICE


def store(text: str) -> WindowsStore:
    data = read(text)[1].data
    assert isinstance(data, WindowsStore)
    return data


def states(text: str) -> dict[str, tuple[bool | None, str | None, str | None]]:
    return {
        each.name: (each.on, each.inbound, each.outbound) for part in store(text).profiles for each in part.profiles
    }


def inbound(text: str) -> list[WindowsRule]:
    rules = store(text).rules
    assert rules is not None
    return [rule for rule in rules.rules if rule.inbound]


def test_since_vista_only_states_are_read_and_the_rules_stay_unknown() -> None:
    found = store(vista())
    assert (found.rules, found.covers) == (None, ())
    assert states(vista()) == {"domain": (True, None, None), "private": (True, None, None)}
    assert counts(vista())["unsupported"] == 0


@pytest.mark.parametrize("text", [vista(standard=profile("Standard", mode="Disable")), xp() + ADVICE])
def test_an_output_of_which_windows_is_not_known_is_taken_for_a_newer_one(text: str) -> None:
    assert store(text).rules is None


def test_a_profile_that_is_off_and_one_without_exceptions_are_known() -> None:
    text = vista(profile("Domain", mode="Disable"), profile("Standard", exceptions="Disable"))
    assert states(text) == {"domain": (False, None, None), "private": (True, "block-always", None)}


def test_windows_xp_knows_no_public_profile_and_filters_nothing_that_goes_out() -> None:
    text = xp(standard=profile("Standard", exceptions="Disable"))
    assert states(text) == {
        "domain": (True, "block", "allow"),
        "private": (True, "block-always", "allow"),
        "public": (True, "block-always", "allow"),
    }
    assert store(text).covers == LOCAL
    found = wall(text)
    assert [verdict(found, 80), verdict(found, 80, hook="output")] == ["drop", "accept"]


def test_a_port_of_windows_xp_is_a_rule() -> None:
    text = xp(profile("Domain", tables=ports("9340   TCP       Enable   Connect Server", "80 UDP Disable Old")))
    first, second = inbound(text)
    assert (first.protocol, first.local_port, first.enabled, first.profiles) == ("TCP", "9340", True, ("domain",))
    assert (second.protocol, second.local_port, second.enabled) == ("UDP", "80", False)
    assert first.line == 12


def test_whom_an_exception_lets_in_is_a_condition_until_verbose_shows_it() -> None:
    (hidden,) = inbound(xp(profile("Domain", tables=ports("1 TCP Enable A"))))
    assert [limit.sentence for limit in hidden.limits] == ["'A' (line 12) lets in everyone; verbose=enable shows it"]
    rows = ("1 TCP Enable A", "    Scope: *", "2 TCP Enable B", "    Scope: LocalSubNet,10.0.0.0/255.0.0.0")
    everyone, some = inbound(xp(profile("Domain", tables=ports(*rows))))
    assert (everyone.limits, everyone.remote_ip) == ((), "any")
    assert (some.limits, some.remote_ip) == ((), "LocalSubnet,10.0.0.0/8")


def test_a_scope_that_is_not_understood_limits_the_rule() -> None:
    (rule,) = inbound(xp(profile("Domain", tables=ports("1 TCP Enable A", "  Scope: nearby"))))
    assert [limit.sentence for limit in rule.limits][-1] == "from nearby"


def test_programs_and_services_of_windows_xp_are_rules() -> None:
    tables = table("Service configuration for Domain profile", "Mode     Customized  Name",
                   "Enable   No          File and Printer Sharing", "  Scope: *",
                   "Enable   No          Remote Desktop", "  Scope: *",
                   "Enable   Yes         Remote Desktop", "  Scope: *",
                   "Enable   No          Remote Administration", "  Scope: *")  # fmt: skip
    tables += table("Allowed programs configuration for Domain profile", "Mode     Name / Program",
                    "Enable   nc.exe / C:\\nc.exe", "  Scope: *")  # fmt: skip
    tcp, udp, desktop, custom, admin, program = inbound(xp(profile("Domain", tables=tables)))
    assert [(each.protocol, each.local_port) for each in (tcp, udp, desktop)] == [
        ("TCP", "139,445"), ("UDP", "137,138"), ("TCP", "3389")]  # fmt: skip
    assert [len(each.limits) for each in (tcp, udp, desktop, custom, admin, program)] == [0, 0, 0, 1, 1, 1]
    assert program.limits[0].sentence == "the program is C:\\nc.exe"


def test_a_port_of_one_connection_is_limited_to_it() -> None:
    text = xp(standard=profile("Standard", tables=ports("1 TCP Enable A", of="Local Area Connection")))
    (rule,) = inbound(text)
    assert "the interface is Local Area Connection" in [limit.sentence for limit in rule.limits]


def test_a_connection_without_a_firewall_may_do_anything() -> None:
    end = (
        LOG + f"\nLocal Area Connection firewall configuration:\n{DASHES}Operational mode                  = Disable\n"
    )
    (rule,) = inbound(xp(end=end))
    assert rule.why == "the firewall is off on the connection 'Local Area Connection'"
    assert (
        inbound(xp(end=end.replace("= Disable\n", "= Enable\n").replace("packets = Enable", "packets = Disable"))) == []
    )


@pytest.mark.parametrize("row", ["x TCP Enable A", "1 SCTP Enable A", "1 TCP Perhaps A", "99999 TCP Enable A"])
def test_a_row_of_windows_xp_that_is_not_understood_may_do_anything(row: str) -> None:
    assert [bool(rule.why) for rule in inbound(xp(profile("Domain", tables=ports(row))))] == [True]


def test_a_line_of_windows_xp_that_is_not_understood_counts_before_a_profile_that_is_off() -> None:
    off = xp().replace("Operational mode                  = Enable", "Operational mode                  = Disable")
    assert verdict(wall(off), 80) == "accept"
    assert verdict(wall(off.replace("Notification mode", "Shielded mode")), 80) == "unknown"


def test_a_setting_that_is_not_known_is_unsupported() -> None:
    text = xp().replace("Notification mode", "Shielded mode")
    assert counts(text)["unsupported"] == 2
    assert all(rule.why for rule in inbound(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (xp().replace("Operational mode                  = Enable\n", "", 1), "no operational or exception mode"),
        (xp().replace("Exception mode                    = Enable\n", "", 1), "no operational or exception mode"),
        (xp(end=""), "Log configuration is missing"),
        (profile("Domain", tables=ports()) + LOG, "a profile is missing"),
        (xp() + profile("Domain"), "the domain profile stands twice"),
        (xp().replace("= Enable", "= Maybe"), "Operational mode is 'Maybe', which is not known"),
        ("Notification mode = Enable\n" + xp(), "1: a profile without its title: the output is cut"),
        (xp().replace("Domain profile configuration", "", 1), "a profile without its title"),
        (xp().replace("\nStandard profile configuration:\n" + DASHES, ""), "a profile without its title"),
    ],
)
def test_what_is_cut_is_refused(text: str, message: str) -> None:
    assert message in refusal(text)
