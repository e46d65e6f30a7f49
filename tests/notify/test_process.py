"""The process itself, as it is run: posted to by a real Alertmanager, killed in a flood, asked for metrics and health."""

from __future__ import annotations

# ruff: noqa: S310 - every address is one of this machine
import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import orjson
import pytest

from consumers.notify.queue import Queue, Taken
from ops.supervisor.roles import endpoints, fixed_roles
from streams.settings import load_settings
from tests.conftest import free_port
from tests.notify.parts import T0, Robot, alert, posted
from tests.notify.test_mail import Mailbox, serving
from tests.ops.test_cli import guidang
from tests.test_settings import environment

pytestmark = pytest.mark.timeout(120)

BEARER = "bearer-of-alertmanager"
ALERTMANAGER = which("prometheus-alertmanager")
_QUICKLY = (
    "import sys; import consumers.notify.process as p; from consumers.notify.pace import Pace; from streams.settings import load_settings;"
    "p.pace_of = lambda channel, notify: Pace(channel.per_minute, 40, 500); p.run(load_settings())"
)
"""The process with minutes of half a second."""


class Background:
    """Robots on a loop of their own, so that a test may wait for processes."""

    def __init__(self, *robots: Robot) -> None:
        self.robots = robots
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> Background:  # noqa: PYI034
        self.thread.start()
        for robot in self.robots:
            asyncio.run_coroutine_threadsafe(robot.__aenter__(), self.loop).result(10)
        return self

    def __exit__(self, *error: object) -> None:
        for robot in self.robots:
            asyncio.run_coroutine_threadsafe(robot.__aexit__(None, None, None), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


class Notifier:
    """A ``guidang notify`` process on a folder."""

    def __init__(self, folder: Path, robots: dict[str, Robot], notify: str = "", **channel: str) -> None:
        self.folder = folder
        self.port = free_port()
        text = f'[notify]\nport = {self.port}\nlinger = "100ms"\n{notify}\n'
        for name, robot in robots.items():
            (folder / f"{name}.url").write_text(robot.url)
            text += (
                f'[[notify.channels]]\nname = "{name}"\nkind = "{robot.kind}"\nurl_file = "{folder}/{name}.url"\n{channel.get(name, "")}\n'
            )
        (folder / "guidang.toml").write_text(text)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GUIDANG_")},
            "GUIDANG_CONFIG": str(folder / "guidang.toml"),
            "GUIDANG_DATA_DIR": str(folder / "data"),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, quickly: bool = False) -> None:
        """Start it, and wait until it takes alerts."""
        command = [sys.executable, "-c", _QUICKLY] if quickly else [sys.executable, "-m", "ops", "notify"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, preexec_fn=_die_with_parent)  # noqa: PLW1509
        eventually(lambda: (self.folder / "data/run/notify.ready").exists() and self.answers(), 30)

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; return the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def answers(self) -> bool:
        """Whether it is healthy."""
        try:
            return bool(self.get("/healthz")["status"] == "ok")
        except (OSError, ValueError):
            return False

    def get(self, path: str) -> Any:
        """A JSON page."""
        return orjson.loads(self.page(path))

    def page(self, path: str) -> bytes:
        """Any page."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return bytes(answer.read())

    def post(self, body: bytes, **headers: str) -> tuple[int, Any]:
        """Post as Alertmanager does; status and answer."""
        given = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/alertmanager", body, given)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, orjson.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, orjson.loads(error.read())

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log").read_text()


def _die_with_parent() -> None:
    import ctypes  # noqa: PLC0415

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: it does not outlive a killed run


def eventually(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something holds."""
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "it did not come about in time"
        time.sleep(0.02)


@contextmanager
def running(notifier: Notifier, *, quickly: bool = False) -> Iterator[Notifier]:
    """While it runs."""
    notifier.start(quickly=quickly)
    try:
        yield notifier
    finally:
        notifier.kill()


