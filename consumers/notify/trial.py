"""``guidang notify --test``: one message to one channel, by mail to each of its recipients, within the robot's limit."""

from __future__ import annotations

import asyncio

from consumers.notify.answers import Outcome
from consumers.notify.process import channel_of, composer_of, pace_of, queue_of
from streams.clock import wall_ms
from streams.errors import ConfigurationError, DependencyError
from streams.notify_settings import ChannelSettings
from streams.settings import Settings


def send_trial(settings: Settings, name: str) -> None:
    """Send a test message.

    Raises
    ------
    ConfigurationError
        There is no channel of this name, or its settings or secrets cannot be used.
    DependencyError
        It was not delivered: with the reason. Or the robot has had its share for this minute.
    """
    channels = settings.notify.channels
    found = next((channel for channel in channels if channel.name == name), None)
    if found is None:
        there = ", ".join(channel.name for channel in channels) or "–"
        raise ConfigurationError(f"没有通道 no channel {name!r}；已设置的 there are: {there}")
    outcomes = {one.name: asyncio.run(_send(settings, one)) for one in found.by_recipient()}
    failed = {name: outcome for name, outcome in outcomes.items() if outcome.verdict != "sent"}
    if failed:
        raise DependencyError("; ".join(f"通道 channel {name}: {outcome.verdict}: {outcome.detail}" for name, outcome in failed.items()))


async def _send(settings: Settings, found: ChannelSettings) -> Outcome:
    notify, name = settings.notify, found.name
    way, message, queue = channel_of(found), composer_of(found, notify).trial(name), queue_of(settings)
    try:
        now_ms, pace = wall_ms(), pace_of(found, notify)
        next_ms = pace.next_ms(queued_ms=0, sent_ms=queue.sent_ms(name), held_until_ms=queue.held_until_ms(name))
        if next_ms > now_ms:
            raise DependencyError(f"通道 channel {name}: 限流中，{(next_ms - now_ms) // 1000 + 1} 秒后再试 try again after so many s")
        number = queue.begin(name, (), now_ms)
        outcome = await way.deliver(message)
        queue.not_sent(name, number, wall_ms())
        return outcome
    finally:
        await way.close()
        queue.close()
