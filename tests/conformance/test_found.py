"""What the kernel once said still holds: no root needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.cases import FOUND, HOST, Case, read
from tests.conformance.compare import Judge

_CASES = [case for path in sorted(FOUND.glob("*.yaml")) if path.name != HOST for case in read(path)]

_UNDECIDED = {
    "before connections are known, all is invalid": "a packet over loopback may be untracked when it comes in",
    "nft before connections are known": "an earlier rule may leave a packet untracked",
    "a packet without a connection has no conntrack protocol": "likewise",
    "nft fib of IPv6": "no export holds the routes: one may be no unicast route",
    "replies that are not tracked are not translated back": "where they go instead is not followed",
    "a broadcast address where no addresses were exported": "it may be one of the host's own",
    "iptables-nft may load two negated ports as one comparison": "no export tells whether it did",
    **dict.fromkeys(
        (
            "what a condition asks may have changed since, by translation",
            "or by a target",
            "or by another ruleset",
            "nft asks again behind a translation",
            "nft asks again behind routing",
            "a match of iptables sets labels that nft asks for",
        ),
        "no export tells what it asks",
    ),
    "nft reject": "nft does not show `meta nfproto` beside `reject with tcp reset`",
}
"""Where our answer may be that it cannot tell, and why."""


def test_there_are_cases() -> None:
    assert len(_CASES) > 40


@pytest.mark.parametrize("case", _CASES, ids=[case.name.replace(" ", "-") for case in _CASES])
def test_our_answer_is_the_kernels(case: Case, tmp_path: Path) -> None:
    judge = Judge(case.exports, tmp_path)
    allowed = {case.kernel, "unknown"} if case.name.rpartition(" ")[0] in _UNDECIDED else {case.kernel}
    if case.opening is not None:
        assert judge.replied(case.packet, case.opening) in allowed
        return
    trace = judge.interpreted(case.packet)
    interpreter = "drop" if trace.verdict == "reject" else trace.verdict
    assert {judge.looked_up(case.packet), interpreter} <= allowed
