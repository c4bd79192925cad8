"""A policy as text for people: a table of its port entries, and its settings."""

from __future__ import annotations

from validator.policy import Policy, PortEntry
from validator.reports.safe_text import columns, pad, plain
from validator.reports.wording import ports_text

_HEADINGS = ("Module", "Port entry", "Direction", "Protocols", "Ports", "When")


def policy_text(policy: Policy) -> str:
    """The policy as a table of port entries, then its settings and notes."""
    rows = [_HEADINGS]
    rows += [
        (
            f"{module.name} ({module.id})",
            entry.id,
            entry.direction.value,
            "+".join(entry.protocols),
            ports_text(entry.ports) or f"from the setting {entry.ports_from}",
            _when(entry, module.alternative),
        )
        for module in policy.modules
        for entry in module.entries
    ]
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(columns(row[n]) for row in cells) for n in range(len(_HEADINGS))]
    lines = [f"{plain(policy.title)} {plain(policy.version)} ({plain(policy.path)})", ""]
    lines += ["  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    lines += ["", "Settings (--set NAME=VALUE, or settings: in a site file):"]
    for name, values in policy.settings.items():
        allowed = ", ".join(_word(value) for value in values) or "any text"
        default = f" [default: {_word(policy.defaults[name])}]" if name in policy.defaults else ""
        lines.append(plain(f"  {name}: {allowed}{default}"))
    if policy.bypass_proxy_for_local:
        lines += ["", "Where a proxy is configured, local addresses must bypass it."]
    if policy.shared_ports_note:
        lines.append(plain(policy.shared_ports_note))
    return "\n".join(lines) + "\n"


def _when(entry: PortEntry, alternative: str) -> str:
    parts = [f"{name} is {_word(value)}" for name, value in entry.when.items()]
    return " and ".join(parts) or (f"one of {alternative}" if alternative else "")


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