def test_alerts_are_taken_told_and_counted_and_everything_else_is_refused_with_a_reason(tmp_path: Path) -> None:
    """One process through its whole life: token, size, kind, form; health, metrics; SIGTERM."""
    (tmp_path / "token").write_text(BEARER)
    bearer = {"Authorization": f"Bearer {BEARER}"}
    robot, other = Robot("wecom"), Robot("webhook")
    with Background(robot, other):
        notifier = Notifier(
            tmp_path,
            {"duty": robot, "ops": other},
            f'token_file = "{tmp_path}/token"',
            duty='match = {severity = "page"}',
            ops='match = {severity = ["page", "ticket"]}',
        )
        before = Queue(tmp_path / "data/notify/queue.sqlite")
        before.accept([Taken("gone", 0, alert("long-ago")), Taken("gone", 0, alert("older"))], T0)
        before.close()
        with running(notifier):
            page = alert("a", summary="要紧", severity="page", applicant="张三")
            assert notifier.post(posted([page]))[0] == 401
            assert notifier.post(posted([page]), Authorization="Bearer wrong")[0] == 401
            assert notifier.post(posted([page]), **bearer, Content_Type="text/plain")[0] == 415
            status, answer = notifier.post(posted([page]).replace(b"firing", b"fiering"), **bearer)
            assert (status, answer["error"].startswith("alerts.0.status: ")) == (400, True)
            assert notifier.post(b"{" * (17 << 20), **bearer)[0] == 413
            assert notifier.get("/healthz") == {"status": "ok", "waiting": {}}
            robot.script.append("502")
            ticket, none = alert("b", summary="不急", severity="ticket"), alert("c", severity="info", alertname="Nobody")
            assert notifier.post(posted([page, ticket, none], truncatedAlerts=7), **bearer) == (200, {"queued": 3})
            assert notifier.post(posted([page, ticket, none]), **bearer) == (200, {"queued": 0})
            eventually(lambda: bool(robot.texts and other.bodies))
            eventually(lambda: notifier.get("/healthz")["waiting"] == {})
            metrics = notifier.page("/metrics").decode()
            assert notifier.stop() == 0
    assert "要紧" in robot.texts[0]
    assert "不急" not in robot.texts[0]
    assert [a["fingerprint"] for a in other.bodies[0]["alerts"]] == ["a", "b"]
    for line in (
        'guidang_notify_messages_total{channel="duty",outcome="sent"} 1.0',
        'guidang_notify_messages_total{channel="duty",outcome="unreachable"} 1.0',
        'guidang_notify_messages_total{channel="duty",outcome="refused"} 0.0',
        'guidang_notify_queued_alerts{channel="duty"} 0.0',
        'guidang_notify_oldest_queued_seconds{channel="ops"} 0.0',
        'guidang_build_info{role="notify",version=',
    ):
        assert line in metrics
    log = notifier.log()
    assert "Nobody" in log, "an alert that no channel takes is told"
    assert "7" in log, "what Alertmanager left out is told"
    assert "gone 已不在设置里，丢弃等待它的 no longer set, dropped: 2 条告警" in log
    for secret in (BEARER, robot.token, "张三"):
        assert secret not in log
    assert not (tmp_path / "data/run/notify.ready").exists()


def test_a_test_message_shows_that_a_channel_works_or_why_not(tmp_path: Path) -> None:
    """Exit 0; exit 4 with the robot's own reason; within the limit."""
    robot = Robot("wecom")
    with Background(robot):
        notifier = Notifier(tmp_path, {"duty": robot}, duty="per_minute = 2")
        arguments = ("notify", "--test", "duty", "--config", str(tmp_path / "guidang.toml"), "--data-dir", str(tmp_path / "data"))
        done = guidang(*arguments)
        assert (done.returncode, "可用" in done.stderr) == (0, True), done.stderr
        robot.script.append(93000)
        done = guidang(*arguments)
        assert done.returncode == 4
        assert "93000" in done.stderr
        done = guidang(*arguments)
        assert done.returncode == 4
        assert "限流" in done.stderr
        assert robot.token not in done.stderr
        del notifier
    assert len(robot.texts) == 1
    assert "测试消息" in robot.texts[0]


