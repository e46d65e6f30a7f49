"""Mail through a real SMTP server: TLS checked, passwords never in the clear, refusals told apart."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from consumers.notify.links import Links
from consumers.notify.mail import MailChannel
from consumers.notify.message import Composer, Message
from streams.notify_settings import ChannelSettings, NotifySettings
from tests.conftest import free_port
from tests.notify.parts import alert, queued

PASSWORD = "p4ssw0rd-of-mail"  # noqa: S105
_CA = trustme.CA()


@dataclass
class Mailbox:
    """What a server does, and what it got."""

    refuse: dict[str, str] = field(default_factory=dict)
    put_off: set[str] = field(default_factory=set)
    mails: list[EmailMessage] = field(default_factory=list)
    farewell: str = "221 Bye"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Any, envelope: Any, address: str, rcpt_options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        del server, session, rcpt_options
        if address in self.refuse:
            return self.refuse[address]
        if address in self.put_off:  # as a greylist does: the first time alone
            self.put_off.discard(address)
            return "451 later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a mail."""
        del server, session
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        """Part."""
        del server, session, envelope
        return self.farewell

    def authenticate(self, server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """One user, one password."""
        del server, session, envelope, mechanism
        good = (data.login, data.password) == (b"guidang", PASSWORD.encode())
        return AuthResult(success=good, handled=False)  # the server itself is to say so


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _CA.issue_cert("127.0.0.1").configure_cert(context)
    return context


@contextmanager
def serving(box: Mailbox, *, tls: bool = True) -> Iterator[int]:
    """A server on the loopback; return its port."""
    options: dict[str, Any] = (
        {"tls_context": _context(), "require_starttls": True, "authenticator": box.authenticate, "auth_required": True} if tls else {}
    )
    server = Controller(box, hostname="127.0.0.1", port=free_port(), **options)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


def channel(folder: Path, port: int, **more: Any) -> MailChannel:
    """A channel of kind email, with password, that trusts the test's authority."""
    (folder / "password").write_text(more.pop("password", PASSWORD))
    _CA.cert_pem.write_to_path(folder / "ca.pem")
    given = {"smtp_user": "guidang", "secret_file": folder / "password", "ca_file": folder / "ca.pem", **more}
    given = {name: value for name, value in given.items() if value is not None}
    to = ("a@example.org",)
    return MailChannel(
        ChannelSettings(name="mail", kind="email", smtp_host="127.0.0.1", smtp_port=port, sender="guidang@example.org", to=to, **given)
    )


def message() -> Message:
    """With Chinese, and what could break headers."""
    links = Links(board="https://board.example/", runbook="https://docs.example/runbooks#{alertname}")
    return Composer("email", links, 5).compose(queued([alert(summary="归档率下降\r\nBcc: x@example.org", unit="330100012")]), {})


def deliver(way: MailChannel, said: Message | None = None) -> tuple[str, str]:
    """Verdict and detail."""
    outcome = asyncio.run(way.deliver(said or message()))
    return outcome.verdict, outcome.detail


def test_a_mail_arrives_encrypted_with_password_and_readable(tmp_path: Path) -> None:
    """Subject, recipients, text; nothing injected; no automatic answers asked for."""
    box = Mailbox()
    with serving(box) as port:
        assert deliver(channel(tmp_path, port)) == ("sent", "")
    (mail,) = box.mails
    assert (mail["Subject"], mail["To"], mail["Auto-Submitted"]) == ("归档：1 条告警", "a@example.org", "auto-generated")
    assert mail["Bcc"] is None
    assert mail.get_content().split("\n")[:4] == [
        "归档：1 条告警",
        "",
        "CoverageDrop",
        "https://docs.example/runbooks#coveragedrop",
    ]
    assert "🔴 330100012：归档率下降 Bcc: x@example.org（自 2018-12-31 18:00:00+08:00）" in mail.get_content()


def test_a_wrong_password_is_refused_for_good_and_not_repeated(tmp_path: Path) -> None:
    """535."""
    with serving(Mailbox()) as port:
        verdict, detail = deliver(channel(tmp_path, port, password="wr0ng-password"))  # noqa: S106
    assert verdict == "refused"
    assert "535" in detail
    assert "wr0ng" not in detail


def test_a_server_with_an_unknown_certificate_is_given_nothing(tmp_path: Path) -> None:
    """Certificates are checked."""
    box = Mailbox()
    with serving(box) as port:
        verdict, detail = deliver(channel(tmp_path, port, ca_file=None))
    assert (verdict, box.mails) == ("refused", [])
    assert "CERTIFICATE_VERIFY_FAILED" in detail


def test_a_password_never_travels_in_the_clear(tmp_path: Path) -> None:
    """No STARTTLS: no login, no mail; without a password, on this machine, it may do without."""
    box = Mailbox()
    with serving(box, tls=False) as port:
        verdict, detail = deliver(channel(tmp_path, port))
        assert (verdict, box.mails) == ("refused", [])
        assert "STARTTLS" in detail
        assert deliver(channel(tmp_path, port, smtp_user="", secret_file=None))[0] == "sent"


def test_a_recipient_is_refused_for_good_or_for_the_moment_and_is_not_named(tmp_path: Path) -> None:
    """As the server says: 5xx is for a person to mend, 4xx is tried again soon."""
    box = Mailbox(refuse={"a@example.org": "550 a@example.org is unknown"})
    with serving(box) as port:
        assert deliver(channel(tmp_path, port)) == ("refused", "收件人被拒 the recipient is refused: SMTP 550")
        box.refuse = {"a@example.org": "451 a@example.org later"}
        assert deliver(channel(tmp_path, port)) == ("unreachable", "收件人被拒 the recipient is refused: SMTP 451")


def test_each_recipient_has_a_queue_of_its_own_under_a_name_without_the_address() -> None:
    """The first under the channel's name; a robot is one all the same."""
    mail = ChannelSettings(name="mail", kind="email", smtp_host="h", sender="g@e.org", to=("duty@e.org", "boss@e.org"), remind="1h")
    duty, boss = mail.by_recipient()
    assert [(one.name, one.to, one.remind) for one in (duty, boss)] == [("mail", ("duty@e.org",), "1h"), ("mail/2", ("boss@e.org",), "1h")]
    robot = ChannelSettings(name="duty", kind="wecom", url_file=Path("/u"))
    assert NotifySettings(channels=(robot, mail)).by_recipient() == (robot, duty, boss)


def test_a_mail_that_was_taken_is_sent_however_the_server_parts(tmp_path: Path) -> None:
    """An answer to QUIT that no standard knows: the mail is not sent again."""
    box = Mailbox(farewell="250 bye")
    with serving(box) as port:
        assert deliver(channel(tmp_path, port)) == ("sent", "")
    assert len(box.mails) == 1


def test_a_server_that_is_away_is_tried_again(tmp_path: Path) -> None:
    """Nobody listens."""
    assert deliver(channel(tmp_path, free_port())) == ("unreachable", "ConnectionRefusedError Connection refused")


@pytest.mark.parametrize(("said", "verdict"), [(b"", "unreachable"), (b"220 mail.example.org ESMTP\r\n", "refused")])
def test_tls_that_breaks_off_is_tried_again_soon_and_what_is_no_tls_is_for_a_person_to_mend(
    tmp_path: Path, said: bytes, verdict: str
) -> None:
    """A server that is being started again, and a port at which nobody speaks TLS."""

    def answer(server: socket.socket) -> None:
        with server.accept()[0] as connection:
            connection.settimeout(5)
            connection.recv(1 << 16)
            connection.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        answered = pool.submit(answer, server)
        found, detail = deliver(channel(tmp_path, server.getsockname()[1], smtp_tls="implicit"))
        answered.result(10)
    assert (found, detail.startswith("TLS: ")) == (verdict, True)
