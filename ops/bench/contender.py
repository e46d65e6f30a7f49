"""What the harness asks of a contender, and how one that does the reduced job answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from ops.bench.crew import Crew, crew
from ops.bench.dataset import DataSet
from ops.bench.topics import create
from ops.bench.traffic import Message, Outputs
from ops.bench.verdicts import check, read_verdicts
from ops.bench.visible import Rows

Guarantee = Literal["exactly-once", "at-least-once", "none"]
_FOREVER = {"retention.ms": "-1"}


def worker_names(count: int) -> tuple[str, ...]:
    """``w1``, ``w2``, …."""
    return tuple(f"w{number}" for number in range(1, count + 1))


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run happens.

    Parameters
    ----------
    run
        Name of the run: the consumer group, and part of the name of every topic that it creates.
    folder
        Empty, for state and logs.
    """

    bootstrap: str
    run: str
    folder: Path
    data: DataSet

    @property
    def verdicts(self) -> str:
        """Topic of the verdicts of this run."""
        return f"{self.run}-verdicts"

    @property
    def told(self) -> dict[str, str]:
        """What every peer is told, by the name of the option."""
        return {
            "bootstrap": self.bootstrap,
            "application": self.run,
            "closed": self.data.closed,
            "received": self.data.received,
            "verdicts": self.verdicts,
            "folder": str(self.folder),
        }


@dataclass(frozen=True, slots=True)
class Launch:
    """How a contender is started and watched.

    Parameters
    ----------
    commands
        One for each of its processes, by the name of the process.
    group
        Consumer group under which it commits the offsets of ``inputs``.
    records
        How many records are in ``inputs``.
    written
        Topics it writes to whose names do not contain the name of the run.
    environment
        Variables beside those of this process.
    """

    commands: Mapping[str, tuple[str, ...]]
    group: str
    inputs: tuple[str, ...]
    records: int
    written: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verified:
    """What the check of a run's outputs says.

    Parameters
    ----------
    outputs
        Verdicts, or states of cases.
    faults
        What must not be, in words; empty: all is as the data set says.
    outputs_s
        When the broker took each of them, seconds since 1970, in order; empty: outputs do not tell.
    checked
        They could be held against the truth; else nothing is known of them.
    """

    outputs: int
    faults: tuple[str, ...]
    outputs_s: Sequence[float] = ()
    checked: bool = True


class Contestant(Protocol):
    """Something that is measured beside others."""

    @property
    def name(self) -> str:
        """By which it is chosen on the command line."""
        ...

    @property
    def title(self) -> str:
        """For people."""
        ...

    @property
    def guarantee(self) -> Guarantee:
        """What it promises should it be killed."""
        ...

    def provide(self) -> None:
        """Fetch and build what it needs.

        Raises
        ------
        DependencyError
            It cannot run on this machine: why, and what would help.
        """
        ...


class Contender(Contestant, Protocol):
    """One that reads all of its input as fast as it can."""

    def launch(self, place: Place) -> Launch:
        """Create its topics."""
        ...

    def settle(self, place: Place, give_up: float) -> None:
        """Wait, while it still runs and until :func:`time.monotonic` says ``give_up``, for what follows the last commit."""
        ...

    def verify(self, place: Place, *, complete: bool) -> Verified:
        """Hold what it wrote against the truth, once it has been stopped; ``complete``: it read all its input."""
        ...


@dataclass(frozen=True, slots=True)
class Live:
    """A contender at work, to be sent events one by one.

    Parameters
    ----------
    messages
        The records of a case by its number.
    expects
        Whether a case has an output.
    outputs
        Reads them; those of the cases that were there before it started are its bulk.
    team
        Its processes.
    verify
        What is wrong with the outputs, given that there were so many cases.
    rows
        Looks for rows in ClickHouse, where it writes any.
    """

    messages: Callable[[int], Sequence[Message]]
    expects: Callable[[int], bool]
    outputs: Outputs
    team: Crew
    verify: Callable[[int], tuple[str, ...]]
    rows: Rows | None = None

    def check(self) -> None:
        """See that its processes run, and that its outputs are still looked for.

        Raises
        ------
        DependencyError
            They do not.
        """
        self.team.check()
        self.outputs.check()
        if self.rows is not None:
            self.rows.check()


class Timed(Contestant, Protocol):
    """One whose outputs can be waited for."""

    def live(self, place: Place, bulk: int) -> AbstractContextManager[Live]:
        """Write the events of ``bulk`` cases, then start it; it ends with the context."""
        ...


@dataclass(frozen=True, slots=True)
class Reduced:
    """One that does the reduced job: whose verdicts are those of the data set.

    Parameters
    ----------
    command
        Makes the command of one of its workers, by the worker's name, for a run.
    needs
        As :meth:`Contestant.provide`.
    changelog
        Its changelog is created here (``NAME-state``, compacted); others create their own.
    workers
        How many processes it has.
    """

    name: str
    title: str
    guarantee: Guarantee
    command: Callable[[Place, str], Sequence[str]]
    needs: Callable[[], object] = lambda: None
    changelog: bool = False
    workers: int = 1

    def provide(self) -> None:
        """Fetch and build."""
        self.needs()

    def launch(self, place: Place) -> Launch:
        """Create the topic of the verdicts: the broker stamps when it took each of them."""
        topics = {place.verdicts: _FOREVER | {"message.timestamp.type": "LogAppendTime"}}
        if self.changelog:
            topics[f"{place.run}-state"] = {"cleanup.policy": "compact"}
        create(place.bootstrap, topics, place.data.partitions)
        commands = {name: tuple(self.command(place, name)) for name in worker_names(self.workers)}
        return Launch(commands, place.run, place.data.topics, place.data.records)

    @contextmanager
    def live(self, place: Place, bulk: int) -> Iterator[Live]:
        """Ready for more events of the data set, which has no end here."""
        launch, there = self.launch(place), replace(place.data, cases=bulk)
        there.publish(place.bootstrap)

        def messages(number: int) -> list[Message]:
            return [Message(number, topic, *record) for topic, record in place.data.records_of(number)]

        def verify(cases: int) -> tuple[str, ...]:
            return self.verify(replace(place, data=replace(place.data, cases=cases)), complete=True).faults

        outputs = Outputs(place.bootstrap, place.verdicts, there.partitions, place.data.number_of, bulk, there.verdicts)
        with crew(place.folder.with_suffix(".log"), launch.environment, launch.commands) as team, outputs.watching():
            yield Live(messages, lambda number: place.data.delay_ms(number) is not None, outputs, team, verify)

    def settle(self, place: Place, give_up: float) -> None:
        """Nothing follows."""

    def verify(self, place: Place, *, complete: bool) -> Verified:
        """Every verdict, read back."""
        found = check(place.data, read_verdicts(place.bootstrap, place.verdicts, place.data.partitions))
        faults = found.faults(exactly_once=self.guarantee == "exactly-once", complete=complete)
        return Verified(found.verdicts, faults, [at_ms / 1000 for at_ms in sorted(found.at_ms)])
