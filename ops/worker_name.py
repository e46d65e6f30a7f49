"""The name of a worker process: two of one name on one data folder would write one state, and fence each other in Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, count

from ops.supervisor.record import Paths, take_lock
from streams.errors import ConfigurationError
from streams.settings import Settings


@contextmanager
def held_name(settings: Settings, asked: str = "") -> Iterator[str]:
    """Hold a name for as long as the worker runs; the kernel frees it with the process, however that ends.

    Parameters
    ----------
    asked
        By option; without it, ``worker.name`` if that was set; without either, the default or, while another worker has that, the first
        of ``extra-1``, ``extra-2``, … that is free: the supervisor, which counts ``worker-1``, ``worker-2``, …, finds its names free.

    Raises
    ------
    ConfigurationError
        The name that was given is another running worker's.
    """
    paths = Paths(settings.home)
    paths.make()
    given = asked or (settings.worker.name if "name" in settings.worker.model_fields_set else "")
    names: Iterable[str] = [given] if given else chain([settings.worker.name], (f"extra-{number}" for number in count(1)))
    for name in names:
        if lock := take_lock(paths.run / f"{name}.lock", patience_seconds=0):
            with lock:
                yield name
            return
    raise ConfigurationError(
        f"{settings.home} 里已有名为 {given} 的 worker 在运行：用 --name 另取一个名字。"
        f" A worker named {given} runs there already: give this one another name with --name."
    )
