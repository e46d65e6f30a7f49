"""``guidang doctor``: what of machine, settings, Kafka and ClickHouse is as it should be, and what to do where it is not."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import confluent_kafka

from consumers.clickhouse import connect
from ops.bulletin.font import chinese_font, system_fonts
from ops.connect import Admin
from ops.jars import KAFKA_VERSION, jars_folder, java, java_version
from ops.ports import answers, free_port
from ops.supervisor.record import Paths, supervised
from ops.supervisor.roles import endpoint_port
from ops.topics import deviations, lacking_replicas
from streams.clock import wall_ms
from streams.errors import GuidangError
from streams.settings import Settings

State = Literal["ok", "warn", "fail"]
_LEAST_PYTHON = (3, 11)
_LEAST_DISK_BYTES, _LITTLE_DISK_BYTES = 1 << 30, 10 << 30
_MOST_CLOCK_SECONDS = 2.0
_ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    Parameters
    ----------
    remedy
        What to do; empty when there is nothing.
    """

    check: str
    state: State
    found: str
    remedy: str = ""


def examine_machine() -> Iterator[Finding]:
    """What does not depend on settings."""
    version = platform.python_version()
    yield (
        Finding("python", "ok", version)
        if sys.version_info >= _LEAST_PYTHON
        else Finding("python", "fail", version, "安装 Python 3.11 或更高版本 install Python 3.11 or newer")
    )
    yield _attempt("font", lambda: chinese_font(system_fonts()).family)
    yield _attempt("ports", lambda: f"有空闲端口 free, e.g. {free_port()}")


def examine_system(settings: Settings) -> Iterator[Finding]:
    """What the settings point at; nothing is changed."""
    if not settings.kafka.bootstrap_servers:
        yield from _means_for_kafka()
    yield from _data_dir(settings.home)
    yield _supervisor(settings)
    yield _clock(settings)
    kafka = _reach("kafka", settings, settings.kafka.bootstrap_servers, lambda: _kafka(settings))
    yield kafka
    if kafka.state == "ok":
        yield from _topics(settings)
    yield _reach("clickhouse", settings, settings.clickhouse.url, lambda: _clickhouse(settings))


def _attempt(check: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(check, "ok", look())
    except GuidangError as error:
        return Finding(check, "fail", str(error))


def _means_for_kafka() -> Iterator[Finding]:
    """What a broker of this machine needs; where another one is set, a container has none of it."""
    yield _attempt("java", lambda: (path := java()) and f"{java_version(path)} ({path})")
    maven = shutil.which("mvn")
    fetched = jars_folder().is_dir()
    yield (
        Finding("maven", "ok", maven)
        if maven
        else Finding("maven", "ok" if fetched else "fail", "没有 none", "" if fetched else "apt-get install maven")
    )
    yield (
        Finding("jars", "ok", f"Kafka {KAFKA_VERSION} ({jars_folder()})")
        if fetched
        else Finding("jars", "warn", f"Kafka {KAFKA_VERSION} 尚未下载 not downloaded", "guidang up 会下载 will download them; make install")
    )


def _data_dir(home: Path) -> Iterator[Finding]:
    try:
        existing = next(folder for folder in (home, *home.parents) if folder.exists())
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        yield Finding("data_dir", "fail", f"{home}: {error.strerror}", "换一个可写的 data_dir choose a data_dir that can be written")
        return
    yield Finding("data_dir", "ok", str(home))
    free_bytes = shutil.disk_usage(existing).free
    state: State = "fail" if free_bytes < _LEAST_DISK_BYTES else "warn" if free_bytes < _LITTLE_DISK_BYTES else "ok"
    yield Finding("disk", state, f"{free_bytes / (1 << 30):.1f} GiB 可用 free", "" if state == "ok" else "清理磁盘 free some space")


def _supervisor(settings: Settings) -> Finding:
    running = supervised(Paths(settings.home))
    return Finding("supervisor", "ok", "运行中 running" if running else "未运行 not running")


def _clock(settings: Settings) -> Finding:
    """A clock that somebody sets while we look is the one kind of wrong clock that a machine can see by itself."""
    began, began_ms = time.monotonic(), wall_ms()
    time.sleep(0.05)
    drift_seconds = abs((wall_ms() - began_ms) / 1000 - (time.monotonic() - began))
    said = f"GUIDANG_CLOCK={settings.clock}" if settings.clock else "系统时钟 wall clock"
    if drift_seconds > _MOST_CLOCK_SECONDS:
        return Finding("clock", "fail", f"{said}, 跳动 jumped by {drift_seconds:.1f} s", "检查时间同步 check time synchronisation")
    return Finding("clock", "ok", said)


def _reach(check: str, settings: Settings, configured: str, look: Callable[[], Finding]) -> Finding:
    """A server that was configured must answer; a local one that has not been started is no fault."""
    role = {"kafka": "kafka", "clickhouse": "store"}[check]
    port = endpoint_port(settings, role)
    if not configured and (port is None or not answers(port)):
        return Finding(check, "warn", "本机的没有运行 the local one does not run", "guidang up")
    try:
        return look()
    except GuidangError as error:
        return Finding(check, "fail", str(error), "检查地址、网络与登录设置 check address, network and login")


def _kafka(settings: Settings) -> Finding:
    admin = Admin(settings)
    cluster = admin.metadata()
    client = f"confluent-kafka {confluent_kafka.version()[0]}, librdkafka {confluent_kafka.libversion()[0]}"
    ours = "" if settings.kafka.bootstrap_servers else f", Apache Kafka {KAFKA_VERSION}"
    return Finding("kafka", "ok", f"{admin.servers}: {len(cluster.brokers)} broker(s), cluster {cluster.cluster_id}{ours}; {client}")


def _topics(settings: Settings) -> Iterator[Finding]:
    try:
        admin = Admin(settings)
        found, lacking = deviations(settings, admin), lacking_replicas(settings, admin)
    except GuidangError as error:
        yield Finding("topics", "fail", str(error))
        return
    for deviation in found:
        if deviation.harmless:
            yield Finding("topics", "ok", f"{deviation} (保留更久 kept longer)")
        elif deviation.setting == "partitions":
            yield Finding("topics", "fail", str(deviation), "见 see `guidang topics`")
        else:
            yield Finding("topics", "warn", str(deviation), "guidang topics")
    if lacking:
        yield Finding(
            "topics",
            "warn",
            f"{lacking} 个分区的同步副本少于应有 partitions have fewer replicas in sync than they should",
            "恢复缺席的 broker；副本本来就少的，用 kafka-reassign-partitions.sh 增加"
            " bring the missing broker back; where there never were enough, kafka-reassign-partitions.sh adds some",
        )
    if not found and not lacking:
        yield Finding("topics", "ok", "与设置一致 as the settings say")


def _clickhouse(settings: Settings) -> Finding:
    client: Any = connect(settings, database="default")
    try:
        version, zone = client.query("SELECT version(), timezone()").result_rows[0]
    finally:
        client.close()
    if zone != _ZONE:
        return Finding("clickhouse", "warn", f"{version}, {zone}", f"把服务器时区设为 set the server's time zone to {_ZONE}")
    return Finding("clickhouse", "ok", f"{version}, {zone}")
