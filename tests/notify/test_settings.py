"""Settings of channels: what each kind needs, and that no mistake prints a secret."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from consumers.notify.process import channel_of, composer_of, run
from consumers.notify.trial import send_trial
from streams.errors import ConfigurationError
from streams.settings import load_settings
from tests.test_settings import environment

TOKEN = "t0p-s3cret-t0ken"  # noqa: S105
URL = f"https://oapi.dingtalk.com/robot/send?access_token={TOKEN}"


def _written(folder: Path, text: str) -> Path:
    file = folder / "guidang.toml"
    file.write_text(text)
    return file


def test_channels_are_read_from_the_file(tmp_path: Path) -> None:
    """As docs/notify.md shows them."""
    file = _written(
        tmp_path,
        """
        [notify]
        board_url = "https://board.example/?unit={unit}"
        [[notify.channels]]
        name = "duty"
        kind = "dingtalk"
        url_file = "/run/secrets/url"
        secret_file = "/run/secrets/sign"
        match = {severity = ["page", "ticket"], receiver = "duty"}
        [[notify.channels]]
        name = "mail"
        kind = "email"
        smtp_host = "smtp.example.org"
        sender = "guidang@example.org"
        to = ["a@example.org"]
        remind = "4h"
        """,
    )
    with environment(CONFIG=str(file)):
        notify = load_settings().notify
    assert (notify.listen, notify.port) == ("127.0.0.1", 9095)
    assert notify.channels[0].match == {"severity": ("page", "ticket"), "receiver": "duty"}
    assert (notify.channels[1].kind, notify.channels[1].smtp_port, notify.channels[1].remind) == ("email", 587, "4h")


@pytest.mark.parametrize(
    ("channel", "named"),
    [
        ('name = "a"\nkind = "dingtalk"\nurl_file = "/u"', "secret_file"),
        ('name = "a"\nkind = "wecom"', "url_file"),
        ('name = "a"\nkind = "wecom"\nurl_file = "/u"\nsmtp_host = "h"', "smtp_host"),
        ('name = "a"\nkind = "wecom"\nurl_file = "/u"\nper_minute = 21', "20"),
        ('name = "a"\nkind = "email"\nsender = "g@e.org"', "smtp_host, to"),
        ('name = "a"\nkind = "email"\nsmtp_host = "h"\nsender = "g"\nto = ["a@e.org"]', "sender"),
        ('name = "a"\nkind = "email"\nsmtp_host = "h"\nsender = "g@e.org"\nto = ["a@e.org"]\nsmtp_user = "u"', "secret_file"),
        ('name = "a"\nkind = "email"\nsmtp_host = "h"\nsender = "g@e.org"\nto = ["a@e.org, b@e.org"]', "to"),
        ('name = "Ärger"\nkind = "wecom"\nurl_file = "/u"', "name"),
        ('name = "a"\nkind = "sms"\nurl_file = "/u"', "kind"),
        (f'name = "a"\nkind = "wecom"\nurl = "{URL}"', "url"),
        (f'name = "a"\nkind = "wecom"\nurl_file = "{URL}"', "url_file"),
        ('name = "a"\nkind = "wecom"\nurl_file = "/u"\n[[notify.channels]]\nname = "a"\nkind = "wecom"\nurl_file = "/v"', "重名"),
    ],
)
def test_a_channel_that_is_wrong_is_named_and_no_secret_printed(tmp_path: Path, channel: str, named: str) -> None:
    """A token where a file's name belongs is the likeliest of mistakes."""
    file = _written(tmp_path, f"[[notify.channels]]\n{channel}\n")
    with environment(CONFIG=str(file)), pytest.raises(ConfigurationError, match=named) as refused:
        load_settings()
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    "content",
    ["", "\n", f"https://a/{TOKEN}\nhttps://b/", f"https://a/{TOKEN}字", f"http://oapi.dingtalk.com/?access_token={TOKEN}", TOKEN, None],
)
def test_a_robots_address_that_cannot_be_used_stops_the_start(tmp_path: Path, content: str | None) -> None:
    """By its file's name; its content is a secret."""
    if content is not None:
        (tmp_path / "url").write_text(content)
    file = _written(tmp_path, f'[[notify.channels]]\nname = "a"\nkind = "wecom"\nurl_file = "{tmp_path}/url"\n')
    with environment(CONFIG=str(file)), pytest.raises(ConfigurationError, match=str(tmp_path / "url")) as refused:
        channel_of(load_settings().notify.channels[0])
    assert TOKEN not in str(refused.value)


def test_what_cannot_work_is_refused_at_the_start(tmp_path: Path) -> None:
    """No channels; one robot twice; a link with a label that no alert shows; an empty token file, which must not mean "no token"."""
    (tmp_path / "url").write_text(URL)
    (tmp_path / "empty").write_text("")
    one = f'[[notify.channels]]\nname = "a"\nkind = "wecom"\nurl_file = "{tmp_path}/url"\n'
    for text, named in (
        ("", "notify.channels"),
        (one + one.replace('"a"', '"b"'), "同一个机器人"),
        (f'[notify]\nboard_url = "https://b/{{title}}"\n{one}', "title"),
        (f'[notify]\ntoken_file = "{tmp_path}/empty"\n{one}', "empty"),
    ):
        with environment(CONFIG=str(_written(tmp_path, text)), DATA_DIR=str(tmp_path / "data")):
            settings = load_settings()
            with pytest.raises(ConfigurationError, match=named):
                run(settings)
    with environment(CONFIG=str(_written(tmp_path, one)), DATA_DIR=str(tmp_path / "data")):
        settings = load_settings()
        assert composer_of(settings.notify.channels[0], settings.notify).kind == "wecom"
        with pytest.raises(ConfigurationError, match="已设置的 there are: a"):
            send_trial(settings, "b")
        asyncio.run(channel_of(settings.notify.channels[0]).close())
