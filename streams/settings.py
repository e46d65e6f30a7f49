"""All settings, once: defaults here, over them ``guidang.toml``, over that ``GUIDANG_*`` (nested with ``__``), over that options.

A secret is named by a file: ``kafka.security.sasl_password_file``, ``clickhouse.password_file``,
``privacy.title_key_file``. A setting that is not one of these names is an error, so that a typing mistake cannot pass for a default.

Every setting has a docstring, its first line Chinese and the rest English: ``docs/configuration.md`` is made from them
(:mod:`ops.reference`).
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from streams.clock import Clock, wall_ms
from streams.data_dir import usable
from streams.domain.items import parse_item
from streams.domain.policy import Deadline, Policy
from streams.errors import ConfigurationError
from streams.notify_settings import NotifySettings
from streams.setting_types import LONGEST_MS, AddressText, DeadlineText, DurationText, PeriodText, Section, duration_ms, secret_in
from streams.variables import CONFIG_FILE_VARIABLE, NESTED, PREFIX, check_variables


class KafkaSecurity(Section):
    """怎样登录有安全要求的 Kafka；名称同 librdkafka，点换成下划线。

    How to speak to a secured Kafka; names follow librdkafka with underscores.
    """

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """连接方式：是否加密（SSL）、是否登录（SASL）。
    Whether the connection is encrypted (SSL) and logs in (SASL)."""
    sasl_mechanism: str = ""
    """登录机制，如 ``SCRAM-SHA-512``。
    Mechanism of the login, such as ``SCRAM-SHA-512``."""
    sasl_username: str = ""
    """登录用户名。
    User of the login."""
    sasl_password_file: Path | None = None
    """存放登录密码的文件。
    File with the password of the login."""
    ssl_ca_file: Path | None = None
    """签发 broker 证书的 CA 证书（PEM）。
    Certificate of the authority that signed the brokers' (PEM)."""
    ssl_certificate_file: Path | None = None
    """本程序自己的证书（PEM），用于双向认证。
    Our own certificate (PEM), where the brokers ask for one."""
    ssl_key_file: Path | None = None
    """本程序证书的私钥（PEM）。
    Key of our own certificate (PEM)."""


class KafkaSettings(Section):
    """Kafka 在哪里，主题怎样布置。

    Where Kafka is and how our topics are laid out there.
    """

    bootstrap_servers: str = ""
    """``host:port,…``；空：``guidang up`` 的本机 broker。
    ``host:port,…``; empty: the local broker of ``guidang up``."""
    topic_prefix: str = Field(default="", max_length=200, pattern=r"^[A-Za-z0-9._-]*$")
    """加在每个主题名前面，使几套系统可以共用一个 Kafka；只可用 Kafka 许可的字母、数字与 ``.`` ``_`` ``-``，至多 200 个。
    Stands before the name of each topic, so that several systems can share a Kafka; what Kafka allows: letters, digits, ``.``, ``_``,
    ``-``, at most 200."""
    partitions: int = Field(default=8, ge=1, le=1024)
    """新建主题的分区数；建立之后不能再改。
    Partitions of the topics that are created; not to be changed afterwards."""
    replication: int = Field(default=0, ge=0, le=1024)
    """每个主题的副本数；0：用 broker 的默认值。
    Replicas of each topic; 0: the broker's default."""
    input_retention_ms: int = Field(default=-1, ge=-1, le=LONGEST_MS)
    """办件与归档两个输入主题保留多少毫秒；-1：永久，重放与重算都要用。参照主题不论如何永久保留。
    How many milliseconds case-closed and archive-received are kept; -1: for ever, which replays and recomputing need. Reference topics are
    kept for ever in any case."""
    output_retention: DurationText = "400d"
    """异常与死信主题保留多久。
    For anomalies and dead letters."""
    partitioner: Literal["murmur2", "crc32"] = "murmur2"
    """由键定分区的算法，业务系统发送时所用的须与此相同。
    How the key chooses the partition; whoever sends into the input topics has to choose alike."""
    security: KafkaSecurity = KafkaSecurity()


