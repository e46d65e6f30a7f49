"""The whole system on one machine: started, killed in every part, stopped; real processes throughout."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from ops.ports import LOOPBACK
from ops.supervisor import control, loop
from ops.supervisor.control import processes
from ops.supervisor.process import MARK, ProcessId, end, marked
from ops.supervisor.record import Entry, Paths, Record, locked, read_record, take_lock, write_record
from ops.supervisor.roles import BoardRole, KafkaRole, MonitorRole, Role, StoreRole, endpoint_port
from streams.settings import Settings, load_settings
from tests.disks import mount_small, unmount
from tests.ops.test_cli import guidang

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]


@dataclass
class System:
    """A data folder and the command line on it."""

    home: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on it."""
        return guidang(*arguments, "--data-dir", str(self.home), timeout_seconds=200)

    def status(self) -> dict[str, Any]:
        """What ``status --json`` says."""
        found: dict[str, Any] = orjson.loads(self.run("status", "--json").stdout)
        return found

    def processes(self) -> dict[str, dict[str, Any]]:
        """The rows that status shows, by name, without a process of its own for each look."""
        return {row["name"]: row for row in processes(Settings(data_dir=self.home))}

    def runs_anew(self, name: str, before: int) -> bool:
        """Whether a process has come in the place of the one with this id; one that was killed this moment may still be said to run."""
        row = self.processes()[name]
        return row["state"] == "running" and row["pid"] not in {None, before}

    def endpoints(self) -> dict[str, str]:
        """Where its servers listen."""
        found: dict[str, str] = orjson.loads((self.home / "endpoints.json").read_bytes())
        return found

    def targets(self) -> dict[str, tuple[str, str]]:
        """Name to role and address, as Prometheus finds them."""
        found = orjson.loads(Paths(self.home).targets.read_bytes())
        return {each["labels"]["name"]: (each["labels"]["role"], each["targets"][0]) for each in found}

    def left(self) -> list[ProcessId]:
        """Processes of this folder that run, by record and by mark."""
        recorded = [entry.process for entry in read_record(Paths(self.home).record).entries if entry.process and entry.process.running]
        return [*recorded, *marked(self.home)]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system for the module, up at the start of it."""
    made = System(tmp_path_factory.mktemp("system"))
    done = made.run("up", "--detach", "--workers", "1")
    assert done.returncode == 0, done.stderr
    yield made
    made.run("down")
    end(made.left(), 10)


def eventually(look: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for it."""
    give_up = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < give_up
        time.sleep(0.3)


def take(other: socket.socket, port: int) -> None:
    """Listen on a port as soon as its former owner has let go of it: the last of its threads, not its first."""

    def bound() -> bool:
        try:
            other.bind((LOOPBACK, port))
        except OSError:
            return False
        return True

    give_up = time.monotonic() + 5
    while not bound():
        assert time.monotonic() < give_up
    other.listen()


def test_up_detached_returns_when_everything_is_ready(system: System) -> None:
    """Every process runs, is caught up within a few seconds, and lag is stated for every topic."""
    rows = system.processes()
    assert list(rows.values()) == system.status()["processes"]
    assert {name: row["state"] for name, row in rows.items()} == {
        **dict.fromkeys(("supervisor", "kafka", "store", "sink", "monitor", "board", "worker-1"), "running"),
        "topics": "done",
    }
    assert all(row["restarts"] == 0 for row in rows.values())
    eventually(lambda: bool(system.status()["caught_up"]), 30)
    lag = system.status()["lag"]
    assert {"case-closed", "archive-received", "case-state", "unit-registry"} <= set(lag)
    assert all(of_topic["records"] == 0 for of_topic in lag.values())


def test_each_process_serves_its_metrics_where_prometheus_is_told(system: System) -> None:
    """The list of targets says what endpoints.json says; each of them says its own role."""
    endpoints, targets = system.endpoints(), system.targets()
    assert {name: role for name, (role, _) in targets.items()} == {"worker-1": "worker", "sink": "sink", "monitor": "monitor"}
    for name, (role, address) in targets.items():
        assert endpoints[f"metrics.{name}"] == f"http://{address}"
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as answer:
            assert f'guidang_build_info{{role="{role}",version=' in answer.read().decode()


def test_a_process_whose_metrics_port_is_taken_moves_and_prometheus_is_told(system: System) -> None:
    """It is killed, somebody else takes its port, it takes another."""
    _, before = system.targets()["sink"]
    sink = ProcessId.of(system.processes()["sink"]["pid"])
    assert sink is not None
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sink.send(signal.SIGKILL)
        take(other, int(before.rpartition(":")[2]))
        eventually(lambda: system.runs_anew("sink", sink.pid) and system.targets()["sink"][1] != before)
    assert system.endpoints()["metrics.sink"] == f"http://{system.targets()['sink'][1]}"


