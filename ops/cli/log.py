"""The log of a process, on stderr: every process of ours writes it in this form."""

from __future__ import annotations

import datetime as dt
import logging
import sys

from streams.domain.time import OFFSET_MS

_SHANGHAI = dt.timezone(dt.timedelta(milliseconds=OFFSET_MS))


class LogFormatter(logging.Formatter):
    """Times of Asia/Shanghai with offset, as in the supervisor's log: the machine may be anywhere, and its zone would not be told."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - the library's name
        """The moment of a record; ``datefmt`` changes nothing."""
        del datefmt
        return dt.datetime.fromtimestamp(record.created, _SHANGHAI).isoformat(timespec="milliseconds")


def log_to_stderr() -> None:
    """Begin the log of this process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
