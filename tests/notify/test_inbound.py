"""Alertmanager's webhook: what is read, what is refused and where, what is kept."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from consumers.notify.inbound import Malformed, parse
from consumers.notify.matching import takes
from tests.notify.parts import T0, alert, posted


def test_a_delivery_is_read() -> None:
    """With receiver, times in epoch milliseconds, and no end while it fires."""
    delivery = parse(posted([alert("a1"), alert("b2", "resolved", summary="好了")], "page", truncatedAlerts=3))
    assert (delivery.receiver, delivery.truncated) == ("page", 3)
    firing, resolved = delivery.alerts
    assert (firing.state, firing.ends_ms) == (("firing", T0), None)
    assert (resolved.state, resolved.ends_ms, resolved.annotations) == (("resolved", T0), T0 + 3_600_000, {"summary": "好了"})


def _broken(**changes: Any) -> bytes:
    request = orjson.loads(posted([alert()]))
    request["alerts"][0].update(changes)
    return orjson.dumps(request)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"\xff\xfe", "body"),
        (posted([alert(summary="x")]).replace(b'"x"', b'"\\ud800"'), "body"),
        (posted([alert()], version="3"), "version"),
        (posted([alert()]).replace(b'"alerts"', b'"alert"'), "alerts"),
        (posted([alert()], receiver=""), "receiver"),
        (_broken(status="suppressed"), "alerts.0.status"),
        (_broken(labels={}), "alerts.0.labels"),
        (_broken(labels={"alertname": 7}), "alerts.0.labels.alertname"),
        (_broken(startsAt="yesterday"), "alerts.0.startsAt"),
        (_broken(startsAt="2018-12-31T18:00:00"), "alerts.0.startsAt"),
        (_broken(startsAt="9999-12-31T23:59:59Z"), "alerts.0: startsAt"),
        (_broken(fingerprint=""), "alerts.0.fingerprint"),
        (_broken(fingerprint="x'; DROP TABLE waiting"), "alerts.0.fingerprint"),
    ],
)
def test_what_is_malformed_is_refused_with_the_place(body: bytes, named: str) -> None:
    """And nothing of it is repeated in the reason."""
    with pytest.raises(Malformed) as refused:
        parse(body)
    assert str(refused.value).startswith(named)
    assert "DROP" not in str(refused.value)


def test_only_listed_labels_and_annotations_are_kept() -> None:
    """A label that somebody adds to a rule may name a person."""
    found = alert(summary="s", unit="330100012", applicant="张三", phone="13800000000")
    kept = found.kept()
    assert kept.labels == {"alertname": "CoverageDrop", "unit": "330100012"}
    assert kept.annotations == {"summary": "s"}


def test_a_channel_takes_what_has_all_its_labels() -> None:
    """One value or one of several; absent is empty; the receiver counts as a label."""
    found = alert(severity="page", unit="330100012")
    assert takes({}, found, "any")
    assert takes({"severity": ("page", "ticket"), "unit": "330100012"}, found, "any")
    assert not takes({"severity": "ticket"}, found, "any")
    assert not takes({"severity": "page", "unit": "330100013"}, found, "any")
    assert takes({"district": ""}, found, "any")
    assert takes({"receiver": "office"}, found, "office")
    assert not takes({"receiver": "office"}, found, "page")
