"""Errors as a ClickHouse server words them: a number, a text, an HTTP status."""

from __future__ import annotations

import re

READONLY = 164
NOT_IMPLEMENTED = 48
BAD_ARGUMENTS = 36
SYNTAX_ERROR = 62
NOT_ENOUGH_SPACE = 243
SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
AUTHENTICATION_FAILED = 516
INCORRECT_DATA = 117
MEMORY_LIMIT_EXCEEDED = 241
UNKNOWN_EXCEPTION = 1002

_CODE = re.compile(r"Code: (\d+)\. ")
_NOT_FOUND = frozenset({46, 47, 50, 60, 81, 115, 366, SESSION_NOT_FOUND})
_BAD_REQUEST = frozenset({6, 20, 26, 27, 32, BAD_ARGUMENTS, 38, 41, 42, 43, 53, SYNTAX_ERROR, 70, 72, 130, 131, INCORRECT_DATA, 456, 457})


class Refused(Exception):
    """A request was answered with an error.

    Parameters
    ----------
    code
        ClickHouse's number of the error.
    text
        Whole message, ``Code: …`` included.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def http_status(self) -> int:
        """The status that a ClickHouse server gives with this number."""
        if self.code in _NOT_FOUND:
            return 404
        if self.code in _BAD_REQUEST:
            return 400
        return {AUTHENTICATION_FAILED: 403, READONLY: 403, NOT_IMPLEMENTED: 501, SESSION_IS_LOCKED: 423, 159: 408}.get(self.code, 500)


def refuse(code: int, name: str, text: str) -> Refused:
    """Build an error of our own in the engine's wording."""
    return Refused(code, f"Code: {code}. DB::Exception: {text}. ({name})")


def from_engine(error: Exception, version: str) -> Refused:
    """Read an error of the engine, whatever chDB wrapped around it."""
    text = str(error)
    found = _CODE.search(text)
    if not found:
        return Refused(UNKNOWN_EXCEPTION, f"Code: {UNKNOWN_EXCEPTION}. DB::Exception: {text}. (UNKNOWN_EXCEPTION)")
    text = text[found.start() :].strip()
    if "(version " not in text:
        text += f" (version {version})"
    return Refused(int(found[1]), text)
