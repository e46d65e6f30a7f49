"""One case: found by the beginning of its number, and its timeline read from Kafka as ``guidang explain`` does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

from streams.errors import GuidangError
from streams.settings import Settings

FOUND: Final = """
SELECT case_no, status, unit_name, item_name, closed_at
FROM case_state FINAL
WHERE startsWith(case_no, {case:String})
ORDER BY case_no LIMIT 12"""
_EVERY_SECONDS: Final = 0.3


class _Gone(Exception):
    """The reader has left."""


class Timelines:
    """Reads timelines, one after another: each reads whole topics."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._one = asyncio.Lock()

    async def read(self, case_no: str) -> AsyncIterator[dict[str, Any]]:
        """Yield ``{"done", "total", "topic"}`` now and then, and at last ``{"found": …}`` (``None``: nothing is known) or ``{"error": …}``.

        When the reader stops listening, the reading ends with its next chunk.
        """
        async with self._one:
            standing: dict[str, Any] = {}
            gone = threading.Event()
            reading = asyncio.ensure_future(asyncio.to_thread(self._explain, case_no, standing, gone))
            try:
                while not (await asyncio.wait([reading], timeout=_EVERY_SECONDS))[0]:
                    yield dict(standing)
                yield {"found": reading.result()}
            except GuidangError as error:
                yield {"error": str(error)}
            finally:
                gone.set()
                with suppress(_Gone, GuidangError):
                    await reading

    def _explain(self, case_no: str, standing: dict[str, Any], gone: threading.Event) -> dict[str, Any] | None:
        from ops.explain import explain  # noqa: PLC0415 - codecs and domain, which a board that nobody asks need not hold

        def tell(topic: str, done: int, total: int) -> None:
            if gone.is_set():
                raise _Gone
            standing.update(topic=topic, done=done, total=total)

        return explain(self._settings, case_no, tell)
