"""The process from start to SIGTERM: everything is wired here."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry

from consumers.notify.address import is_loopback
from consumers.notify.links import Links
from consumers.notify.mail import MailChannel
from consumers.notify.message import Composer
from consumers.notify.metrics import NotifyMetrics
from consumers.notify.outbound import HttpChannel
from consumers.notify.pace import Pace
from consumers.notify.queue import Queue
from consumers.notify.sender import Channel, Sender
from consumers.notify.server import Intake
from streams.errors import ConfigurationError, DependencyError
from streams.notify_settings import ChannelSettings, NotifySettings
from streams.setting_types import duration_ms
from streams.settings import Settings

log = logging.getLogger(__name__)

_GRACE_SECONDS = 3.0


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; messages under way are finished first.

    Raises
    ------
    ConfigurationError
        No channel is set, or a setting or secret of one cannot be used.
    DependencyError
        The port or the queue cannot be used, or another notifier runs on this ``data_dir``.
    """
    if not settings.notify.channels:
        raise ConfigurationError("没有设置通知通道：在 guidang.toml 里写 [[notify.channels]]。 No channels: write [[notify.channels]].")
    with _alone(folder(settings)):
        asyncio.run(_serve(settings))


def folder(settings: Settings) -> Path:
    """Where the queue lies."""
    return settings.home / "notify"


def queue_of(settings: Settings) -> Queue:
    """The queue of this system."""
    return Queue(folder(settings) / "queue.sqlite")


def channel_of(channel: ChannelSettings) -> Channel:
    """The way out that a channel's settings describe.

    Raises
    ------
    ConfigurationError
        A file is missing or what it holds cannot be used.
    """
    return MailChannel(channel) if channel.kind == "email" else HttpChannel(channel)


def composer_of(channel: ChannelSettings, notify: NotifySettings) -> Composer:
    """How its messages are made.

    Raises
    ------
    ConfigurationError
        A link names a label that no alert is shown with.
    """
    links = Links(notify.board_url, notify.grafana_url, notify.runbook_url)
    if strange := links.strange():
        raise ConfigurationError(f"notify 的链接里有未知的标签 links name unknown labels: {', '.join(strange)}")
    return Composer(channel.kind, links, notify.digest_over)


def pace_of(channel: ChannelSettings, notify: NotifySettings) -> Pace:
    """How fast it may be."""
    return Pace(channel.per_minute, duration_ms(notify.linger))


async def _serve(settings: Settings) -> None:
    notify, channels = settings.notify, settings.notify.by_recipient()
    ways = [channel_of(channel) for channel in channels]
    _one_robot_each(channels)
    token = notify.token()
    if not token and not is_loopback(notify.listen):
        log.warning("notify.listen = %s 而没有 notify.token_file：任何人都能投递告警 anybody may post alerts", notify.listen)
    queue = queue_of(settings)
    registry = CollectorRegistry()
    metrics = NotifyMetrics(registry, queue, [c.name for c in channels], version("guidang"))
    for gone, number in queue.keep_only([c.name for c in channels]).items():
        log.warning("通道 channel %s 已不在设置里，丢弃等待它的 no longer set, dropped: %d 条告警 alerts", gone, number)
    senders = [
        Sender(c.name, queue, way, composer_of(c, notify), pace_of(c, notify), metrics.count) for c, way in zip(channels, ways, strict=True)
    ]

    def wake() -> None:
        for sender in senders:
            sender.wake()

    intake = Intake(queue, channels, token, registry, wake)
    runner = web.AppRunner(intake.application(), access_log=None, shutdown_timeout=_GRACE_SECONDS)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        url = await _listen(runner, notify)
        with _announced(settings.home / "run" / "notify.ready", url):
            async with asyncio.TaskGroup() as tasks:  # whatever fails unforeseen ends the process
                for sender in senders:
                    tasks.create_task(sender.run(), name=f"channel {sender.name}")
                await stop.wait()
                await runner.cleanup()
                for sender in senders:
                    sender.stop()
    finally:
        await runner.cleanup()
        queue.close()


async def _listen(runner: web.AppRunner, notify: NotifySettings) -> str:
    await runner.setup()
    try:
        await web.TCPSite(runner, notify.listen, notify.port).start()
    except OSError as error:
        if error.errno in {errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL}:
            raise DependencyError(
                f"不能在 {notify.listen}:{notify.port} 监听（{error.strerror}）：换一个 notify.port。 Cannot listen: choose another port."
            ) from error
        raise
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


def _one_robot_each(channels: tuple[ChannelSettings, ...]) -> None:
    """The limit is the robot's: two channels with one robot would break it together."""
    seen: dict[str, str] = {}
    for channel in channels:
        if channel.kind in {"dingtalk", "wecom"}:
            url = channel.address()
            if url in seen:
                raise ConfigurationError(
                    f"通道 {seen[url]} 与 {channel.name} 是同一个机器人：合并它们的 match，或另建一个。 Two channels have the same robot."
                )
            seen[url] = channel.name


@contextmanager
def _announced(ready: Path, url: str) -> Iterator[None]:
    log.info("在 %s 接收告警 taking alerts at %s/alertmanager", url, url)
    ready.parent.mkdir(parents=True, exist_ok=True)
    ready.write_text(url)
    try:
        yield
    finally:
        ready.unlink(missing_ok=True)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (place / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DependencyError(f"另一个 guidang notify 正在使用 {place} another one is using it") from None
        yield
