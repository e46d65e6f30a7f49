"""What the engine leans on inside Faust, aiokafka and mode is there, as it was when it was read."""

from __future__ import annotations

import inspect
from importlib.metadata import version

import faust
import mode.threads
import pytest
from aiokafka.consumer import AIOKafkaConsumer
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, Fetcher, PartitionRecords
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import Assignment, SubscriptionState, TopicPartitionState
from faust.app.base import BootStrategy
from faust.tables.manager import TableManager
from faust.topics import Topic
from faust.transport import consumer as base
from faust.transport.conductor import Conductor
from faust.transport.drivers import aiokafka as driver

from streams.runtime import transport
from streams.runtime.faust_app import NoTables


@pytest.mark.parametrize(("package", "wanted"), [("faust-streaming", "0.15.3"), ("aiokafka", "0.14.0"), ("mode-streaming", "0.7.1")])
def test_the_versions_are_the_ones_that_were_read(package: str, wanted: str) -> None:
    """An upgrade means reading them again."""
    assert version(package) == wanted


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (driver.AIOKafkaConsumerThread._create_consumer, ["self", "loop"]),
        (driver.AIOKafkaConsumerThread._ensure_consumer, ["self"]),
        (driver.Consumer._new_consumer_thread, ["self"]),
        (base.Consumer._drain_messages, ["self", "fetcher"]),
        (base.Consumer.commit, ["self", "topics", "start_new_transaction"]),
        (base.Consumer.force_commit, ["self", "topics", "start_new_transaction"]),
        (base.Consumer.perform_seek, ["self"]),
        (base.Consumer.wait_empty, ["self"]),
        (base.Consumer.on_partitions_revoked, ["self", "revoked"]),
        (base.Consumer.on_partitions_assigned, ["self", "assigned", "generation_id"]),
        (driver.Consumer.verify_event_path, ["self", "now", "tp"]),
        (Topic._compile_decode, ["self"]),
        (Topic._create_event, ["self", "key", "value", "headers", "message"]),
        (Fetcher.fetched_records, ["self", "partitions", "timeout", "max_records"]),
        (GroupCoordinator.check_errors, ["self"]),
        (Assignment.state_value, ["self", "tp"]),
        (AIOKafkaConsumer.seek, ["self", "partition", "offset"]),
        (AIOKafkaConsumer.end_offsets, ["self", "partitions"]),
        (Fetcher.end_offsets, ["self", "partitions", "timeout_ms"]),
        (mode.threads.WorkerThread.__init__, ["self", "service", "kwargs"]),
        (mode.threads.WorkerThread.stop, ["self"]),
    ],
)
def test_signatures_are_as_used(function, parameters: list[str]) -> None:
    """Names and parameters of what is called or overridden."""
    assert list(inspect.signature(function).parameters)[: len(parameters)] == parameters


def test_positions_and_assignments_have_the_attributes_we_read() -> None:
    """The read loop takes positions from the consumer's inside."""
    assert isinstance(inspect.getattr_static(TopicPartitionState, "position"), property)
    assert isinstance(inspect.getattr_static(TopicPartitionState, "has_valid_position"), property)
    assert isinstance(inspect.getattr_static(Assignment, "active"), property)
    assert isinstance(inspect.getattr_static(Assignment, "tps"), property)
    assert hasattr(SubscriptionState, "fetch_context")
    source = inspect.getsource(AIOKafkaConsumer)
    assert "self._subscription = " in source
    assert "self._coordinator = " in source
    assert "self._fetcher = " in source


def test_what_is_read_is_filtered_by_the_partitions_asked_for() -> None:
    """An empty set would mean all partitions: the engine never asks with one."""
    source = inspect.getsource(Fetcher.fetched_records)
    assert "if partitions and tp not in partitions:" in source


def test_ends_are_asked_for_under_the_isolation_level_that_is_set_on_a_copy() -> None:
    """The copy needs nothing else of what it was made of than the connections."""
    asking = (Fetcher.end_offsets, Fetcher._retrieve_offsets, Fetcher._proc_offset_requests, Fetcher._proc_offset_request)
    used = {name for function in asking for name in function.__code__.co_names if name.startswith("_")}
    used -= {function.__name__ for function in asking}
    assert {name for name in used if name in inspect.getsource(Fetcher.__init__)} == {"_client", "_isolation_level", "_retry_backoff"}
    assert READ_UNCOMMITTED == 0


def test_batches_are_made_and_read_where_header_names_are_seen_to() -> None:
    """By the name that is replaced; and a batch that is read again from its beginning gives no record twice."""
    assert "records = MemoryRecords(part_data[-1])" in inspect.getsource(Fetcher)
    source = inspect.getsource(PartitionRecords)
    assert "for record in next_batch:" in source
    assert "if record.offset < self.next_fetch_offset:" in source


def test_our_overrides_override_something() -> None:
    """A method renamed upstream would leave ours behind, unused, and Faust committing."""
    for ours, theirs in (
        (transport.Consumer, driver.Consumer),
        (transport.ConsumerThread, driver.AIOKafkaConsumerThread),
        (transport.Transport, driver.Transport),
    ):
        assert issubclass(ours, theirs)
    for name in ("_drain_messages", "commit", "force_commit", "perform_seek", "wait_empty", "verify_event_path", "_new_consumer_thread"):
        assert name in vars(transport.Consumer)
        assert hasattr(driver.Consumer, name)
    assert "_create_consumer" in vars(transport.ConsumerThread)


def test_every_path_by_which_faust_commits_goes_through_what_is_overridden() -> None:
    """The timer, the stop, a failed task, and the conductor."""
    for function in (base.Consumer._commit_handler, base.Consumer.commit_and_end_transactions, base.Consumer.on_task_error):
        assert "self.commit(" in inspect.getsource(getattr(function, "fun", function))
    assert "self.app.consumer.commit(topics)" in inspect.getsource(Conductor.commit)


def test_faust_needs_no_producer_to_consume() -> None:
    """The app starts no producer of its own."""
    assert "enable_kafka_producer" in inspect.getsource(BootStrategy._should_enable_kafka_producer)


def test_without_tables_only_a_wait_is_left_out_of_what_starts_them() -> None:
    """A second, which every worker would take longer to start."""
    body = inspect.getsource(TableManager.on_start).split('"""')[2]
    assert body.split() == f"await self.sleep(1.0) {inspect.getsource(NoTables.on_start).split(chr(34) * 3)[2]}".split()


def test_a_topic_without_acks_is_tracked_by_nobody() -> None:
    """With acks, a list of acked offsets would grow for ever, because the commits that prune it are switched off."""
    assert "if channel.acks" in inspect.getsource(Conductor._update_indices)
    assert "acks" in inspect.signature(faust.App.topic).parameters
