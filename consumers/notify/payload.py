"""The body of a request: what each kind of receiver is documented to take."""

from __future__ import annotations

from typing import Any

import orjson

from consumers.notify.alert import Waiting
from consumers.notify.message import Message
from streams.domain.time import iso


def payload(kind: str, channel: str, message: Message) -> bytes:
    """JSON for a robot (``dingtalk``, ``wecom``), or for a program (``webhook``)."""
    return orjson.dumps(_BODIES[kind](channel, message))


def _dingtalk(channel: str, message: Message) -> dict[str, Any]:
    del channel
    return {"msgtype": "markdown", "markdown": {"title": message.title, "text": message.text}}


def _wecom(channel: str, message: Message) -> dict[str, Any]:
    del channel
    return {"msgtype": "markdown", "markdown": {"content": message.text}}


def _webhook(channel: str, message: Message) -> dict[str, Any]:
    return {
        "version": 1,
        "channel": channel,
        "title": message.title,
        "left": message.left,
        "backfill": dict(message.backfill or {}),
        "alerts": [_alert(waiting) for waiting in message.told],
    }


def _alert(waiting: Waiting) -> dict[str, Any]:
    alert = waiting.alert
    return {
        "fingerprint": alert.fingerprint,
        "status": alert.status,
        "starts_at": iso(alert.starts_ms),
        "ends_at": None if alert.ends_ms is None else iso(alert.ends_ms),
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "merged": waiting.merged,
        "repeated": waiting.repeated,
    }


_BODIES = {"dingtalk": _dingtalk, "wecom": _wecom, "webhook": _webhook}
