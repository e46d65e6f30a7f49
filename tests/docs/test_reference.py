"""The generated pages are those of the code; settings and variables that documents name are real."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ops.reference.commands_page import EXIT_CODES
from ops.reference.settings_page import documented, variables
from streams import errors
from streams.settings import Settings, load_settings
from streams.variables import OTHER_VARIABLES, check_variables
from tests.docs.lines import PAGES, ROOT

SETTINGS = list(documented())
VARIABLES = variables()
SECTIONS = {name for name in Settings.model_fields if any(each.name.startswith(f"{name}.") for each in SETTINGS)}


def test_the_committed_pages_are_the_generated_ones() -> None:
    """``make docs`` after a change; whatever the reader's language, the pages are Chinese."""
    done = subprocess.run(
        [sys.executable, "-m", "ops.reference", "--check"],
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "en_US.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_exit_codes_are_those_that_errors_carry() -> None:
    """And what the frame adds: done, usage, findings, interrupted."""
    tree = {error.exit_code for error in vars(errors).values() if isinstance(error, type) and issubclass(error, errors.GuidangError)}
    assert set(EXIT_CODES) == tree | {0, 2, 6, 130}


def test_what_is_documented_is_what_can_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each variable reaches the setting of its name."""
    monkeypatch.chdir(tmp_path)
    for each in SETTINGS:
        if each.kind == "路径 path" and each.variable and each.name != "data_dir":
            monkeypatch.setenv(each.variable, f"/set/{each.name}")
    settings = load_settings()
    assert str(settings.clickhouse.password_file) == "/set/clickhouse.password_file"
    assert str(settings.kafka.security.ssl_ca_file) == "/set/kafka.security.ssl_ca_file"


def test_every_documented_variable_is_one_that_may_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is a whole section as JSON in one variable."""
    for variable in VARIABLES | OTHER_VARIABLES | {f"GUIDANG_{section.upper()}" for section in SECTIONS}:
        monkeypatch.setenv(variable, "")
    check_variables(Settings)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_that_a_document_names_are_real(page: Path) -> None:
    """Dotted names in code, ``GUIDANG_*`` variables, and whole files of settings."""
    text = page.read_text(encoding="utf-8")
    names = {each.name for each in SETTINGS}
    dotted = {name for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)[` =]", text) if name.partition(".")[0] in SECTIONS}
    assert {name for name in dotted if name not in names and not any(known.startswith(f"{name}.") for known in names)} == set()
    used = set(re.findall(r"GUIDANG_[A-Z_]*[A-Z]", text))
    assert used <= VARIABLES | OTHER_VARIABLES | {f"GUIDANG_{section.upper()}" for section in SECTIONS}
    for block in re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        Settings(**tomllib.loads(block))
