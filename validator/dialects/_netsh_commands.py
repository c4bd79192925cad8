"""What one netsh command changes of the Windows firewall, as a Change.

Microsoft's "Netsh AdvFirewall Commands", "Netsh AdvFirewall Firewall Commands" and "Netsh Commands for Windows
Firewall" (the old `netsh firewall`). A command that would change something, and is not understood, is a Change
that says why; one of another context, or that only shows something, is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from validator.dialects._netsh_values import PARAMETERS, SELECTORS, changed, unset, value
from validator.dialects._script_lines import Command, Word, prints
from validator.dialects._windows_rules import PROFILES, Change, PortProxy
from validator.packets.fields import Family
from validator.source import Span

_NETSH = re.compile(r"@?(.*[\\/])?netsh(\.exe)?", re.IGNORECASE)
_ELSEWHERE = re.compile(
    r"\A(?:(?!netsh\b).)*netsh\b.*(\b(adv\w*|firewall|fire|ipsec|exec|portp\w*(?!\w|\s+(show|dump|help)))\b|\s-[acfr]\b)"
    r"|\badvfirewall\b|firewallpolicy|\bmpssvc\b|hnetcfg\.fw|\b(add|set|delete)\s+v[46]tov[46]\b"
    r"|\b(net1?|sc|service)\b.{0,90}(\bbfe\b|base filtering engine|windows (defender )?firewall)"
    r"|\b(new|set|remove|enable|disable|rename|copy|sync|save)-net(firewall|ipsec)|windowsfirewall\\",
    re.IGNORECASE,
)
_SHOWING = ("show", "dump", "help", "?", "/?", "export")
_VARIABLE = re.compile(r"%(ProgramFiles(\(x86\))?|ProgramW6432|ProgramData|CommonProgramFiles(\(x86\))?"
                       r"|SystemRoot|windir|SystemDrive|~dp0)%?", re.IGNORECASE)  # fmt: skip
_PROXY = ("listenport", "connectaddress", "connectport", "listenaddress", "protocol")
"""The parameters of a port proxy, in the order of netsh."""
_STATES = {"on": "on", "off": "off"}
_POLICY = {
    "blockinbound": ("inbound", "block"),
    "blockinboundalways": ("inbound", "block-always"),
    "allowinbound": ("inbound", "allow"),
    "allowoutbound": ("outbound", "allow"),
    "blockoutbound": ("outbound", "block"),
}
_OLD_PROFILES = {"domain": "domain", "standard": "private"}
"""What the old command's profiles are since Vista; `current` and `all` may be the public one too."""


class _Unclear(Exception):
    """A command that is not understood; the text says why."""


def change(command: Command, path: str) -> Change | PortProxy | None:
    """What a command of a script changes, or the port proxy that it makes; None for nothing that we know of."""
    span = Span(path, command.first, command.text)
    name = command.words[0].text if command.words else ""
    words = command.words[1:] if name.lower().lstrip("@") == "call" else command.words
    if not (words and _NETSH.fullmatch(words[0].text)):
        shown = prints(name) and command.first == command.last
        if _ELSEWHERE.search(command.raw) and not shown and not _looks_only(command):
            return Change("unclear", span, why="it is no plain netsh command, and may change the firewall")
        return None
    try:
        found = _netsh(words[1:], span)
    except _Unclear as unclear:
        found = Change(_verb(words), span, why=str(unclear))
    if isinstance(found, PortProxy) and command.why:
        return Change("unclear", span, why=command.why)
    if isinstance(found, Change) and command.why:
        return Change(found.verb, span, found.rule, found.selects, found.new, command.why)
    return found


def _looks_only(command: Command) -> bool:
    """Whether a line names the firewall's service only to start or ask it."""
    return command.words[:1] == (Word("sc", "sc"),) and len(command.words) > 1 and command.words[1].text == "query"


def _verb(words: Sequence[Word]) -> str:
    """The verb of a change that is not understood: add, set or delete where it is surely one of rules."""
    texts = [word.text.lower() for word in words[1:4]]
    about_rules = len(texts) == 3 and texts[:2] == ["advfirewall", "firewall"]
    return texts[2] if about_rules and texts[2] in ("add", "set", "delete") else "unclear"


