"""Requests that leave this machine go where an operator's file says, and nowhere else: neither data nor answers can lead them away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from consumers.notify.address import BadAddress, checked
from consumers.notify.message import Message
from consumers.notify.outbound import HttpChannel
from streams.notify_settings import ChannelSettings
from tests.notify.parts import Robot, alert, queued

REFUSED = (
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://[fd00:ec2::254]/latest/",
    "http://10.0.0.1/",
    "http://127.0.0.1.example.test/",
    "http://localhost.example.test/",
    "http://2130706433/",
    "http://0x7f.1/",
    "https://127.0.0.1@example.test/",
    "http://localhost#@example.test/",
    "http://localhost\\@example.test/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:9092/_x",
    "ftp://example.test/",
    "//example.test/",
    "http://[::1",
)


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_is_not_encrypted_leads_to_this_machine_or_nowhere(url: str) -> None:
    """What answers whoever is near, as a cloud's metadata service does, speaks plain HTTP; names that only look like ours are none."""
    with pytest.raises(BadAddress) as refused:
        checked(url)
    assert url not in str(refused.value)


def test_what_an_alert_names_is_never_fetched_and_no_proxy_of_the_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its labels, annotations and links are text: one request leaves for a message, to the address in the file."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def deliver() -> tuple[str, int, int]:
        async with Robot("webhook") as robot, Robot("webhook") as named:
            path = tmp_path / "url"
            path.write_text(robot.url)
            channel = HttpChannel(ChannelSettings(name="program", kind="webhook", url_file=path))
            one = alert(summary=f"see {named.url}", instance=named.url, url_file=named.url, runbook_url=named.url)
            outcome = await channel.deliver(Message(f"title {named.url}", "", tuple(queued([one]))))
            await channel.close()
            return outcome.verdict, robot.requests, named.requests

    assert asyncio.run(deliver()) == ("sent", 1, 0)


def test_an_answer_cannot_send_a_message_and_its_token_elsewhere(tmp_path: Path) -> None:
    """Whatever the status and wherever it points: another path, another port, a cloud's metadata."""

    async def deliver() -> list[int]:
        async with Robot("webhook") as robot, Robot("webhook") as other:
            path, secret = tmp_path / "url", tmp_path / "secret"
            path.write_text(robot.url)
            secret.write_text("token-for-the-robot-alone")
            channel = HttpChannel(ChannelSettings(name="program", kind="webhook", url_file=path, secret_file=secret))
            verdicts = []
            for status in (301, 302, 303, 307, 308):
                robot.script.append(f"{status} {other.url}")
                verdicts.append((await channel.deliver(Message("title", "", tuple(queued([alert()]))))).verdict)
            await channel.close()
            assert "sent" not in verdicts
            return [robot.requests, other.requests]

    assert asyncio.run(deliver()) == [5, 0]