class ClickHouseSettings(Section):
    """ClickHouse 在哪里。

    Where ClickHouse is.
    """

    url: AddressText = ""
    """``http(s)://host:port``；空：``guidang store`` 的内嵌引擎。
    ``http(s)://host:port``; empty: the embedded engine of ``guidang store``."""
    user: str = "default"
    """用户名。sink 要能建表与写入，其余只需查询。
    User. The sink's has to create tables and insert; all others only read."""
    password_file: Path | None = None
    """存放该用户密码的文件。
    File with the password of that user."""
    database: str = "guidang"
    """数据库名。
    Name of the database."""
    cluster: str = Field(default="", pattern=r"^[\w.-]*$")
    """服务器集群名（``remote_servers``）：表建在它的每个副本上，互相复制，写入要过半副本确认；空：单台。
    Cluster of ``remote_servers``: tables are made on each replica and replicated, an insert needs most of them. Empty: one server."""


class ScorePolicy(Section):
    """通知未写明之处，考核得分怎样算。

    How the score is read where the notice leaves it open.
    """

    place: Literal["item", "case"] = "item"
    """“处”怎样数：每个事项每种问题一处，或每个办件每种问题一处。
    A place (处): one per item and kind, or one per case and kind."""


class PolicySettings(Section):
    """对通知的解读（A）：下列各项可以设置，得分的其余假定是固定的；报表写明它所依据的每一条。

    The assumptions (A) of the notice's reading. These can be set; what the score assumes besides is fixed
    (``streams/domain/rules.py``, ``ASSUMED``). A report prints each, set or fixed, that it rests on.
    """

    deadline: DeadlineText = "3 workdays"
    """归档时限，自办结起算。
    How long after its closing a case has to be archived."""
    deadline_by_item: dict[str, DeadlineText] = Field(default_factory=dict)
    """个别事项的归档时限：事项编码或主项编码 → 时限。
    Item code or main-item code -> its own deadline."""
    orphan_grace: DurationText = "24h"
    """归档先到而办结未到时，多久以后算孤立归档。
    How long an archive may wait for the closing of its case before it is an orphan."""
    backfill_age: DurationText = "24h"
    """异常被发现时已过去这么久，就算补录历史数据，不惊动人。
    A finding that is older than this when it is found comes from history being loaded: it alerts nobody."""
    count_unknown_closing: bool = True
    """办结状态不明的办件是否计入。
    Whether cases whose closing state is unknown count."""
    count_forwarded: bool = False
    """转办的办件是否计入。
    Whether forwarded cases count."""
    count_unregistered: bool = True
    """未登记事项的办件是否计入。
    Whether cases of unregistered items count."""
    count_vertical: bool = False
    """上级垂建系统办理的事项是否计入。
    Whether items on a superior's system count."""
    count_before_plan: bool = False
    """自建事项在归档计划年度之前办结的是否计入。
    Whether cases of items on a unit's own system count that closed before the year of its plan."""
    score: ScorePolicy = ScorePolicy()


class PrivacySettings(Section):
    """标题里有申请人的姓名：只保存带密钥的哈希。

    Titles hold applicants' names: only a keyed hash of them is ever kept.
    """

    title_key_file: Path | None = None
    """存放哈希密钥的文件，所有 worker 与重判的命令相同，永不更换；不设则为 ``data_dir`` 中的 ``title.key``，由第一个 worker 生成。
    File with the key of the hash, the same for all workers, and commands that judge again, for ever; absent: ``title.key`` in ``data_dir``,
    which the first worker makes."""


