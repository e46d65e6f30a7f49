"""Client settings: one mapping in librdkafka's names, from which each client's own are derived."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streams.errors import ConfigurationError, NotAllowed

#: SASL mechanisms that both clients can do from a mapping of strings alone.
MECHANISMS: Final = frozenset({"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"})

#: What a broker says while leadership moves, and a client while a connection does. Asking again is right; other errors stay.
PASSING: Final = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,  # the client does not know yet that a partition was given a leader anew (KIP-320)
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
        KafkaError._TIMED_OUT,  # noqa: SLF001 - librdkafka's name
        KafkaError._TRANSPORT,  # noqa: SLF001 - librdkafka's name
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - what it says while it has lost sight of a partition's leader
        KafkaError._WAIT_COORD,  # noqa: SLF001 - librdkafka's name
    }
)
_AGAIN_S: Final = 0.1

#: What the broker says when it refuses a login, or what who is logged in may not do; aiokafka has the same numbers.
REFUSALS: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._AUTHENTICATION,  # noqa: SLF001 - librdkafka's name
    }
)

R = TypeVar("R")


def patiently(question: Callable[[], R], timeout_s: float) -> R:
    """Ask the broker something that changes nothing, again while the error is a passing one, for at most ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return question()
        except KafkaException as exc:
            if exc.args[0].code() not in PASSING or time.monotonic() > deadline:
                raise
        time.sleep(_AGAIN_S)


def answered(answer: Any, request_s: float) -> Any:
    """Return what an administrative request has brought.

    librdkafka itself lets a request fail when its time is over; one that it has lost would be waited for without end.

    Parameters
    ----------
    answer
        The future that the client returned.
    request_s
        The time that the request was given.

    Raises
    ------
    KafkaException
        Of the broker or the client; ``_TIMED_OUT`` where after twice the time nothing was heard.
    """
    try:
        return answer.result(2 * request_s)
    except TimeoutError as exc:
        told = f"no answer in {2 * request_s:g} s"
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, told)) from exc  # noqa: SLF001 - librdkafka's name


def refusal(what: str, error: BaseException) -> NotAllowed | None:
    """Return our error where Kafka has refused something, else nothing.

    Parameters
    ----------
    what
        What was asked for, such as ``transactional id guidang-3``: the broker itself often names nothing.
    error
        What confluent-kafka or aiokafka raised.
    """
    cause = error.args[0] if isinstance(error, KafkaException) else None
    # aiokafka's errors have Kafka's number for ``errno``; an operating system's numbers mean something else.
    code = cause.code() if isinstance(cause, KafkaError) else None if isinstance(error, OSError) else getattr(error, "errno", None)
    if code not in REFUSALS:
        return None
    said = cause.str() if isinstance(cause, KafkaError) else f"{type(error).__name__}: {error}"
    return NotAllowed(
        f"Kafka 拒绝了 refuses: {what}: {said}。什么也没有提交；该有的权限见 guidang rights。"
        " Nothing was committed; `guidang rights` lists what a process needs."
    )


def extent(consumer: Any, topic: str, partition: int, timeout_s: float) -> tuple[int, int]:
    """Return the first offset of a partition and its end: for a consumer of committed data, its last stable offset."""
    place = TopicPartition(topic, partition)
    found: tuple[int, int] = patiently(lambda: consumer.get_watermark_offsets(place, timeout=timeout_s, cached=False), timeout_s)
    return found


def common(kafka: Mapping[str, str]) -> dict[str, Any]:
    """Return the connection properties, with librdkafka's log on stderr cut down to warnings unless they say otherwise."""
    return {"log_level": 4, **kafka}


def consumer_config(kafka: Mapping[str, str], group: str) -> dict[str, Any]:
    """Return the settings of a plain consumer that joins no group and commits nothing.

    ``partition.eof`` events are on: their offset is the only way to see that control markers were passed.
    """
    return {
        **common(kafka),
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
        "allow.auto.create.topics": False,
        "fetch.wait.max.ms": 100,
        "queued.max.messages.kbytes": 16_384,
    }


def transactional_id(name: str, partition: int) -> str:
    """Of a partition's producer. Whoever may use it can fence the worker that has the partition: it is nobody's but the workers'."""
    return f"{name}-{partition}"


def producer_config(kafka: Mapping[str, str], transactional_id: str, transaction_timeout_ms: int) -> dict[str, Any]:
    """Return the settings of a partition's transactional producer.

    ``retry.backoff.ms`` counts: adding a partition to a transaction is answered by a retriable error until the last
    transaction's markers are out, and the default of 100 ms would be paid by every transaction.

    ``connections.max.idle.ms`` counts: after the broker was away, librdkafka may wait for a group coordinator that it no longer has,
    past every timeout, until the state of some connection changes (librdkafka 5456, 5511). A producer that waits is idle otherwise;
    so its connections end, and it looks for the coordinator again.

    ``reconnect.backoff.*`` counts with it: librdkafka doubles the pause before the next connection each time, be it that the last one
    only ended for want of work. By default a partition whose transactions lie further apart than a connection lives comes to wait 5 s
    for each of them (docs/design/engine.md).
    """
    return {
        **common(kafka),
        "transactional.id": transactional_id,
        "transaction.timeout.ms": transaction_timeout_ms,
        "message.timeout.ms": transaction_timeout_ms,
        "acks": "all",
        # The topics say how large a record may be; the client's own limit of 1 MB would make a large one deadly.
        "message.max.bytes": 16_777_216,
        "linger.ms": 2,
        "retry.backoff.ms": 3,
        "connections.max.idle.ms": 4_000,
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 250,
        "compression.type": "lz4",
        "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": 262_144,
    }


def aiokafka_auth(kafka: Mapping[str, str]) -> dict[str, Any]:
    """Translate the connection properties into ``aiokafka``'s arguments.

    Raises
    ------
    ConfigurationError
        The properties ask for something that ``aiokafka`` cannot do from settings alone.
    """
    protocol = kafka.get("security.protocol", "plaintext").upper()
    auth: dict[str, Any] = {"security_protocol": protocol}
    if protocol not in {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}:
        raise ConfigurationError(f"security.protocol={protocol} is not a protocol of Kafka")
    if protocol.startswith("SASL_"):
        mechanism = (kafka.get("sasl.mechanism") or kafka.get("sasl.mechanisms") or "PLAIN").upper()
        if mechanism not in MECHANISMS:
            raise ConfigurationError(f"sasl.mechanism={mechanism}: a worker can do {', '.join(sorted(MECHANISMS))}")
        auth |= {
            "sasl_mechanism": mechanism,
            "sasl_plain_username": kafka.get("sasl.username", ""),
            "sasl_plain_password": kafka.get("sasl.password", ""),
        }
    if protocol.endswith("SSL"):
        auth["ssl_context"] = ssl_context(kafka)
    return auth


def ssl_context(kafka: Mapping[str, str]) -> ssl.SSLContext:
    """Build the TLS context that the ``ssl.*`` properties describe; verification is on unless they say otherwise."""
    try:
        context = ssl.create_default_context(cafile=kafka.get("ssl.ca.location"), cadata=kafka.get("ssl.ca.pem"))
        if certificate := kafka.get("ssl.certificate.location"):
            context.load_cert_chain(certificate, kafka.get("ssl.key.location"), kafka.get("ssl.key.password"))
    except OSError as exc:
        raise ConfigurationError(f"ssl.*: {exc}") from exc
    if kafka.get("ssl.endpoint.identification.algorithm", "https") == "none":
        context.check_hostname = False
    if kafka.get("enable.ssl.certificate.verification", "true").lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
