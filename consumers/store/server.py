"""The answers: one thread per connection, HTTP/1.1, ClickHouse's headers.

An INSERT is acknowledged (status 200) when the engine has it in its parts, and only if its body was whole. An answer of blocks is sent
while the engine makes it; an error half way is told in the body, behind the tag announced in the head, as servers since 25.11 do.
"""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import select
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from consumers.store.encoding import accepted, decoded, encoded
from consumers.store.engine import Engine, Session
from consumers.store.failure import MEMORY_LIMIT_EXCEEDED, NOT_IMPLEMENTED, READONLY, SYNTAX_ERROR, UNKNOWN_EXCEPTION, Refused, refuse
from consumers.store.request import ClientGone, Request, body_chunks, read_form, read_request
from consumers.store.statement import (
    HEAD_BYTES,
    STREAMABLE_FORMATS,
    InsertHead,
    insert_head,
    is_definition,
    is_many,
    is_read,
    is_select,
    output_format,
)

log = logging.getLogger(__name__)

_GOOD, _NOT_FOUND = 200, 404
_AT_ONCE = 16
_STEP_MS = 200
_STATEMENT_BYTES = 64 << 20
"""Most of a statement, without the data of an INSERT."""
_DATA_BYTES = 1 << 30
"""Most of the data of an INSERT: they are in memory before the engine reads them."""


