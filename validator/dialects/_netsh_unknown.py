"""A rule with words that no table has: every reading of it, each under the condition that the word means that.

One rule in several stands for the same packets as long as one of them has the right reading, and the others' conditions
do not hold. Nothing is guessed: a verdict that any reading could change is unknown, and the condition names the word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from msgspec.structs import replace

from validator.dialects._windows_rules import PROFILES, Limit, WindowsRule

_MEANINGS = {"direction": ("In", "Out"), "action": ("Allow", "Block", "Bypass")}


def readings(rule: WindowsRule, unknown: Mapping[str, Sequence[str]]) -> Iterator[WindowsRule]:
    """What `rule` may be where words of the fields `unknown` (enabled, direction, action, profiles) may mean anything.

    The same word of one field and file is under the same condition wherever it stands.
    """
    if unknown.get("enabled"):
        limit = means(rule.path, unknown["enabled"][0], "Yes", "Enabled")
        rule = replace(rule, enabled=True, limits=(*rule.limits, limit))
    choices = [
        [(field, word, meaning) for meaning in _MEANINGS[field]]
        for field in _MEANINGS
        for word in unknown.get(field, ())
    ]
    for chosen in product(*choices):
        reading = rule
        for field, word, meaning in chosen:
            reading = _settled(reading, field, word, meaning)
        yield from _by_profile(reading, unknown.get("profiles", ()))


def _settled(rule: WindowsRule, field: str, word: str, meaning: str) -> WindowsRule:
    limits = (*rule.limits, means(rule.path, word, meaning, field.capitalize()))
    if field == "direction":
        return replace(rule, inbound=meaning == "In", limits=limits)
    if meaning == "Bypass" and not any(limit.kind == "security" for limit in limits):
        limits += (Limit("security", "bypass"),)
    return replace(rule, action=meaning.lower(), limits=limits)


def _by_profile(rule: WindowsRule, words: Sequence[str]) -> Iterator[WindowsRule]:
    """The rule in the profiles that are known, and in each other one that a word may mean."""
    if not words:
        yield rule
        return
    if rule.profiles:
        yield rule
    for word in words:
        for profile in PROFILES:
            if profile not in rule.profiles:
                limit = means(rule.path, word, profile.capitalize(), "Profiles")
                yield replace(rule, profiles=(profile,), limits=(*rule.limits, limit))


def means(path: str, word: str, meaning: str, field: str) -> Limit:
    """The condition that a word of a field means something."""
    where = f" as {field}" if field else ""
    return Limit("other", f"the word {word[:40]!r}{where} means {meaning} in {path}")