def test_a_recipient_who_is_refused_for_the_moment_gets_the_mail_later_and_the_others_get_it_once(tmp_path: Path) -> None:
    """A greylist for one of two: it is tried again for that one alone; and a test message goes to both."""
    box = Mailbox(put_off={"duty@example.org"})
    with serving(box, tls=False) as port:
        to = 'sender = "guidang@example.org"\nto = ["duty@example.org", "boss@example.org"]'
        channel = f'[[notify.channels]]\nname = "mail"\nkind = "email"\nsmtp_host = "127.0.0.1"\nsmtp_port = {port}\n{to}'
        notifier = Notifier(tmp_path, {}, channel)
        with running(notifier):
            assert notifier.post(posted([alert("a", summary="要紧")])) == (200, {"queued": 2})
            eventually(lambda: len(box.mails) == 2)
            eventually(lambda: notifier.get("/healthz")["waiting"] == {})
            metrics = notifier.page("/metrics").decode()
            assert notifier.stop() == 0
        assert [mail["To"] for mail in box.mails] == ["boss@example.org", "duty@example.org"]
        for line in (
            'guidang_notify_messages_total{channel="mail",outcome="unreachable"} 1.0',
            'guidang_notify_messages_total{channel="mail",outcome="sent"} 1.0',
            'guidang_notify_messages_total{channel="mail/2",outcome="sent"} 1.0',
        ):
            assert line in metrics
        assert "451" in notifier.log()
        box.refuse["boss@example.org"] = "550 boss@example.org is unknown"
        done = guidang("notify", "--test", "mail", "--config", str(tmp_path / "guidang.toml"), "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 4
    assert "mail/2: refused" in done.stderr
    assert box.mails[-1]["To"] == "duty@example.org"
    assert "example.org" not in notifier.log() + done.stderr


def test_the_supervisor_starts_it_where_channels_are_set_and_learns_its_address(tmp_path: Path) -> None:
    """And no second one on the same folder."""
    with Background(robot := Robot("wecom")):
        notifier = Notifier(tmp_path, {"duty": robot})
        with environment(CONFIG=str(tmp_path / "guidang.toml"), DATA_DIR=str(tmp_path / "data")):
            settings = load_settings()
            (role,) = [role for role in fixed_roles(settings) if role.role == "notify"]
            assert not role.ready()
            with running(notifier):
                assert role.ready()
                assert endpoints(settings)["notify"] == f"http://127.0.0.1:{notifier.port}"
                second = subprocess.run(role.command(), env=notifier.environment, capture_output=True, text=True, check=False, timeout=60)
    assert second.returncode == 4
    assert "另一个 guidang notify" in second.stderr
    with environment(DATA_DIR=str(tmp_path / "none")):
        assert "notify" not in [role.role for role in fixed_roles(load_settings())]


def test_sigkill_at_any_moment_of_a_flood_loses_no_alert(tmp_path: Path) -> None:
    """What was answered with 200 is told, each fingerprint's last state last, in order; robots break and throttle on top."""
    chance = random.Random(7)  # noqa: S311
    hook, robot = Robot("webhook"), Robot("wecom", limit=19, window_seconds=0.4)
    delivered: dict[str, list[tuple[str, int]]] = {}
    with Background(hook, robot):
        notifier = Notifier(tmp_path, {"hook": hook, "robot": robot}, "digest_over = 1000", hook="per_minute = 2000")
        kills = 0
        notifier.start(quickly=True)
        for number in range(72):
            batch = []
            for _ in range(chance.randrange(1, 6)):
                fingerprint = f"{chance.randrange(40):x}"
                status, start = delivered.get(fingerprint, [("resolved", T0)])[-1]
                following = ("resolved", start) if status == "firing" else ("firing", start + 1_000)
                delivered.setdefault(fingerprint, []).append(following)
                batch.append(alert(fingerprint, *following, summary=f"#{fingerprint}/{following[0]}/{following[1]}#"))
            if number % 15 == 7:
                robot.script.append(chance.choice(["reset", "html"]))
                hook.script.append(chance.choice(["reset", "503"]))
            killer = threading.Timer(chance.random() * 0.05, notifier.kill) if number % 12 == 5 else None
            if killer:
                killer.start()
            _insist(notifier, posted(batch), killer)
            kills += killer is not None
            time.sleep(chance.random() * 0.03)
        eventually(lambda: notifier.get("/healthz")["waiting"] == {}, 60)
        assert notifier.stop() == 0
    assert kills == 6
    assert hook.bodies
    for fingerprint, states in delivered.items():
        told = [(a["status"], a["starts_at"]) for body in hook.bodies for a in body["alerts"] if a["fingerprint"] == fingerprint]
        _check(told, [(status, _iso(start)) for status, start in states])
        marks = [(status, start) for text in robot.texts for status, start in _marks(text, fingerprint)]
        assert marks, "each alert is in the robot's messages"
        assert marks[-1] == states[-1]


def _insist(notifier: Notifier, body: bytes, killer: threading.Timer | None) -> None:
    """Post until it is answered with 200, as Alertmanager does, starting what was killed."""
    while True:
        try:
            status, _ = notifier.post(body)
        except OSError:
            status = 0
        if killer:
            killer.join()
            assert notifier.process is not None
            notifier.process.wait(10)
            notifier.start(quickly=True)
            killer = None
        if status == 200:
            return


def _check(told: list[tuple[str, str]], delivered: list[tuple[str, str]]) -> None:
    """The last is the last, and the order is that of delivery."""
    assert told[-1] == delivered[-1]
    places = [delivered.index(state) for state in told]
    assert places == sorted(places)


def _marks(text: str, fingerprint: str) -> list[tuple[str, int]]:
    parts = [piece.split("/") for piece in text.split("#") if piece.count("/") == 2]
    return [(status, int(start)) for found, status, start in parts if found == fingerprint]


def _iso(start_ms: int) -> str:
    from streams.domain.time import iso  # noqa: PLC0415

    return iso(start_ms)


@pytest.mark.skipif(ALERTMANAGER is None, reason="needs Debian's prometheus-alertmanager")
def test_a_real_alertmanager_posts_and_people_are_told_once(tmp_path: Path) -> None:
    """Firing, repeated, resolved; with token; backfills page nobody."""
    assert ALERTMANAGER is not None
    (tmp_path / "token").write_text(BEARER)
    robot = Robot("dingtalk", secret="SEC0123456789")  # noqa: S106
    (tmp_path / "sign").write_text(robot.secret)
    with Background(robot):
        notifier = Notifier(tmp_path, {"duty": robot}, f'token_file = "{tmp_path}/token"', duty=f'secret_file = "{tmp_path}/sign"')
        port = free_port()
        (tmp_path / "alertmanager.yml").write_text(
            f"""
route: {{receiver: notify, group_by: [alertname], group_wait: 100ms, group_interval: 300ms, repeat_interval: 600ms}}
receivers:
  - name: notify
    webhook_configs:
      - url: http://127.0.0.1:{notifier.port}/alertmanager
        send_resolved: true
        http_config: {{authorization: {{credentials_file: {tmp_path}/token}}}}
"""
        )
        with running(notifier), (tmp_path / "alertmanager.log").open("wb") as log:
            manager = subprocess.Popen(
                [
                    ALERTMANAGER,
                    f"--config.file={tmp_path}/alertmanager.yml",
                    f"--storage.path={tmp_path}/alertmanager",
                    f"--web.listen-address=127.0.0.1:{port}",
                    "--cluster.listen-address=",
                ],
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509
            )
            try:
                url = f"http://127.0.0.1:{port}"
                eventually(lambda: _ready(url))
                _fire(url, "CoverageDrop", "归档率下降", unit="330100012")
                _fire(url, "Unarchived", "去年的", backfill="true", unit="330100012")
                eventually(lambda: len(robot.texts) == 1)
                time.sleep(1.5)  # Alertmanager repeats, again and again
                assert len(robot.texts) == 1
                _fire(url, "CoverageDrop", "归档率下降", seconds=0, unit="330100012")
                eventually(lambda: len(robot.texts) == 2)
            finally:
                manager.kill()
                manager.wait(10)
    firing, resolved = robot.texts
    assert "🔴 330100012：归档率下降" in firing
    assert "🟢 330100012：已恢复" in resolved
    both = firing + resolved
    assert "去年的" not in both
    assert "历史补录引起的 1 条" in both


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


_STARTED = time.time()


def _fire(url: str, name: str, summary: str, seconds: float = 600, **labels: str) -> None:
    """Post an alert as Prometheus does; with 0 seconds it ends now."""
    alerts = [
        {
            "labels": {"alertname": name, **labels},
            "annotations": {"summary": summary},
            "startsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_STARTED - 60)),
            "endsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds)),
        }
    ]
    request = urllib.request.Request(f"{url}/api/v2/alerts", orjson.dumps(alerts), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
