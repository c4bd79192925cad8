"""Addresses of Windows rules in one form: as netsh writes them, whatever the export."""

from __future__ import annotations

from ipaddress import ip_address, ip_network


def address(text: str, version: int | None = None) -> str:
    """An address, block or range as netsh writes it; empty for anything else, or of another IP version."""
    try:
        if "-" in text:
            first, last = (ip_address(part.strip()) for part in text.split("-"))
            if first.version != last.version or int(first) > int(last):
                return ""
            found, written = first.version, f"{first}-{last}"
        elif "/" in text:
            network = ip_network(text, strict=False)
            if "/0." in text and network.prefixlen:  # a host mask, which Windows does not write
                return ""
            found, written = network.version, network.with_prefixlen
        else:
            single = ip_address(text)
            found = single.version
            written = f"{single}/32" if found == 4 else f"{single}-{single}"
    except ValueError:
        return ""
    return written if version in (None, found) else ""
