"""What a Windows host's exports say, whatever form they have: rules, profile states, port proxies, changes.

The words are those of `netsh advfirewall`: every form of export is read into them. [MS-GPFAS] 2.2.2.19
gives the fields of a rule as the registry holds them.
"""

from __future__ import annotations

from functools import cache

from msgspec import Struct, field

from validator.dialects._windows_matches import has_words
from validator.packets.fields import Family
from validator.source import Span

PROFILES = ("domain", "private", "public")
LOCAL = ("local-in", "local-out")
GROUP_POLICY = ("gpo-in", "gpo-out")

SENTENCES = {
    "program": "the program is {}",
    "service": "the service is {}",
    "interface-type": "the interface type is {}",
    "interface": "the interface is {}",
    "remote-computers": "the remote computer is in {}",
    "remote-users": "the remote user is in {}",
    "local-users": "the local user is in {}",
    "package": "the application package is {}",
    "owner": "the owner of the package is {}",
    "security": "the connection is protected by IPsec ({})",
    "platform": "the Windows version is {}",
    "other": "{}",
}
"""What may narrow a rule beside addresses and ports: the kinds of Limit, as sentences."""


class Limit(Struct, frozen=True, gc=False):
    """What narrows a rule beside addresses and ports: its kind (a key of SENTENCES) and value."""

    kind: str
    value: str

    @property
    def sentence(self) -> str:
        """The condition under which the rule applies."""
        return _sentence(self.kind, self.value)


@cache
def _sentence(kind: str, value: str) -> str:
    return SENTENCES[kind].format(value)


class IcmpRow(Struct, frozen=True):
    """A type and code of an ICMP rule; None is any."""

    type: int | None
    code: int | None


class WindowsRule(Struct, frozen=True, gc=False):
    """A rule in the words of netsh. Addresses, ports and protocol are texts, `any` in every language: lists with
    commas of addresses, blocks, ranges and keywords (LocalSubnet, RPC).

    `action` is allow, block or bypass; `limits` narrow it further; `store` is where it comes from: `local`, `gpo`
    (group policy), `static` (built-in service hardening). `why` says what was not understood, if anything; it is
    `anything` where that may be more than a rule (the state of a profile, another product that filters).
    """

    path: str
    line: int
    name: str
    enabled: bool
    inbound: bool
    profiles: tuple[str, ...]
    protocol: str
    local_ip: str
    remote_ip: str
    local_port: str
    remote_port: str
    action: str
    icmp: tuple[IcmpRow, ...] = ()
    limits: tuple[Limit, ...] = ()
    edge: str = "no"
    store: str = "local"
    why: str = ""
    anything: bool = False

    @property
    def is_conditional(self) -> bool:
        """Whether it depends on what an export cannot tell."""
        lists = (self.local_ip, self.remote_ip, self.local_port, self.remote_port)
        return bool(self.limits) or has_words(self.protocol, lists)

    @property
    def canonical(self) -> str:
        """Its fields in one form, the same however the export is ordered."""
        direction = "in" if self.inbound else "out"
        text = f"{self.name}|{direction}|{self.action}|{self.protocol}|{self.local_ip}|{self.remote_ip}"
        text += f"|{self.local_port}|{self.remote_port}|{','.join(self.profiles)}"
        for limit in self.limits:
            text += f"|{limit.sentence}"
        return text

    @property
    def span(self) -> Span:
        """Where it stands, with a text that says the rule in a line."""
        direction = "In" if self.inbound else "Out"
        text = f"Rule Name: {self.name} | {direction} | {self.action.capitalize() or '?'} | {self.protocol}"
        if self.local_port != "any":
            text += f" | LocalPort {self.local_port}"
        if self.remote_port != "any":
            text += f" | RemotePort {self.remote_port}"
        if self.local_ip != "any":
            text += f" | LocalIP {self.local_ip}"
        if self.remote_ip != "any":
            text += f" | RemoteIP {self.remote_ip}"
        if self.profiles != PROFILES and set(self.profiles) != set(PROFILES):
            text += f" | Profiles {','.join(self.profiles)}"
        if not self.enabled:
            text += " | Enabled No"
        for limit in self.limits:
            text += f" | {limit.sentence}"
        return Span(self.path, self.line, text)


PLAIN_HIDES = ("program", "service", "user", "package")
VERBOSE_HIDES = ("user", "package")


class WindowsRules(Struct, frozen=True):
    """The rules of an export; `hides` is what the form of export never shows of a rule's scope, `covers` the rules that
    it holds completely, words of LOCAL and GROUP_POLICY: by store and direction."""

    path: str
    rules: tuple[WindowsRule, ...]
    hides: tuple[str, ...] = ()
    covers: tuple[str, ...] = LOCAL


class Change(Struct, frozen=True):
    """A command of a script. `verb` is add, set or delete (of rules), profile (a profile's state or policy), reset, or
    unclear: what may change anything. `selects` are the fields by which set and delete choose rules, by their names
    in netsh (`name`, `group`, `dir`, `profile`, `program`, `service`, `localip`, `remoteip`, `localport`,
    `remoteport`, `protocol`), or the `profile`s; `new` is what set gives them (`state`, `inbound`, `outbound`,
    `exceptions` of a profile); values are in the words of a dump. `rule` is what add makes. `why` says what was
    not understood."""

    verb: str
    span: Span
    rule: WindowsRule | None = None
    selects: tuple[tuple[str, str], ...] = ()
    new: tuple[tuple[str, str], ...] = ()
    why: str = ""


class PortProxy(Struct, frozen=True):
    """A row of `netsh interface portproxy show all`: what is listened on, and where it goes. `listen_address` and
    `connect_address` are texts (`*` for any); ports are numbers; `family` is that of what is listened on."""

    listen_address: str
    listen_port: int
    connect_address: str
    connect_port: int
    span: Span
    family: Family = Family.IPV4


class WindowsChanges(Struct, frozen=True):
    """A script of changes, in order, to be made to the rules that the other exports of the host hold (none: to
    rules nobody exported), and the port proxies that it makes."""

    path: str
    changes: tuple[Change, ...]
    proxies: tuple[PortProxy, ...] = ()


class ProfileState(Struct, frozen=True):
    """A profile's state; None where the export does not say. Actions are `allow`, `block`, and for
    inbound `block-always`. `local_rules` is False where rules made locally do not count (group policy).
    `outbound_span` is the line of the outbound default where it is not that of the policy, `local_span` that of
    `local_rules`."""

    name: str
    on: bool | None
    inbound: str | None
    outbound: str | None
    state_span: Span
    policy_span: Span
    local_rules: bool | None = None
    outbound_span: Span | None = None
    local_span: Span | None = None

    @property
    def says(self) -> tuple[object, ...]:
        """What it says, wherever it says it."""
        return self.on, self.inbound, self.outbound, self.local_rules


RANKS = {"effective": 0, "gpo": 1, "shown": 2, "local": 3}
"""Whose word counts first: what is in force (ActiveStore), then group policy, then what netsh shows, then what is
set locally. Netsh shows what is in force or set locally; where it differs from group policy, it is the latter."""


class WindowsProfiles(Struct, frozen=True):
    """The profile states of an export; `store` is a key of RANKS. `current` names the profiles that the export says
    are active (`show currentprofile`, `monitor show currentprofile`), empty where it does not say."""

    path: str
    profiles: tuple[ProfileState, ...]
    store: str = "effective"
    current: tuple[str, ...] = field(default=())


class PortProxies(Struct, frozen=True):
    """The port proxies of a host."""

    path: str
    proxies: tuple[PortProxy, ...]