def _netsh(words: Sequence[Word], span: Span) -> Change | PortProxy | None:
    texts = [word.text.lower() for word in words]
    context = texts[0] if texts else ""
    if context == "advfirewall":
        return _advfirewall(words[1:], span)
    if context == "firewall":
        return _legacy(texts[1:], span)
    if context == "ipsec" and "show" in texts:
        return None
    if len(context) > 1 and "interface".startswith(context) and texts[1:] and "portproxy".startswith(texts[1]):
        return None if texts[2:3] and texts[2] in _SHOWING else _port_proxy(texts[2:], span)
    if not context.isalnum() or context == "exec":  # nothing, an option, a variable
        raise _Unclear("netsh takes its commands from elsewhere")
    if any(name.startswith(context) for name in ("advfirewall", "firewall", "ipsec")):
        raise _Unclear(f"netsh {context} is {'a policy of IPsec' if context == 'ipsec' else 'abbreviated'}")
    return None


def _port_proxy(texts: Sequence[str], span: Span) -> PortProxy:
    """`netsh interface portproxy add v4tov4 listenport=... connectaddress=...`, with the defaults of Microsoft's "Netsh
    interface portproxy commands": the same port, and the computer itself."""
    kind = re.fullmatch("v([46])tov([46])", texts[1] if len(texts) > 1 else "")
    if not kind or texts[0] != "add":
        raise _Unclear(f"netsh interface portproxy {' '.join(texts[:2])}".strip()[:60])
    given = _positional(texts[2:], _PROXY)
    here = {"4": "127.0.0.1", "6": "::1"}[kind[2]]
    ports = [given.get("listenport", ""), given.get("connectport", given.get("listenport", ""))]
    plain = all(re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65536 for port in ports)
    if "" in given.values() or re.search(r"[%!$]", "".join(texts)):
        raise _Unclear("a parameter of the port proxy is empty, or holds a variable")
    if not plain or given.get("protocol", "tcp") != "tcp":
        raise _Unclear("its ports are no numbers, or its protocol is not TCP")
    listen = given.get("listenaddress", "*")
    family = Family.IPV4 if kind[1] == "4" else Family.IPV6
    return PortProxy(listen, int(ports[0]), given.get("connectaddress", here), int(ports[1]), span, family)


def _advfirewall(words: Sequence[Word], span: Span) -> Change | None:
    texts = [word.text.lower() for word in words] + ["", ""]
    if texts[0] in _SHOWING or texts[0] == "monitor" or (texts[0] in ("consec", "mainmode") and texts[1] in _SHOWING):
        return None
    if texts[0] == "firewall":
        return None if texts[1] in _SHOWING else _rule(texts[1], words[1:], span)
    if texts[0] == "reset":
        return Change("reset", span)
    if texts[0] == "set" and texts[1] == "global":
        if texts[2] in ("statefulftp", "statefulpptp"):
            return None
        raise _Unclear("a global setting of IPsec")
    if texts[0] == "set":
        return _profile(texts[1], [text for text in texts[2:] if text], span)
    raise _Unclear(f"netsh advfirewall {texts[0]}".strip())


def _profile(name: str, texts: Sequence[str], span: Span) -> Change | None:
    """`set allprofiles state on`, `set publicprofile firewallpolicy blockinbound,allowoutbound`."""
    head, rest = (texts[0] if texts else ""), texts[1:]
    if head == "logging" or (
        head == "settings" and rest[:1] in (["inboundusernotification"], ["unicastresponsetomulticast"])
    ):
        return None
    profiles = {f"{profile}profile": (profile,) for profile in PROFILES} | {"allprofiles": PROFILES}
    if name not in profiles:
        raise _Unclear("which profile it sets is not known")
    chosen = tuple(("profile", profile) for profile in profiles[name])
    if head == "state" and len(rest) == 1 and rest[0] in _STATES:
        return Change("profile", span, selects=chosen, new=(("state", rest[0]),))
    if head == "firewallpolicy":
        parts = [_POLICY.get(part) for part in ",".join(rest).split(",")]
        known = tuple(part for part in parts if part)
        if len(rest) == 1 and len(known) == len(parts) == 2 and [way for way, _ in known] == ["inbound", "outbound"]:
            return Change("profile", span, selects=chosen, new=known)
    raise _Unclear(f"the setting {' '.join(texts)[:40]!r} of a profile")


# --- rules -----------------------------------------------------------------


