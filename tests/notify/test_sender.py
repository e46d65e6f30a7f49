"""Senders against robots that behave as documented: limits, error codes behind status 200, resets, portals; time scaled down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from consumers.notify.alert import Alert
from consumers.notify.answers import Outcome, Verdict
from consumers.notify.links import Links
from consumers.notify.message import Composer, Message
from consumers.notify.outbound import HttpChannel
from consumers.notify.pace import Pace
from consumers.notify.queue import Queue, Taken
from consumers.notify.sender import Sender
from streams.clock import wall_ms
from streams.domain.time import HOUR_MS
from streams.notify_settings import ChannelSettings
from tests.notify.parts import Robot, alert

SECRET = "SECf00dfeed0123456789"  # noqa: S105
QUICK = {"throttled": (150, 600), "unreachable": (20, 60), "refused": (60, 200), "unwanted": (60, 200)}
WINDOW_MS = 500


class Post:
    """A queue with senders to some robots."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.queue = Queue(folder / "queue.sqlite")
        self.senders: list[Sender] = []
        self.outcomes: list[tuple[str, str]] = []

    def channel(self, robot: Robot, name: str = "", per_minute: int = 20) -> Sender:
        """Another channel."""
        name = name or robot.kind
        (self.folder / f"{name}.url").write_text(robot.url + "\n")
        secret_file = self.folder / f"{name}.secret" if robot.secret or robot.kind == "dingtalk" else None
        if secret_file:
            secret_file.write_text(robot.secret or SECRET)
        settings = ChannelSettings(
            name=name,
            kind=robot.kind,
            url_file=self.folder / f"{name}.url",
            secret_file=secret_file,
            per_minute=per_minute,  # type: ignore[arg-type]
        )
        pace = Pace(per_minute, 30, WINDOW_MS, QUICK)  # type: ignore[arg-type]
        composer = Composer(robot.kind, Links(), 10_000)
        sender = Sender(name, self.queue, HttpChannel(settings), composer, pace, lambda n, v: self.outcomes.append((n, v)))
        self.senders.append(sender)
        return sender

    def deliver(self, alerts: Sequence[Alert]) -> None:
        """To every channel."""
        self.queue.accept([Taken(s.name, 0, one) for s in self.senders for one in alerts], wall_ms())
        for sender in self.senders:
            sender.wake()

    def verdicts(self, channel: str) -> list[str]:
        """Of its messages, in order."""
        return [verdict for name, verdict in self.outcomes if name == channel]


@asynccontextmanager
async def working(post: Post) -> AsyncIterator[None]:
    """Senders at work."""
    async with asyncio.TaskGroup() as tasks:
        for sender in post.senders:
            tasks.create_task(sender.run())
        yield
        for sender in post.senders:
            sender.stop()
    post.queue.close()


async def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for it."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - it looks at files and at other tasks' lists
            await asyncio.sleep(0.01)


def drained(post: Post, channel: str) -> Callable[[], bool]:
    """Whether nothing waits."""
    return lambda: post.queue.oldest_ms(channel) is None


def test_a_flood_is_told_whole_within_the_robots_limits(tmp_path: Path) -> None:
    """600 alerts in 4096-byte messages, 20 a window: the robot never has to say that it is too much."""

    async def run() -> None:
        async with Robot("wecom", limit=20, window_seconds=WINDOW_MS / 1000 - 0.05) as robot:
            post = Post(tmp_path)
            post.channel(robot)
            async with working(post):
                for first in range(0, 600, 50):
                    post.deliver([alert(f"{n:x}", summary=f"告警<{n:04d}>的说明" + "字" * 30) for n in range(first, first + 50)])
                    await asyncio.sleep(0.01)
                await until(drained(post, "wecom"))
        assert robot.throttled == 0
        assert len(robot.texts) > 20, "the flood must reach the limit, or this shows nothing"
        assert len(robot.texts) < 100
        whole = "\n".join(robot.texts)
        assert all(whole.count(f"告警＜{n:04d}＞") == 1 for n in range(600))

    asyncio.run(run())


