"""Whether Kafka lets a process do what it will have to: asked before anything is begun, so that all that is missing is told at once.

Without it a right that is needed once a month is found missing once a month. What cannot be asked for, transactional ids, the
process finds out for itself when it opens its partitions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from streams.errors import ConfigurationError, DependencyError, NotAllowed
from streams.rights import Right, rights_of
from streams.runtime.clients import REFUSALS, answered, patiently, refusal
from streams.settings import Settings

_REACH_S: Final = 15.0
_REQUEST_S: Final = 5.0
_ANSWER_S: Final = 30.0


def check_access(settings: Settings, process: str) -> None:
    """Ask Kafka whether a process has its rights (:data:`streams.rights.PROCESSES`); raises as :func:`check_rights` does."""
    check_rights(settings, process, rights_of(process, settings))


def check_rights(settings: Settings, process: str, wanted: Iterable[Right]) -> None:
    """Ask Kafka whether rights are granted; a Kafka without an authorizer grants everything.

    Parameters
    ----------
    process
        Whom to name.

    Raises
    ------
    NotAllowed
        It refuses the login; or it names what is missing, each right on a line.
    DependencyError
        It cannot be reached.
    """
    told: list[KafkaError] = []
    wanted = tuple(wanted)

    def ask() -> list[Right]:
        # A client of its own each time: beside a broker that has just started, a question about a group was seen to wait past its time.
        admin = admin_client(settings, told.append)
        return sorted([*_missing_topics(admin, wanted), *_missing_groups(admin, wanted)])

    try:
        _reach(admin_client(settings, told.append), told)
        missing = patiently(ask, _ANSWER_S)
    except KafkaException as error:
        raise _unreached(settings, error, told) from error
    if missing:
        lines = "\n".join(f"  {right}" for right in missing)
        raise NotAllowed(
            f"Kafka 不许这个进程（{process}）做它该做的事；什么也没有开始。缺少的权限：\n{lines}\n"
            f"授予的办法见 guidang rights {process}。 Kafka does not let the {process} do what it has to; nothing was begun."
            f" Grant the rights above: see `guidang rights {process}`."
        )


def admin_client(settings: Settings, tell: Callable[[KafkaError], None] = lambda _error: None) -> AdminClient:
    """Administrative connection to Kafka, quiet: what goes wrong is raised, or told where librdkafka itself only says "timed out".

    Raises
    ------
    ConfigurationError
        No broker is set, none of ours has run on this machine, or the client does not take the settings: a mechanism that it does not
        know, a certificate that is not there.
    DependencyError
        The machine has no thread, or no memory, for a client just now.
    """
    properties: Any = {**settings.kafka_client(), "log_level": 0, "error_cb": tell}
    try:
        return AdminClient(properties)
    except KafkaException as error:
        if error.args[0].code() != KafkaError._INVALID_ARG:  # noqa: SLF001 - librdkafka's name
            raise DependencyError(
                "Kafka 客户端起不来，多半是线程数或内存到了上限，稍后再试。"
                f" A Kafka client cannot be started, most likely for want of threads or memory; try again later: {error.args[0].str()}"
            ) from error
        raise ConfigurationError(
            f"Kafka 客户端不接受这些设置：检查 kafka.security.*。 The Kafka client does not take these settings: {error.args[0].str()}"
        ) from error


def _reach(admin: AdminClient, told: list[KafkaError]) -> None:
    """Return once somebody answers. A login that was refused is tried again by librdkafka for ever: here it ends the waiting."""
    give_up = time.monotonic() + _REACH_S
    while True:
        try:
            admin.list_topics(timeout=1)
        except KafkaException:
            admin.poll(0)  # which tells the callback
            if time.monotonic() > give_up or any(each.code() in REFUSALS for each in told):
                raise
        else:
            return


def _missing_topics(admin: AdminClient, wanted: Iterable[Right]) -> Iterator[Right]:
    rights = [right for right in wanted if right.resource == "topic"]
    names = TopicCollection(sorted({right.name for right in rights}))
    answers = admin.describe_topics(names, include_authorized_operations=True, request_timeout=_REQUEST_S)
    for name, answer in answers.items():
        granted = _granted(answer, absent=KafkaError.UNKNOWN_TOPIC_OR_PART)
        yield from (right for right in rights if right.name == name and granted is not None and right.operation not in granted)


def _missing_groups(admin: AdminClient, wanted: Iterable[Right]) -> Iterator[Right]:
    for right in wanted:
        if right.resource == "group":
            (answer,) = admin.describe_consumer_groups(
                [right.name], include_authorized_operations=True, request_timeout=_REQUEST_S
            ).values()
            granted = _granted(answer, absent=KafkaError.GROUP_ID_NOT_FOUND)
            if granted is not None and right.operation not in granted:
                yield right


def _granted(answer: Any, *, absent: int) -> set[str] | None:
    """Names of the operations that are allowed; ``None``: there is no saying, because it is not there, or the broker does not tell."""
    try:
        operations = answered(answer, _REQUEST_S).authorized_operations
    except KafkaException as error:
        code = error.args[0].code()
        if code in {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}:
            return set()
        if code == absent:
            return None
        raise
    return None if operations is None else {operation.name for operation in operations}


def _unreached(settings: Settings, error: KafkaException, told: list[KafkaError]) -> DependencyError | NotAllowed:
    """Librdkafka itself says only "timed out"; the reason it has told the callback."""
    servers = settings.kafka_client()["bootstrap.servers"]
    refused = next((each for each in told if each.code() in REFUSALS), None)
    if found := refusal(servers, KafkaException(refused) if refused else error):
        return found
    reasons = [each.str() for each in told if each.code() != KafkaError._ALL_BROKERS_DOWN]  # noqa: SLF001 - it hides the reason
    return DependencyError(f"连不上 Kafka（{servers}） Kafka cannot be reached: {(reasons or [error.args[0].str()])[-1]}")
