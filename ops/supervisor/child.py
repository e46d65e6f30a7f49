"""One supervised process: started when what it needs is ready, watched, started again with growing pauses."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ops.supervisor.journal import Journal, turn_over
from ops.supervisor.process import MARK, ProcessId
from ops.supervisor.record import Entry, Exit
from ops.supervisor.roles import Role
from streams.clock import wall_ms
from streams.errors import GuidangError
from streams.settings import config_file
from streams.variables import CONFIG_FILE_VARIABLE

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 15.0
_SETTLED_SECONDS = 60.0  # a process that ran this long has nothing to do with its last failure
_PROBE_EVERY_SECONDS = 0.2
_TAIL_BYTES = 64 * 1024
_HOPELESS = (2, 3)  # wrong usage, wrong settings: it would end the same way for ever


@dataclass(slots=True)
class _Run:
    """One life of the process."""

    popen: subprocess.Popen[bytes]
    identity: ProcessId | None
    began: float
    log_offset: int
    endpoints: dict[str, str | None]
    next_probe: float = 0.0
    ready_since: float | None = None
    progress: object = None
    moved: float = 0.0  # when its start last got on
    stop_by: float | None = None  # it has been told to end, and is killed then


class Child:
    """A role and its process; time is monotonic seconds given by the caller."""

    def __init__(self, role: Role, journal: Journal) -> None:
        self.role = role
        self.state = "waiting"
        self.restarts = 0
        self.last_exit: Exit | None = None
        self._journal = journal
        self._run: _Run | None = None
        self._failures = 0
        self._not_before = 0.0
        self._was_ready = False

    @property
    def ready(self) -> bool:
        """Whether what needs it may start."""
        return self.state in ("running", "done")

    @property
    def identity(self) -> ProcessId | None:
        """Its process, if one is there."""
        return self._run.identity if self._run else None

    @property
    def entry(self) -> Entry:
        """What is written down about it."""
        return Entry(self.role.role, self.role.name, self.state, self.identity, self.restarts, self.last_exit)

    def step(self, now: float, ready_names: Collection[str], endpoints: Mapping[str, str]) -> None:
        """Do what is due: start, look whether it is ready, notice its end, end it when where it connects has moved."""
        if self.state in ("done", "failed"):
            return
        if self._run is None:
            if now >= self._not_before and all(name in ready_names for name in self.role.needs):
                self._start(now, endpoints)
        elif (code := self._run.popen.poll()) is not None:
            self._ended(now, code)
        else:
            self._watch(now, endpoints)

    def terminate(self, now: float) -> None:
        """Ask the process to end; :meth:`step` kills it when it takes too long."""
        if self._run and self._run.stop_by is None:
            self._run.stop_by = now + self.role.stop_seconds
            self._run.popen.send_signal(signal.SIGTERM)
            self._run.popen.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the process outright."""
        if self._run:
            self._run.popen.kill()

    def settle(self) -> bool:
        """Reap the process if it has ended on being told to; whether none is left."""
        if self._run and self._run.popen.poll() is not None:
            self._run = None
        if self._run is None and self.state not in ("done", "failed"):
            self.state = "stopped"
        return self._run is None

    def _start(self, now: float, endpoints: Mapping[str, str]) -> None:
        try:
            self._launch(now, endpoints)
        except (GuidangError, OSError) as error:
            self._journal.write(self.role.name, f"无法启动 cannot be started: {error}")
            self.last_exit = Exit(error.exit_code if isinstance(error, GuidangError) else 1, str(error), wall_ms())
            if self._was_ready or isinstance(error, OSError):  # a full disk, too many processes: they pass
                self._back_off(now)
            else:
                self.state = "failed"

    def _launch(self, now: float, endpoints: Mapping[str, str]) -> None:
        command = self.role.command()
        log = self.role.paths.child_log(self.role.name)
        turn_over(log)
        with log.open("ab") as output:
            offset = output.tell()  # now: what the child writes moves it
            popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, env=self._environment()
            )
        self._run = _Run(popen, ProcessId.of(popen.pid), now, offset, {name: endpoints.get(name) for name in self.role.needs}, moved=now)
        self.state = "starting"
        self._journal.write(self.role.name, f"启动 started, pid {popen.pid}")

    def _environment(self) -> dict[str, str]:
        home = str(self.role.settings.home)
        config = {CONFIG_FILE_VARIABLE: str(config_file().absolute())} if config_file().is_file() else {}
        return {**os.environ, **config, "GUIDANG_DATA_DIR": home, MARK: home}

    def _watch(self, now: float, endpoints: Mapping[str, str]) -> None:
        run = self._run
        assert run is not None  # noqa: S101 - step() has looked
        if run.stop_by is not None:
            if now > run.stop_by:
                run.popen.kill()
        elif any(endpoints.get(name) != address for name, address in run.endpoints.items()):
            self._journal.write(self.role.name, "所连服务换了端口，重新启动 what it connects to has moved: restarting")
            self.terminate(now)
        elif run.ready_since is not None:
            if now - run.ready_since > _SETTLED_SECONDS:
                self._failures = 0
        elif now >= run.next_probe and self._probe(run, now):
            run.ready_since = now
            self.state, self._was_ready = "running", True
            self._journal.write(self.role.name, f"就绪 ready after {now - run.began:.1f} s")
        elif self.role.start_seconds is not None and now - self._moved(run, now) > self.role.start_seconds:
            told = f"{self.role.start_seconds:.0f} 秒内没有就绪，也没有进展 neither ready nor getting on in time: ended"
            self._journal.write(self.role.name, told)
            run.popen.kill()

    def _probe(self, run: _Run, now: float) -> bool:
        run.next_probe = now + _PROBE_EVERY_SECONDS
        with suppress(OSError):  # where it listens could not be written down: on a full disk it is not ready yet
            return self.role.ready()
        return False

    def _moved(self, run: _Run, now: float) -> float:
        """When the start last got on; a role that does not say how far it is began, and nothing else."""
        if (progress := self.role.progress()) != run.progress:
            run.progress, run.moved = progress, now
        return run.moved

    def _ended(self, now: float, code: int) -> None:
        run, self._run = self._run, None
        assert run is not None  # noqa: S101 - step() has looked
        if run.stop_by is not None:
            self.state, self._not_before = "waiting", now
            return
        if code == 0 and self.role.one_shot:
            self.state = "done"
            self._journal.write(self.role.name, "完成 done")
            return
        self.last_exit = Exit(code, self._reason(run, code), wall_ms())
        self._journal.write(self.role.name, f"退出 ended with {code}: {self.last_exit.reason}")
        if code in _HOPELESS:
            self.state = "failed"
            self._journal.write(self.role.name, "不再重启 given up: it would end the same way again")
        else:
            self._back_off(now)

    def _back_off(self, now: float) -> None:
        self._failures += 1
        self.restarts += 1
        pause_seconds = min(FIRST_PAUSE_SECONDS * 2 ** (self._failures - 1), LONGEST_PAUSE_SECONDS)
        self.state, self._not_before = "waiting", now + pause_seconds

    def _reason(self, run: _Run, code: int) -> str:
        if code < 0:
            return f"被信号终止 ended by {_signal_name(-code)}"
        with suppress(OSError), self.role.paths.child_log(self.role.name).open("rb") as log:
            log.seek(max(run.log_offset, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return self.role.reason(log.read(_TAIL_BYTES).decode("utf-8", "replace").splitlines())
        return ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most of the real-time signals have no name
        return str(number)


def await_end(children: Collection[Child], seconds: float) -> bool:
    """Wait until none of them has a process; whether that came about in time."""
    give_up = time.monotonic() + seconds
    while [child for child in children if not child.settle()]:
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True