class WorkerSettings(Section):
    """一个工作进程。

    One worker process.
    """

    name: str = "worker-1"
    """进程名：在运行的 worker 中唯一，重启后不变。不设而同一 ``data_dir`` 里已有 worker-1 在运行的，取 extra-1、extra-2 ……
    Static membership: unique among running workers, the same again after a restart. Not set, and worker-1 runs in this ``data_dir``
    already: extra-1, extra-2, …"""
    dead_letter_share: float = Field(default=0.5, gt=0, le=1)
    """最近的记录中收不下的超过这个比例，worker 就停止而不写死信：多半是设置有误。1：从不停止。
    With more refused records than this among the latest, a worker ends and writes no dead letters: a setting is wrong. 1: never."""
    dead_letter_records: int = Field(default=2_000, ge=1)
    """至少有这么多条记录，才看比例。
    How many records there must be for the share to mean anything."""


class MetricsSettings(Section):
    """在哪里向 Prometheus 提供指标。

    Where each process serves its metrics to Prometheus.
    """

    host: str = "127.0.0.1"
    """监听的地址。
    Address to listen on."""
    port: int = Field(default=0, ge=0, le=65_535)
    """单独启动的进程监听的端口；0：不提供。``guidang up`` 给每个进程一个空闲端口并记下。
    Port of a process that is started by itself; 0: none. ``guidang up`` gives each a free one and records it."""


class CanarySettings(Section):
    """探针：不时送一个无害的事件走完全程，量出要多久。

    A harmless event sent through everything now and then, to measure how long the way takes.
    """

    every: PeriodText = ""
    """监测进程多久送一次，如 ``60s``；空：不送。每次给 ``archive-received`` 的每个分区加一条记录。
    How often the monitor sends one, e.g. ``60s``; empty: never. Each adds a record to every partition of ``archive-received``."""


class BoardSettings(Section):
    """看板：本机网页，内容与 Grafana 的看板相同。

    The local page with the panels of the dashboards.
    """

    host: str = "127.0.0.1"
    """监听的地址。它没有登录：换别的地址，前面要有带登录的代理。
    Address to listen on. It has no login: on another address it belongs behind a proxy that has one."""
    port: int = Field(default=0, ge=0, le=65_535)
    """监听的端口；0：空闲的一个。``guidang up`` 取一个空闲的并记下。
    Port to listen on; 0: a free one. ``guidang up`` takes a free one and records it."""
    names: tuple[str, ...] = ()
    """除本机之外，还可以用哪些主机名访问：代理的域名。
    Host names, beside those of this machine, under which it may be asked: a proxy's."""
    prometheus_url: AddressText = ""
    """采集本系统的 Prometheus 的 ``http(s)://host:port``；空：流水线只显示看板自己看得到的。
    ``http(s)://host:port`` of the Prometheus that scrapes us; empty: the board shows what it can see of the pipeline itself."""


