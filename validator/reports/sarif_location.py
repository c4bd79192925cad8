"""A span as a SARIF physical location: a percent-encoded URI and a line."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from urllib.parse import quote

from validator.reports.safe_text import clip, plain
from validator.source import Span

_DRIVE = re.compile(r"[A-Za-z]:/")
_MOST_COLUMNS = 1000


def location(span: Span, fallback: str) -> dict[str, object]:
    """Where `span` is; a span without a file is put at the top of `fallback`, or of a file named `policy`."""
    region: dict[str, object] = {"startLine": max(1, span.line)}
    snippet = clip(plain(span.text), _MOST_COLUMNS)
    if span.path and span.line > 0 and snippet.strip():
        region["snippet"] = {"text": snippet}
    uri = file_uri(span.path or fallback or "policy")
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}


def file_uri(path: str) -> str:
    """`path` as a URI: relative to the current folder where it is inside it, else `file:///...`."""
    here = Path.cwd().as_posix()
    absolute = path if _DRIVE.match(path) else posixpath.join(here, path)
    normal = posixpath.normpath(absolute)
    relative = posixpath.relpath(normal, here) if normal.startswith(here.rstrip("/") + "/") else None
    if relative is not None:
        return _quoted(relative)
    return "file:///" + _quoted(normal.lstrip("/"), ":" if _DRIVE.match(normal) else "")


def _quoted(path: str, safe: str = "") -> str:
    """Percent-encoded; a name that is not UTF-8 keeps its bytes, another lone surrogate is a `?`."""
    try:
        data = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = path.encode("utf-8", "replace")
    return quote(data, safe="/" + safe)
