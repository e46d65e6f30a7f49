"""What an HTTP request asks, read off its address, headers and body."""

from __future__ import annotations

import base64
import email.parser
import email.policy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import BinaryIO
from urllib.parse import parse_qsl, urlsplit

from consumers.store.failure import AUTHENTICATION_FAILED, BAD_ARGUMENTS, NOT_IMPLEMENTED, Refused, refuse

CHUNK_BYTES = 1 << 20
_LINE_BYTES = 1_024
_LENGTH = re.compile(r"[0-9a-fA-F]{1,15}")
READ_ONLY_USER = "dashboards"
USERS = ("default", READ_ONLY_USER)
_TRANSPORT = frozenset(
    {
        *("query", "database", "user", "password", "quota_key", "query_id", "default_format", "role", "stacktrace"),
        *("session_id", "session_timeout", "session_check", "close_session", "compress", "decompress", "enable_http_compression"),
        *("wait_end_of_query", "buffer_size", "client_protocol_version", "send_progress_in_http_headers"),
        *("http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close", "http_zlib_compression_level"),
    }
)
"""Parameters that concern the transport: no settings of the query."""


class ClientGone(Exception):
    """The client closed the connection before its request was whole: nothing of it may be carried out."""


@dataclass(frozen=True, slots=True)
class Request:
    """Everything of a request but its data.

    Parameters
    ----------
    query
        Text in the address or form, empty when all of it is in the body.
    bound
        Values for ``{name:Type}``, by name.
    settings
        Settings of the engine that hold for this request.
    session_check
        Refuse a session that does not exist, instead of beginning it.
    """

    user: str
    query: str
    database: str
    bound: Mapping[str, str]
    settings: Mapping[str, str]
    query_id: str
    default_format: str
    session_id: str
    session_timeout_seconds: float
    session_check: bool
    whole: bool
    compressed: bool


def read_request(address: str, headers: Message, form: Mapping[str, str]) -> Request:
    """Read a request.

    Raises
    ------
    Refused
        Unknown user or a password (users have none here), ClickHouse's own block compression, roles.
    """
    try:
        parameters = dict(parse_qsl(urlsplit(address).query, keep_blank_values=True)) | dict(form)
    except ValueError as error:  # "//[": half of an address of IPv6
        raise refuse(BAD_ARGUMENTS, "BAD_ARGUMENTS", "The address cannot be read") from error
    if parameters.get("compress") == "1" or parameters.get("decompress") == "1":
        raise refuse(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "compress=1 and decompress=1: use Content-Encoding and Accept-Encoding")
    try:
        timeout_seconds = float(parameters.get("session_timeout") or 60)
    except ValueError as error:
        raise refuse(BAD_ARGUMENTS, "BAD_ARGUMENTS", "session_timeout is not a number") from error
    return Request(
        user=_user(parameters, headers),
        query=parameters.get("query", ""),
        database=parameters.get("database") or str(headers.get("X-ClickHouse-Database", "")),
        bound={name.removeprefix("param_"): value for name, value in parameters.items() if name.startswith("param_")},
        settings={n: v for n, v in parameters.items() if n not in _TRANSPORT and not n.startswith("param_")},
        query_id=parameters.get("query_id", ""),
        default_format=parameters.get("default_format") or headers.get("X-ClickHouse-Format", "") or "TabSeparated",
        session_id=parameters.get("session_id", ""),
        session_timeout_seconds=timeout_seconds,
        session_check=parameters.get("session_check") == "1",
        whole=parameters.get("wait_end_of_query") == "1",
        compressed=parameters.get("enable_http_compression") == "1",
    )


def read_form(body: bytes, content_type: str) -> dict[str, str]:
    """Fields of a ``multipart/form-data`` body, in which clients send a query together with its parameters.

    Raises
    ------
    Refused
        A field carries a file: external tables are not taken here.
    """
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    fields = {}
    for part in message.iter_parts():
        if part.get_filename() is not None:
            raise refuse(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "External data is not taken by the embedded engine")
        value = part.get_payload(decode=True)
        try:
            fields[str(part.get_param("name", header="content-disposition"))] = value.decode() if isinstance(value, bytes) else ""
        except UnicodeDecodeError as error:
            raise refuse(BAD_ARGUMENTS, "BAD_ARGUMENTS", "A field of the form is not UTF-8") from error
    return fields


def body_chunks(stream: BinaryIO, headers: Message) -> Iterator[bytes]:
    """Bytes of the body as they come, by length or chunk by chunk.

    Raises
    ------
    ClientGone
        The body breaks off, or its length is none.
    """
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        while size := _chunk_size(stream):
            yield from _exactly(stream, size)
            stream.readline()
        while stream.readline().strip():
            pass
    else:
        yield from _exactly(stream, _length(headers.get("Content-Length") or "0", 10))


def _chunk_size(stream: BinaryIO) -> int:
    return _length(stream.readline(_LINE_BYTES).split(b";")[0].strip().decode("latin-1"), 16)


def _length(text: str, base: int) -> int:
    if not _LENGTH.fullmatch(text):
        raise ClientGone
    try:
        return int(text, base)
    except ValueError as error:  # letters in a decimal number
        raise ClientGone from error


def _exactly(stream: BinaryIO, size: int) -> Iterator[bytes]:
    left = size
    while left:
        piece = stream.read(min(left, CHUNK_BYTES))
        if not piece:
            raise ClientGone
        left -= len(piece)
        yield piece


def _user(parameters: Mapping[str, str], headers: Message) -> str:
    user = parameters.get("user") or str(headers.get("X-ClickHouse-User", ""))
    password = parameters.get("password") or headers.get("X-ClickHouse-Key", "")
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(credentials).decode().partition(":")
        except ValueError as error:  # no Base64, no ASCII, no UTF-8
            raise _unknown(user) from error
    user = user or USERS[0]
    if user not in USERS or password:
        raise _unknown(user)
    return user


def _unknown(user: str) -> Refused:
    text = f"{user}: Authentication failed: password is incorrect, or there is no user with such name"
    return refuse(AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED", text)