def test_doctor_finds_nothing_wrong_with_a_running_system(system: System) -> None:
    """Kafka, topics and ClickHouse are looked at for real."""
    done = system.run("doctor", "--json")
    assert done.returncode == 0, done.stdout
    states = {check["check"]: check["state"] for check in orjson.loads(done.stdout)["checks"]}
    assert (states["kafka"], states["topics"], states["clickhouse"]) == ("ok", "ok", "ok")


def test_up_again_says_that_it_runs_and_starts_nothing(system: System) -> None:
    """Exit 0, the same processes."""
    before = system.processes()
    done = system.run("up", "--detach")
    assert done.returncode == 0
    assert "已在运行" in done.stderr
    assert system.processes() == before


def test_a_killed_process_is_restarted_and_reported(system: System) -> None:
    """With its signal as the reason, and the others undisturbed."""
    before = system.processes()
    for name in ("worker-1", "sink", "store"):
        process = ProcessId.of(before[name]["pid"])
        assert process is not None
        process.send(signal.SIGKILL)
        eventually(partial(system.runs_anew, name, process.pid))
    rows = system.processes()
    for name in ("worker-1", "sink", "store"):
        assert rows[name]["restarts"] >= 1
    assert rows["worker-1"]["last_exit"] == {"code": -9, "reason": "被信号终止 ended by SIGKILL"}
    assert rows["kafka"] == before["kafka"]
    assert "worker-1] 退出 ended with -9" in Paths(system.home).log.read_text(encoding="utf-8")


def test_a_broker_that_comes_back_on_another_port_is_followed(system: System) -> None:
    """Its port is taken while it is down: it takes another, and what connects to it is started again, not counted as a failure."""
    before, kafka_before = system.processes(), system.endpoints()["kafka"]
    broker = ProcessId.of(before["kafka"]["pid"])
    assert broker is not None
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        broker.send(signal.SIGKILL)
        take(other, int(kafka_before.rpartition(":")[2]))
        eventually(lambda: system.endpoints()["kafka"] != kafka_before)
    eventually(lambda: system.runs_anew("worker-1", before["worker-1"]["pid"]))
    eventually(lambda: {row["state"] for row in system.processes().values()} == {"running", "done"})
    eventually(lambda: bool(system.status()["caught_up"]), 30)
    rows = system.processes()
    assert rows["kafka"]["restarts"] == 1
    assert rows["worker-1"]["pid"] != before["worker-1"]["pid"]
    assert rows["store"] == before["store"]


def test_workers_are_added_and_taken_away_while_it_runs(system: System) -> None:
    """``up --workers`` changes a running system; the one taken away ends in good order."""
    assert system.run("up", "--detach", "--workers", "2").returncode == 0
    assert system.processes()["worker-2"]["state"] == "running"
    assert "worker-2" in system.targets()
    assert system.run("up", "--detach", "--workers", "1").returncode == 0
    assert "worker-2" not in system.processes()
    assert "worker-2" not in system.targets()


def test_down_leaves_nothing_after_the_supervisor_was_killed_and_up_goes_on(system: System) -> None:
    """Its children run on; down ends them; the next up has the same Kafka, on another port as the old one is taken by then."""
    before = system.endpoints()
    cluster = (system.home / "kafka" / "data" / "meta.properties").read_text()
    supervisor = read_record(Paths(system.home).record).supervisor
    assert supervisor is not None
    supervisor.send(signal.SIGKILL)
    eventually(lambda: not locked(Paths(system.home).lock), 30)
    done = system.run("down")
    assert done.returncode == 0, done.stderr
    assert system.left() == []
    with socket.socket() as other:  # somebody takes Kafka's port meanwhile
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        take(other, int(before["kafka"].rpartition(":")[2]))
        assert system.run("up", "--detach").returncode == 0
    after = system.endpoints()
    assert after["kafka"] != before["kafka"]
    assert after["store"] == before["store"]
    assert (system.home / "kafka" / "data" / "meta.properties").read_text() == cluster