def test_alerts_that_wait_for_the_limit_are_merged_and_the_last_state_is_told(tmp_path: Path) -> None:
    """One message a window: what changed in between is one line."""

    async def run() -> None:
        async with Robot("wecom") as robot:
            post = Post(tmp_path)
            post.channel(robot, per_minute=1)
            async with working(post):
                post.deliver([alert("a", summary="one")])
                await until(lambda: len(robot.texts) == 1)
                for start in range(1, 6):
                    post.deliver([alert("a", "resolved", start)])
                    post.deliver([alert("a", "firing", start + 1, summary="again"), alert(f"b{start}", summary="other")])
                await until(drained(post, "wecom"))
        first, second = robot.texts
        assert "one" in first
        assert "again" in second
        assert "等待发送期间变化 9 次" in second
        assert second.count("other") == 5

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["dingtalk", "wecom"])
def test_a_throttling_robot_is_left_alone_over_a_restart_and_told_everything_later(tmp_path: Path, kind: str) -> None:
    """It takes fewer than it should: backed off, nothing lost."""

    async def run() -> None:
        async with Robot(kind, limit=1, window_seconds=0.3) as robot:
            post = Post(tmp_path)
            sender = post.channel(robot)
            count = sender.count

            def count_and_stop(name: str, verdict: Verdict) -> None:
                count(name, verdict)
                if verdict == "throttled":
                    sender.stop()

            sender.count = count_and_stop
            task = asyncio.create_task(sender.run())
            for number in range(200):
                post.deliver([alert(f"{number:x}", summary=f"<{number}>")])
                await asyncio.sleep(0.02)
                if task.done():
                    break
            await task
            assert robot.throttled == 1
            assert post.queue.held_until_ms(kind) > 0
            told_before = len(robot.texts)
            post.senders.clear()
            post.channel(robot)  # the next life of the process
            async with working(post):
                await until(drained(post, kind))
        assert len(robot.texts) > told_before
        whole = "\n".join(robot.texts)
        assert all(f"＜{told}＞" in whole for told in range(number + 1))

    asyncio.run(run())


def test_a_signed_robot_takes_good_signatures_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """310000 is told loudly, is retried, and a new secret in the file is used without a restart."""
    caplog.set_level(logging.DEBUG)

    async def run() -> None:
        async with Robot("dingtalk", secret=SECRET) as robot:
            post = Post(tmp_path)
            post.channel(robot)
            (tmp_path / "dingtalk.secret").write_text("SECwrongwrongwrong")
            async with working(post):
                post.deliver([alert(summary="signed")])
                await until(lambda: "refused" in post.verdicts("dingtalk"))
                assert not robot.texts
                (tmp_path / "dingtalk.secret").write_text(SECRET)
                await until(drained(post, "dingtalk"))
        assert "signed" in robot.texts[0]

    asyncio.run(run())
    (refusal, *_) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "310000" in refusal.getMessage()
    assert "secret_file" in refusal.getMessage()


def test_connections_that_break_and_answers_that_are_none_are_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Resets, portals, server errors, a busy robot; and no secret reaches the log, not even at DEBUG."""
    caplog.set_level(logging.DEBUG)

    async def run() -> None:
        async with Robot("dingtalk", secret=SECRET) as robot:
            robot.script.extend(["reset", "html", "503", -1, 999_999, "slow"])
            post = Post(tmp_path)
            post.channel(robot)
            async with working(post):
                post.deliver([alert(summary="in the end")])
                await until(drained(post, "dingtalk"))
            assert post.verdicts("dingtalk") == ["unreachable"] * 4 + ["refused", "sent"]
        assert "in the end" in robot.texts[0]
        assert robot.token not in caplog.text
        assert SECRET not in caplog.text
        assert "sign=" not in caplog.text
        assert "999999" in caplog.text

    asyncio.run(run())


def test_a_channel_that_has_failed_waits_no_longer_because_the_clock_is_put_back(tmp_path: Path) -> None:
    """By an hour, after a failure: tried again when it would have been, not an hour later."""

    async def run() -> None:
        async with Robot("wecom") as robot:
            robot.script.append("503")
            post, back_ms = Post(tmp_path), 0
            sender = post.channel(robot)
            sender.now_ms = lambda: wall_ms() - back_ms
            sender.pace = Pace(20, 30, WINDOW_MS, {**QUICK, "unreachable": (1_000, 1_000)})  # type: ignore[dict-item]
            async with working(post):
                post.deliver([alert(summary="kept")])
                await until(lambda: bool(post.verdicts("wecom")))
                back_ms = HOUR_MS
                await until(drained(post, "wecom"))
            assert post.verdicts("wecom") == ["unreachable", "sent"]

    asyncio.run(run())


def test_nobody_there_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A refused connection: kept, tried, told."""
    caplog.set_level(logging.DEBUG)

    async def run() -> None:
        async with Robot("wecom") as robot:
            gone = robot.url
        post = Post(tmp_path)
        post.channel(robot)
        async with working(post):
            post.deliver([alert(summary="kept")])
            await until(lambda: post.verdicts("wecom").count("unreachable") >= 2)
            async with Robot("wecom") as back:
                (tmp_path / "wecom.url").write_text(back.url)
                await until(drained(post, "wecom"))
        assert "kept" in back.texts[0]
        assert gone.partition("?")[2] not in caplog.text

    asyncio.run(run())


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """Only addresses of the settings are posted to."""

    async def run() -> None:
        async with Robot("wecom") as robot:
            robot.script.append("redirect")
            post = Post(tmp_path)
            post.channel(robot)
            async with working(post):
                post.deliver([alert(summary="here")])
                await until(drained(post, "wecom"))
            assert post.verdicts("wecom") == ["refused", "sent"]
        assert "FOLLOWED A REDIRECT" not in robot.texts

    asyncio.run(run())


