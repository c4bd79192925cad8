"""A list of addresses is the contents of the set that has the file's name."""

from __future__ import annotations

import pytest

from tests.dialects.exports import counts, read, refusal
from validator.dialects import address_list
from validator.dialects._linux_facts import IpSet, SetMember
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, from_bytes


def lists(text: str, path: str = "some/partners.de.txt") -> list[IpSet]:
    dialect, fragment, _ = read(text, path)
    assert dialect.NAME == "address-list"
    assert isinstance(fragment.data, tuple)
    return list(fragment.data)


def test_the_set_has_the_name_of_the_file() -> None:
    (found,) = lists("10.0.0.1\n")
    assert (found.name, found.type, found.family, found.span.line) == ("partners.de", "hash:net", Family.IPV4, 1)
    assert found.members == (SetMember(((10 << 24 | 1, 10 << 24 | 1),)),)


def test_each_family_is_a_set_of_its_own() -> None:
    four, six = lists("# mine\nfd00::/8\n10.0.0.0/8 ; all\n\n::1-::2\n")
    assert (four.family, len(four.members), four.span.line) == (Family.IPV4, 1, 3)
    assert (six.family, len(six.members), six.span.line) == (Family.IPV6, 3, 2)
    assert counts("# mine\nfd00::/8\n\n")["modelled"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.1\nexample.com\n",
        "# nothing\n",
        "10.0.0.1 10.0.0.2\n",
        "10.0.0.1,\n",
        "١٠.0.0.1\n",
        "10.0.0\n",
        "02:00:00\n12:30\n",
        "80\n443\n",
    ],
)
def test_anything_else_in_it_makes_it_none(text: str) -> None:
    assert "no known kind" in refusal(text)


@pytest.mark.parametrize("line", ["10.0.0.256", "10.0.0.1/33", "fd00::1::2", "fd00::/129", "10.0.0.1-10.0.0.999"])
def test_an_address_that_is_none_is_refused_by_its_line(line: str) -> None:
    assert refusal(f"10.0.0.1\n{line}\n").startswith("dump:2: ")


def test_a_list_without_addresses_is_refused() -> None:
    source = from_bytes(b"# none\n", "a.txt")
    with pytest.raises(ExportError, match="no address is in this list"):
        address_list.parse(source, Ledger(source.lines))