def test_children_of_a_killed_supervisor_are_taken_over_by_up(system: System) -> None:
    """They are unsupervised until then; up ends them in good order and starts its own."""
    supervisor = read_record(Paths(system.home).record).supervisor
    assert supervisor is not None
    supervisor.send(signal.SIGKILL)
    eventually(lambda: not locked(Paths(system.home).lock), 10)
    orphans = system.processes()
    assert {row["state"] for row in orphans.values()} == {"unsupervised", "done"}
    assert system.run("up", "--detach").returncode == 0
    rows = system.processes()
    assert {name for name in orphans if orphans[name]["pid"] and rows[name]["pid"] == orphans[name]["pid"]} == set()
    assert "left over from the last run" in Paths(system.home).log.read_text(encoding="utf-8")


def test_a_changed_partition_count_stops_up_with_3_and_leaves_nothing(system: System) -> None:
    """It would fail the same way for ever: given up at once, with the message of the topics' check."""
    assert system.run("down").returncode == 0
    done = system.run("up", "--detach", "--set", "kafka.partitions=5")
    assert done.returncode == 3
    assert "kafka.partitions" in done.stderr
    assert system.left() == []
    assert not locked(Paths(system.home).lock)


def test_more_replicas_than_the_local_broker_can_hold_stop_up_with_3_and_leave_nothing(tmp_path: Path) -> None:
    """No other broker will ever come: told at once, not after four minutes of trying."""
    system = System(tmp_path / "home")
    done = system.run("up", "--detach", "--workers", "0", "--set", "kafka.replication=3")
    assert (done.returncode, "kafka.replication = 3" in done.stderr) == (3, True), done.stderr
    assert system.left() == []


def test_two_ups_at_once_make_one_system(tmp_path: Path) -> None:
    """One of them supervises, both return when it is ready; down ends it all."""
    system = System(tmp_path / "home")
    try:
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda _n: system.run("up", "--detach", "--workers", "0"), range(2)))
        assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
        assert len([row for row in system.processes().values() if row["role"] == "kafka"]) == 1
    finally:
        system.run("down")
    assert system.left() == []
    assert system.run("down").returncode == 0


class _Defective(Role):
    """Starts, and breaks whoever asks whether it is ready."""

    role = "sink"

    def command(self) -> list[str]:
        """Something that would run on."""
        return ["sleep", "600"]

    def ready(self) -> bool:
        """A defect."""
        raise ZeroDivisionError


def test_a_supervisor_that_breaks_ends_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would look after them, and the next start would find their ports taken."""
    settings = Settings(data_dir=tmp_path)
    Paths(tmp_path).make()
    monkeypatch.setattr(loop, "fixed_roles", lambda _settings: [_Defective(settings, "sink")])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(ZeroDivisionError):
        loop.Supervisor(settings, 0, lambda _line: None).run()
    assert "started, pid" in Paths(tmp_path).log.read_text(encoding="utf-8")
    assert System(tmp_path).left() == []
    assert [entry.state for entry in read_record(Paths(tmp_path).record).entries] == ["stopped"]


class _Program(Role):
    """A program in the data folder, and a file that says when it is ready."""

    role = "sink"

    def command(self) -> list[str]:
        """It may not be there yet."""
        return [str(self.settings.home / "program")]

    def ready(self) -> bool:
        """It may not be there yet, either."""
        return bool((self.settings.home / "said").read_text())

    def write(self, script: str = "exec sleep 600") -> None:
        """Put the program there."""
        draft = self.settings.home / "draft"
        draft.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
        draft.chmod(0o700)
        draft.replace(self.settings.home / "program")

    def say(self) -> None:
        """Say that it is ready."""
        (self.settings.home / "said").write_text("ready", encoding="ascii")


@contextmanager
def supervised(monkeypatch: pytest.MonkeyPatch, *roles: Role) -> Iterator[threading.Thread]:
    """A supervisor that has nothing else to look after; told to end as a signal would."""
    handlers: list[Any] = []
    settings = roles[0].settings
    home = settings.home
    Paths(home).make()
    monkeypatch.setattr(loop, "fixed_roles", lambda _settings: roles)
    monkeypatch.setattr(signal, "signal", lambda _number, handler: handlers.append(handler))
    thread = threading.Thread(target=loop.Supervisor(settings, 0, lambda _line: None).run)
    thread.start()
    try:
        eventually(lambda: bool(read_record(Paths(home).record).entries))
        yield thread
    finally:
        handlers[0](signal.SIGTERM, None)
        thread.join(30)
    assert System(home).left() == []


def test_what_cannot_be_started_is_tried_again_and_a_signal_without_a_name_is_told_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many processes, a full disk: the system says no, and later yes."""
    program = _Program(Settings(data_dir=tmp_path), "program")

    def entry() -> Entry:
        return read_record(Paths(tmp_path).record).entries[0]

    def reason() -> str:
        last = entry().last_exit
        return last.reason if last else ""

    with supervised(monkeypatch, program) as supervisor:
        eventually(lambda: entry().restarts > 1)
        assert "No such file" in reason()
        program.write()
        eventually(lambda: entry().state == "starting")
        program.say()
        eventually(lambda: entry().state == "running")
        process, restarts = entry().process, entry().restarts
        assert process is not None
        os.kill(process.pid, signal.SIGRTMIN + 1)
        eventually(lambda: entry().restarts > restarts)
        assert reason().endswith(f" {signal.SIGRTMIN + 1}")
        assert supervisor.is_alive()


