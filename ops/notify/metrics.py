"""What the notifier says of itself to Prometheus."""

from __future__ import annotations

from typing import Final

from streams.metrics import Metric

MESSAGES: Final = Metric(
    "guidang_notify_messages_total",
    "counter",
    "messages",
    "发往一个渠道的消息数：sent 已送达，throttled 被限流、稍后再发，refused 被拒绝。",
    "Messages to a channel: sent, throttled (tried again later), or refused.",
    ("channel", "outcome"),
    values={"outcome": ("sent", "throttled", "refused")},
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