class Settings(BaseSettings):
    """全部设置。

    Everything that can be set.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=NESTED, extra="forbid", frozen=True)

    application: str = "guidang"
    """消费组名，也是事务号的前缀。
    Consumer group, and prefix of transactional ids."""
    data_dir: Path = Path("~/.local/share/guidang")
    """本机数据目录。
    Directory of the data on this machine."""
    clock: str = ""
    """带时区的 ISO 时间：系统首次以它启动时把业务时钟拨到此刻，其后照常走；空：用系统时钟。
    ISO time with offset at which the clock is set when the system first starts with it; it then runs on. Empty: the system's clock."""
    kafka: KafkaSettings = KafkaSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    policy: PolicySettings = PolicySettings()
    privacy: PrivacySettings = PrivacySettings()
    worker: WorkerSettings = WorkerSettings()
    metrics: MetricsSettings = MetricsSettings()
    canary: CanarySettings = CanarySettings()
    board: BoardSettings = BoardSettings()
    notify: NotifySettings = NotifySettings()

    @field_validator("clock")
    @classmethod
    def _clock_is_a_moment(cls, text: str) -> str:
        """Said at once, by every command: some never look at the clock, and would run on beside those that cannot start."""
        try:
            if text:
                instant_ms(text)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        return text

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, then environment, then the file: the first that names a setting wins."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=config_file())

    @cached_property
    def home(self) -> Path:
        """``data_dir``, absolute."""
        return self.data_dir.expanduser().absolute()

    def topic(self, name: str) -> str:
        """Name of a topic on the broker: the contract's name behind the prefix."""
        return self.kafka.topic_prefix + name

    def domain_policy(self) -> Policy:
        """The assumptions as the domain takes them."""
        return Policy(
            deadline=Deadline.parse(self.policy.deadline),
            deadline_by_item={parse_item(code).code: Deadline.parse(text) for code, text in self.policy.deadline_by_item.items()},
            orphan_grace_ms=duration_ms(self.policy.orphan_grace),
            backfill_age_ms=duration_ms(self.policy.backfill_age),
            count_unknown_closing=self.policy.count_unknown_closing,
            count_forwarded=self.policy.count_forwarded,
            count_unregistered=self.policy.count_unregistered,
            count_vertical=self.policy.count_vertical,
            count_before_plan=self.policy.count_before_plan,
        )

    def kafka_client(self, **more: str | float) -> dict[str, Any]:
        """Properties for any librdkafka client: where Kafka is, how to log in, and ``more`` with ``_`` for ``.``.

        Raises
        ------
        ConfigurationError
            No broker is set and none of ours runs on this machine, or a secret cannot be read.
        """
        security = self.kafka.security
        properties: dict[str, Any] = {
            "bootstrap.servers": self.kafka.bootstrap_servers or self.local_endpoint("kafka"),
            "security.protocol": security.protocol,
        }
        for name, value in (
            ("sasl.mechanism", security.sasl_mechanism),
            ("sasl.username", security.sasl_username),
            ("sasl.password", secret_in(security.sasl_password_file)),
            ("ssl.ca.location", security.ssl_ca_file),
            ("ssl.certificate.location", security.ssl_certificate_file),
            ("ssl.key.location", security.ssl_key_file),
        ):
            if value:
                properties[name] = str(value)
        properties.update({name.replace("_", "."): value for name, value in more.items()})
        return properties

    def clickhouse_password(self) -> str:
        """Password of ``clickhouse.user``; empty when no file is set."""
        return secret_in(self.clickhouse.password_file)

    @property
    def endpoints_file(self) -> Path:
        """Where ``guidang up`` records which ports it took: ``{"kafka": "127.0.0.1:…", "store": "http://127.0.0.1:…"}``."""
        return self.home / "endpoints.json"

    def local_endpoint(self, role: str) -> str:
        """Address at which a local process of ours listens.

        Raises
        ------
        ConfigurationError
            It has never been started here.
        """
        try:
            return str(orjson.loads(self.endpoints_file.read_bytes())[role])
        except (OSError, KeyError) as error:
            setting = {"kafka": "kafka.bootstrap_servers", "store": "clickhouse.url"}[role]
            raise ConfigurationError(
                f"本机没有运行中的系统（{self.home} 里没有 {role} 的地址）：先运行 guidang up，或设置 {setting}。"
                f" No local system in {self.home}: run `guidang up` first, or set {setting}."
            ) from error

    @property
    def title_key_path(self) -> Path:
        """Where the key of the title hash lies, or is made."""
        return self.privacy.title_key_file or self.home / "title.key"

    def title_key(self) -> bytes:
        """Key of the title hash.

        Raises
        ------
        ConfigurationError
            There is none, it cannot be read, or it is empty: a hash without a key gives names away to whoever tries them.
        """
        path = self.title_key_path
        if self.privacy.title_key_file is None and not _is_there(path):
            raise ConfigurationError(
                f"没有标题哈希的密钥 {path}：把 worker 所用的那一个放在那里，或设置 privacy.title_key_file。"
                " There is no key of the title hash: put the one the workers use there, or set privacy.title_key_file."
            )
        return _filled(path, secret_in(path)).encode()

    def make_title_key(self) -> None:
        """Make the key unless there is one, or a file is named that has to hold one: workers do, and nobody else."""
        if self.privacy.title_key_file is None:
            _made_once(self.title_key_path, secrets.token_hex(32))

    def make_clock(self) -> Clock:
        """The clock for the cases.

        The first process that meets a value of ``clock`` in this ``data_dir`` writes down when; all others, and later starts, go by that.
        """
        if not self.clock:
            return Clock()
        said_ms = instant_ms(self.clock)
        anchor_ms = int(_made_once(self.home / f"clock-{said_ms}.anchor", str(wall_ms())))
        return Clock(said_ms - anchor_ms)


