"""The processes of a contender, each under a name: started, stopped, killed, and all of them ended in the end whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ops.kafka import tail
from streams.errors import DependencyError

_STOP_SECONDS = 30
_LOG_LINES = 12
_ROOT = Path(__file__).resolve().parents[2]


class Crew:
    """Processes that write into one log.

    Parameters
    ----------
    environment
        Variables beside those of this process.
    """

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))  # for a Python that is not ours
        self._environment = os.environ | {"PYTHONPATH": path} | dict(environment)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def pids(self) -> list[int]:
        """Of all that run."""
        return [process.pid for process in self._running.values()]

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a process."""
        with self._log.open("ab") as out:
            self._running[name] = subprocess.Popen(command, stdout=out, stderr=out, env=self._environment)

    def check(self) -> None:
        """See that none has ended by itself.

        Raises
        ------
        DependencyError
            One has: with its last words.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                raise DependencyError(f"{name} 已退出 has ended:\n{self.last_words()}")

    def end(self, names: Sequence[str], how: signal.Signals) -> None:
        """Send a signal to processes and wait until they are gone."""
        ending = [self._running.pop(name) for name in names]
        for process in ending:
            process.send_signal(how)
        for process in ending:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(_STOP_SECONDS)

    def last_words(self) -> str:
        """The end of the log."""
        return "\n".join(tail(self._log, _LOG_LINES))

    def close(self) -> None:
        """Stop all of them."""
        self.end(list(self._running), signal.SIGTERM)


@contextmanager
def crew(log: Path, environment: Mapping[str, str], commands: Mapping[str, Sequence[str]]) -> Iterator[Crew]:
    """Start processes, and end those that run in the end."""
    made = Crew(log, environment)
    try:
        for name, command in commands.items():
            made.start(name, command)
        yield made
    finally:
        made.close()
