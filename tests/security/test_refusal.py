"""What Kafka refuses is told as such, whichever client it was told; and nothing else is."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import errors as aiokafka
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import NewTopic

from ops.cli.rights import commands
from streams.errors import NotAllowed
from streams.rights import PROCESSES, Right, rights_of, without_implied
from streams.runtime.clients import REFUSALS, refusal
from streams.runtime.settings import EngineSettings
from streams.runtime.transaction import Committer, Transaction
from streams.settings import KafkaSettings, Settings
from tests.ops.test_cli import guidang
from tests.security.broker import SecureBroker

REFUSED = (
    *(KafkaException(KafkaError(code)) for code in sorted(REFUSALS)),
    aiokafka.TopicAuthorizationFailedError({"case-closed"}),
    aiokafka.GroupAuthorizationFailedError("guidang"),
    aiokafka.SaslAuthenticationFailed("no"),
)
OTHERS = (
    KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT)),
    KafkaException("no error of the broker"),
    aiokafka.KafkaConnectionError("gone"),
    *(OSError(number, "disk") for number in (errno.EROFS, errno.ESPIPE, errno.EMLINK)),
    ValueError("x"),
)


@pytest.mark.parametrize("error", REFUSED, ids=repr)
def test_a_refusal_of_either_client_is_an_error_that_is_tried_again(error: Exception) -> None:
    """With what was asked for, and where to see what is needed."""
    refused = refusal("topic case-closed", error)
    assert isinstance(refused, NotAllowed)
    assert refused.exit_code == 4
    assert "topic case-closed" in str(refused)
    assert "guidang rights" in str(refused)


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_any_other_error_is_none(error: Exception) -> None:
    """A read-only file system has the number of a group that may not be joined."""
    assert refusal("x", error) is None


def test_names_follow_the_settings() -> None:
    """Prefix, application and partitions; no name is granted as the beginning of others."""
    settings = Settings(application="app", kafka=KafkaSettings(topic_prefix="p-", partitions=3))
    rights = {right for process in PROCESSES for right in rights_of(process, settings)}
    assert {right.name for right in rights if right.resource == "transactional-id"} == {"app-0", "app-1", "app-2", "app-redrive"}
    assert all(right.name.startswith("p-") for right in rights if right.resource == "topic")
    assert all(right.name == "app" or right.name.startswith("app-") for right in rights if right.resource == "group")


def test_what_another_right_implies_is_left_out() -> None:
    """For the same resource alone."""
    read, see, other = Right("topic", "a", "READ"), Right("topic", "a", "DESCRIBE"), Right("group", "a", "DESCRIBE")
    assert without_implied([read, see, other]) == {read, other}


def test_the_command_prints_rights_or_the_commands_that_grant_them() -> None:
    """One command for each resource."""
    lines = commands("User:sink", rights_of("sink", Settings()))
    assert lines[0] == "kafka-acls.sh --add --allow-principal User:sink --operation READ --group guidang-sink"
    assert len(lines) == len(set(lines)) == 9
    shown = guidang("rights", "sink", "--user", "User:sink")
    assert (shown.returncode, shown.stdout.splitlines()) == (0, lines)
    assert guidang("rights", "nobody").returncode == 2


def test_no_representation_of_the_engines_settings_holds_a_password() -> None:
    """It may get into a traceback, or a log."""
    kafka = {"bootstrap.servers": "b:9092", "sasl.password": "unmistakable"}
    assert "unmistakable" not in repr(EngineSettings(kafka=kafka, worker="w", data_dir=Settings().home))


class Slow(dict[bytes, bytes]):
    """Records of which each comes a second after the one before: an answer of the broker overtakes the second."""

    def items(self) -> Iterator[tuple[bytes, bytes]]:  # type: ignore[override]  # all that a transaction asks for
        """The pairs."""
        for pair in super().items():
            yield pair
            time.sleep(1)


@pytest.mark.kafka
def test_a_refusal_that_comes_while_records_are_given_is_told_as_such(secured: SecureBroker, tmp_path: Path) -> None:
    """The call under way says only that the transaction is in no state to go on."""
    secured.admin.create_topics([NewTopic("log", 1, 1)])["log"].result(20)
    secured.grant({"half": [Right("transactional-id", "app-0", "WRITE"), Right("topic", "log", "DESCRIBE")]})
    settings = Settings(kafka={"bootstrap_servers": secured.sasl, "security": secured.login("half")})
    committer = Committer(EngineSettings(kafka=settings.kafka_client(), worker="w", data_dir=tmp_path), "app", 0)
    committer.init("log")
    with pytest.raises(NotAllowed, match="produce"):
        committer.commit(Transaction({"log": Slow({b"1": b"", b"2": b"", b"3": b""})}, [], {}))
    committer.close()
