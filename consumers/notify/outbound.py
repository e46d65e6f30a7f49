"""Messages to robots and webhooks, over HTTP: no redirect is followed, no proxy of the environment used, no answer read without end."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from consumers.notify.address import BadAddress, checked, secrets_in
from consumers.notify.answers import Answer, Outcome, judged
from consumers.notify.message import Message
from consumers.notify.payload import payload
from consumers.notify.signing import signed
from streams.clock import wall_ms
from streams.errors import ConfigurationError
from streams.notify_settings import ChannelSettings

_TIMEOUT: Final = aiohttp.ClientTimeout(total=15, connect=5)
_ANSWER_BYTES: Final = 64 << 10


class HttpChannel:
    """Posts to the address in ``url_file``, read anew each time, so that a new token needs no restart.

    Raises
    ------
    ConfigurationError
        A file is missing or what it holds cannot be used.
    """

    def __init__(self, channel: ChannelSettings) -> None:
        self._channel = channel
        self._tls = tls_context(channel.ca_file)
        self._session: aiohttp.ClientSession | None = None
        self.address()
        channel.secret()

    def address(self) -> str:
        """Where to post.

        Raises
        ------
        ConfigurationError
            The file cannot be read, or holds no address that may be posted to.
        """
        try:
            return checked(self._channel.address())
        except BadAddress as error:
            raise ConfigurationError(f"通道 channel {self._channel.name}, {self._channel.url_file}: {error}") from None

    async def deliver(self, message: Message) -> Outcome:
        """Post a message; every failure is an outcome."""
        channel = self._channel
        try:
            url, secret = self.address(), channel.secret()
        except ConfigurationError as error:
            return Outcome("refused", str(error))
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if channel.kind == "webhook" and secret:
            headers["Authorization"] = f"Bearer {secret}"
        target = signed(url, secret, wall_ms()) if channel.kind == "dingtalk" else url
        try:
            answer = await self._post(target, payload(channel.kind, channel.name, message), headers)
        except TimeoutError:
            return Outcome("unreachable", "超时 timed out")
        except aiohttp.ClientError as error:  # its text may hold the address: its kind and the system's reason say enough
            reason = error.os_error.strerror if isinstance(error, aiohttp.ClientConnectorError) else None
            return Outcome("unreachable", f"{type(error).__name__} {reason or ''}".strip())
        except OSError as error:
            return Outcome("unreachable", f"{type(error).__name__} {error.strerror or ''}".strip())
        return judged(channel.kind, answer, (*secrets_in(target), *secrets_in(url), secret))

    async def close(self) -> None:
        """Let go of connections."""
        if self._session:
            await self._session.close()

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        posting = self._session.post(URL(url, encoded=True), data=body, headers=headers, allow_redirects=False, ssl=self._tls)
        async with asyncio.timeout(_TIMEOUT.total), posting as response:
            found = await response.content.read(_ANSWER_BYTES)
            while len(found) < _ANSWER_BYTES and (more := await response.content.read(_ANSWER_BYTES - len(found))):
                found += more
            after = response.headers.get("Retry-After", "")
            return Answer(response.status, found, int(after) if after.isdecimal() else None)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Checks certificates and names, against the machine's authorities or those of a file.

    Raises
    ------
    ConfigurationError
        The file cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"证书文件读不出 certificates cannot be read: {ca_file}: {error.strerror or error}") from error
