"""Settings of the notifier and of its channels; a part of :mod:`streams.settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from streams.setting_types import DurationText, Section, filled_secret

_ROBOT_MESSAGES_A_MINUTE = 20
_OF_KIND = {
    "dingtalk": ({"url_file", "secret_file"}, {"url_file", "secret_file"}),
    "wecom": ({"url_file"}, {"url_file"}),
    "webhook": ({"url_file"}, {"url_file", "secret_file", "ca_file"}),
    "email": ({"smtp_host", "sender", "to"}, {"smtp_host", "smtp_port", "smtp_tls", "smtp_user", "sender", "to", "secret_file", "ca_file"}),
}
"""Kind of a channel -> the settings it needs, the settings it can have."""
_OF_ALL_KINDS = {"name", "kind", "match", "per_minute", "remind"}


class ChannelSettings(Section):
    """告警发给人或别的程序的一条通道。

    One way to people, or to another program.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """通道名：小写字母、数字、连字符，各不相同。
    Name of the channel: small letters, digits, hyphens; no two alike."""
    kind: Literal["dingtalk", "wecom", "email", "webhook"]
    """哪一种：钉钉机器人、企业微信机器人、邮件、一般 webhook。
    Which kind: DingTalk robot, WeCom robot, mail, plain webhook."""
    match: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """只收这些告警：标签 → 值，或值之一；``receiver`` 是 Alertmanager 的接收者。空：全部。
    Label -> the value, or one of the values, that an alert must have; ``receiver`` is Alertmanager's. Empty: every alert."""
    per_minute: int = Field(default=_ROBOT_MESSAGES_A_MINUTE, ge=1, le=6_000)
    """任意 60 秒内至多几条消息；机器人不超过 20。
    Messages in any 60 s; a robot takes no more than 20."""
    remind: DurationText = "4h"
    """未解除的告警再次送来时，隔多久再说一次（早一成也算）；0s：不再说。
    An alert that goes on is told again when it is delivered again after so long, or a tenth sooner; 0s: never."""
    url_file: Path | None = None
    """存放网址的文件；机器人的网址含令牌，是密钥。
    File with the address. A robot's holds its token: a secret."""
    secret_file: Path | None = None
    """存放密钥的文件：钉钉的加签密钥、webhook 的令牌、邮件的密码。
    File with what signs (dingtalk), the bearer token (webhook), the password (email)."""
    ca_file: Path | None = None
    """信任哪些 CA 证书（PEM）；不设：本机的。
    Certificates of authorities to trust (PEM); absent: the machine's."""
    smtp_host: str = ""
    """邮件服务器。
    Mail server."""
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    """邮件服务器的端口。
    Port of the mail server."""
    smtp_tls: Literal["starttls", "implicit"] = "starttls"
    """怎样加密：先连接再 STARTTLS，或一开始就加密。
    How the connection is encrypted: by STARTTLS, or from its beginning."""
    smtp_user: str = ""
    """邮件服务器的用户名；空：不登录。
    User of the mail server; empty: no login."""
    sender: str = ""
    """发件地址。
    Address of the sender."""
    to: tuple[str, ...] = ()
    """收件地址，每个各收一封。
    Addresses of the recipients; each gets a mail of its own."""

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        """A setting that this kind does not use is a mistake, not a decoration."""
        given = {name for name in self.model_fields_set if getattr(self, name) not in (None, "", ())}
        needs, takes = _OF_KIND[self.kind]
        if missing := sorted(needs - given):
            raise ValueError(f"{self.kind} 通道 {self.name} 缺少 channel lacks: {', '.join(missing)}")
        if strange := sorted(given - takes - _OF_ALL_KINDS):
            raise ValueError(f"{self.kind} 通道 {self.name} 用不到 channel has no use for: {', '.join(strange)}")
        if any(path and ":/" in str(path) for path in (self.url_file, self.secret_file)):
            raise ValueError("url_file 与 secret_file 是文件名，不是网址 are names of files, not addresses")
        if self.kind in {"dingtalk", "wecom"} and self.per_minute > _ROBOT_MESSAGES_A_MINUTE:
            raise ValueError(f"机器人每分钟至多 {_ROBOT_MESSAGES_A_MINUTE} 条 a robot takes at most {_ROBOT_MESSAGES_A_MINUTE} a minute")
        if wrong := [address for address in (self.sender, *self.to) if address and not (address.isascii() and address.count("@") == 1)]:
            raise ValueError(f"通道 {self.name} 的 sender 或 to 里有 {len(wrong)} 个不是邮件地址 of sender and to are no mail addresses")
        if self.smtp_user and not self.secret_file:
            raise ValueError(f"email 通道 {self.name} 有 smtp_user 而没有 secret_file channel has smtp_user and no secret_file")
        return self

    def by_recipient(self) -> tuple[Self, ...]:
        """The channel; one of kind email once for each recipient, so that what one of them refuses for now is kept for that one alone.

        The first is named as the channel is, the others ``name/2``, ``name/3``, …: an address belongs in no log and no metric.
        """
        if self.kind != "email":
            return (self,)
        names = (self.name if number == 1 else f"{self.name}/{number}" for number in range(1, len(self.to) + 1))
        return tuple(self.model_copy(update={"name": name, "to": (address,)}) for name, address in zip(names, self.to, strict=True))

    def secret(self) -> str:
        """What ``secret_file`` holds now; empty when none is set. Read anew each time: a secret may be changed without a restart."""
        return filled_secret(self.secret_file)

    def address(self) -> str:
        """What ``url_file`` holds now."""
        return filled_secret(self.url_file)


