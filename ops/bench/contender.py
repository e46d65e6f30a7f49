"""What the harness asks of a contender, and how one that does the reduced job answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from ops.bench.dataset import DataSet
from ops.bench.topics import create
from ops.bench.verdicts import check, read_verdicts

Guarantee = Literal["exactly-once", "at-least-once", "none"]
_FOREVER = {"retention.ms": "-1"}


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
        One for each of its processes.
    group
        Consumer group under which it commits the offsets of ``inputs``.
    records
        How many records are in ``inputs``.
    written
        Topics it writes to whose names do not contain the name of the run.
    environment
        Variables beside those of this process.
    """

    commands: tuple[tuple[str, ...], ...]
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
    end_s
        When the broker took the last output, seconds since 1970; None: outputs do not tell.
    """

    outputs: int
    faults: tuple[str, ...]
    end_s: float | None = None


class Contender(Protocol):
    """Something that does a job."""

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
class Reduced:
    """One that does the reduced job: whose verdicts are those of the data set.

    Parameters
    ----------
    commands
        Makes the commands of its processes for a run.
    needs
        As :meth:`Contender.provide`.
    changelog
        Its changelog is created here (``NAME-state``, compacted); others create their own.
    """

    name: str
    title: str
    guarantee: Guarantee
    commands: Callable[[Place], Sequence[Sequence[str]]]
    needs: Callable[[], object] = lambda: None
    changelog: bool = False

    def provide(self) -> None:
        """Fetch and build."""
        self.needs()

    def launch(self, place: Place) -> Launch:
        """Create the topic of the verdicts: the broker stamps when it took each of them."""
        topics = {place.verdicts: _FOREVER | {"message.timestamp.type": "LogAppendTime"}}
        if self.changelog:
            topics[f"{place.run}-state"] = {"cleanup.policy": "compact"}
        create(place.bootstrap, topics, place.data.partitions)
        return Launch(tuple(map(tuple, self.commands(place))), place.run, place.data.topics, place.data.records)

    def settle(self, place: Place, give_up: float) -> None:
        """Nothing follows."""

    def verify(self, place: Place, *, complete: bool) -> Verified:
        """Every verdict, read back."""
        found = check(place.data, read_verdicts(place.bootstrap, place.verdicts, place.data.partitions))
        faults = found.faults(exactly_once=self.guarantee == "exactly-once", complete=complete)
        return Verified(found.verdicts, faults, found.last_ms / 1000 if found.verdicts else None)
