"""The same question of many readers is asked once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any


class Shared:
    """Keeps answers for a few seconds, and lets those who ask meanwhile wait for the one that is under way.

    Parameters
    ----------
    seconds
        Age up to which an answer is given again. A failure is told to those who waited for it, and not kept.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: dict[Hashable, tuple[asyncio.Future[Any], float]] = {}

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Answer to ``key``: a kept one, or that of ``ask``."""
        now = time.monotonic()
        self._kept = {
            known: (task, until) for known, (task, until) in self._kept.items() if not task.done() or (until > now and not _failed(task))
        }
        if key not in self._kept:
            task = asyncio.ensure_future(ask())
            task.add_done_callback(_failed)  # also when all who waited have gone
            self._kept[key] = (task, now + self._seconds)
        return await asyncio.shield(self._kept[key][0])  # a reader who goes away takes nobody's answer with him


def _failed(task: asyncio.Future[Any]) -> bool:
    return task.cancelled() or task.exception() is not None
