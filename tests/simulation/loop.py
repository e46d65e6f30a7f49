"""A deterministic event loop: callbacks run one at a time, when the scheduler says so, in virtual time."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any


class VirtualTime:
    """Seconds that pass only when they are told to; stands in for the module ``time`` too."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def monotonic(self) -> float:
        """Now."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Pass."""
        self.at += seconds


class StepLoop(asyncio.AbstractEventLoop):
    """The loop of one process. Dropping it is how the process dies: nothing of it runs again."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._number = 0
        self.tasks: list[asyncio.Task[Any]] = []
        self.errors: list[dict[str, Any]] = []

    def run(self, most: int) -> int:
        """Run so many callbacks, or as many as are ready one after the other; return how many."""
        timers, ready, done = self._timers, self._ready, 0
        outer = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            while done < most:
                while timers and timers[0][0] <= self._time.at:
                    ready.append(heapq.heappop(timers)[2])
                if not ready:
                    break
                handle = ready.popleft()
                if not handle.cancelled():
                    handle._run()
                    done += 1
        finally:
            asyncio._set_running_loop(outer)
        return done

    def next_timer(self) -> float | None:
        """When something is due next."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def drop(self) -> None:
        """End the process: nothing that is pending ever goes on."""
        self._ready.clear()
        self._timers.clear()
        for task in self.tasks:
            if not task.done():
                task._log_destroy_pending = False
                task.get_coro().close()
        self.tasks.clear()

    # What asyncio asks of a loop.

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:
        """See asyncio."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.TimerHandle:
        """See asyncio."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._number += 1
        heapq.heappush(self._timers, (when, self._number, handle))
        return handle

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.TimerHandle:
        """See asyncio."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time comes."""

    def time(self) -> float:
        """See asyncio."""
        return self._time.at

    def create_future(self) -> asyncio.Future[Any]:
        """See asyncio."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        """See asyncio."""
        task = asyncio.Task(coro, loop=self, name=name or "task", context=context)
        self.tasks.append(task)
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Run at once: what the engine gives to an executor only looks."""
        del executor
        future = self.create_future()
        future.set_result(func(*args))
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Remember what nobody caught."""
        self.errors.append(context)

    def get_debug(self) -> bool:
        """See asyncio."""
        return False

    def is_running(self) -> bool:
        """See asyncio."""
        return True

    def is_closed(self) -> bool:
        """See asyncio."""
        return False
