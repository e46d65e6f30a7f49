"""Settings: which source wins, what is refused, and how the clock is set."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.clock import wall_ms
from streams.domain.time import LATEST_MS, iso
from streams.errors import ConfigurationError
from streams.setting_types import duration_ms
from streams.settings import instant_ms, load_settings


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Exactly these ``GUIDANG_*`` variables."""
    saved = {name: value for name, value in os.environ.items() if name.startswith("GUIDANG_")}
    for name in saved:
        del os.environ[name]
    os.environ.update({f"GUIDANG_{name}": value for name, value in values.items()})
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("GUIDANG_")]:
            del os.environ[name]
        os.environ.update(saved)


def test_environment_overrides_file_and_options_override_both(tmp_path: Path) -> None:
    """Defaults, file, environment, options: the later wins."""
    file = tmp_path / "guidang.toml"
    file.write_text('application = "file"\n[kafka]\npartitions = 4\ntopic_prefix = "f-"\n[policy]\ndeadline = "72h"\n')
    with environment(CONFIG=str(file), KAFKA__PARTITIONS="6", APPLICATION="environment"):
        settings = load_settings(application="option")
    assert (settings.application, settings.kafka.partitions, settings.topic("case-closed")) == ("option", 6, "f-case-closed")
    assert settings.domain_policy().deadline.hours == 72


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"KAFKA__PARTITION": "4"}, "kafka.partition"),
        ({"POLICY__DEADLINE": "soon"}, "policy.deadline"),
        ({"KAFKA__PARTITIONS": "0"}, "kafka.partitions"),
        ({"CANARY__EVERY": "100ms"}, "canary.every"),
        ({"CANARY__EVERY": "often"}, "canary.every"),
        ({"CLICKHOUSE__URL": "h:8123"}, "clickhouse.url"),
        ({"CLICKHOUSE__URL": "http://:8123"}, "clickhouse.url"),
        ({"CLICKHOUSE__URL": "http://h:99999"}, "clickhouse.url"),
        ({"CLICKHOUSE__URL": "http://h:abc"}, "clickhouse.url"),
        ({"CLICKHOUSE__URL": "http://[::1"}, "clickhouse.url"),
        ({"BOARD__PROMETHEUS_URL": "prometheus"}, "board.prometheus_url"),
        ({"CLOCK": "yesterday"}, "clock"),
        ({"CLOCK": "2018-12-31T18:00:00"}, "clock"),
        ({"CONFIG": "/nowhere/guidang.toml"}, "/nowhere/guidang.toml"),
        ({"KAFKA__TOPIC_PREFIX": "区-"}, "kafka.topic_prefix"),
        ({"KAFKA__TOPIC_PREFIX": "a/"}, "kafka.topic_prefix"),
        ({"KAFKA__TOPIC_PREFIX": "a" * 201}, "kafka.topic_prefix"),
        ({"KAFKA__REPLICATION": "70000"}, "kafka.replication"),
        ({"KAFKA__INPUT_RETENTION_MS": "-2"}, "kafka.input_retention_ms"),
        ({"KAFKA__INPUT_RETENTION_MS": str(10**15)}, "kafka.input_retention_ms"),
        ({"KAFKA__OUTPUT_RETENTION": "36501d"}, "kafka.output_retention"),
        ({"POLICY__ORPHAN_GRACE": "999999999999d"}, "policy.orphan_grace"),
        ({"CANARY__EVERY": "999999999999d"}, "canary.every"),
    ],
)
def test_a_wrong_setting_is_named(variables: dict[str, str], named: str) -> None:
    """A typing mistake must not pass for a default."""
    with environment(**variables), pytest.raises(ConfigurationError, match=named):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", "GUIDANG_KAFKA__BOOTSTRAP_SERVERS"),
        ("KAKFA__PARTITIONS", "GUIDANG_KAFKA__PARTITIONS"),
        ("PARTITIONS", "GUIDANG_KAFKA__PARTITIONS"),
        ("DATADIR", "GUIDANG_DATA_DIR"),
        ("CACHEDIR", "GUIDANG_CACHE_DIR"),
        ("APPLICATION__NAME", "GUIDANG_APPLICATION"),
        ("XYZ__ZYX", ""),
    ],
)
def test_a_variable_that_sets_nothing_is_named_with_what_was_probably_meant(variable: str, meant: str) -> None:
    """One underscore too few, and the system would run on the local broker; what it was given may be a secret."""
    with environment(**{variable: "s3cret"}), pytest.raises(ConfigurationError) as error:
        load_settings()
    told = str(error.value)
    assert f"GUIDANG_{variable}" in told
    assert (meant in told, "did you mean" in told) == (True, bool(meant))
    assert "s3cret" not in told


def test_every_variable_that_sets_nothing_is_named_at_once() -> None:
    """Whoever mends one need not come back for the next."""
    with environment(KAKFA__PARTITIONS="16", DATADIR="/data"), pytest.raises(ConfigurationError, match=r"(?s)GUIDANG_DATADIR.*KAKFA"):
        load_settings()