class StoreServer(ThreadingHTTPServer):
    """HTTP on 127.0.0.1, and nowhere else: users have no passwords here.

    Parameters
    ----------
    port
        0: a free one.
    """

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, engine: Engine, port: int) -> None:
        self.engine = engine
        self.at_once = threading.BoundedSemaphore(_AT_ONCE)
        self.draining = threading.Event()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class prints both
        """A client that went away is no error of ours."""
        log.debug("a client went away")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "guidang-store"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    timeout = 600.0
    server: StoreServer

    def handle_one_request(self) -> None:
        """Wait for a request in short steps, so that an idle connection sees when the server stops."""
        waiting = select.poll()
        waiting.register(self.connection, select.POLLIN)
        while not self.server.draining.is_set():
            if waiting.poll(_STEP_MS):
                super().handle_one_request()
                return
        self.close_connection = True

    def do_GET(self) -> None:
        """Answer ``/ping`` and reading statements in the address."""
        path = self.path.split("?")[0]
        if path == "/ping":
            self._send_whole(_GOOD, {}, b"Ok.\n")
        elif path in {"/", "/replicas_status"}:
            self._answer()
        else:
            self._send_whole(_NOT_FOUND, {}, b"There is no handle " + path.encode() + b"\n")

    def do_HEAD(self) -> None:
        """As GET, without the body."""
        self._send_whole(_GOOD, {}, b"")

    def do_POST(self) -> None:
        """Carry out any statement."""
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Statements may hold case numbers: nothing of them is logged."""

    def _answer(self) -> None:
        body = body_chunks(self.rfile, self.headers)  # type: ignore[arg-type]
        query_id = str(uuid.uuid4())
        try:
            data: Iterator[bytes] = decoded(body, self.headers.get("Content-Encoding", "").lower())
            form = {}
            content_type = self.headers.get("Content-Type", "")
            if content_type.startswith("multipart/form-data"):
                form, data = read_form(b"".join(data), content_type), iter(())
            request = read_request(self.path, self.headers, form)
            query_id = request.query_id or query_id
            with self.server.at_once:
                self._execute(request, query_id, data)
        except Refused as refused:
            for _ in body:  # the client reads the answer after it has sent everything
                pass
            self._refuse(refused, query_id)
        except ClientGone:
            self.close_connection = True
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True
        except Exception as error:
            log.exception("request failed")
            self.close_connection = True
            self._refuse(Refused(UNKNOWN_EXCEPTION, f"Code: {UNKNOWN_EXCEPTION}. DB::Exception: {type(error).__name__}"), query_id)

    def _execute(self, request: Request, query_id: str, data: Iterator[bytes]) -> None:
        text = request.query.encode() + (b"\n" if request.query else b"")
        for chunk in data:
            text += chunk
            if len(text) >= HEAD_BYTES:
                break
        head = insert_head(text)
        if self.command == "GET" and not is_read(text):
            raise refuse(READONLY, "READONLY", "Cannot execute query in readonly mode: use POST for what is not a read")
        with self.server.engine.connection(request) as session:
            if head:
                self._insert(request, query_id, session, head, itertools.chain([text[head.data_start :]], data))
                return
            for chunk in data:
                text += chunk
                if len(text) > _STATEMENT_BYTES:
                    raise refuse(SYNTAX_ERROR, "SYNTAX_ERROR", f"The statement is over {_STATEMENT_BYTES} bytes: send data with FORMAT")
            if not text.strip():
                raise refuse(SYNTAX_ERROR, "SYNTAX_ERROR", "Empty query")
            if is_many(text):
                raise refuse(SYNTAX_ERROR, "SYNTAX_ERROR", "Multi-statements are not allowed")
            if is_definition(text):
                self.server.engine.check_room()
            self._query(request, query_id, session, text)

    def _insert(self, request: Request, query_id: str, session: Session, head: InsertHead, data: Iterable[bytes]) -> None:
        if request.bound:
            raise refuse(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "Query parameters in an INSERT with data")
        with _in_memory(data) as path:
            # chDB's own streaming insert (4.4.0) reports success when the part cannot be written: on a full disk, all is lost.
            sql = f"{head.sql}\nFROM INFILE '{path}'\n{head.settings}\nFORMAT {head.format}"  # a comment may end each piece
            result = self.server.engine.run(lambda: session.query(sql))
        self.server.engine.check_parts()
        summary = {"written_rows": str(result.rows_read()), "written_bytes": str(result.bytes_read())}
        self._send_whole(_GOOD, self._head(query_id, "", summary), b"")

    def _query(self, request: Request, query_id: str, session: Session, text: bytes) -> None:
        statement = text.decode(errors="surrogateescape") if request.bound else text.decode(errors="replace")
        wanted = output_format(text) or request.default_format
        encoding = accepted(self.headers.get("Accept-Encoding", "")) if request.compressed else ""
        run = self.server.engine.run
        if wanted in STREAMABLE_FORMATS and is_select(text) and not request.whole:
            stream = run(lambda: session.send_query(statement, wanted, params=dict(request.bound)))
            with stream:
                self._send_stream(query_id, wanted, encoding, stream)
            return
        result = run(lambda: session.query(statement, wanted, params=dict(request.bound)))
        body = bytes(result.bytes())
        summary = {
            "read_rows": str(result.rows_read()),
            "read_bytes": str(result.bytes_read()),
            "elapsed_ns": str(round(result.elapsed() * 1e9)),
        }
        headers = self._head(query_id, wanted, summary)
        if encoding and body:
            headers["Content-Encoding"] = encoding
            body = b"".join(encoded([body], encoding))
        self._send_whole(_GOOD, headers, body)

    def _send_stream(self, query_id: str, wanted: str, encoding: str, stream: Iterable[Any]) -> None:
        """Send blocks as chunks of the transfer; the first is awaited before the status line, so that most errors still get their own."""
        tag = secrets.token_hex(8)
        blocks = self._blocks(stream)
        first = next(blocks, b"")
        self.send_response(_GOOD)
        for name, value in self._head(query_id, wanted, {}).items():
            self.send_header(name, value)
        self.send_header("X-ClickHouse-Exception-Tag", tag)
        self.send_header("Transfer-Encoding", "chunked")
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        for piece in encoded(self._or_error(itertools.chain([first], blocks), tag), encoding):
            if piece:
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _blocks(self, stream: Iterable[Any]) -> Iterator[bytes]:
        iterator = iter(stream)
        while (block := self.server.engine.run(lambda: next(iterator, None))) is not None:
            yield bytes(block.bytes())

    @staticmethod
    def _or_error(blocks: Iterable[bytes], tag: str) -> Iterator[bytes]:
        try:
            yield from blocks
        except Refused as refused:
            text = refused.text.encode() + b"\n"
            yield f"\r\n__exception__\r\n{tag}\r\n".encode() + text + f"{len(text)} {tag}\r\n__exception__\r\n".encode()

    def _head(self, query_id: str, wanted: str, summary: dict[str, str]) -> dict[str, str]:
        headers = {
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": self.server.engine.timezone,
            "X-ClickHouse-Server-Display-Name": "guidang",
        }
        if wanted:
            headers["X-ClickHouse-Format"] = wanted
        if summary:
            headers["X-ClickHouse-Summary"] = orjson.dumps(summary).decode()
        return headers

    def _refuse(self, refused: Refused, query_id: str) -> None:
        headers = {"X-ClickHouse-Exception-Code": str(refused.code), "X-ClickHouse-Query-Id": query_id}
        self._send_whole(refused.http_status, headers, refused.text.encode() + b"\n")

    def _send_whole(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


@contextmanager
def _in_memory(data: Iterable[bytes]) -> Iterator[str]:
    """Keep bytes in a file of no disk while the engine reads it; give its path."""
    held = 0
    with os.fdopen(os.memfd_create("insert"), "wb") as file:
        for chunk in data:
            held += file.write(chunk)
            if held > _DATA_BYTES:
                raise refuse(
                    MEMORY_LIMIT_EXCEEDED, "MEMORY_LIMIT_EXCEEDED", f"The data of an INSERT are over {_DATA_BYTES} bytes: send less at once"
                )
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"