def test_a_robot_that_refuses_for_good_blocks_no_other_channel_and_keeps_its_alerts(tmp_path: Path) -> None:
    """A wrong token here, good tidings there."""

    async def run() -> None:
        async with Robot("dingtalk") as closed, Robot("wecom") as open_:
            closed.token = "revoked"  # noqa: S105 - the address keeps the old one
            post = Post(tmp_path)
            post.channel(closed)
            post.channel(open_)
            async with working(post):
                post.deliver([alert("a", summary="both")])
                await until(drained(post, "wecom"))
                post.deliver([alert("b", summary="more")])
                await until(drained(post, "wecom"))
                await until(lambda: len(post.verdicts("dingtalk")) >= 2)
                assert post.queue.numbers() == {"dingtalk": 2}
        assert set(post.verdicts("dingtalk")) == {"refused"}
        assert len(open_.texts) == 2

    asyncio.run(run())


def test_words_that_a_robot_will_not_have_are_left_out_and_the_alert_is_told(tmp_path: Path) -> None:
    """430102: at once, with name and count alone; the next message is a full one again."""

    async def run() -> None:
        async with Robot("dingtalk") as robot:
            robot.script.append(430102)
            post = Post(tmp_path)
            post.channel(robot)
            async with working(post):
                post.deliver([alert("a", summary="不合适")])
                await until(drained(post, "dingtalk"))
                post.deliver([alert("b", summary="合适")])
                await until(drained(post, "dingtalk"))
        brief, full = robot.texts
        assert "不合适" not in brief
        assert "CoverageDrop：1 条告警" in brief
        assert "合适" in full

    asyncio.run(run())


def test_a_sender_that_is_stopped_finishes_its_message(tmp_path: Path) -> None:
    """What is under way is not cut off, and so not repeated after the next start."""

    async def run() -> None:
        async with Robot("wecom") as robot:
            robot.script.append("slow")
            post = Post(tmp_path)
            sender = post.channel(robot)
            task = asyncio.create_task(sender.run())
            post.deliver([alert(summary="slow")])
            await until(lambda: robot.requests == 1)
            sender.stop()
            await task
            assert drained(post, "wecom")()
            post.queue.close()
        assert len(robot.texts) == 1

    asyncio.run(run())


class Defective:
    """A way out with a defect, whose error tells a secret."""

    closed = False

    async def deliver(self, message: Message) -> Outcome:
        """Fail as nobody foresaw."""
        raise ValueError(f"{SECRET} {message.title}")

    async def close(self) -> None:
        """Remember."""
        self.closed = True


def test_a_defect_in_one_channel_silences_no_other_and_tells_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told with its place, and without its words."""

    async def run() -> None:
        async with Robot("wecom") as robot:
            post = Post(tmp_path)
            post.channel(robot)
            broken = post.channel(robot, "broken")
            await broken.channel.close()
            broken.channel = Defective()
            async with working(post):
                post.deliver([alert(summary="still")])
                await until(drained(post, "wecom"))
                await until(lambda: len(post.verdicts("broken")) >= 2)
                assert post.queue.numbers() == {"broken": 1}
            assert broken.channel.closed
        assert "still" in robot.texts[0]

    asyncio.run(run())
    assert "ValueError" in caplog.text
    assert "test_sender.py" in caplog.text
    assert SECRET not in caplog.text
