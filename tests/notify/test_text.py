"""Texts: cut at characters, harmless in a robot's Markdown, times with offset."""

from __future__ import annotations

import subprocess
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.notify.signing import signed
from consumers.notify.text import clip, lasting, moment, plain, size
from tests.notify.parts import T0

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@given(text=TEXTS, most=st.integers(0, 60))
def test_a_clipped_text_fits_and_no_character_is_parted(text: str, most: int) -> None:
    """Bytes are what robots count, characters are what people read."""
    cut = clip(text, most)
    assert size(cut) <= most
    if size(text) <= most:
        assert cut == text
    else:
        kept = cut.removesuffix("…")
        assert text.startswith(kept)
        following = text[len(kept) :][:1]
        room = most - size("…") if most >= size("…") else most
        assert size(kept + following) > room, "as much as fits is kept"


@given(text=TEXTS)
def test_a_plain_text_holds_no_markup_and_one_line(text: str) -> None:
    """A label must not become a link, a mention or a heading."""
    shown = plain(text)
    assert not set(shown) & set("[]<>`*\\\n\r\t\x00\u2028\u202e")
    assert plain(shown) == shown


def test_times_have_the_offset_and_durations_two_units() -> None:
    """Asia/Shanghai."""
    assert moment(T0 + 123) == "2018-12-31 18:00:00+08:00"
    assert [lasting(ms) for ms in (0, 59_999, 60_000, 3_660_000, 90_000_000, -5)] == [
        "0 秒",
        "59 秒",
        "1 分 0 秒",
        "1 小时 1 分",
        "1 天 1 小时",
        "0 秒",
    ]


@pytest.mark.skipif(which("openssl") is None, reason="needs openssl to compute the same signature in another way")
def test_the_signature_is_what_openssl_computes() -> None:
    """HMAC-SHA256 over timestamp, line feed, secret; Base64; percent-encoded."""
    secret = "SEC0123456789abcdef"  # noqa: S105
    url = signed("https://oapi.dingtalk.com/robot/send?access_token=x", secret, T0)
    script = f"printf '%s\\n%s' {T0} {secret} | openssl dgst -sha256 -hmac {secret} -binary | base64"
    expected = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    encoded = expected.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    assert url == f"https://oapi.dingtalk.com/robot/send?access_token=x&timestamp={T0}&sign={encoded}"
