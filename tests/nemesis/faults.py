"""What can happen to a process, its disk and its way to the others.

Each fault holds for the time of its ``with`` block, and is mended at the end of it. It gives the name of what it hit, or nothing where
this machine does not let it happen.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tests.nemesis.cluster import WORKERS, Cluster

SLOW_CALLS = "fsync,fdatasync,pwrite64,pwritev,rename,openat,ftruncate,fallocate"
_SLOW_MICROSECONDS = 20_000
_LEAST_BYTES = 4096

Hit = AbstractContextManager[bool]
"""Whether it could be done."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something bad.

    Parameters
    ----------
    kind, on
        What happens, and to whom.
    seconds
        How long it lasts at the least and at the most; minutes are for long runs.
    """

    kind: str
    on: str
    seconds: tuple[float, float]
    begin: Callable[[Cluster, str], Hit]

    def victim(self, dice: random.Random) -> str:
        """Whom it hits now."""
        return dice.choice(WORKERS) if self.on == "worker" else self.on


@contextmanager
def killed(cluster: Cluster, name: str) -> Iterator[bool]:
    """SIGKILL; started again when it is noticed."""
    cluster.processes[name].send(signal.SIGKILL)
    yield True


@contextmanager
def terminated(cluster: Cluster, name: str) -> Iterator[bool]:
    """SIGTERM: it ends in good order and is started again."""
    cluster.processes[name].send(signal.SIGTERM)
    yield True


@contextmanager
def asleep(cluster: Cluster, name: str) -> Iterator[bool]:
    """SIGSTOP, then SIGCONT: of a group's member, past its session."""
    process = cluster.processes[name]
    process.send(signal.SIGSTOP)
    try:
        yield True
    finally:
        process.send(signal.SIGCONT)


@contextmanager
def down(cluster: Cluster, name: str) -> Iterator[bool]:
    """SIGKILL, and not started for a while."""
    with cluster.held(name) as process:
        process.send(signal.SIGKILL)
        yield True


@contextmanager
def wiped(cluster: Cluster, name: str) -> Iterator[bool]:
    """SIGKILL, and the state on its disk is gone."""
    with cluster.held(name) as process:
        process.send(signal.SIGKILL)
        while process.pid is not None:
            time.sleep(0.05)
        shutil.rmtree(cluster.home(name) / "state", ignore_errors=True)
        yield True


def cut(*ways: str) -> Callable[[Cluster, str], Hit]:
    """Nothing passes on these ways; without any, on the victim's own to Kafka."""

    @contextmanager
    def begin(cluster: Cluster, name: str) -> Iterator[bool]:
        links = [cluster.links[way] for way in ways or (name,)]
        for link in links:
            link.cut()
        try:
            yield True
        finally:
            for link in links:
                link.mend()

    return begin


@contextmanager
def reset(cluster: Cluster, name: str) -> Iterator[bool]:
    """All its connections to Kafka are ended at once."""
    cluster.links[name].reset()
    yield True


@contextmanager
def full_disk(cluster: Cluster, name: str) -> Iterator[bool]:
    """Not a byte more goes onto its disk."""
    if name not in cluster.disks:
        yield False
        return
    filler = cluster.home(name) / "filler"
    try:
        with filler.open("wb") as file:
            room = _room(cluster, name)
            while room >= _LEAST_BYTES:  # others write and remove meanwhile
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), room)
                except OSError:
                    room //= 2
                else:
                    room = _room(cluster, name)
        yield True
    finally:
        filler.unlink()


@contextmanager
def slow_disk(cluster: Cluster, name: str) -> Iterator[bool]:
    """Each call that changes a file takes 20 ms more (``strace``'s fault injection)."""
    pid = cluster.processes[name].pid
    if shutil.which("strace") is None or pid is None:
        yield False
        return
    inject = f"inject={SLOW_CALLS}:delay_exit={_SLOW_MICROSECONDS}"
    command = ["strace", "--follow-forks", "--quiet=all", "--attach", str(pid), "-e", f"trace={SLOW_CALLS}", "-e", inject, "-o", os.devnull]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as tracer:
        try:
            time.sleep(0.5)
            yield tracer.poll() is None or cluster.processes[name].pid != pid  # its victim ended of it: that counts
        finally:
            tracer.send_signal(signal.SIGINT)


def _room(cluster: Cluster, name: str) -> int:
    found = os.statvfs(cluster.home(name))
    return found.f_bavail * found.f_frsize


SHORT, PAST_A_SESSION = (0.5, 3.0), (10.0, 16.0)


def faults(longest_seconds: float) -> dict[str, list[Fault]]:
    """All faults, by whom they hit; one of each list happens at a time, beside those of the others.

    Parameters
    ----------
    longest_seconds
        How long the store may be down.
    """
    return {
        "workers": [
            Fault("SIGKILL", "worker", SHORT, killed),
            Fault("SIGTERM", "worker", SHORT, terminated),
            Fault("SIGSTOP", "worker", PAST_A_SESSION, asleep),
            Fault("state wiped", "worker", SHORT, wiped),
            Fault("network cut", "worker", PAST_A_SESSION, cut()),
            Fault("connections reset", "worker", SHORT, reset),
            Fault("disk full", "worker", (4.0, 8.0), full_disk),
            Fault("disk slow", "worker", (4.0, 8.0), slow_disk),
        ],
        "kafka": [
            Fault("SIGKILL", "kafka", SHORT, killed),
            Fault("SIGTERM", "kafka", SHORT, terminated),
            Fault("SIGSTOP", "kafka", (3.0, 6.0), asleep),
            Fault("network cut from all", "kafka", (6.0, 12.0), cut(*WORKERS, "sink")),
            Fault("disk full", "kafka", (3.0, 6.0), full_disk),
            Fault("disk slow", "kafka", (4.0, 8.0), slow_disk),
        ],
        "sink and store": [
            Fault("SIGKILL", "sink", SHORT, killed),
            Fault("SIGTERM", "sink", SHORT, terminated),
            Fault("SIGSTOP", "sink", PAST_A_SESSION, asleep),
            Fault("network cut", "sink", PAST_A_SESSION, cut()),
            Fault("network cut from the store", "sink", (4.0, 12.0), cut("sink-store")),
            Fault("SIGKILL", "store", SHORT, killed),
            Fault("down", "store", (longest_seconds / 2, longest_seconds), down),
            Fault("SIGSTOP", "store", (3.0, 8.0), asleep),
            Fault("disk full", "store", (4.0, 8.0), full_disk),
            Fault("disk slow", "store", (4.0, 8.0), slow_disk),
        ],
    }
