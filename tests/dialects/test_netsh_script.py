"""Scripts of netsh commands: what they change, and what must never count as understood."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.dialects.exports import counts, read, refusal, wall
from tests.dialects.test_netsh_rules import dump, types, verbose
from validator.dialects import netsh_script
from validator.dialects._windows_rules import Change, IcmpRow, WindowsChanges, WindowsRule, WindowsRules
from validator.errors import UserError
from validator.packets.fields import Family
from validator.source import Ledger, from_bytes

ADD = "netsh advfirewall firewall add rule "
RULE = ADD + "name=a dir=in action=allow "


def changes(text: str, path: str = "dump") -> list[Change]:
    data = read(text, path)[1].data
    assert isinstance(data, WindowsChanges)
    return list(data.changes)


def added(text: str, path: str = "dump") -> WindowsRule:
    (change,) = changes(text, path)
    assert change.rule is not None, change.why
    return change.rule


def why(text: str, path: str = "dump") -> str:
    """Why the last change is not understood."""
    return changes(text, path)[-1].why


def test_add_rule_has_the_defaults_of_netsh() -> None:
    rule = added(RULE)
    assert rule == WindowsRule(
        "dump", 1, "a", True, True, ("domain", "private", "public"), *("any",) * 5, "allow", (), (), "no"
    )


def test_every_parameter_is_read_into_the_words_of_a_dump() -> None:
    text = (
        ADD + 'name="My rule" dir=out action=block enable=no profile=private,domain protocol=17 localport=80,0443 '
        "remoteport=1-2 localip=10.0.0.1 remoteip=localsubnet,10.0.0.0/255.0.0.0,1.1.1.1-1.1.1.3,fe80::/10 "
        'program="C:\\a b.exe" service=spooler interfacetype=lan description="what = it does"'
    )
    rule = added(text)
    assert (rule.name, rule.inbound, rule.action, rule.enabled) == ("My rule", False, "block", False)
    assert (rule.profiles, rule.protocol) == (("domain", "private"), "UDP")
    assert (rule.local_port, rule.remote_port, rule.local_ip) == ("80,443", "1-2", "10.0.0.1/32")
    assert rule.remote_ip == "LocalSubnet,10.0.0.0/8,1.1.1.1-1.1.1.3,fe80::/10"
    assert [limit.value for limit in rule.limits] == ["C:\\a b.exe", "spooler", "LAN"]


@pytest.mark.parametrize(
    ("text", "protocol", "rows"),
    [
        ("icmpv4", "ICMPv4", (IcmpRow(None, None),)),
        ("ICMPV4:8,any", "ICMPv4", (IcmpRow(8, None),)),
        ("icmpv6:3,4", "ICMPv6", (IcmpRow(3, 4),)),
        ("1", "ICMPv4", (IcmpRow(None, None),)),
        ("0", "0", ()),
        ("any", "any", ()),
        ("tcp", "TCP", ()),
    ],
)
def test_protocols_are_read(text: str, protocol: str, rows: tuple[IcmpRow, ...]) -> None:
    rule = added(RULE + f"protocol={text}")
    assert (rule.protocol, rule.icmp) == (protocol, rows)


@pytest.mark.parametrize(
    "form",
    [
        "NETSH AdvFirewall Firewall Add Rule NAME=a DIR=In Action=ALLOW",
        "@" + RULE,
        "call " + RULE,
        "netsh.exe advfirewall firewall add rule name=a dir=in action=allow",
        '"%SystemRoot%\\System32\\netsh.exe" advfirewall firewall add rule name=a dir=in action=allow',
        "  " + RULE + ">nul 2>&1",
        RULE + "> log.txt || echo failed",
        RULE + "& rem netsh advfirewall reset",
        RULE.replace("name=a", '"name=a"'),
        RULE.replace("add rule", "add rule ^\n"),
        RULE.replace("dir=in", "d^ir=in"),
        "echo working & " + RULE,
        "if not exist x exit /b 1\n" + RULE,
        "rem a\n:: b\n:label\n# c\n" + RULE,
        "echo netsh advfirewall reset\n" + RULE,
        "(see the manual)\n" + RULE + "\ngoto end\n:end",
    ],
)
def test_a_command_is_known_in_many_forms(form: str) -> None:
    (change,) = changes(form)
    assert not change.why
    assert change.rule is not None
    assert replace(change.rule, line=1) == added(RULE)


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (RULE + "localport=80", "ports are given for a protocol without ports"),
        (RULE + "protocol=tcp localport=%PORT%", "localport holds a variable"),
        (RULE + "protocol=tcp localport=!PORT!", "localport holds a variable"),
        (RULE + "protocol=tcp localport=80, 443", "localport is '80,'"),
        (RULE + "protocol=tcp localport=90-80", "localport is '90-80'"),
        (RULE + "protocol=tcp localport=70000", "localport is '70000'"),
        (RULE + "protocol=tcp localport=²", "localport is '²'"),
        (RULE + "protocol=sctp", "protocol is 'sctp'"),
        (RULE + "protocol=256", "protocol is '256'"),
        (RULE + "protocol=icmpv4:300,0", "protocol is 'icmpv4:300,0'"),
        (RULE + "remoteip=10.0.0.0/0.0.0.255", "remoteip is '10.0.0.0/0.0.0.255'"),
        (RULE + "remoteip=10.0.0.9-10.0.0.1", "remoteip is '10.0.0.9-10.0.0.1'"),
        (RULE + "localip=localsubnet", "localip is 'localsubnet'"),
        (RULE + "remoteip=", "remoteip is ''"),
        (RULE + "enable=true", "enable is 'true'"),
        (RULE + "profile=home", "profile is 'home'"),
        (RULE + "dir=in", "dir is given twice"),
        (RULE + "group=x", "'group=x' is no parameter here"),
        (RULE + "name = b", "'name' is no parameter here"),
        (RULE + "rmtusrgrp=D:(A;;CC;;;S-1-5-4)", "a group of computers or users needs security"),
        (RULE.replace("allow", "block") + "security=authenticate", "a block rule cannot require security"),
        (RULE.replace("=in", "=out") + "edge=yes", "edge is given for an outbound rule"),
        (RULE + 'description="x', "a quote is not closed"),
        (RULE + 'program="C:\\"', "a quote is escaped"),
        (RULE + "<answers.txt", "it reads its input from a file"),
        (ADD + "name=all dir=in action=allow", "a rule cannot be called all"),
        (ADD + "dir=in action=allow", "name is missing"),
        (ADD + "name=a action=allow", "dir is missing"),
        (ADD + "name=a dir=in", "action is missing"),
        (ADD + "name=a dir=in action=deny", "action is 'deny'"),
        ("netsh advfirewall firewall set rule new enable=yes", "a name or a group chooses the rules"),
        ("netsh advfirewall firewall set rule group=a new dir=in", "a group can only be enabled or disabled"),
        ("netsh advfirewall firewall set rule name=a new name=all", "a rule cannot be called all"),
        ("netsh advfirewall firewall delete rule group=a", "a name or a group chooses the rules"),
        ("netsh advfirewall firewall delete rule name=a enable=no", "'enable=no' is no parameter here"),
        ("netsh advfirewall firewall add", "netsh advfirewall firewall add"),
        ("netsh advfirewall set currentprofile state off", "which profile it sets is not known"),
        ("netsh advfirewall set allprofiles state notconfigured", "the setting 'state notconfigured'"),
        ("netsh advfirewall set allprofiles firewallpolicy blockinbound", "the setting"),
        ("netsh advfirewall set allprofiles firewallpolicy allowoutbound,blockinbound", "the setting"),
        ("netsh advfirewall set allprofiles settings localfirewallrules disable", "the setting"),
        ("netsh advfirewall set global ipsec strongcrlcheck 1", "a global setting of IPsec"),
        ("netsh advfirewall import c:\\a.wfw", "netsh advfirewall import"),
        ("netsh advfirewall consec add rule name=a", "netsh advfirewall consec"),
        ("netsh advfirewall", "netsh advfirewall"),
        ("netsh adv fire add rule name=a dir=in action=allow", "netsh adv is abbreviated"),
        ("netsh ipsec static add policy name=a", "netsh ipsec is a policy of IPsec"),
        ("netsh -f rules.txt", "netsh takes its commands from elsewhere"),
        ("netsh", "netsh takes its commands from elsewhere"),
        ("netsh %ARGUMENTS%", "netsh takes its commands from elsewhere"),
        ("%N% advfirewall reset", "no plain netsh command"),
        ("# harmless? & netsh advfirewall reset", "no plain netsh command"),
        ("netsh firewall set opmode disable", "which profile an old netsh firewall command changes is not told"),
        ("netsh firewall set service type=remotedesktop", "an old netsh firewall command"),
        ("start netsh advfirewall reset", "no plain netsh command"),
        ("subprocess.run('netsh advfirewall firewall add rule')", "no plain netsh command"),
        ("Open the port with netsh advfirewall firewall as shown.", "no plain netsh command"),
        ('powershell -Command "New-NetFirewallRule -DisplayName a"', "no plain netsh command"),
        ("net stop MpsSvc", "no plain netsh command"),
        ("call other.bat", "it runs something else"),
        ("call %TOOL%", "it runs something else"),
        ("C:\\scripts\\lockdown.cmd", "it runs something else"),
        ("@setup.exe /s", "it runs something else"),
        ("powershell -File lock.ps1", "it runs something else"),
        ("cmd /c other.cmd", "it runs something else"),
        ("start other.cmd", "it runs something else"),
        ("reg import settings.reg", "it runs something else"),
        ("netsh interface portproxy reset", "netsh interface portproxy reset"),
        ("netsh int portproxy delete v4tov4 listenport=80", "netsh interface portproxy delete v4tov4"),
        ("netsh interface portproxy add v4tov4 listenport=%P%", "holds a variable"),
        ("netsh interface portproxy add v4tov4 listenport=80 listenaddress=!IP!", "holds a variable"),
        ("netsh interface portproxy add v4tov4 listenport=80 connectaddress=", "is empty"),
        ("netsh interface portproxy add v4tov4 listenport=http", "its ports are no numbers"),
        ("netsh interface portproxy add v4tov4 listenport=80\n connectport=81", "line 3 seems to go on with it"),
        ("netsh in p a v4tov4 listenport=80", "netsh interface portproxy a v4tov4"),
        ("if exist x netsh interface portproxy add v4tov4 80", "no plain netsh command"),
        ("for %%p in (80) do netsh int portproxy add v4tov4 %%p", "no plain netsh command"),
        ("pushd interface portproxy\nadd v4tov4 listenport=80", "no plain netsh command"),
        ("if exist x netsh exec rules.txt", "no plain netsh command"),
        ('net stop "Windows Defender Firewall"', "no plain netsh command"),
        ("sc stop bfe", "no plain netsh command"),
        ("if exist x call other.cmd", "it runs something else"),
        ("if not exist x (other.cmd)", "it runs something else"),
        ("for %%f in (*.cmd) do call %%f", "it runs something else"),
        ("for /f %%i in ('other.cmd') do echo %%i", "it runs something else"),
        ("%TOOL% /x", "it runs something else"),
        ("C:\\scripts\\lockdown", "it runs something else"),
        ("C:\\Users\\me>lockdown", "it runs something else"),
        (". .\\lock.ps1", "it runs something else"),
        ("echo lockdown | cmd", "it runs something else"),
        ("cmd < lockdown.txt", "it runs something else"),
        ("gpupdate /force", "it runs something else"),
        ("runas /user:admin lockdown.cmd", "it runs something else"),
        ("ping server && netsh interface portproxy add v4tov4 80", "it stands behind &&"),
        ("if exist x " + RULE, "no plain netsh command"),
        ("for %%p in (80 443) do netsh advfirewall firewall add rule name=%%p", "no plain netsh command"),
        ("if exist x (\n" + RULE + "\n)", "it stands in a block that may not run"),
        ("if exist x (\necho done)\n" + RULE + "\n)", "it stands in a block that may not run"),
        ("ping server && " + RULE, "it stands behind &&"),
        ("ping server && echo a & " + RULE, "it stands behind &&"),
        ("echo y | " + RULE, "it stands behind |"),
        ("goto end\n" + RULE, "it stands behind a goto"),
        ("if exist x goto end\n" + RULE, "it stands behind a goto"),
        ("exit /b\n" + RULE, "it stands behind the end of the script"),
        ("rem a comment ^\n" + RULE, "no plain netsh command"),
        (RULE + "\n  remoteip=10.0.0.1", "line 3 seems to go on with it"),
        (RULE + "\nlocalport=80", "line 3 seems to go on with it"),
        (RULE + "protocol=tcp localport=80\n,443", "line 3 seems to go on with it"),
    ],
)
def test_what_is_not_understood_says_why(line: str, part: str) -> None:
    text = RULE + "\n" + line
    assert part in why(text)
    assert counts(text)["unsupported"] > 0


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (RULE + "protocol=tcp localport=$port", "it holds a variable"),
        (RULE + 'protocol=tcp "localport=$port"', "it holds a variable"),
        (RULE + "description=(Get-Date)", "it holds an expression"),
        (RULE + 'description="a`n"', "it holds a variable"),
        ("if ($x) {\n" + RULE + "\n}", "it stands in a block that may not run"),
        ("function Open-Port\n{\n" + RULE + "\n}", "it stands in a block that may not run"),
        ("$text = @'\n" + RULE + "\n'@", "no plain netsh command"),
        ('$text = "a\n' + RULE + '\n"', "a quote before it is not closed"),
        ("netsh @arguments", "netsh takes its commands from elsewhere"),
        ("Get-Date <# a comment\n" + RULE, "it may stand in a comment"),
        ("return\n" + RULE, "it stands behind the end of the script"),
        ("Set-NetFirewallProfile -All -Enabled False", "no plain netsh command"),
        ("Get-NetFirewallRule | Remove-NetFirewallRule", "no plain netsh command"),
    ],
)
def test_powershell_is_read_as_powershell(line: str, part: str) -> None:
    assert part in why(RULE + "\n" + line, "script.ps1")


def test_powershell_joins_lines_with_a_backtick_and_quotes_with_either_sign() -> None:
    rule = added("$a = 1\nnetsh advfirewall firewall add rule name='it''s' dir=in action=allow `\n protocol=tcp # all\n"
                 .replace("it''s", "it is"))  # fmt: skip
    assert (rule.name, rule.protocol) == ("it is", "TCP")
    assert [change.verb for change in changes(RULE + "; netsh advfirewall reset", "a.ps1")] == ["add", "reset"]


@pytest.mark.parametrize("text", ["80,443", "80 , 443"])
def test_powershell_splits_a_bare_list(text: str) -> None:
    assert why(RULE + f"protocol=tcp localport={text}", "a.ps1")
    assert not why(RULE + "protocol=tcp 'localport=80,443'", "a.ps1")


def test_the_profiles_are_set() -> None:
    text = "netsh advfirewall set allprofiles state off\n"
    text += "netsh advfirewall set PublicProfile FirewallPolicy BlockInboundAlways,AllowOutbound\n"
    text += "netsh advfirewall reset\nnetsh firewall set opmode enable disable standard\n"
    off, policy, reset, old = changes(text)
    assert (off.verb, off.selects, off.new) == (
        "profile",
        (("profile", "domain"), ("profile", "private"), ("profile", "public")),
        (("state", "off"),),
    )
    assert (policy.selects, policy.new) == (
        (("profile", "public"),),
        (("inbound", "block-always"), ("outbound", "allow")),
    )
    assert (reset.verb, reset.why) == ("reset", "")
    assert (old.selects, old.new) == ((("profile", "private"),), (("state", "on"), ("inbound", "block-always")))


def test_an_old_port_opening_is_a_rule() -> None:
    rule = added("netsh firewall add portopening TCP 80 web enable subnet profile=domain")
    assert (rule.name, rule.protocol, rule.local_port, rule.remote_ip, rule.profiles) == (
        ("web", "TCP", "80", "LocalSubnet", ("domain",))
    )


def test_set_and_delete_say_what_they_choose_and_what_they_change() -> None:
    text = "netsh advfirewall firewall set rule name=a dir=in new enable=no remoteip=10.0.0.1\n"
    text += "netsh advfirewall firewall delete rule name=all protocol=tcp localport=080"
    set_, delete = changes(text)
    assert (set_.selects, set_.new) == ((("name", "a"), ("dir", "in")), (("enable", "no"), ("remoteip", "10.0.0.1/32")))
    assert (delete.verb, delete.selects) == (("delete", (("name", "all"), ("protocol", "TCP"), ("localport", "80"))))


@pytest.mark.parametrize(
    "line",
    [
        "netsh advfirewall firewall show rule name=all",
        "netsh advfirewall export c:\\a.wfw",
        "netsh advfirewall set allprofiles logging filename c:\\log",
        "netsh interface ipv4 show config",
        "netsh winhttp reset proxy",
        "sc query mpssvc",
        "call :open",
        "ping -n 3 server",
        "C:\\Windows\\System32\\timeout.exe 5",
        "start /wait",
        "PowerShell has to run as administrator",
        "netsh interface portproxy show all",
        "Run these in an ADMIN prompt:",
        "",
    ],
)
def test_what_changes_nothing_of_the_firewall_is_ignored(line: str) -> None:
    assert len(changes(RULE + "\n" + line)) == 1
    assert counts(RULE + "\n" + line)["unsupported"] == 0


@pytest.mark.parametrize(
    "line",
    [
        "netsh advfirewall import c:\\x.wfw",
        "for %%p in (80 443) do netsh advfirewall firewall add rule name=%%p dir=in action=allow",
        "if exist a.txt netsh advfirewall firewall delete rule name=all",
        "netsh adv f add r name=a dir=in action=allow",
        "netsh -c advfirewall firewall add rule name=a dir=in action=allow",
    ],
)
def test_a_script_is_known_by_any_command_that_changes_the_firewall(line: str) -> None:
    assert why(line)


@pytest.mark.parametrize(
    ("command", "proxy"),
    [
        ("add v4tov4 listenport=80 connectaddress=10.0.0.9 connectport=8080", ("*", 80, "10.0.0.9", 8080)),
        ("add v4tov4 listenport=80 listenaddress=10.0.0.1", ("10.0.0.1", 80, "127.0.0.1", 80)),
        ("add v6tov4 80 web 81", ("*", 80, "web", 81)),
        ("add v4tov6 listenport=80 protocol=tcp", ("*", 80, "::1", 80)),
    ],
)
def test_a_port_proxy_is_made(command: str, proxy: tuple[str, int, str, int]) -> None:
    data = read(f"{RULE}\nnetsh interface portproxy {command}")[1].data
    assert isinstance(data, WindowsChanges)
    (found,) = data.proxies
    assert (found.listen_address, found.listen_port, found.connect_address, found.connect_port) == proxy
    assert found.family is (Family.IPV6 if "v6tov" in command else Family.IPV4)
    assert wall(RULE + "protocol=tcp localport=80\nnetsh interface portproxy " + command).forwards[0].port == 80


@pytest.mark.parametrize(
    "line",
    [
        "lockdown",
        "call lockdown",
        "start lockdown",
        "powershell lock",
        "else lockdown",
        'if "%1"=="" lockdown',
        'if /i "%1" == "a" (lockdown)',
        "if %ERRORLEVEL% neq 0 lockdown",
        'if exist "a b" (echo a) else (call lockdown)',
        ">nul 2>&1 lockdown",
        "C:\\scripts\\lockdown>nul",
        "reg add %KEY% /v a /d 1",
        "schtasks /run /tn lockdown",
        "for /f %%i in ('netstat -n | find \"9340\"') do lockdown",
        "bitsadmin /transfer a b c",
    ],
)
def test_in_a_batch_file_what_is_not_known_may_change_the_firewall(line: str) -> None:
    assert "it runs something else" in why(f"{RULE}\n{line}", "script.cmd")
    assert "it runs something else" in why(f"@echo off\n{RULE}\n{line}")


def test_a_batch_file_of_windows_own_commands_leaves_the_firewall_alone() -> None:
    lines = r"""
    @echo off
    setlocal EnableDelayedExpansion
    chcp 65001 >nul
    set "PORT=9340"
    set /p ANSWER=Go on?
    cd /d "%~dp0"
    cd..
    >nul 2>&1 net session || exit /b
    if exist a (echo a) else (echo b)
    if not exist "C:\OL logs" mkdir "C:\OL logs"
    if "%1"=="" echo usage: %0 port
    if errorlevel 1 (
      echo. failed & pause
    ) else (
      echo(done
    )
    for %%f in (*.log) do del /q %%f
    for /f "tokens=2" %%i in ('ipconfig ^| find "IPv4"') do set IP=%%i
    C:\Windows\System32\timeout.exe /t 5 >nul 2>&1
    copy /y a.cmd b.cmd
    net start spooler
    sc query mpssvc
    reg query HKLM\Software\OL
    schtasks /query
    call :open 80
    echo call other.cmd
    netsh winhttp show proxy
    :open
    """
    text = "\n".join(line.strip() for line in lines.splitlines() if line.strip()).replace("\\\\", "\\")
    assert len(changes(f"{RULE}\n{text}", "script.cmd")) == 1


@pytest.mark.parametrize(
    "line",
    [
        "lockdown",
        ".\\lock.ps1",
        ". .\\lock.ps1",
        "& $tool",
        "$result = .\\lock.ps1",
        "if ($x) { .\\lock.ps1 }",
        'Write-Host "a $(.\\lock.ps1)"',
        "$x | Invoke-Expression",
        "Import-Module .\\Lock.psm1",
        "Set-NetConnectionProfile -NetworkCategory Public",
    ],
)
def test_in_powershell_what_is_not_known_may_change_the_firewall(line: str) -> None:
    assert "it runs something else" in why(f"{RULE}\n{line}", "script.ps1")


def test_cmdlets_that_look_and_compute_leave_the_firewall_alone() -> None:
    lines = """
    param([string]$Name = "a")
    $ErrorActionPreference = "Stop"
    $rules = Get-Content a.txt | Where-Object { $_ -match "x" }
    Write-Host "Run other.cmd"
    if (-not (Test-Path a.txt)) { Write-Error "none"; }
    foreach ($rule in $rules) { Write-Output $rule }
    try { Get-Service a } catch { Write-Warning "b" }
    [int]$count = 3
    $table = @{
      Name = 1
    }
    Import-Module NetSecurity
    Start-Sleep -Seconds 5
    Write-Host "${env:A} of {rules}: {0}" -f 'b {c}'
    "done"
    """
    assert len(changes("\n".join([RULE, *map(str.strip, lines.splitlines())]), "script.ps1")) == 1


@pytest.mark.parametrize("line", ["netsh interface portproxy add v4tov4 80 web", "netsh int portp reset"])
def test_a_script_of_port_proxies_alone_is_known(line: str) -> None:
    assert read(line)[0].NAME == "netsh-script"


def test_a_table_of_port_proxies_among_notes_is_to_be_parted() -> None:
    table = f"{'-' * 15} {'-' * 10}  {'-' * 15} {'-' * 10}\n*               80          10.0.0.9        8080\n"
    assert "dump:3: two outputs stand in one file" in refusal(f"{RULE}\n{table}")


def test_netshs_help_is_no_script() -> None:
    text = "Usage: add rule name=<string>\n\nExamples:\n\n      " + RULE
    assert "dump:1: this is netsh's help, not a script" in refusal(text)


# --- a script and the dump that it would give agree -------------------------

PORTS = st.lists(st.sampled_from(["80", "443", "9340-9354", "RPC"]), min_size=1, max_size=3, unique=True).map(",".join)
ADDRESSES = st.lists(
    st.sampled_from(["10.0.0.1/32", "10.0.0.0/8", "LocalSubnet", "1.1.1.1-1.1.1.9", "fe80::/10"]),
    min_size=1, max_size=3, unique=True,
).map(",".join)  # fmt: skip
EDGES = {"no": "No", "yes": "Yes", "deferapp": "Defer to application"}


PROTOCOLS = {
    "any": "Any", "tcp": "TCP", "udp": "UDP", "112": "112",
    "icmpv4:8,any": "ICMPv4" + types("8       Any"), "icmpv6": "ICMPv6" + types("Any     Any"),
}  # fmt: skip
CHOICES: dict[str, tuple[str, st.SearchStrategy[tuple[str, str]]]] = {
    "enable": ("Enabled", st.sampled_from([("yes", "Yes"), ("no", "No")])),
    "profile": ("Profiles", st.sampled_from([("public,domain", "Domain,Public"), ("private", "Private")])),
    "localip": ("LocalIP", st.just(("10.0.0.1", "10.0.0.1/32"))),
    "remoteip": ("RemoteIP", ADDRESSES.map(lambda text: (text, text))),
    "program": ("Program", st.just(("C:\\a b.exe", "C:\\a b.exe"))),
    "service": ("Service", st.sampled_from([("spooler", "spooler"), ("any", "*")])),
    "interfacetype": ("InterfaceTypes", st.sampled_from([("lan", "LAN"), ("wireless", "Wireless"), ("ras", "RAS")])),
    "localport": ("LocalPort", PORTS.map(lambda text: (text, text))),
    "remoteport": ("RemotePort", PORTS.map(lambda text: (text, text))),
    "edge": ("Edge traversal", st.sampled_from(sorted(EDGES.items()))),
    "security": ("Security", st.sampled_from([("authenc", "AuthEnc"), ("notrequired", "NotRequired")])),
}
"""Parameters with their labels in a dump, and values in the words of both."""


@st.composite
def written_twice(draw: st.DrawFn) -> tuple[str, str]:
    """A rule as an `add rule` line and as its block of a verbose dump."""
    words = {"name": f"rule {draw(st.integers(1, 3))}", "dir": draw(st.sampled_from(["in", "out"]))}
    words["action"] = draw(st.sampled_from(["allow", "block", "bypass"]))
    words["protocol"] = draw(st.sampled_from(sorted(PROTOCOLS)))
    with_ports = words["protocol"] in ("tcp", "udp")
    fields: dict[str, str | None] = dict.fromkeys(("LocalPort", "RemotePort"), "Any" if with_ports else None)
    fields |= {"Direction": words["dir"].capitalize(), "Action": words["action"].capitalize()}
    fields["Protocol"] = PROTOCOLS[words["protocol"]]
    barred = {"edge"} if words["dir"] == "out" else set()
    barred |= set() if with_ports else {"localport", "remoteport"}
    barred |= set() if words["action"] == "allow" else {"security"}
    if words["action"] == "bypass":  # netsh takes it with security alone
        words |= {"security": "authenticate", "rmtcomputergrp": "D:(A;;CC;;;S-1-5-21-1)"}
        fields |= {"Security": "Authenticate", "RemoteComputerGroup": "D:(A;;CC;;;S-1-5-21-1)"}
    for key in draw(st.sets(st.sampled_from(sorted(set(CHOICES) - barred)))):
        label, values = CHOICES[key]
        words[key], fields[label] = draw(values)
    line = ADD + " ".join(f'{key}="{text}"' if " " in text else f"{key}={text}" for key, text in words.items())
    return line, verbose(words["name"], **fields)


@settings(max_examples=200, deadline=None)
@given(st.lists(written_twice(), min_size=1, max_size=4))
def test_a_script_and_the_dump_that_it_gives_say_the_same(rules: list[tuple[str, str]]) -> None:
    lines, blocks = zip(*rules, strict=True)
    exported = read(dump(*blocks))[1].data
    assert isinstance(exported, WindowsRules)
    made = [change.rule for change in changes("\n".join(lines))]
    assert [replace(rule, line=0) for rule in made if rule] == [replace(rule, line=0) for rule in exported.rules]


# --- whatever the text ------------------------------------------------------

PIECES = st.sampled_from(
    [
        "netsh",
        "advfirewall",
        "firewall",
        "add",
        "set",
        "rule",
        "new",
        "name=a",
        "dir=in",
        "action=block",
        "=",
        "==",
        '"',
    ]
    + ["'", "^", "`", "&", "&&", "|", ">", "<", "(", ")", "{", "}", "%", "%%", "$", "#", "rem", "::", "@", "if", "goto"]
    + [
        "protocol=icmpv4:²,٣",
        "localport=-",
        "remoteip=/",
        "remoteip=::/",
        "localip=-",
        "\n",
        "\n",
        "<#",
        "#>",
        "@'",
        "'@",
    ]
    + [RULE, "netsh firewall set opmode", "netsh firewall add portopening", "netsh advfirewall set", "state", "\\", ";"]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=25), st.sampled_from(["a.ps1", "a.bat", "a.txt"]))
def test_any_text_is_read_or_refused_in_a_line(pieces: list[str], path: str) -> None:
    with suppress(UserError):
        source = from_bytes(" ".join(pieces).encode("utf-8", "surrogatepass"), path)
        ledger = Ledger(source.lines)
        netsh_script.sniff(source)
        netsh_script.parse(source, ledger)
        states = ledger.counts()
        assert states.pop("total") == len(source.lines) == sum(states.values())
        assert all(line <= len(source.lines) for line in ledger.unsupported())
