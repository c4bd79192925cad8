"""What stands where in the blocks of a netsh dump that have the same labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

from msgspec import Struct

from validator.dialects._netsh_vocabulary import LIMIT, ORDER, Vocabulary
from validator.source import LineState

NUMBERS = ("local_ip", "remote_ip", "protocol", "local_port", "remote_port")
"""The fields of a rule's packets: lists of addresses and ports, and the protocol."""

NEEDED = ("enabled", "direction", "profiles", "local_ip", "remote_ip", "protocol", "action")
"""The fields that every rule has."""

WORDS = ("enabled", "direction", "action", "profiles")
"""The fields of a rule that hold words of the dump's language."""

_IGNORED = ("grouping", "rule_source", "description", "")
_LIMITS = {
    "program": "program",
    "service": "service",
    "interface_types": "interface-type",
    "remote_computers": "remote-computers",
    "remote_users": "remote-users",
    "security": "security",
}


class Shape(Struct, frozen=True):
    """What the labels of a block mean, once for all blocks of the same labels.

    `at` says where a field stands; `said` takes those of WORDS out of the values, `scope` those of NUMBERS out of the
    values with None behind them, which stands for a missing one; `limits` are fields that narrow a rule, with the kind
    of Limit. `odd` is the first label that is unknown, repeated or out of order (-1: none), `tail` the first one behind
    the action that is prose. `states` are those of the lines before that, of a rule that is wholly decided. `has_all`:
    no field of NEEDED is missing.
    """

    heads: tuple[str, ...]
    keys: tuple[str, ...]
    at: Mapping[str, int]
    said: Callable[[Sequence[str]], tuple[str, str, str, str]]
    scope: Callable[[Sequence[str | None]], tuple[str | None, ...]]
    limits: tuple[tuple[int, str], ...]
    odd: int
    tail: int
    states: bytes
    has_all: bool


def shape_of(heads: Sequence[str], words: Vocabulary) -> Shape:
    """What the labels `heads` mean in the words of a dump.

    Unknown labels between a description and Enabled are further lines of the description.
    """
    keys = [words.labels.get(head, "") for head in heads]
    enabled = keys.index("enabled") if "enabled" in keys else 0
    if keys[:1] == ["description"]:
        keys[1:enabled] = ["more" if key in ("", "description") else key for key in keys[1:enabled]]
    at: dict[str, int] = {}
    odd, reached = -1, -1
    tail = next((place + 1 for place, key in enumerate(keys) if key == "action"), len(keys))
    tail = next((place for place in range(tail, len(keys)) if not keys[place]), len(keys))
    for place, key in enumerate(keys[:tail]):
        rank = ORDER.index(key) if key in ORDER else reached
        if key != "more" and (not key or key in at or rank < reached):
            odd = place if odd < 0 else odd
            continue
        reached = rank
        at.setdefault(key, place)
    if odd >= 0:
        at = {key: keys.index(key) for key in dict.fromkeys(keys) if key}
    limits = [(place, _LIMITS[key]) for key, place in at.items() if key in _LIMITS]
    limits += [(place, "other") for key, place in at.items() if key.startswith(LIMIT)]
    quiet = (*_IGNORED, "more")
    states = bytes(LineState.IGNORED if key in quiet else LineState.MODELLED for key in keys[:tail])
    scope = itemgetter(*(at.get(key, -1) for key in NUMBERS))
    said = itemgetter(*(at.get(key, -1) for key in WORDS))
    has_all = all(key in at for key in NEEDED)
    return Shape(tuple(heads), tuple(keys), at, said, scope, tuple(limits), odd, tail, states, has_all)
