"""Every contender: ours, and those it is measured beside. The settings of each rest on its own documentation (docs/bench.md)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ops.bench.contender import Contender, Guarantee, Place, Reduced, Timed
from ops.bench.peers.java import LATENCY, THROUGHPUT, JavaPeer
from ops.bench.product import Product, Year
from ops.bench.whole import Whole
from streams.errors import DependencyError

KAFKA_STREAMS = JavaPeer("kafka_streams", "KafkaStreamsPeer")
FLINK = JavaPeer("flink", "FlinkPeer")
_THREADS = (1, 2)
_STORES = ("rocksdb", "memory")
_CHECK_SECONDS = 60
_LEAST_COMMIT_MS, _MOST_COMMIT_MS, _RECORDS_PER_COMMIT_MS = 1_000, 10_000, 600
_EXACTLY_ONCE_COMMIT_MS = 100
"""Kafka Streams' own default."""
_SELDOM_COMMIT_MS = 1_000
"""About as often as ours commits each partition while it catches up: it takes all that is there, up to 5,000 records, in one."""
_COMMIT_MS = {"eos": _EXACTLY_ONCE_COMMIT_MS, "eos-1s": _SELDOM_COMMIT_MS}
_HASTY_COMMIT_MS = 20
"""What it writes is seen after the commit: an interval as short as a commit of ours takes."""
_SESSION_MS = 8_000
"""As ours: ``streams/runtime/settings.py``."""


def _kafka_streams_names(short: str) -> tuple[str, ...]:
    return tuple(f"ks-{short}-{store}-{threads}" for store in _STORES for threads in _THREADS)


EXACTLY_ONCE_PEERS = tuple(name for short in _COMMIT_MS for name in _kafka_streams_names(short))
"""Kafka Streams with the guarantee that ours gives; the best of them is what ratios are taken against."""
AT_LEAST_ONCE_PEERS = _kafka_streams_names("alo")


def contenders(workers: Sequence[int], product_cases: int, peers_python: str = sys.executable) -> list[Contender]:
    """All of them, in the order in which a round goes through them.

    Parameters
    ----------
    workers
        With how many workers ours is measured.
    product_cases
        Cases of the year that the whole product is given; 0: it is left out.
    peers_python
        A Python in which the packages of peers are installed that are not among our own dependencies.
    """
    made: list[Contender] = [_ours(count) for count in workers]
    if product_cases:
        year = Year(product_cases)
        made += [Product(count, year) for count in workers]
    made += [_kafka_streams(short, store, threads) for short in (*_COMMIT_MS, "alo") for store in _STORES for threads in _THREADS]
    made += [_flink(store, threads) for store in _STORES for threads in _THREADS]
    made += [_python("faust", f"Faust 0.15.3, {store}", "at-least-once", "stock_faust", store=store) for store in _STORES]
    made.append(_python("quix", "Quix Streams, exactly-once, RocksDB", "exactly-once", "quix_streams", peers_python, needs="quixstreams"))
    made.append(_python("loop", "confluent-kafka, 无状态循环 plain loop", "none", "plain_loop"))
    return made


def timed(workers: int) -> list[Timed]:
    """Those whose latency is measured, each with so many workers or threads."""
    names = ("eos", _EXACTLY_ONCE_COMMIT_MS), ("eos-hasty", _HASTY_COMMIT_MS), ("alo", _EXACTLY_ONCE_COMMIT_MS)
    return [Whole(workers), _ours(workers), *(_hasty_kafka_streams(short, commit_ms, workers) for short, commit_ms in names)]


def recovering(workers: int) -> list[Reduced]:
    """Those whose recovery is measured, each with so many processes: members of a group that stay members while they restart."""
    return [_ours(workers), *(_static_kafka_streams(standbys, workers) for standbys in (0, 1))]


