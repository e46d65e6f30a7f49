"""Messages by mail: SMTP with TLS in a thread; a password never travels in the clear, and no mail does beyond this machine."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from contextlib import closing, suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

from consumers.notify.address import is_loopback
from consumers.notify.answers import Outcome, Verdict
from consumers.notify.message import Message
from consumers.notify.outbound import tls_context
from streams.errors import ConfigurationError
from streams.notify_settings import ChannelSettings

_TIMEOUT_SECONDS: Final = 12.0
_FOR_EVER: Final = range(500, 600)
_BROKE_OFF: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""The connection ended within TLS: nobody has refused anything."""


class MailChannel:
    """Sends through ``smtp_host``, to one recipient.

    Parameters
    ----------
    channel
        With one address in ``to`` (``ChannelSettings.by_recipient``).

    Raises
    ------
    ConfigurationError
        A file is missing.
    """

    def __init__(self, channel: ChannelSettings) -> None:
        self._channel = channel
        (self._to,) = channel.to
        self._tls = tls_context(channel.ca_file)
        channel.secret()

    async def deliver(self, message: Message) -> Outcome:
        """Send a message; every failure is an outcome. Server's words are not repeated: they hold addresses."""
        return await asyncio.to_thread(self._deliver, message)

    async def close(self) -> None:
        """Nothing is kept open."""

    def _deliver(self, message: Message) -> Outcome:
        try:
            with closing(self._connected()) as server:
                self._secure(server)
                if self._channel.smtp_user:
                    server.login(self._channel.smtp_user, self._channel.secret())
                server.send_message(self._mail(message))
                with suppress(smtplib.SMTPException, OSError):  # the mail has been taken, however the two part
                    server.quit()
                return Outcome("sent")
        except (ConfigurationError, _Unsafe) as error:
            return Outcome("refused", str(error))
        except (smtplib.SMTPException, OSError) as error:
            return _outcome(error)

    def _connected(self) -> smtplib.SMTP:
        channel = self._channel
        if channel.smtp_tls == "implicit":
            return smtplib.SMTP_SSL(channel.smtp_host, channel.smtp_port, timeout=_TIMEOUT_SECONDS, context=self._tls)
        return smtplib.SMTP(channel.smtp_host, channel.smtp_port, timeout=_TIMEOUT_SECONDS)

    def _secure(self, server: smtplib.SMTP) -> None:
        server.ehlo()
        if self._channel.smtp_tls == "implicit":
            return
        if server.has_extn("starttls"):
            server.starttls(context=self._tls)
            server.ehlo()
        elif self._channel.smtp_user or not is_loopback(self._channel.smtp_host):
            raise _Unsafe("服务器未提供 STARTTLS，不发送 the server offers no STARTTLS: nothing is sent")

    def _mail(self, message: Message) -> EmailMessage:
        sender, mail = self._channel.sender, EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = message.title, sender, self._to
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=sender.rpartition("@")[2] or None)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text + "\n", cte="base64")
        return mail


class _Unsafe(Exception):
    """The mail would travel in the clear."""


def _outcome(error: smtplib.SMTPException | OSError) -> Outcome:
    kind = type(error).__name__
    match error:
        case smtplib.SMTPRecipientsRefused():
            ((code, _),) = error.recipients.values()
            return Outcome(_verdict(code), f"收件人被拒 the recipient is refused: SMTP {code}")
        case smtplib.SMTPResponseException():
            return Outcome(_verdict(error.smtp_code), f"{kind} SMTP {error.smtp_code}")
        case smtplib.SMTPNotSupportedError():
            return Outcome("refused", "服务器不支持登录 the server supports no login")
        case ssl.SSLError():
            broke_off = isinstance(error, _BROKE_OFF)
            return Outcome("unreachable" if broke_off else "refused", f"TLS: {error.reason}")
        case smtplib.SMTPException():
            return Outcome("unreachable", kind)
        case _:
            return Outcome("unreachable", f"{kind} {error.strerror or ''}".strip())


def _verdict(code: int) -> Verdict:
    return "refused" if code in _FOR_EVER else "unreachable"
