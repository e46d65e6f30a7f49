"""What answers mean, where may be posted, and how fast."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.notify.address import BadAddress, checked, secrets_in
from consumers.notify.answers import Answer, Outcome, judged
from consumers.notify.pace import WINDOW_MS, Pace

TOKEN = "0123456789abcdef"  # noqa: S105


@pytest.mark.parametrize(
    ("kind", "status", "body", "verdict"),
    [
        ("dingtalk", 200, b'{"errcode":0,"errmsg":"ok"}', "sent"),
        ("dingtalk", 200, b'{"errcode":130101,"errmsg":"send too fast"}', "throttled"),
        ("dingtalk", 200, b'{"errcode":310000,"errmsg":"sign not match"}', "refused"),
        ("dingtalk", 200, b'{"errcode":300001,"errmsg":"token is not exist"}', "refused"),
        ("dingtalk", 200, b'{"errcode":460101,"errmsg":"message too long"}', "unwanted"),
        ("dingtalk", 200, b'{"errcode":-1,"errmsg":"busy"}', "unreachable"),
        ("wecom", 200, b'{"errcode":45009,"errmsg":"api freq out of limit"}', "throttled"),
        ("wecom", 200, b'{"errcode":40058,"errmsg":"exceed max length"}', "unwanted"),
        ("wecom", 200, b'{"errcode":40014}', "refused"),
        ("wecom", 200, b'{"errcode":987654}', "refused"),
        ("wecom", 200, b"<html>portal</html>", "unreachable"),
        ("wecom", 200, b"{}", "unreachable"),
        ("wecom", 200, b'{"errcode":false}', "unreachable"),
        ("wecom", 200, b"[0]", "unreachable"),
        ("wecom", 204, b"", "unreachable"),
        ("wecom", 302, b'{"errcode":0}', "refused"),
        ("wecom", 403, b'{"errcode":0}', "refused"),
        ("wecom", 429, b"", "throttled"),
        ("wecom", 502, b'{"errcode":0}', "unreachable"),
        ("webhook", 204, b"", "sent"),
        ("webhook", 408, b"", "unreachable"),
        ("webhook", 404, b"", "refused"),
    ],
)
def test_an_answer_is_judged_by_its_code_and_not_by_its_status_alone(kind: str, status: int, body: bytes, verdict: str) -> None:
    """200 with an error code is an error; 200 without any is not from the robot."""
    assert judged(kind, Answer(status, body), ()).verdict == verdict


def test_a_detail_names_the_code_and_what_to_do_and_repeats_no_secret() -> None:
    """Even where the robot repeats the address."""
    url = f"https://oapi.dingtalk.com/robot/send?access_token={TOKEN}"
    body = f'{{"errcode":300001,"errmsg":"no {TOKEN} at {url}\\n2018 FORGED LINE"}}'.encode()
    detail = judged("dingtalk", Answer(200, body), secrets_in(url)).detail
    assert TOKEN not in detail
    assert "\n" not in detail
    assert "300001" in detail
    assert "url_file" in detail


@pytest.mark.parametrize(
    "url",
    [f"https://oapi.dingtalk.com/robot/send?access_token={TOKEN}", "http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:9/x"],
)
def test_an_address_that_is_encrypted_or_stays_here_is_taken(url: str) -> None:
    """As it is."""
    assert checked(url) == url


@pytest.mark.parametrize(
    "url",
    [
        f"http://oapi.dingtalk.com/robot/send?access_token={TOKEN}",
        f"http://127.0.0.1.evil.example/?{TOKEN}",
        f"http://localhost.evil.example/?{TOKEN}",
        f"http://169.254.169.254/{TOKEN}",
        f"file:///etc/{TOKEN}",
        f"//host/{TOKEN}",
        TOKEN,
        f"https://user:{TOKEN}@host/",
        f"https://127.0.0.1@evil.example/{TOKEN}",
        f"https://host/{TOKEN}#x",
        f"https://host/{TOKEN}\nhttps://other/",
        f"https://host/ {TOKEN}",
        f"https://host\\@evil/{TOKEN}",
        f"https://主机/{TOKEN}",
        f"https://host:99999/{TOKEN}",
        f"https://[::1/{TOKEN}",
    ],
)
def test_any_other_address_is_refused_without_repeating_it(url: str) -> None:
    """A robot's address is a secret."""
    with pytest.raises(BadAddress) as refused:
        checked(url)
    assert TOKEN not in str(refused.value)


@given(
    arrivals=st.lists(st.integers(0, 4_000), max_size=150),
    durations=st.lists(st.integers(0, 9_000), min_size=1, max_size=20),
    per_window=st.integers(1, 20),
)
def test_no_robot_sees_more_than_its_limit_in_any_minute(arrivals: list[int], durations: list[int], per_window: int) -> None:
    """However long requests take: a message arrives at any moment between its beginning and its end."""
    pace = Pace(per_window, 0)
    now = 0
    begun: list[int] = []
    over: list[int] = []
    for number, gap in enumerate(arrivals):
        now = max(now + gap, pace.next_ms(queued_ms=0, sent_ms=over, held_until_ms=0))
        begun.append(now)
        now += durations[number % len(durations)]
        over.append(now)
    for first in range(len(begun) - per_window):  # the earliest that the one arrived, the latest that the other did
        assert begun[first + per_window] - over[first] >= WINDOW_MS > 60_000


def test_the_first_alert_waits_for_others_and_a_hold_is_kept() -> None:
    """The latest of: the wait for company, the limit, the robot's wish."""
    pace = Pace(20, 5_000)
    assert pace.next_ms(queued_ms=100, sent_ms=[], held_until_ms=0) == 5_100
    assert pace.next_ms(queued_ms=100, sent_ms=[7] * 19, held_until_ms=0) == 5_100
    assert pace.next_ms(queued_ms=100, sent_ms=[6] + [7] * 20, held_until_ms=0) == 7 + WINDOW_MS
    assert pace.next_ms(queued_ms=100, sent_ms=[], held_until_ms=600_000) == 600_000


def test_patience_doubles_up_to_its_end_and_minds_retry_after() -> None:
    """Throttled: minutes. Nobody there: seconds. Refused: many minutes."""
    pace = Pace(20, 0)
    assert [pace.wait_ms(Outcome("throttled"), n) for n in (1, 2, 9)] == [60_000, 120_000, 600_000]
    assert [pace.wait_ms(Outcome("unreachable"), n) for n in (1, 4, 99)] == [1_000, 8_000, 300_000]
    assert [pace.wait_ms(Outcome("refused"), n) for n in (1, 5)] == [300_000, 3_600_000]
    assert pace.wait_ms(Outcome("throttled", retry_after_seconds=900), 1) == 900_000
    assert pace.wait_ms(Outcome("throttled", retry_after_seconds=10**9), 1) == 3_600_000