class NotifySettings(Section):
    """通知：从 Alertmanager 到人。

    From Alertmanager to people.
    """

    listen: str = "127.0.0.1"
    """监听的地址。
    Address to listen on."""
    port: int = Field(default=9095, ge=0, le=65_535)
    """监听的端口；0：空闲的一个，写在日志与 ``run/notify.ready`` 里。
    Port to listen on; 0: a free one, named in the log and in ``run/notify.ready``."""
    token_file: Path | None = None
    """存放令牌的文件，Alertmanager 须出示它；不设：不要求。
    File with the bearer token that Alertmanager must show; absent: none is asked for."""
    linger: DurationText = "5s"
    """一条告警等多久，好与别的合成一条消息。
    How long an alert waits for others to share its message."""
    digest_over: int = Field(default=5, ge=1)
    """一条消息里同名告警多于此数，就按单位各写一行。
    More alerts of one name in a message become one line a unit."""
    board_url: str = Field(default="", max_length=300)
    """消息下面指向看板的链接；``{alertname}``、``{unit}`` 等代表告警的标签。
    Link under messages to the board; ``{alertname}``, ``{unit}`` … stand for the alert's labels."""
    grafana_url: str = Field(default="", max_length=300)
    """指向 Grafana 的链接，写法同上。
    Link to Grafana, likewise."""
    runbook_url: str = Field(default="", max_length=300)
    """指向处置手册的链接，写法同上。
    Link to the runbook, likewise."""
    channels: tuple[ChannelSettings, ...] = ()
    """通道，各写一节 ``[[notify.channels]]``。
    Channels, each a section ``[[notify.channels]]``."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        names = [channel.name for channel in self.channels]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"通道重名 channels of the same name: {', '.join(twice)}")
        for name in ("board_url", "grafana_url", "runbook_url"):
            if (url := getattr(self, name)) and not (url.startswith(("https://", "http://")) and url.isascii()):
                raise ValueError(f"{name} 不是 ASCII 网址 is no http(s) address in ASCII: {url}")
        return self

    def by_recipient(self) -> tuple[ChannelSettings, ...]:
        """All channels, those of kind email once for each recipient."""
        return tuple(one for channel in self.channels for one in channel.by_recipient())

    def token(self) -> str:
        """The token that ``token_file`` holds; empty when none is set."""
        return filled_secret(self.token_file)