def _rule(verb: str, words: Sequence[Word], span: Span) -> Change:
    """`add rule`, `set rule` and `delete rule` with their parameters."""
    if verb not in ("add", "set", "delete") or len(words) < 2 or words[1].text.lower() != "rule":
        raise _Unclear(f"netsh advfirewall firewall {' '.join(word.text for word in words[:2])}"[:60])
    texts = [word.text.lower() for word in words]
    if verb == "add":
        given = _parameters(words[2:], PARAMETERS)
        missing = [key for key in ("name", "dir", "action") if key not in given]
        if missing:
            raise _Unclear(f"{missing[0]} is missing")
        if given["name"].lower() == "all":
            raise _Unclear("a rule cannot be called all")
        rule = changed(unset(span), given)
        if rule.why:
            raise _Unclear(rule.why)
        return Change(verb, span, rule)
    end = texts.index("new") if verb == "set" and "new" in texts else len(words)
    selects = _parameters(words[2:end], SELECTORS)
    if ("name" in selects) == ("group" in selects) or (verb == "delete" and "group" in selects):
        raise _Unclear("a name or a group chooses the rules")
    new = _parameters(words[end + 1 :], PARAMETERS)
    if "group" in selects and set(new) - {"enable"}:
        raise _Unclear("a group can only be enabled or disabled")
    if new.get("name", "").lower() == "all":
        raise _Unclear("a rule cannot be called all")
    return Change(verb, span, selects=tuple(selects.items()), new=tuple(new.items()))


def _parameters(words: Sequence[Word], allowed: Sequence[str]) -> Mapping[str, str]:
    """`key=value` words as values in the words of a dump."""
    found: dict[str, str] = {}
    for word in words:
        key, sign, text = word.text.partition("=")
        key = key.lower()
        if not sign or key not in allowed:
            raise _Unclear(f"{word.text[:40]!r} is no parameter here")
        if key in found:
            raise _Unclear(f"{key} is given twice")
        plain = _VARIABLE.sub("", text) if key == "program" else text
        if "%" in plain or re.search(r"!\w+!", plain):
            raise _Unclear(f"{key} holds a variable")
        found[key] = value(key, text)
        if not found[key]:
            raise _Unclear(f"{key} is {text[:40]!r}")
    return found


# --- the old command -------------------------------------------------------

_OPMODE = ("mode", "exceptions", "profile", "interface")
_OPENING = ("protocol", "port", "name", "mode", "scope", "addresses", "profile", "interface")


def _legacy(texts: Sequence[str], span: Span) -> Change | None:
    """`netsh firewall set opmode` and `add portopening` for the domain or the standard profile."""
    if texts[:1] and texts[0] in _SHOWING:
        return None
    if list(texts[:2]) == ["set", "opmode"]:
        given = _positional(texts[2:], _OPMODE)
        switches = {"enable": True, "disable": False}
        mode, exceptions = given.get("mode", ""), given.get("exceptions", "enable")
        if mode in switches and exceptions in switches and "interface" not in given:
            state = ("state", "on" if switches[mode] else "off")
            allowed = ("exceptions", "enable") if switches[exceptions] else ("inbound", "block-always")
            return Change("profile", span, selects=(("profile", _old_profile(given)),), new=(state, allowed))
    if list(texts[:2]) == ["add", "portopening"]:
        given = _positional(texts[2:], _OPENING)
        scope = {"all": "any", "subnet": "LocalSubnet", "custom": given.get("addresses", "-")}
        wanted = {"name": given.get("name", ""), "dir": "in", "action": "allow", "profile": _old_profile(given)}
        wanted |= {"protocol": given.get("protocol", ""), "localport": given.get("port", "")}
        wanted |= {"remoteip": scope.get(given.get("scope", "all"), "")}
        read = {key: value(key, text) for key, text in wanted.items()}
        plain = given.get("mode", "enable") == "enable" and "interface" not in given
        if all(read.values()) and plain and read["protocol"] in ("TCP", "UDP") and "%" not in "".join(texts):
            return Change("add", span, changed(unset(span), read))
    raise _Unclear("an old netsh firewall command: write it as netsh advfirewall")


def _old_profile(given: Mapping[str, str]) -> str:
    """The profile that an old command names; the current one, which it takes otherwise, nobody told."""
    profile = _OLD_PROFILES.get(given.get("profile", "current"))
    if profile is None:
        raise _Unclear("which profile an old netsh firewall command changes is not told")
    return profile


def _positional(texts: Sequence[str], names: Sequence[str]) -> Mapping[str, str]:
    """Parameters by name, or in order where they have none."""
    found: dict[str, str] = {}
    for position, text in enumerate(texts):
        key, sign, rest = text.partition("=")
        if not sign:
            key, rest = (names[position], text) if position < len(names) else ("", text)
        if key not in names or key in found:
            raise _Unclear(f"{text[:40]!r} is no parameter here")
        found[key] = rest
    return found
