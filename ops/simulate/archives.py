"""What arrives for a case: packages with their receipts, and what of them stands at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from ops.simulate.calendar import DAY_MS, HOUR_MS, MINUTE_MS, day_at, nightly_burst

_REFUSED = ("ARCHIVING_FAILED", "DOWNLOAD_FAILED", "UNPACK_FAILED", "INSPECTION_FAILED", "DIGEST_MISMATCH")
ACCEPTED = "ACCEPTED"


@dataclass(frozen=True, slots=True)
class Package:
    """One event about one archive number.

    Parameters
    ----------
    speaks
        What it says is what the archive is held against; else it says something else, and nobody is to mind.
    """

    number: int
    receipt: str
    received_at: int
    sent_at: int
    revision: int = 1
    deleted: bool = False
    speaks: bool = True


@dataclass(slots=True)
class Arrivals:
    """What is sent for a case by ``until_ms``, and what comes of it.

    Parameters
    ----------
    accepted
        Number within the case -> earliest acceptance that stands.
    refused
        A number stands whose events are refusals.
    """

    rng: Random
    closed_at: int
    due_at: int
    until_ms: int
    outage: tuple[int, int]
    packages: list[Package] = field(default_factory=list)
    accepted: dict[int, int] = field(default_factory=dict)
    refused: bool = False

    def send(
        self,
        number: int,
        receipt: str,
        received_at: int,
        *,
        revision: int = 1,
        deleted: bool = False,
        sent_at: int = 0,
        speaks: bool = True,
    ) -> bool:
        """Send an event unless its time is yet to come; return whether it was sent."""
        sent_at = max(received_at, sent_at) + self.rng.randrange(10 * MINUTE_MS)
        if received_at > self.until_ms or (revision > 1 and sent_at > self.until_ms):
            return False
        self.packages.append(Package(number, receipt, received_at, min(sent_at, self.until_ms), revision, deleted, speaks))
        return True

    def accept(self, number: int, received_at: int, *, revision: int = 1, sent_at: int = 0) -> bool:
        """Send an acceptance that stands."""
        if not self.send(number, ACCEPTED, received_at, revision=revision, sent_at=sent_at):
            return False
        self.accepted[number] = received_at
        return True

    def refuse(self, number: int, received_at: int, *, revision: int = 1, sent_at: int = 0) -> bool:
        """Send a refusal that stands until something of its number is accepted."""
        sent = self.send(number, self.rng.choice(_REFUSED), received_at, revision=revision, sent_at=sent_at, speaks=False)
        self.refused = self.refused or sent
        return sent

    def through_outage(self, received_at: int) -> int | None:
        """When a package arrives whose unit's module was out: with the backlog, or never."""
        down, up = self.outage
        if not down <= received_at < up:
            return received_at
        return up + self.rng.randrange(40 * MINUTE_MS) if self.rng.random() < 0.75 else None  # noqa: PLR2004

    def usual_moment(self) -> int | None:
        """The night after closing."""
        return self.through_outage(nightly_burst(self.rng, day_at(self.closed_at)))


Story = Callable[[Arrivals], None]


def arrive(arrivals: Arrivals) -> str:
    """Choose what arrives for a case; return its name."""
    name = arrivals.rng.choices(_NAMES, cum_weights=_WEIGHTS)[0]
    _STORIES[name][1](arrivals)
    return name


def _on_time(a: Arrivals) -> None:
    moment = a.usual_moment()
    if moment is not None:
        a.accept(1, moment)


def _at_once(a: Arrivals) -> None:
    moment = a.through_outage(a.closed_at + a.rng.randrange(MINUTE_MS, 5 * HOUR_MS))
    if moment is not None:
        a.accept(1, moment)


def _before_closing(a: Arrivals) -> None:
    a.accept(1, a.closed_at - a.rng.randrange(MINUTE_MS, 48 * HOUR_MS))


def _late(a: Arrivals) -> None:
    """Days or weeks after the due date, in a nightly burst; a few by hours."""
    if a.rng.random() < 0.1:  # noqa: PLR2004
        a.accept(1, a.due_at + a.rng.choice((1, MINUTE_MS, HOUR_MS)))
        return
    a.accept(1, nightly_burst(a.rng, day_at(a.due_at) + a.rng.choice((1, 1, 2, 3, 5, 10, 20, 60))))


