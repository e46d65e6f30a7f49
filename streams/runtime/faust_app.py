"""The Faust app an engine runs in: every setting that matters is set here, with why."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import faust
from faust.tables.manager import TableManager
from faust.topics import Topic

from streams.runtime.transport import Transport

if TYPE_CHECKING:
    from streams.runtime.engine import Engine

#: At DEBUG these print keys and values.
_TALKATIVE: Final = ("faust", "aiokafka", "mode", "kafka")


class RawTopic(Topic):
    """Topic whose messages carry a :class:`streams.runtime.batch.RecordBatch`, which is passed on untouched."""

    def _compile_decode(self) -> None:
        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG001 - nothing here can fail to decode
            return self._create_event(None, message.value, {}, message=message)

        self.decode = decode  # type: ignore[method-assign]  # as Faust itself does


class NoTables(TableManager):
    """Faust's tables, of which there are none: it waits a second for them to be declared."""

    async def on_start(self) -> None:
        """Start what partitions are assigned through."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


def create_app(engine: Engine) -> faust.App:
    """Return an app on the engine's transport."""
    settings = engine.settings
    bootstrap = settings.kafka["bootstrap.servers"]
    app = faust.App(
        engine.job.name,
        broker=[f"kafka://{address.strip()}" for address in bootstrap.split(",")],
        datadir=settings.directory / "faust",
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        # 0 without tables makes Faust take a round-robin assignor, which does not co-partition.
        table_standby_replicas=1,
        stream_wait_empty=False,
        stream_buffer_maxsize=16,
        stream_recovery_delay=0.0,
        consumer_group_instance_id=settings.worker,
        broker_commit_interval=60.0,
        Topic=RawTopic,
        TableManager=NoTables,
    )
    app.finalize()
    app.transport = Transport(app.conf.broker_consumer, app, engine)
    # The app publishes nothing: records leave by the partitions' transactions only.
    app.boot_strategy.enable_kafka_producer = False
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger(name).level))
    return app


def input_topic(app: faust.App, engine: Engine) -> Any:
    """Return the topic object an agent of the app listens to: all inputs, no acks, because nothing is committed by them."""
    return app.topic(*engine.job.inputs, key_serializer="raw", value_serializer="raw", acks=False)
