"""A thread for the blocking calls of one partition, one after the other.

A partition that is given up and comes back uses the same lane, so the new owner of its store waits for the old one to finish
without either knowing of the other. The threads are daemons: a call that hangs in a client library cannot keep a dying process
alive.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Lane:
    """Runs functions one at a time, in the order they were asked for."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function in the lane and return what it returns, or raise what it raises.

        Cancelling the caller does not stop the function.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()

        def done(result: R | None, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

        def run() -> None:
            result, error = None, None
            try:
                result = function(*args, **kwargs)
            except BaseException as exc:  # noqa: BLE001 - handed to the caller, whatever it is
                error = exc
            if not loop.is_closed():
                loop.call_soon_threadsafe(done, result, error)

        self._calls.put(run)
        return await future

    def post(self, function: Callable[[], object]) -> None:
        """Run a function in the lane and wait for nothing; what it raises is logged, for nobody is there to hear it."""

        def run() -> None:
            try:
                function()
            except Exception:
                # The lane outlives what is let go of in it: without its thread the next owner of the partition would wait for ever.
                logger.exception("%s: a call that nobody waits for failed", self._thread.name)

        self._calls.put(run)

    def _run(self) -> None:
        while True:
            self._calls.get()()
