"""An export of Windows that says several things at once: rules, profile states, a proxy.

`opened` gives its parts one by one, as every other export is one, and makes up for what no export of the host covers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects import Fragment
from validator.dialects._windows_rules import LOCAL, PROFILES, Limit, WindowsProfiles, WindowsRule, WindowsRules
from validator.model import Proxy


class WindowsStore(Struct, frozen=True):
    """What one export says. `rules` is None where it does not hold the rules (not where it holds none).

    `covers` is as that of WindowsRules.
    """

    path: str
    rules: WindowsRules | None
    profiles: tuple[WindowsProfiles, ...] = ()
    proxy: Proxy | None = None
    covers: tuple[str, ...] = LOCAL


def opened(fragments: Iterable[Fragment]) -> Iterator[Fragment]:
    """The fragments of a host, with one for each thing that a store says.

    Where rules are given, but the local ones of a direction by no export, that direction gets two rules that
    stand for them: one that may block and one that may allow anything.
    """
    given = list(fragments)
    covered: set[str] = set()
    some = None
    for fragment in given:
        data = fragment.data
        if isinstance(data, WindowsRules):
            covered.update(data.covers)
            some = some or fragment
        if not isinstance(data, WindowsStore):
            yield fragment
            continue
        covered.update(data.covers)
        some = some or (fragment if data.rules is not None else None)
        for part in (data.rules, *data.profiles, data.proxy):
            if part is not None:
                yield replace(fragment, data=part)
    if some is not None:
        missing = tuple(_unknown(some.path, side == LOCAL[0]) for side in LOCAL if side not in covered)
        if missing:
            yield replace(some, data=WindowsRules(some.path, tuple(rule for pair in missing for rule in pair)))


def _unknown(path: str, inbound: bool) -> tuple[WindowsRule, WindowsRule]:
    way = "inbound" if inbound else "outbound"

    def stand_in(action: str) -> WindowsRule:
        limit = Limit("other", f"a local {way} rule that was not exported {action}s it")
        anything = ("any", "any", "any", "any", "any")
        name = f"local {way} rules that were not exported"
        return WindowsRule(path, 1, name, True, inbound, PROFILES, *anything, action, limits=(limit,))

    return stand_in("block"), stand_in("allow")
