"""Files about Google Cloud that are no export that Portproof reads: what they are, and what to run."""

from __future__ import annotations

import re

from validator.dialects._gcp_json import looks_like_json
from validator.source import Source

_RUN = "run gcloud compute firewall-rules list --format=json > FILE and pass that file"


def lookalike(source: Source) -> tuple[int, str, str] | None:
    """The line that gives the file away, what it is, and what to do."""
    if looks_like_json(source):
        for number, line in enumerate(source.lines, 1):
            if re.search(r'"asset_?[tT]ype": *"compute\.googleapis\.com/', line):
                return number, "this is an export of Cloud Asset Inventory", _RUN
        return None
    for number, line in enumerate(source.lines[:2000], 1):
        if re.match(r"(- )?kind: compute#", line):
            return number, "this is gcloud output as YAML", "add --format=json to the command and pass that file"
    return None
