"""How far a partition has come: the metadata committed with every offset, and how another process reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from confluent_kafka import KafkaException, TopicPartition

from streams.runtime.clients import patiently


@dataclass(frozen=True, slots=True)
class Progress:
    """What one input partition had reached when its offset was committed.

    Parameters
    ----------
    offset
        Next offset to read; ``None`` when nothing was ever committed.
    read_ms
        Job time through which the input was read: its watermark. What has been judged rests on it, so the next owner of the partition
        goes on from there; ``None``: not known.
    watermark_ms
        Job time through which the input was read *and* everything due was done; ``None``: not known.
    reference
        Reference topic to the position of each of its partitions below which all revisits are done.
    fingerprint
        Rules and policy under which every key has been evaluated; ``None`` before the first complete revisit.
    seen
        As ``reference``, up to where reference data had been taken in: some keys may have been evaluated by it before all revisits were
        done. Empty: no further than ``reference``.
    now_ms
        Latest job time at which the partition was judged; ``None``: not known. No later owner judges at an earlier one, whatever its clock
        says: with a clock that is behind, a validity that had begun would end and begin again.
    incarnation
        Of which life of the reference topics ``reference`` and ``seen`` are positions (:attr:`ReferenceReader.incarnation`).
    identity
        :attr:`streams.runtime.job.Job.identity` under which it was committed; empty: not known.
    epoch
        :attr:`streams.runtime.job.Work.epoch` of the unit that was committed.
    """

    offset: int | None = None
    read_ms: int | None = None
    watermark_ms: int | None = None
    reference: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    fingerprint: str | None = None
    seen: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    now_ms: int | None = None
    incarnation: str = ""
    identity: str = ""
    epoch: int = 0


def encode(at: Progress) -> str:
    """Return the metadata of an offset: compact JSON, each field by a letter; ``seen`` only if it is further than ``reference``."""
    told = {
        "t": at.read_ms,
        "w": at.watermark_ms,
        "r": at.reference,
        "i": at.incarnation,
        "f": at.fingerprint,
        "n": at.now_ms,
        "k": at.identity,
        "e": at.epoch,
    }
    if at.seen and at.seen != at.reference:
        told["s"] = at.seen
    return orjson.dumps(told).decode()


def decode(offset: int, metadata: str | None) -> Progress:
    """Read an offset and its metadata back; metadata of another origin counts as none at all."""
    if offset < 0:
        return Progress()
    try:
        found = orjson.loads(metadata or "{}")
        reference, seen = ({str(topic): tuple(int(at) for at in ats) for topic, ats in (found.get(name) or {}).items()} for name in "rs")
        read, watermark, now, epoch = (found.get(name) for name in "twne")
        fingerprint, incarnation, identity = (found.get(name) for name in "fik")
    except (ValueError, TypeError, AttributeError):
        return Progress(offset)
    return Progress(
        offset,
        read if isinstance(read, int) else None,
        watermark if isinstance(watermark, int) else None,
        reference,
        fingerprint if isinstance(fingerprint, str) else None,
        seen,
        now if isinstance(now, int) else None,
        incarnation if isinstance(incarnation, str) else "",
        identity if isinstance(identity, str) else "",
        epoch if isinstance(epoch, int) else 0,
    )


def committed(consumer: Any, partitions: Iterable[tuple[str, int]], timeout_s: float) -> dict[tuple[str, int], Progress]:
    """Ask for committed offsets and metadata; waits for transactions in doubt (``read_committed`` consumers do)."""
    wanted = [TopicPartition(topic, partition) for topic, partition in partitions]

    def ask() -> list[Any]:
        answers: list[Any] = consumer.committed(wanted, timeout=timeout_s)
        for answer in answers:
            if answer.error:
                raise KafkaException(answer.error)
        return answers

    answers = patiently(ask, timeout_s)
    return {(answer.topic, answer.partition): decode(answer.offset, answer.metadata) for answer in answers}
