"""One channel's messages, one after the other: wait for company and for the robot's limit, send, see what became of it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from consumers.notify.answers import Outcome, Verdict
from consumers.notify.message import Composer, Message
from consumers.notify.pace import Pace
from consumers.notify.queue import Queue
from streams.clock import wall_ms

log = logging.getLogger(__name__)

_LONGEST_SLEEP_SECONDS: Final = 30.0
"""Then the clock is looked at again: it may have been set."""
_STORAGE_WAIT_SECONDS: Final = 5.0


class Channel(Protocol):
    """A way out."""

    async def deliver(self, message: Message) -> Outcome:
        """Send a message. Every failure that can be foreseen is an outcome; a secret is in none."""

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(slots=True, eq=False)
class Sender:
    """Tells one channel what waits for it, until :meth:`stop`.

    A failure holds up this channel alone. What a robot has asked for (to be left alone) holds over a restart, other waits do not.

    Parameters
    ----------
    count
        Called with each outcome.
    now_ms
        The clock.
    """

    name: str
    queue: Queue
    channel: Channel
    composer: Composer
    pace: Pace
    count: Callable[[str, Verdict], None]
    now_ms: Callable[[], int] = wall_ms
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: bool = False
    _failures: int = 0
    _failed: Verdict = "sent"
    _held_until_ms: int = 0
    _wait_ms: int = 0

    def wake(self) -> None:
        """Something has been queued."""
        self._wake.set()

    def stop(self) -> None:
        """End after the message that is under way."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Send until told to stop."""
        try:
            while not self._stopping:
                try:
                    await self._step()
                except sqlite3.Error:
                    log.exception("通道 channel %s: 通知队列读写失败，稍后再试 the queue failed, trying again", self.name)
                    await self._sleep(_STORAGE_WAIT_SECONDS)
        finally:
            await self.channel.close()

    async def _step(self) -> None:
        self._wake.clear()
        now_ms = self.now_ms()
        self.queue.mend(now_ms)
        self._held_until_ms = min(self._held_until_ms, now_ms + self._wait_ms)  # as the queue does: the clock may have been put back
        queued_ms = self.queue.oldest_ms(self.name)
        if queued_ms is None:
            await self._sleep(_LONGEST_SLEEP_SECONDS)
            return
        held_ms = max(self._held_until_ms, self.queue.held_until_ms(self.name))
        next_ms = self.pace.next_ms(queued_ms=queued_ms, sent_ms=self.queue.sent_ms(self.name), held_until_ms=held_ms)
        if next_ms > now_ms:
            await self._sleep(min((next_ms - now_ms) / 1000, _LONGEST_SLEEP_SECONDS))
            return
        await self._send()

    async def _send(self) -> None:
        backfill = self.queue.backfill(self.name)
        message = self.composer.compose(self.queue.waiting(self.name), backfill, brief=self._failed == "unwanted")
        number = self.queue.begin(self.name, message.told, self.now_ms())
        outcome = await self._deliver(message)
        self.count(self.name, outcome.verdict)
        if outcome.verdict == "sent":
            self.queue.sent(self.name, number, message.told, backfill, self.now_ms())
            self._recovered()
            log.info("通道 channel %s: 已发送 sent: %d 条告警 alerts, 余 left %d", self.name, len(message.told), message.left)
        else:
            self._not_sent(number, outcome)

    async def _deliver(self, message: Message) -> Outcome:
        """Deliver; a defect in one channel's way must not silence the others, and an error's text may hold a secret."""
        try:
            return await self.channel.deliver(message)
        except Exception as error:  # noqa: BLE001 - it is told as an outcome: logged, counted, tried again
            place = traceback.extract_tb(error.__traceback__)[-1]
            return Outcome("refused", f"意外的错误 unforeseen: {type(error).__name__}, {place.filename}:{place.lineno}")

    def _not_sent(self, number: int, outcome: Outcome) -> None:
        first = self._failed != outcome.verdict
        self._failures = 1 if first else self._failures + 1
        wait_ms = self.pace.wait_ms(outcome, self._failures)
        if outcome.verdict == "unwanted" and first:
            wait_ms = 0  # the same alerts, said briefly
        self._failed = outcome.verdict
        now_ms = self.now_ms()
        self._held_until_ms, self._wait_ms = now_ms + wait_ms, wait_ms
        self.queue.not_sent(self.name, number, now_ms, self._held_until_ms if outcome.verdict == "throttled" else 0)
        level = logging.ERROR if outcome.verdict in {"refused", "unwanted"} else logging.WARNING
        told = (self.name, outcome.verdict, outcome.detail, round(wait_ms / 1000))
        log.log(
            level,
            "通道 channel %s: 消息未送达 message not delivered: %s: %s；%d 秒后再试 s until the next try，告警保留 alerts are kept",
            *told,
        )

    def _recovered(self) -> None:
        if self._failed not in {"sent", "unwanted"}:
            log.warning("通道 channel %s: 恢复 works again", self.name)
        self._failed, self._failures, self._held_until_ms = "sent", 0, 0

    async def _sleep(self, seconds: float) -> None:
        """Until something is queued, or so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