class _Recovering(_Program):
    """Not ready for longer than a start may take, and writes how far it is."""

    start_seconds = 1.0

    def progress(self) -> object:
        """Whatever it has written."""
        return (self.settings.home / "log").read_text(encoding="ascii")


def test_a_start_takes_its_time_as_long_as_it_gets_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that recovers after a power cut would begin anew for ever; one that stands still is ended."""
    program = _Recovering(Settings(data_dir=tmp_path), "program")
    log, paths = tmp_path / "log", Paths(tmp_path)
    log.touch()
    program.write()
    with supervised(monkeypatch, program):
        began = time.monotonic()
        while time.monotonic() - began < 3:
            log.write_text(f"{time.monotonic()}", encoding="ascii")
            time.sleep(0.1)
        (entry,) = read_record(paths.record).entries
        assert (entry.state, entry.restarts) == ("starting", 0)
        eventually(lambda: read_record(paths.record).entries[0].restarts > 0)
    assert "neither ready nor getting on" in paths.log.read_text(encoding="utf-8")


def test_a_broker_gets_on_while_it_writes_its_log(tmp_path: Path) -> None:
    """No log yet is no progress, and no error."""
    broker = KafkaRole(Settings(data_dir=tmp_path))
    log = tmp_path / "kafka" / "logs" / "kafka.log"
    told = [broker.progress()]
    log.parent.mkdir(parents=True)
    for line in ("Recovering unflushed segment 0. 1/2 recovered", "Recovering unflushed segment 9. 2/2 recovered"):
        with log.open("a", encoding="ascii") as file:
            file.write(line)
        told.append(broker.progress())
    assert len(set(told)) == len(told)
    assert broker.progress() == told[-1]


@pytest.mark.parametrize(("script", "reason"), [("true", ""), ("yes before | head -c 1000000; echo; echo why", "why")])
def test_why_a_process_ended_is_the_last_that_it_said_in_this_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    """However much it said before; what an earlier life said is none of this one's reasons."""
    program, paths = _Program(Settings(data_dir=tmp_path), "program"), Paths(tmp_path)
    paths.make()
    paths.child_log("program").write_text("of an earlier life\n", encoding="ascii")
    program.write(f"{script}\nexit 3")
    with supervised(monkeypatch, program):
        eventually(lambda: read_record(paths.record).entries[0].state == "failed")
    last = read_record(paths.record).entries[0].last_exit
    assert last is not None
    assert (last.code, last.reason) == (3, reason)


def test_a_record_that_cannot_be_read_keeps_no_supervisor_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut has left half of it: the journal says so, what the mark finds is ended, and the system runs."""
    program, paths = _Program(Settings(data_dir=tmp_path), "program"), Paths(tmp_path)
    program.write()
    program.say()
    paths.make()
    paths.record.write_bytes(b'{"supervisor":{"pid":')
    with subprocess.Popen(["sleep", "60"], env={MARK: str(tmp_path)}) as left, supervised(monkeypatch, program):
        left.wait(20)
        eventually(lambda: [entry.state for entry in read_record(paths.record).entries] == ["running"])
    told = paths.log.read_text(encoding="utf-8")
    assert "cannot be understood, and counts as none" in told
    assert f"[pid {left.pid}] 上次遗留，已结束" in told


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nOk"])
def test_a_store_that_does_not_answer_to_the_end_is_not_ready(tmp_path: Path, answer: bytes) -> None:
    """It is killed within its answer, or somebody else has the port: no reason for the supervisor to end."""
    store = StoreRole(Settings(data_dir=tmp_path))
    store.command()
    port = endpoint_port(store.settings, "store")

    def serve(server: socket.socket) -> None:
        for _ in range(2):  # whether somebody listens is asked first
            with server.accept()[0] as connection:
                connection.settimeout(5)
                if connection.recv(4096):
                    connection.sendall(answer)

    with socket.create_server((LOOPBACK, port)) as server, ThreadPoolExecutor(1) as pool:
        served = pool.submit(serve, server)
        assert not store.ready()
        served.result(10)


def test_what_listens_on_another_address_of_this_machine_is_found_ready_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Board and monitor, which are known to be ready by that alone."""
    here = {"DATA_DIR": str(tmp_path), "BOARD__HOST": "127.0.0.2", "METRICS__HOST": "127.0.0.2"}
    away = {"KAFKA__BOOTSTRAP_SERVERS": f"{LOOPBACK}:1", "CLICKHOUSE__URL": f"http://{LOOPBACK}:1"}
    for name, value in (here | away).items():
        monkeypatch.setenv(f"GUIDANG_{name}", value)
    settings = load_settings()
    with supervised(monkeypatch, BoardRole(settings), MonitorRole(settings, "monitor", ())):
        eventually(lambda: {entry.state for entry in read_record(Paths(tmp_path).record).entries} == {"running"})
        assert {address.rpartition(":")[0] for address in System(tmp_path).endpoints().values()} == {"http://127.0.0.2"}


