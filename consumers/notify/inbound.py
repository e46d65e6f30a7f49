"""What Alertmanager posts (webhook, version 4), read and checked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from consumers.notify.alert import Alert, Status
from streams.domain.time import EARLIEST_MS, LATEST_MS

_MOST_ERRORS = 5
_UTC = dt.UTC


class Malformed(Exception):
    """Not what Alertmanager sends; the text says what and where, and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request.

    Parameters
    ----------
    receiver
        Alertmanager's receiver that posts here.
    truncated
        Alerts that Alertmanager left out of the request because of its ``max_alerts``.
    """

    receiver: str
    alerts: tuple[Alert, ...]
    truncated: int


class _Alert(BaseModel):
    status: Status
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    startsAt: AwareDatetime  # noqa: N815 - the name on the wire
    endsAt: AwareDatetime  # noqa: N815
    fingerprint: str = Field(pattern="^[0-9a-f]{1,64}$")


class _Request(BaseModel):
    version: Literal["4"]
    receiver: str = Field(min_length=1)
    alerts: list[_Alert]
    truncatedAlerts: int = Field(default=0, ge=0)  # noqa: N815


def parse(body: bytes) -> Delivery:
    """Read a request.

    Raises
    ------
    Malformed
        It is not JSON, or not version 4 of the webhook, or an alert is without name, time or fingerprint.
    """
    try:
        request = _Request.model_validate_json(body)
    except ValidationError as error:
        found = [f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors(include_input=False, include_url=False)]
        more = f"; …{len(found) - _MOST_ERRORS} more" if len(found) > _MOST_ERRORS else ""
        raise Malformed("; ".join(found[:_MOST_ERRORS]) + more) from None
    for number, alert in enumerate(request.alerts):
        if not alert.labels.get("alertname"):
            raise Malformed(f"alerts.{number}.labels: alertname is missing")
        if not all(EARLIEST_MS <= _epoch_ms(time) < LATEST_MS for time in _times(alert)):
            raise Malformed(f"alerts.{number}: startsAt or endsAt is out of range")
    return Delivery(request.receiver, tuple(map(_alert, request.alerts)), request.truncatedAlerts)


def _alert(found: _Alert) -> Alert:
    return Alert(
        fingerprint=found.fingerprint,
        status=found.status,
        starts_ms=_epoch_ms(found.startsAt),
        ends_ms=_epoch_ms(found.endsAt) if found.status == "resolved" else None,
        labels=found.labels,
        annotations=found.annotations,
    )


def _times(alert: _Alert) -> tuple[dt.datetime, ...]:
    """Of a firing alert the end is year 1, which means none."""
    return (alert.startsAt, alert.endsAt) if alert.status == "resolved" else (alert.startsAt,)


def _epoch_ms(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1, tzinfo=_UTC)) // dt.timedelta(milliseconds=1)
