"""Which channels are told of an alert."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.notify.alert import Alert


def takes(match: Mapping[str, str | tuple[str, ...]], alert: Alert, receiver: str) -> bool:
    """Whether an alert has, for every label of ``match``, the value or one of the values.

    ``receiver`` stands for Alertmanager's receiver, so that its routes and time intervals may decide. A label that is absent is empty,
    as in Prometheus.
    """
    found = {**alert.labels, "receiver": receiver}
    return all(found.get(label, "") in ((wanted,) if isinstance(wanted, str) else wanted) for label, wanted in match.items())
