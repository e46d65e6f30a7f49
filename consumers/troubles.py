"""What the sink makes of Kafka's errors: some end the process, the others pass and are told once."""

from __future__ import annotations

import logging

from confluent_kafka import KafkaError, KafkaException

from streams.errors import DependencyError
from streams.runtime.clients import refusal

log = logging.getLogger(__name__)

# ruff: noqa: SLF001 - librdkafka's own error codes are public in spite of their names
_REBALANCING = {
    *(KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS, KafkaError.UNKNOWN_MEMBER_ID),
    *(KafkaError._STATE, KafkaError._NO_OFFSET, KafkaError._ASSIGNMENT_LOST),
}
_GONE = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}


class Troubles:
    """Remembers what was told last, so that an outage is one line of the log and not twenty a second."""

    def __init__(self) -> None:
        self._told: int | None = None

    def meet(self, error: KafkaError) -> None:
        """Deal with an error of the consumer.

        Raises
        ------
        DependencyError
            The topic is not what it was: whoever starts next begins where its present life does. Or the client is beyond use.
        NotAllowed
            Kafka does not let us in, or a right is missing.
        """
        code = error.code()
        if code in _GONE:
            raise DependencyError(f"主题被删除、重建或截短，重新启动后重读 a topic was deleted, made again or cut: {error.str()}")
        if refused := refusal("sink", KafkaException(error)):
            raise refused
        if error.fatal():
            raise DependencyError(f"Kafka: {error.str()}")
        self.tell(error)

    def meet_at_commit(self, error: KafkaError) -> None:
        """Deal with a commit that failed; while partitions change hands that is ordinary, and their next owner replays."""
        if error.code() not in _REBALANCING:
            self.meet(error)

    def tell(self, error: KafkaError) -> None:
        """Log an error unless it was the last one told. Also librdkafka's ``error_cb``."""
        if error.code() not in {self._told, KafkaError._ALL_BROKERS_DOWN}:  # it follows the reason and hides it
            log.warning("Kafka: %s", error.str())
            self._told = error.code()

    def over(self) -> None:
        """Kafka has taken a commit: the next error is a new one."""
        self._told = None
