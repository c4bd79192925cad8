"""What a check found: the data that rules judge and reports print. Nothing is computed here."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from msgspec import Struct, field

from validator.packets.fields import Family, Intervals
from validator.policy import Direction, Policy
from validator.source import Span

Value = str | int | bool | None | list["Value"] | dict[str, "Value"]
"""What JSON can hold."""
Box = Mapping[str, Value]
"""A box of packets: field label -> list of [low, high] pairs or of address texts; absent: all."""
PacketJson = Mapping[str, Value]
"""A packet in the contract's form: see DESIGN, `trace`."""


class Verdict(enum.StrEnum):
    """Open and blocked are proofs; partial: part is surely blocked; unknown: conditions decide."""

    OPEN = "open"
    PARTIAL = "partial"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class Severity(enum.StrEnum):
    """How grave a finding is; `rank` orders them, error first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for an error, 2 for a note."""
        return list(Severity).index(self)


class Blame(Struct, frozen=True):
    """A line that decides a result: on which leg, what it does, and whether it stands in a line
    (`implicit` is True for a built-in default that no line says). `names_ports`: it is a rule for some ports."""

    leg: str  # request, reply, loopback
    action: str  # accept, drop, reject
    span: Span
    canonical: str = ""
    implicit: bool = False
    understood: bool = True
    names_ports: bool = False


class ConditionUse(Struct, frozen=True):
    """A condition that a result depends on, with the value it was given, or None."""

    text: str
    span: Span | None
    assumed: bool | None
    assumption: str | None = None


class NearMiss(Struct, frozen=True):
    """A rule that would have opened the port, and why it does not.

    `why` is `disabled`, `not-merged` (made locally, where local rules do not count), `other-profile` (its `profiles`),
    `other-addresses` (its `addresses`), `other-program` (its `programs`) or `too-late` (overruled by the line `by`);
    `also` are further ones of these. `some-addresses`: it does open the port, but for its `addresses` only.
    """

    why: str
    span: Span
    name: str = ""
    profiles: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    by: Span | None = None


class Forwarded(Struct, frozen=True):
    """A service of the host that takes the connections to `listen` and forwards them to `to` (`10.0.0.5:443`). `onward`
    is the verdict of its own connection on the way out of the host, `host` where it stays there, `name` where
    the address is not known, `family` where no export is of that address family, or `unless-own` where it is
    blocked unless the address is one of the host's, which nobody told. `blocked_by`: the lines that stop it."""

    listen: str
    to: str
    onward: str
    span: Span
    blocked_by: tuple[Blame, ...] = ()


class Result(Struct, frozen=True):
    """One requirement on one path, judged.

    `id` is stable across runs: `host/module/entry/protocol/family[/profile][/local][/peer-HOST]`.
    `module` and `port_entry` are ids, `module_name` is for people. `peers` are CIDR blocks or
    interface texts; `peers_declared` says whether a site file gave them. `restricted`: some peers
    get through wholly and the others do not, while nobody declared the peers. `request` and `reply`
    are the verdicts of the legs alone. `accepted_by`/`blocked_by` are the deciding lines of each side,
    their union in order is `blame`. `alternative` is the group of a module of which one must be
    open (`database`), `alternative_met` whether one surely is. `exposed`: accepted from any
    address at all, whatever peers the site declares, at the host's own end; `exposed_by` are the lines that
    accept it. `data_connections`: of a port entry with a helper, whether the
    connections it opens get through: `open`, `related` (only where the helper tells the firewall that they
    belong to it), `blocked`, `unknown`; empty for others. `forwards`: who takes its connections in the module's place.
    `peer_host`: the one peer it is about, a host of the site whose own firewall is crossed too; empty for others.
    """

    id: str
    host: str
    firewall: str
    profile: str | None
    module: str
    module_name: str
    port_entry: str
    direction: Direction
    protocol: str
    ports: Intervals
    family: Family
    peers: tuple[str, ...]
    local: bool
    verdict: Verdict
    accepted: tuple[Box, ...] = ()
    blocked: tuple[Box, ...] = ()
    conditions: tuple[ConditionUse, ...] = ()
    accepted_by: tuple[Blame, ...] = ()
    blocked_by: tuple[Blame, ...] = ()
    witness_accepted: PacketJson | None = None
    witness_blocked: PacketJson | None = None
    peers_declared: bool = False
    restricted: bool = False
    request: Verdict = Verdict.OPEN
    reply: Verdict = Verdict.OPEN
    near_misses: tuple[NearMiss, ...] = ()
    alternative: str = ""
    alternative_met: bool = False
    exposed: bool = False
    exposed_by: tuple[Blame, ...] = ()
    peer_host: str = ""
    category: str = ""
    clear_text: bool = False
    data_connections: str = ""
    forwards: tuple[Forwarded, ...] = ()

    @property
    def blame(self) -> tuple[Blame, ...]:
        """The lines that decide: those of the blocked side first."""
        return (*self.blocked_by, *(b for b in self.accepted_by if b not in self.blocked_by))


class ExportSummary(Struct, frozen=True):
    """One export as the report lists it; `unsupported` are the spans of lines not understood."""

    path: str
    dialect: str
    host: str
    sha256: str
    lines: Mapping[str, int]
    unsupported: tuple[Span, ...] = ()


class Skipped(Struct, frozen=True):
    """A module entry that was not judged, and what to set so that it is ("not configured")."""

    host: str
    module: str
    module_name: str
    port_entry: str
    reason: str


class Subject(Struct, frozen=True):
    """What a rule of the catalogue is asked about.

    `kind` is one of those that `facts.py` declares: `result`, `row` (a port entry over protocols and families),
    `exposure`, `firewall`. `facts` are the names a rule's `when` and `message` may use. `span` is where a finding
    points; `stable` is the text its fingerprint stands on (no line numbers); `blame` are the lines
    to show with it; `result` is the id of the result it is about, or None.
    """

    kind: str
    facts: Mapping[str, Value]
    span: Span
    stable: str
    result: str | None = None
    blame: tuple[Blame, ...] = ()


class Finding(Struct, frozen=True):
    """A rule of the catalogue that fired: `message` is plain text, `fingerprint` is stable."""

    rule: str
    name: str
    severity: Severity
    message: str
    span: Span
    fingerprint: str
    result: str | None = None
    blame: tuple[Blame, ...] = ()


class RuleText(Struct, frozen=True):
    """What a report says about a rule of the catalogue: `message` is its template, `why` and `fix`
    are prose, `references` are addresses or titles of manuals."""

    id: str
    name: str
    severity: Severity
    message: str = ""
    why: str = ""
    fix: str = ""
    references: tuple[str, ...] = ()


class Report(Struct, frozen=True):
    """Everything a report format prints. `assumptions` are those in force that a result used, by name;
    `rules` are the texts of the rules that judged it."""

    policy: Policy
    exports: tuple[ExportSummary, ...]
    results: tuple[Result, ...]
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    assumptions: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    rules: tuple[RuleText, ...] = ()

    def summary(self) -> dict[str, int]:
        """Counts by verdict, and of findings."""
        counts = {verdict.value: 0 for verdict in Verdict}
        for result in self.results:
            counts[result.verdict.value] += 1
        return {**counts, "findings": len(self.findings)}
