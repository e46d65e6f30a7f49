"""A TCP connection that can be cut: packets vanish, as between two machines; or be reset, as by a firewall."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from ops.ports import LOOPBACK

_CHUNK_BYTES = 64 * 1024


class Link:
    """Listens on ``port`` and passes everything on to ``target_port``, both on the loopback.

    While it is cut, nothing passes in either direction and nobody is told: connections stay open, new ones are taken and get no answer.
    What was under way comes through once it is mended, as TCP would send it again.
    """

    def __init__(self, port: int, target_port: int) -> None:
        self.port, self._target_port = port, target_port
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"link-{port}")
        self._thread.start()
        self._server = self._ask(asyncio.start_server(self._accept, LOOPBACK, port))

    def cut(self) -> None:
        """Let nothing through."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def mend(self) -> None:
        """Let everything through again."""
        self._loop.call_soon_threadsafe(self._open.set)

    def reset(self) -> None:
        """End all connections at once."""
        self._loop.call_soon_threadsafe(self._abort)

    def close(self) -> None:
        """Stop."""
        self._ask(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _ask(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(30)

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        self._abort()
        passing = list(self._passing)
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        self._writers.add(writer)
        try:
            await self._open.wait()
            there_reader, there_writer = await asyncio.open_connection(LOOPBACK, self._target_port)
            self._writers.add(there_writer)
            try:
                ways = [asyncio.create_task(self._pass(*way)) for way in ((reader, there_writer), (there_reader, writer))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
            finally:
                self._writers.discard(there_writer)
                there_writer.transport.abort()
        except OSError:  # nobody listens there
            pass
        finally:
            self._passing.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