def test_variables_that_are_no_settings_are_in_nobodys_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of settings, the cache, the supervisor's mark; and a setting may be written in small letters."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("guidang_application", "small")
    with environment(CONFIG="", CACHE_DIR="/cache", SUPERVISED_HOME="/home"):
        assert load_settings().application == "small"


def test_a_variable_like_no_setting_is_somebodys_own() -> None:
    """Scripts around a system call theirs after it."""
    with environment(ROOT="/srv", TEST_RUN="7", VERSION="1"):
        load_settings()


def test_a_variable_that_names_no_file_is_as_if_it_were_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty line in a file of variables must not put the file of settings out of force."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "guidang.toml").write_text('application = "file"\n', encoding="utf-8")
    with environment(CONFIG=""):
        assert load_settings().application == "file"


def test_a_file_of_settings_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's, as a rule; root reads everything, so the refusal is played."""
    file = tmp_path / "guidang.toml"
    file.touch()

    def refused(self: Path, *_args: object, **_more: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refused)
    with environment(CONFIG=str(file)), pytest.raises(ConfigurationError, match=r"guidang\.toml"):
        load_settings()


def test_a_secret_comes_from_a_file_and_a_missing_one_is_named(tmp_path: Path) -> None:
    """Secrets are never settings themselves."""
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    with environment(CLICKHOUSE__PASSWORD_FILE=str(secret)):
        assert load_settings().clickhouse_password() == "s3cret"
    with environment(CLICKHOUSE__PASSWORD_FILE=str(tmp_path / "none")), pytest.raises(ConfigurationError, match="none"):
        load_settings().clickhouse_password()


def test_without_a_broker_the_message_says_what_to_do(tmp_path: Path) -> None:
    """Neither set nor started."""
    with environment(DATA_DIR=str(tmp_path)), pytest.raises(ConfigurationError, match="guidang up"):
        load_settings().kafka_client()


def test_a_clock_that_was_set_runs_on_and_is_the_same_for_all(tmp_path: Path) -> None:
    """The first to see it anchors it; a process that starts later does not begin again."""
    with environment(DATA_DIR=str(tmp_path), CLOCK="2018-12-31T18:00:00+08:00"):
        first, later = load_settings().make_clock(), load_settings().make_clock()
    assert first == later
    assert 0 <= first.now_ms() - instant_ms("2018-12-31T18:00:00+08:00") < 60_000
    with environment(DATA_DIR=str(tmp_path)):
        assert abs(load_settings().make_clock().now_ms() - wall_ms()) < 60_000


def test_the_title_key_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    """All workers of a machine hash alike; a command that judges what they hashed makes none of its own."""
    with environment(DATA_DIR=str(tmp_path)):
        settings = load_settings()
    with pytest.raises(ConfigurationError, match=r"title\.key"):
        settings.title_key()
    settings.make_title_key()
    made = settings.title_key()
    settings.make_title_key()
    assert settings.title_key() == made != b""
    assert (tmp_path / "title.key").stat().st_mode & 0o077 == 0


def test_a_file_that_says_nothing_is_neither_a_key_nor_an_anchor(tmp_path: Path) -> None:
    """A hash without a key gives names away; a power cut may leave an empty file."""
    key, said = tmp_path / "key", "2018-12-31T18:00:00+08:00"
    key.write_text("\n", encoding="ascii")
    (tmp_path / "title.key").touch()
    (tmp_path / f"clock-{instant_ms(said)}.anchor").touch()
    with environment(DATA_DIR=str(tmp_path), CLOCK=said):
        settings = load_settings()
    for name, ask in (("title.key", settings.title_key), ("anchor", settings.make_clock)):
        with pytest.raises(ConfigurationError, match=name):
            ask()
    with environment(PRIVACY__TITLE_KEY_FILE=str(key)), pytest.raises(ConfigurationError, match=str(key)):
        load_settings().title_key()


@pytest.mark.parametrize("text", ["2018-12-31T18:00:00", "yesterday", "", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_without_offset_or_out_of_range_is_refused(text: str) -> None:
    """It would mean another moment on another machine, or none that a case can have."""
    with pytest.raises(ConfigurationError):
        instant_ms(text)


def test_durations_have_units() -> None:
    """24h, 400d, 90s."""
    assert (duration_ms("24h"), duration_ms("400d"), duration_ms("250ms")) == (86_400_000, 34_560_000_000, 250)
    with pytest.raises(ValueError, match="24"):
        duration_ms("24")


def test_the_longest_duration_behind_the_latest_time_is_still_a_time() -> None:
    """What is due in a hundred years can be stored and shown."""
    assert iso(LATEST_MS + duration_ms("36500d")).startswith("2199-12-")
    with pytest.raises(ValueError, match="36500d"):
        duration_ms("36501d")
