"""How a process tells its supervisor that it does its work: a file that exists from then on, for as long as it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.settings import Settings

_LOOK_SECONDS = 0.1


def ready_path(settings: Settings, name: str) -> Path:
    """The file of a process."""
    return settings.home / "run" / f"{name}.ready"


@contextmanager
def ready_file(settings: Settings, name: str, is_ready: Callable[[], bool]) -> Iterator[None]:
    """Make the file once ``is_ready`` says so, and remove it at the end. Called from a thread: it must only look."""
    path = ready_path(settings, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_SECONDS):
            if is_ready():
                path.touch()
                return

    watcher = threading.Thread(target=watch, name="ready", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        path.unlink(missing_ok=True)