def test_a_full_disk_ends_neither_the_supervisor_nor_what_it_looks_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What dies meanwhile is started again, and is in the record as soon as there is room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not mount_small(disk, 1):
        pytest.skip("no file system may be mounted here")
    program, paths = _Program(Settings(data_dir=disk), "program"), Paths(disk)
    try:
        program.write()
        program.say()
        with supervised(monkeypatch, program) as supervisor:
            eventually(lambda: read_record(paths.record).entries[0].state == "running")
            (first,) = marked(disk)
            with (disk / "filler").open("wb") as filler:
                os.posix_fallocate(filler.fileno(), 0, shutil.disk_usage(disk).free)
            first.send(signal.SIGKILL)
            eventually(lambda: any(process != first for process in marked(disk)))
            assert read_record(paths.record).entries[0].process == first
            (disk / "filler").unlink()
            eventually(lambda: read_record(paths.record).entries[0].process in marked(disk))
            assert supervisor.is_alive()
        assert "No space left on device" in paths.log.read_text(encoding="utf-8")
    finally:
        unmount(disk)


def test_starting_and_stopping_say_how_far_they_are(tmp_path: Path) -> None:
    """How many are ready, how many have ended: of all that there are, in the end."""
    settings = Settings(data_dir=tmp_path, kafka={"bootstrap_servers": f"{LOOPBACK}:1"}, clickhouse={"url": f"http://{LOOPBACK}:1"})  # type: ignore[arg-type]
    told: list[tuple[int, int]] = []
    Paths(tmp_path).make()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as supervisor, take_lock(Paths(tmp_path).lock) as lock:
        identity = ProcessId.of(supervisor.pid)
        children = tuple(Entry("sink", name, "running", identity) for name in ("one", "two"))
        write_record(Paths(tmp_path).record, Record(identity, children, ready=True))
        control.up_detached(settings, 0, lambda done, total: told.append((done, total)))
        assert told == [(2, 2)]

        def tell(done: int, total: int) -> None:
            told.append((done, total))
            if done == total:
                lock.close()  # as the kernel does

        told.clear()
        assert control.down(settings, tell) == ["one", "two"]
        assert told[-1] == (2, 2)


@pytest.mark.parametrize(("asked", "given"), [(None, 3), (0, 0), (1, 1)])
def test_no_workers_are_no_workers(asked: int | None, given: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the last time only where no number is given."""
    begun: list[int] = []

    class Noted:
        def __init__(self, _settings: Settings, workers: int, _echo: object) -> None:
            begun.append(workers)

        def run(self) -> Record:
            return Record(None)

    Paths(tmp_path).make()
    Paths(tmp_path).workers.write_text("3", encoding="ascii")
    monkeypatch.setattr(control, "Supervisor", Noted)
    control.up_foreground(Settings(data_dir=tmp_path), asked, lambda _line: None)
    assert begun == [given]


def test_a_recycled_pid_is_never_signalled() -> None:
    """The same pid with another start is another process."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env={MARK: "/nowhere"}) as other:
        try:
            identity = ProcessId.of(other.pid)
            assert identity is not None
            stranger = replace(identity, started_ticks=identity.started_ticks - 1)
            stranger.send(signal.SIGKILL)
            time.sleep(0.2)
            assert other.poll() is None
            assert marked(Path("/nowhere")) == [identity]
            assert marked(Path("/now")) == []
        finally:
            other.kill()
