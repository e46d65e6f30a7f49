"""What the notifier says of itself to Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from consumers.notify.answers import Verdict
from consumers.notify.queue import Queue
from streams.clock import wall_ms
from streams.metrics import BUILD, Metric

MESSAGES: Final = Metric(
    "guidang_notify_messages_total",
    "counter",
    "messages",
    "发往一个渠道的消息数：sent 已送达；throttled 被限流、unreachable 没有送到，都稍后再发；refused 被拒绝，要有人处理。",
    "Messages to a channel: sent; throttled or unreachable (tried again soon); refused (a person must act).",
    ("channel", "outcome"),
    values={"outcome": ("sent", "throttled", "unreachable", "refused")},
)
QUEUED: Final = Metric(
    "guidang_notify_queued_alerts", "gauge", "alerts", "渠道中等待发送的告警数。", "Alerts that wait to be sent to a channel.", ("channel",)
)
OLDEST_QUEUED: Final = Metric(
    "guidang_notify_oldest_queued_seconds",
    "gauge",
    "seconds",
    "渠道中等得最久的告警等了多久；没有则为 0。",
    "Age of the alert that has waited longest for a channel; 0: there is none.",
    ("channel",),
)

DECLARED: Final = (MESSAGES, QUEUED, OLDEST_QUEUED)
"""All of this module, in the order of the documents."""


class NotifyMetrics(Collector):
    """Counts messages, and looks at the queue when it is scraped.

    Parameters
    ----------
    channels
        Names of all, so that each is there from the start with zeros.
    """

    def __init__(self, registry: CollectorRegistry, queue: Queue, channels: Sequence[str], version: str) -> None:
        self._queue = queue
        self._channels = channels
        self._messages = MESSAGES.counter(registry)
        for channel in channels:
            for outcome in MESSAGES.values["outcome"]:
                self._messages.labels(channel, outcome)
        BUILD.gauge(registry).labels(version, "notify").set(1)
        registry.register(self)

    def count(self, channel: str, verdict: Verdict) -> None:
        """One more message; words that are not taken are refused."""
        self._messages.labels(channel, "refused" if verdict == "unwanted" else verdict).inc()

    def collect(self) -> Iterable[Family]:
        """The queues now."""
        return self._look()

    def _look(self) -> Iterator[Family]:
        queued, oldest, numbers, now_ms = QUEUED.gauge_family(), OLDEST_QUEUED.gauge_family(), self._queue.numbers(), wall_ms()
        for channel in self._channels:
            since_ms = self._queue.oldest_ms(channel)
            queued.add_metric((channel,), numbers.get(channel, 0))
            oldest.add_metric((channel,), 0 if since_ms is None else max(0, now_ms - since_ms) / 1000)
        yield from (queued, oldest)
