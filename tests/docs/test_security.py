"""What the page lists is what there is: rights, grants, secrets. Its promises are checked in ``test_promises.py``."""

from __future__ import annotations

import re

from defusedxml.ElementTree import parse

from ops.reference.rights_page import table
from ops.reference.settings_page import documented
from streams.rights import PROCESSES
from tests.docs.lines import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0].strip(): part for part in PAGE.split("\n## ")[1:]}
HARMLESS = {"kafka.security.ssl_ca_file", "kafka.security.ssl_certificate_file", "notify.channels.ca_file"}
"""Certificates: files that anybody may read."""


def test_the_rights_are_those_of_the_code() -> None:
    """Every process has its row."""
    assert table() in PAGE
    assert all(f"| **{name}** " in PAGE for name in PROCESSES)


def test_the_grants_are_those_of_the_server() -> None:
    """Of both users."""
    grants = [query.text.removeprefix("GRANT ") for query in parse(ROOT / "ops" / "clickhouse" / "users.xml").getroot().iter("query")]
    assert len(grants) == 2
    assert [grant for grant in grants if f"`{grant}`" not in PAGE] == []


def test_every_secret_is_listed() -> None:
    """Each setting that names a file but certificates, which are public."""
    files = {each.name for each in documented() if each.name.endswith("_file")} - HARMLESS
    assert files
    assert {name for name in files if name not in re.findall(r"`([a-z_.]+)`", SECTIONS["密钥"])} == set()