def _at_the_due_moment(a: Arrivals) -> None:
    a.accept(1, a.due_at)


def _never(_a: Arrivals) -> None:
    return


def _receipt_unknown(a: Arrivals) -> None:
    a.send(1, "UNKNOWN", nightly_burst(a.rng, day_at(a.closed_at)))


def _refused(a: Arrivals) -> None:
    for attempt in range(a.rng.choice((1, 1, 2, 3))):
        a.refuse(1, nightly_burst(a.rng, day_at(a.closed_at) + attempt))


def _refused_then_accepted(a: Arrivals) -> None:
    """The same number again: at the same revision acceptance beats refusal, at a higher one it replaces it."""
    first = nightly_burst(a.rng, day_at(a.closed_at))
    a.refuse(1, first)
    again = nightly_burst(a.rng, day_at(first) + a.rng.choice((0, 1, 1, 2, 8)))
    if a.rng.random() < 0.5:  # noqa: PLR2004
        a.accept(1, again)
    else:
        a.accept(1, again, revision=2)


def _refused_then_another_number(a: Arrivals) -> None:
    first = nightly_burst(a.rng, day_at(a.closed_at))
    a.refuse(1, first)
    a.accept(2, nightly_burst(a.rng, day_at(first) + a.rng.choice((0, 1, 12))))


def _acceptance_withdrawn(a: Arrivals) -> None:
    """Accepted, and at a higher revision refused: the digest did not match after all."""
    first = nightly_burst(a.rng, day_at(a.closed_at))
    if a.accept(1, first) and a.refuse(1, first + 6 * HOUR_MS, revision=2):
        a.accepted.clear()


def _archive_deleted(a: Arrivals) -> None:
    first = nightly_burst(a.rng, day_at(a.closed_at))
    if a.accept(1, first) and a.send(1, ACCEPTED, first, revision=2, deleted=True, sent_at=first + a.rng.randint(1, 9) * DAY_MS):
        a.accepted.clear()


def _receiving_time_corrected(a: Arrivals) -> None:
    """The platform's clock was wrong at first; the corrected time decides."""
    first = nightly_burst(a.rng, day_at(a.closed_at))
    if a.accept(1, first):
        a.accept(1, first + a.rng.choice((-1, 1, 9)) * DAY_MS, revision=2, sent_at=first + 10 * DAY_MS)


def _accepted_twice(a: Arrivals) -> None:
    """One number, two acceptances: the earliest counts."""
    first = nightly_burst(a.rng, day_at(a.closed_at))
    a.send(1, ACCEPTED, first + 2 * DAY_MS, speaks=False)
    a.accept(1, first)


def _two_numbers(a: Arrivals) -> None:
    first = nightly_burst(a.rng, day_at(a.closed_at))
    a.accept(1, first)
    a.accept(2, first + a.rng.randint(0, 20) * DAY_MS + 1)


_STORIES: dict[str, tuple[float, Story]] = {
    "on time": (70.0, _on_time),
    "at once": (12.0, _at_once),
    "before closing": (1.2, _before_closing),
    "late": (5.0, _late),
    "at the due moment": (0.3, _at_the_due_moment),
    "never": (3.0, _never),
    "receipt unknown": (0.3, _receipt_unknown),
    "refused": (1.5, _refused),
    "refused, then accepted": (2.0, _refused_then_accepted),
    "refused, then another number": (0.6, _refused_then_another_number),
    "acceptance withdrawn": (0.4, _acceptance_withdrawn),
    "archive deleted": (0.4, _archive_deleted),
    "receiving time corrected": (0.4, _receiving_time_corrected),
    "accepted twice": (0.5, _accepted_twice),
    "two numbers": (0.7, _two_numbers),
}
_NAMES = list(_STORIES)
_WEIGHTS = [sum(weight for weight, _ in list(_STORIES.values())[: place + 1]) for place in range(len(_STORIES))]
