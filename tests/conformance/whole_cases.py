"""Rulesets, and what real connections did under them: those of whole.yaml, written down by `--record`.

A ruleset of whole.yaml says which ports to `ask` about (`tcp 80`). A connection is written as `inbound tcp 80`,
`outbound tcp 80` or `local tcp 80`, with `ipv6` behind it where it is that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import yaml
from msgspec import Struct

from tests.conformance.cases import FOUND, HOST, RULES, dump, tidy
from tests.conformance.checked import Way, attempt, checked
from tests.conformance.loading import LOADERS
from tests.conformance.probes import Pool
from tests.conformance.rulesets import Ruleset, spoken_of
from tests.conformance.whole import Firewall
from validator.packets.fields import Family
from validator.results import Result, Verdict

_ASKED = Path(__file__).with_name("whole.yaml")
_FOUND = FOUND / "whole"
_WAYS = {Family.IPV4: Way("10.1.0.1", "10.1.0.5"), Family.IPV6: Way("fd01::1", "fd01::5")}
_POOLS = {family: Pool(family, (), (), (), ()) for family in Family}


class WholeCase(Struct, frozen=True):
    """A ruleset as exported, and whether connections worked under it, by how they are written."""

    name: str
    exports: Mapping[str, str]
    works: Mapping[str, bool]


def record(firewall: Firewall) -> None:
    """Ask the kernel about every ruleset of whole.yaml, and write down what connections did."""
    with tempfile.TemporaryDirectory() as directory:
        cases = [_asked(firewall, entry, Path(directory)) for entry in yaml.safe_load(_ASKED.read_text())]
    _FOUND.mkdir(exist_ok=True)
    dump(_FOUND / HOST, {name: text for name, text in cases[0].exports.items() if not name.endswith(RULES)})
    dump(_FOUND / "whole.yaml", [_entry(case) for case in cases])


def _asked(firewall: Firewall, entry: Mapping[str, object], directory: Path) -> WholeCase:
    parts = {kind: str(entry[kind]) for kind in LOADERS if kind in entry}
    pools = spoken_of(parts["nft"], _POOLS) if "nft" in parts else {Family.IPV4: _POOLS[Family.IPV4]}
    ruleset = Ruleset(str(entry["name"]), parts, pools, translates=False)
    asked = entry["ask"]
    assert isinstance(asked, list)
    ports = {int(text.split()[1]) for text in asked}
    ways = {family: _WAYS[family] for family in pools}
    results = [
        result
        for result in firewall.judged(ruleset, ways, sorted(ports), directory)
        if f"{result.protocol} {result.ports[0][0]}" in asked
    ]
    works = firewall.works([attempt(result, _WAYS) for result in results], [True] * len(results))
    named = {written(result): one for result, one in zip(results, works, strict=True)}
    return WholeCase(ruleset.name, firewall.exports(ruleset), named)


def written(result: Result) -> str:
    """How the connection of a result is written."""
    way = "local" if result.local else result.direction.value
    family = " ipv6" if result.family is Family.IPV6 else ""
    return f"{way} {result.protocol} {result.ports[0][0]}{family}"


def _entry(case: WholeCase) -> dict[str, object]:
    return {
        "name": case.name,
        "exports": {name: tidy(text) for name, text in case.exports.items() if name.endswith(RULES)},
        "works": [text for text, works in case.works.items() if works],
        "fails": [text for text, works in case.works.items() if not works],
    }


def read() -> Iterator[WholeCase]:
    """The cases written down."""
    common = yaml.safe_load((_FOUND / HOST).read_text())
    for entry in yaml.safe_load((_FOUND / "whole.yaml").read_text()):
        works = {text: word == "works" for word in ("works", "fails") for text in entry[word]}
        yield WholeCase(entry["name"], {**common, **entry["exports"]}, works)


def verdicts(case: WholeCase, directory: Path) -> dict[str, Verdict]:
    """What `check` says of the connections of a case; `directory` takes the exports."""
    ports: Collection[int] = sorted({int(text.split()[2]) for text in case.works})
    six = {"ipv6" in text for text in case.works}
    families = [family for family in Family if (family is Family.IPV6) in six]
    results = checked(case.exports, False, {family: _WAYS[family] for family in families}, ports, directory)
    return {written(result): result.verdict for result in results if written(result) in case.works}


__all__ = ["WholeCase", "read", "record", "verdicts"]
