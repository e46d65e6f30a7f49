"""Administrative connections to Kafka, with errors that say what is wrong."""

from __future__ import annotations

import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import ClusterMetadata  # type: ignore[attr-defined]  # the package does not mark what it exports

from streams.access import admin_client
from streams.errors import DependencyError, NotAllowed
from streams.runtime.clients import answered, refusal
from streams.settings import Settings

REACH_SECONDS = 10.0
_LOOK_SECONDS = 2.5


class Admin:
    """An administrative client that remembers why the brokers cannot be reached.

    librdkafka itself says only "timed out" and tells the reason, such as a refused connection or a wrong password, to a callback.

    Raises
    ------
    ConfigurationError, DependencyError
        As :func:`streams.access.admin_client`.
    """

    def __init__(self, settings: Settings) -> None:
        self.servers = settings.kafka_client()["bootstrap.servers"]
        self._reason = ""
        self._refused: KafkaError | None = None
        self.client = admin_client(settings, self._remember)

    def metadata(self, timeout_seconds: float = REACH_SECONDS) -> ClusterMetadata:
        """Brokers and topics of the cluster.

        Raises
        ------
        DependencyError
            It cannot be reached in time.
        NotAllowed
            It does not let us in, or not do this.
        """
        give_up = time.monotonic() + timeout_seconds
        while True:
            try:
                return self.client.list_topics(timeout=min(timeout_seconds, _LOOK_SECONDS))
            except KafkaException as error:
                failure = self.failure(error)
                if isinstance(failure, NotAllowed) or time.monotonic() > give_up:  # a login that was refused is refused again
                    raise failure from error

    def look_at_groups(self, *groups: str) -> None:
        """Return if these consumer groups may be seen: a consumer that asks for offsets without being allowed to just waits.

        Raises
        ------
        NotAllowed
            Naming the first that may not be seen.
        """
        for group in groups:
            (answer,) = self.client.describe_consumer_groups([group], request_timeout=REACH_SECONDS).values()
            try:
                answered(answer, REACH_SECONDS)
            except KafkaException as error:  # anything else shows when the group is asked for
                if refused := refusal(f"消费组 group {group}", error):
                    raise refused from error

    def failure(self, error: KafkaException, what: str = "") -> DependencyError | NotAllowed:
        """Turn what librdkafka raised into our error, with the reason it told the callback."""
        self.client.poll(0)
        if refused := refusal(what or self.servers, KafkaException(self._refused) if self._refused else error):
            return refused
        said = error.args[0].str() if error.args and isinstance(error.args[0], KafkaError) else str(error)
        return DependencyError(f"Kafka 连接或请求失败 Kafka at {self.servers}: {self._reason or said}")

    def _remember(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - a public constant; it follows the reason and hides it
            self._reason = error.str()
        if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001 - a public constant
            self._refused = error
