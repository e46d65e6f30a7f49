"""Waivers (豁免): the archives bureau sets a finding aside, with author, reason and end. It leaves the score and stays visible."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import orjson

from consumers.anomalies import anomaly_rows
from consumers.clickhouse import connect, reaching
from ops.publish import TopicProducer
from ops.reading import read_topic
from streams.agents.reference import reference_row
from streams.contracts import LAST_REVISION, WAIVER, codec
from streams.domain.rules import KINDS
from streams.errors import BadInputFile, DependencyError, InvalidRecord
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver.

    Parameters
    ----------
    until
        Its last day, as days since 1970.
    withdrawn
        It takes an earlier one back.
    """

    anomaly_id: str
    author: str
    reason: str
    until: int
    withdrawn: bool = False


def anomaly_id_of(settings: Settings, kind: str, subject: str) -> str:
    """Id of an open finding, by kind and case number or ``unit|item``.

    Raises
    ------
    BadInputFile
        There is no such kind, or no such finding is open.
    """
    if kind not in KINDS:
        raise BadInputFile(f"没有这种异常 no such kind: {kind}（{', '.join(KINDS)}）")
    with reaching(settings):
        found = [row for row in anomaly_rows(connect(settings), kind=kind, state="open") if row["subject"] == subject]
    if not found:
        raise BadInputFile(f"没有未解除的异常 no open finding {kind} of {subject}")
    return str(found[0]["anomaly_id"])


def publish_waiver(settings: Settings, waiver: Waiver) -> int:
    """Publish a waiver with the next revision; return it.

    Raises
    ------
    BadInputFile
        The topic has the finding's waiver with the last revision there is: nothing can follow it.
    InvalidRecord
        Workers would refuse it: a text is too long.
    DependencyError
        Kafka cannot be reached, or did not confirm.
    """
    last = max(_revisions(settings, waiver.anomaly_id), default=0)
    if last == LAST_REVISION:
        told = "主题中该异常的豁免的修订号已是最大，其后不能再有 the topic has its waiver with the last revision there is"
        raise BadInputFile(f"{settings.topic(WAIVER)} {waiver.anomaly_id}: {told}: {last}")
    revision = last + 1
    content = [waiver.anomaly_id, waiver.author, waiver.reason, waiver.until, waiver.withdrawn, revision]
    record = {
        "event_id": hashlib.blake2b(orjson.dumps(content), digest_size=12).hexdigest(),
        "revision": revision,
        "deleted": waiver.withdrawn,
        "anomaly_id": waiver.anomaly_id,
        "author": waiver.author,
        "reason": waiver.reason,
        "until": waiver.until,
    }
    key, value = waiver.anomaly_id.encode(), codec(WAIVER).encode(record)
    reference_row(WAIVER, value)  # as workers will read it: what they refuse is told here, and not by a dead letter
    producer = TopicProducer(settings, [WAIVER])
    producer.send(WAIVER, key, value)
    if lost := producer.finish():
        raise DependencyError(f"Kafka 未确认 did not confirm: {lost[0].reason}")
    return revision


def _revisions(settings: Settings, anomaly_id: str) -> list[int]:
    found = []
    for message in read_topic(settings, WAIVER):
        try:
            record = reference_row(WAIVER, message.value())
        except InvalidRecord:  # in dead-letter already: the workers put it there
            continue
        if record["anomaly_id"] == anomaly_id:
            found.append(int(record["revision"]))
    return found
