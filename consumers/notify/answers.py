"""What an answer means: a robot says 200 to everything, and the truth is in ``errcode``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

Verdict = Literal["sent", "throttled", "unreachable", "refused", "unwanted"]
"""``unreachable``: nobody, or nobody sensible, answered, try soon. ``refused``: a person must act. ``unwanted``: not these words."""

_THROTTLED: Final = frozenset({130101, 410100, 90018, 45009, 45033})
"""DingTalk: sent too fast (two of them), called too often; WeCom: too often, too many at once."""
_BUSY: Final = frozenset({-1})
_UNWANTED: Final = frozenset({430101, 430102, 430103, 430104, 460101, 101002, 40058, 45002})
"""DingTalk: unsafe link, unfitting text, picture or content, too long (two of them); WeCom: too long or malformed."""
_HINTS: Final[Mapping[int, str]] = {
    300001: "机器人的 access_token 不存在：更新 url_file",
    300005: "机器人的 access_token 不存在：更新 url_file",
    400101: "机器人的 access_token 不存在：更新 url_file",
    400102: "机器人已停用",
    400106: "机器人已被删除：更新 url_file",
    400013: "群已解散",
    310000: "安全设置未通过：核对加签密钥 secret_file、关键词、IP 白名单与本机时钟",
    40014: "令牌无效：更新 url_file",
    93000: "机器人地址无效或已被移出群：更新 url_file",
}
_OK, _REDIRECT, _CLIENT_ERROR, _SERVER_ERROR, _TOO_MANY, _TIMEOUT = 200, 300, 400, 500, 429, 408
_DETAIL_CHARACTERS: Final = 200
_QUIET: Final = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer.

    Parameters
    ----------
    retry_after_seconds
        Of the header, where it is a number.
    """

    status: int
    body: bytes
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message.

    Parameters
    ----------
    detail
        Why, for the log: no address, no secret.
    """

    verdict: Verdict
    detail: str = ""
    retry_after_seconds: int | None = None


def judged(kind: str, answer: Answer, secrets: tuple[str, ...]) -> Outcome:
    """Judge an answer.

    Parameters
    ----------
    secrets
        Taken out of the detail, should the answer repeat them.
    """
    if answer.status == _TOO_MANY:
        return Outcome("throttled", "HTTP 429", answer.retry_after_seconds)
    if answer.status >= _SERVER_ERROR or answer.status == _TIMEOUT:
        return Outcome("unreachable", f"HTTP {answer.status}", answer.retry_after_seconds)
    if _REDIRECT <= answer.status < _CLIENT_ERROR:
        return Outcome("refused", f"HTTP {answer.status}：不跟随重定向，请在 url_file 写最终地址")
    if answer.status >= _CLIENT_ERROR:
        return Outcome("refused", f"HTTP {answer.status}")
    return Outcome("sent") if kind == "webhook" else _judged_code(answer.body, secrets)


def _judged_code(body: bytes, secrets: tuple[str, ...]) -> Outcome:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict) or type(said.get("errcode")) is not int:
        return Outcome("unreachable", "回答不像出自机器人：没有 errcode")  # a portal or proxy in between
    code: int = said["errcode"]
    if code == 0:
        return Outcome("sent")
    hint = f"（{_HINTS[code]}）" if code in _HINTS else ""
    return Outcome(_verdict(code), f"errcode {code} {_safe(said.get('errmsg', ''), secrets)}{hint}")


def _verdict(code: int) -> Verdict:
    if code in _THROTTLED:
        return "throttled"
    if code in _BUSY:
        return "unreachable"
    return "unwanted" if code in _UNWANTED else "refused"


def _safe(text: Any, secrets: tuple[str, ...]) -> str:
    shown = _QUIET.sub(" ", str(text))
    for secret in filter(None, secrets):
        shown = shown.replace(secret, "***")
    return shown[:_DETAIL_CHARACTERS]
