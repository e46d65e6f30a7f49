"""How the local broker is set up: the memory of its Java, its properties, its log."""

from __future__ import annotations

from collections.abc import Mapping

MESSAGE_MAX_BYTES = 6 * 1024 * 1024
"""The largest record of ours, a dead letter of the largest input, fits with room to spare."""
JVM = ("-Xms256m", "-Xmx768m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true")
COORDINATOR_SEGMENT_BYTES = 1024 * 1024
"""Of the topics in which the broker keeps offsets and transactions; the last segment is never compacted.

A broker that was killed begins to lead these topics twice when it starts again, a second or two apart, and reads them whole each time.
If the first reading is not over by then, its end is taken for the end of the second (Kafka up to 4.4: ``CoordinatorRuntime``, ``load``):
the group then stands where some earlier offset was, or has no coordinator, until the broker starts anew. With the default of 100 MB
reading takes seconds, with this a moment.
"""
DEFAULTS: Mapping[str, str | int] = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "broker.session.timeout.ms": 4000,  # default 9 s: how long a broker that was killed cannot register again
    "broker.heartbeat.interval.ms": 500,
    "auto.create.topics.enable": "false",  # a misspelled topic is an error, not a topic with one partition and 7 days
    "message.max.bytes": MESSAGE_MAX_BYTES,
    "replica.fetch.max.bytes": MESSAGE_MAX_BYTES,
    "group.initial.rebalance.delay.ms": 0,
    "offsets.retention.minutes": 10 * 365 * 24 * 60,  # a system switched off for longer than the default week goes on where it was
    "offsets.topic.num.partitions": 4,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.segment.bytes": COORDINATOR_SEGMENT_BYTES,
    "transaction.state.log.num.partitions": 8,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.segment.bytes": COORDINATOR_SEGMENT_BYTES,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "log.cleaner.dedupe.buffer.size": 32 * 1024 * 1024,  # default 128 MiB: a quarter of this heap
}
LOG4J = """rootLogger.level = info
rootLogger.appenderRef.file.ref = file
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {folder}/kafka.log
appender.file.filePattern = {folder}/kafka.%i.log
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{ISO8601_OFFSET_DATE_TIME_HHCMM}}{{Asia/Shanghai}} %p %m (%c)%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 20MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
# one line for each try, thousands a second until a coordinator has been read
logger.markers.name = kafka.coordinator.transaction.TransactionMarkerRequestCompletionHandler
logger.markers.level = warn
"""


def in_properties(value: object) -> str:
    """A value as it stands in a properties file, which Java reads as Latin-1 with escapes."""
    units = map(chr, memoryview(str(value).encode("utf-16-le")).cast("H"))
    return "".join(unit if unit.isascii() and unit.isprintable() and unit != "\\" else f"\\u{ord(unit):04x}" for unit in units)