def rare_commit_ms(records: int) -> int:
    """How often those commit that do not have to: at least once, and checkpoints.

    As seldom as leaves a few commits on the way that say how far it got, at most every ten seconds.
    """
    return max(_LEAST_COMMIT_MS, min(_MOST_COMMIT_MS, records // _RECORDS_PER_COMMIT_MS))


def _ours(count: int) -> Reduced:
    def command(place: Place, worker: str) -> list[str]:
        told = ["--bootstrap", place.bootstrap, "--run", place.run, "--closed", place.data.closed, "--received", place.data.received]
        return [sys.executable, "-m", "ops.bench.reduced", *told, "--folder", str(place.folder), "--worker", worker]

    title = f"归档引擎 guidang engine, {count} worker(s)"
    return Reduced(f"guidang-{count}", title, "exactly-once", command, changelog=True, workers=count)


def _kafka_streams(short: str, store: str, threads: int) -> Reduced:
    exactly_ms = _COMMIT_MS.get(short)
    words = "exactly_once_v2" if exactly_ms else "at_least_once"

    def command(place: Place, _worker: str) -> tuple[str, ...]:
        commit_ms = exactly_ms or rare_commit_ms(place.data.records)
        return KAFKA_STREAMS.command(place, THROUGHPUT, threads=threads, store=store, commit_ms=commit_ms, guarantee=words)

    return Reduced(
        f"ks-{short}-{store}-{threads}",
        f"Kafka Streams {words}, {f'{exactly_ms} ms, ' if exactly_ms else ''}{store}, {threads} thread(s)",
        "exactly-once" if exactly_ms else "at-least-once",
        command,
        KAFKA_STREAMS.provide,
    )


def _hasty_kafka_streams(short: str, commit_ms: int, threads: int) -> Reduced:
    words = "at_least_once" if short == "alo" else "exactly_once_v2"

    def command(place: Place, _worker: str) -> tuple[str, ...]:
        return KAFKA_STREAMS.command(place, LATENCY, threads=threads, store="rocksdb", commit_ms=commit_ms, guarantee=words)

    title = f"Kafka Streams {words}, commit {commit_ms} ms, {threads} thread(s)"
    guarantee: Guarantee = "at-least-once" if short == "alo" else "exactly-once"
    return Reduced(f"ks-{short}-{threads}", title, guarantee, command, KAFKA_STREAMS.provide)


def _static_kafka_streams(standbys: int, workers: int) -> Reduced:
    tuning = replace(LATENCY, session_ms=_SESSION_MS, standbys=standbys)

    def command(place: Place, worker: str) -> tuple[str, ...]:
        own = replace(place, folder=place.folder / worker)
        return KAFKA_STREAMS.command(
            own, tuning, threads=1, store="rocksdb", commit_ms=_EXACTLY_ONCE_COMMIT_MS, guarantee="exactly_once_v2", instance=worker
        )

    title = f"Kafka Streams exactly_once_v2, {standbys} standby, {workers} instance(s)"
    name = f"ks-eos{'-standby' if standbys else ''}-{workers}"
    return Reduced(name, title, "exactly-once", command, KAFKA_STREAMS.provide, workers=workers)


def _flink(store: str, threads: int) -> Reduced:
    return Reduced(
        f"flink-{'heap' if store == 'memory' else store}-{threads}",
        f"Flink, {'heap' if store == 'memory' else store}, parallelism {threads}",
        "at-least-once",
        lambda place, _worker: FLINK.command(place, THROUGHPUT, threads=threads, store=store, commit_ms=rare_commit_ms(place.data.records)),
        FLINK.provide,
    )


def _python(
    name: str, title: str, guarantee: Guarantee, module: str, python: str = sys.executable, *, store: str = "", needs: str = ""
) -> Reduced:
    def command(place: Place, _worker: str) -> list[str]:
        told = {**place.told, "partitions": str(place.data.partitions), **({"store": store} if store else {})}
        options = [word for option, value in told.items() for word in (f"--{option}", value)]
        return [python, "-m", f"ops.bench.peers.{module}", *options]

    full_name = f"{name}-{store}" if store else name
    return Reduced(full_name, title, guarantee, command, partial(_check_package, needs, python) if needs else lambda: None)


def _check_package(package: str, python: str) -> None:
    command = [python, "-c", f"import {package}, fastavro, orjson"]
    found = Path(python).exists() and subprocess.run(command, capture_output=True, check=False, timeout=_CHECK_SECONDS).returncode == 0
    if not found:
        raise DependencyError(
            f"没有 Python 包 {package}：装入另一个虚拟环境（ops/bench/peers/requirements.txt），以 --peers-python 指明其解释器。"
            f" No package {package}: install it into an environment of its own and name its interpreter with --peers-python."
        )
