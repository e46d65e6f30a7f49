"""What the server must know of a statement before the engine sees it: is it an INSERT with data behind it, and which format comes out.

ClickHouse reads the data of ``INSERT … FORMAT Name`` from where the statement ends, so this end has to be found in bytes of which only
the beginning is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from consumers.store.failure import SYNTAX_ERROR, refuse

HEAD_BYTES = 262_144
"""The statement must end within so many bytes, as ``max_query_size`` of the engine has it; data may follow without limit."""

STREAMABLE_FORMATS = frozenset({"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow"})
"""Formats whose blocks can be sent one after the other: the engine encodes each block for itself, so heads and feet would repeat."""

_TOKEN = re.compile(
    rb"""\s+ | --[^\n]* | /\*.*?(?:\*/|\Z) | '(?:[^'\\]|\\.|'')*+(?:'|\Z|.) | `(?:[^`\\]|\\.)*+(?:`|\Z|.) | "(?:[^"\\]|\\.)*+(?:"|\Z|.)
    | [A-Za-z0-9_]+ | .""",
    re.DOTALL | re.VERBOSE,
)
"""What is never closed goes to the end, and nothing is looked at twice: a pattern that tried again from each quote would take minutes."""
_BLANK = re.compile(rb"\s|--|/\*")
_DATA_START = re.compile(rb"[ \t\f]*(?:\r?\n)?")
_SELECTS = frozenset({b"SELECT", b"WITH"})
_READS = _SELECTS | frozenset({b"SHOW", b"DESCRIBE", b"DESC", b"EXISTS", b"EXPLAIN"})
_DEFINITIONS = frozenset({b"CREATE", b"ALTER", b"ATTACH", b"RENAME", b"EXCHANGE", b"REPLACE"})
_SOURCES = frozenset({b"VALUES", b"SELECT", b"WITH", b"FROM", b"INFILE"})


@dataclass(frozen=True, slots=True)
class InsertHead:
    """An INSERT up to its ``SETTINGS``, that clause if it has one, its format, and where in the bytes the data begins."""

    sql: str
    settings: str
    format: str
    data_start: int


def insert_head(text: bytes) -> InsertHead | None:
    """Split ``INSERT … FORMAT Name <data>``.

    Returns ``None`` for everything else, ``INSERT … VALUES`` and ``INSERT … SELECT`` among it: those the engine parses itself.
    The bytes behind the format's name, up to and including the first line feed, belong to the statement: a Native block may itself begin
    with a byte that looks like a line feed.

    Raises
    ------
    Refused
        The statement is no text.
    """
    words = _words(text)
    if next(words, (b"", 0, 0))[0] != b"INSERT":
        return None
    before, settings_start = b"INSERT", None
    for word, start, end in words:
        if word in _SOURCES and before not in {b"INTO", b"TABLE", b"."}:
            return None
        if word == b"SETTINGS" and before not in {b"INTO", b"TABLE", b"."}:
            settings_start = start
        if word == b"FORMAT" and before not in {b"INTO", b"TABLE", b"."}:
            name, _, name_end = next(words, (b"", 0, 0))
            if not name:
                return None
            _check_is_text(text[:name_end])
            found = _DATA_START.match(text, name_end)
            cut = start if settings_start is None else settings_start
            return InsertHead(
                text[:cut].decode(),
                text[cut:start].decode(),
                text[name_end - len(name) : name_end].decode(),
                found.end() if found else name_end,
            )
        before = word or text[start:end]
    return None


def _check_is_text(statement: bytes) -> None:
    try:
        statement.decode()
    except UnicodeDecodeError as error:
        raise refuse(SYNTAX_ERROR, "SYNTAX_ERROR", "The statement is not UTF-8") from error


def is_read(text: bytes) -> bool:
    """Whether the statement only reads: the kind that GET may carry."""
    return next(_words(text), (b"", 0, 0))[0] in _READS


def is_definition(text: bytes) -> bool:
    """Whether the statement writes the definition of a database or table."""
    return next(_words(text), (b"", 0, 0))[0] in _DEFINITIONS


def is_select(text: bytes) -> bool:
    """Whether the engine can hand out the answer block by block: of reads, it does so for SELECT alone."""
    return next(_words(text), (b"", 0, 0))[0] in _SELECTS


def output_format(text: bytes) -> str | None:
    """The format that the statement itself asks for, ``None`` when it leaves it to the request."""
    name: bytes | None = None
    words = _words(text)
    for word, _, _ in words:
        if word == b"FORMAT":
            _, start, end = next(words, (b"", 0, 0))
            name = text[start:end] or name
    return name.decode(errors="replace") if name else None


def _words(text: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Words outside quotes, comments and brackets, in upper case (empty: another token), with their places."""
    depth = 0
    for token in _TOKEN.finditer(text, 0, HEAD_BYTES):
        found = token[0]
        if found == b"(":
            depth += 1
        elif found == b")":
            depth -= 1
        elif _BLANK.match(found):
            continue
        elif depth == 0:
            yield (found.upper() if found[:1].isalnum() or found[:1] == b"_" else b""), token.start(), token.end()


def is_many(text: bytes) -> bool:
    """Whether statements follow each other: the engine would run them all, a server refuses."""
    ended = False
    for _, start, _ in _words(text):
        if ended:
            return True
        ended = text[start : start + 1] == b";"
    return False