class _Given(Settings):
    """Settings from nowhere but what they are made with."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def config_file() -> Path:
    """The file of settings: ``$GUIDANG_CONFIG``, else ``guidang.toml`` here. An empty variable names no file, as if it were not set."""
    return Path(os.environ.get(CONFIG_FILE_VARIABLE) or "guidang.toml")


def load_settings(**options: Any) -> Settings:
    """Read all settings.

    Raises
    ------
    ConfigurationError
        With one line per setting that is wrong: its name, what was given, what is expected.
    """
    explicit = os.environ.get(CONFIG_FILE_VARIABLE)
    if explicit and not Path(explicit).is_file():
        raise ConfigurationError(f"{CONFIG_FILE_VARIABLE}={explicit}: 没有这个文件 no such file")
    check_variables(Settings)
    with _told():
        return Settings(**options)


def settings_in(path: Path) -> Settings:
    """Settings of another system: those that stand in this file and no others; the environment speaks of this system.

    Raises
    ------
    ConfigurationError
        As for :func:`load_settings`, or there is no such file.
    """
    if not path.is_file():
        raise ConfigurationError(f"{path}: 没有这个文件 no such file")
    with _told():
        return _Given(**tomllib.loads(path.read_text(encoding="utf-8")))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}{_given(e['type'], e.get('input'))}: {e['msg']}" for e in error.errors()]
        raise ConfigurationError("设置有误 bad settings:\n  " + "\n  ".join(lines)) from error
    except (ValueError, OSError) as error:  # a file that is not TOML or not for us, an environment value that is not JSON
        raise ConfigurationError(f"设置读不出 settings cannot be read: {error}") from error


def _given(kind: str, value: Any) -> str:
    """What was given, where it helps; a setting that does not exist, or an address with a login in it, may well hold a secret."""
    secret = kind == "extra_forbidden" or (isinstance(value, str) and "@" in value)
    return f" = {value!r}" if isinstance(value, (str, int, float)) and not secret else ""


def instant_ms(text: str) -> int:
    """UTC epoch milliseconds of an ISO time with offset.

    Raises
    ------
    ConfigurationError
        Not an ISO time, or without an offset: a time without one would mean another moment on another machine. Or in the first or last
        year of the calendar, where a day more or a zone leads out of it.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"不是 ISO 时间 not an ISO time: {text!r}") from error
    if moment.tzinfo is None:
        raise ConfigurationError(f"时间缺少时区 time without offset: {text!r} (例 e.g. 2018-12-31T18:00:00+08:00)")
    if not dt.MINYEAR < moment.year < dt.MAXYEAR:
        raise ConfigurationError(f"时间在日历的尽头之外 time at the end of the calendar: {text!r}")
    return round(moment.timestamp() * 1000)


def _made_once(path: Path, content: str) -> str:
    """Make a file unless it is there; whoever comes first, all read the same, and nobody a half of it, not even after a power cut."""
    with usable(path):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(dir=path.parent)  # readable by its owner alone
            with os.fdopen(descriptor, "w") as made:
                made.write(content)
                made.flush()
                os.fsync(made.fileno())
            with suppress(FileExistsError):
                os.link(draft, path)
            Path(draft).unlink()
            folder = os.open(path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        return _filled(path, path.read_text().strip())


def _is_there(path: Path) -> bool:
    with usable(path):
        return path.exists()


def _filled(path: Path, content: str) -> str:
    if not content:
        raise ConfigurationError(
            f"{path} 是空的：从备份恢复它；还没有数据依据它时，才可换新的。"
            " It is empty: bring it back from a backup; only where no data rest on it yet may a new one take its place."
        )
    return content
