"""The log of a process."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from ops.cli.log import LogFormatter

ROOT = Path(__file__).parents[2]


def test_a_line_has_the_time_of_asia_shanghai_with_its_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the zone of the machine."""
    record = logging.LogRecord("ops.sink", logging.WARNING, __file__, 1, "%s rows", (3,), None)
    record.created = 1_546_250_400.25
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "America/New_York")
        time.tzset()
        line = LogFormatter().format(record)
    time.tzset()
    assert line == "2018-12-31T18:00:00.250+08:00 WARNING ops.sink: 3 rows"


def test_no_process_has_a_form_of_its_own() -> None:
    """All begin their log in one place."""
    sources = (path for package in ("streams", "consumers", "ops", "dashboards") for path in (ROOT / package).rglob("*.py"))
    assert [path.relative_to(ROOT).as_posix() for path in sources if "basicConfig(" in path.read_text(encoding="utf-8")] == [
        "ops/cli/log.py"
    ]
