"""The frame of the command line: languages, exit codes, where texts go."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer

from ops.cli.catalog import COMMANDS
from ops.cli.main import command as command_of
from ops.cli.main import hoist
from tests.conftest import Kafka, free_port


def guidang(*arguments: str, cwd: Path | None = None, timeout_seconds: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real command line in a clean environment."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("GUIDANG_", "LC_", "LANG")) or name == "GUIDANG_CACHE_DIR"
    }
    return subprocess.run(
        [sys.executable, "-P", "-m", "ops", *arguments],
        cwd=cwd,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_seconds,
    )


@pytest.mark.parametrize(
    ("locale", "chinese"),
    [
        ({}, True),
        ({"LANG": "C"}, True),
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LC_ALL": "en_GB.UTF-8", "LANG": "zh_CN.UTF-8"}, False),
        ({"LC_ALL": "C.UTF-8", "LANG": "en_US.UTF-8"}, False),
        ({"LC_ALL": "C.UTF-8"}, True),
    ],
)
def test_help_speaks_the_language_of_the_locale(locale: dict[str, str], *, chinese: bool) -> None:
    """Chinese first, English where asked for."""
    done = guidang("--help", **locale)
    assert done.returncode == 0
    assert ("启动本机上的整个系统" in done.stdout) is chinese
    assert ("Start the whole system" in done.stdout) is not chinese


def test_help_loads_no_command_and_no_client() -> None:
    """So that it is there at once: what a command needs is imported when it is called."""
    code = "import sys; from ops.cli.main import main; sys.argv = ['guidang', '--help']\ntry: main()\nfinally: print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60).stdout.split()
    modules = {entry.module for entry in COMMANDS.values()}
    assert "typer" in loaded
    assert {f"ops.cli.{module}" for module in modules} & set(loaded) == set()
    assert {"confluent_kafka", "clickhouse_connect", "faust", "pyarrow", "numpy", "openpyxl"} & set(loaded) == set()


def test_a_command_whose_answer_is_no_picture_loads_nothing_that_draws(tmp_path: Path) -> None:
    """The worker that the supervisor starts is one, too: headings of help and bars for a terminal would be a third of its start."""
    words = ["guidang", "status", "--json", "--data-dir", str(tmp_path)]
    code = f"import sys; from ops.cli.main import main; sys.argv = {words}\ntry: main()\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "ops.cli.system" in done.stdout
    assert {name for name in done.stdout.split() if name.partition(".")[0] == "rich" or name == "typer.rich_utils"} == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_catalogue_is_registered_with_a_help_text(name: str) -> None:
    """A line in the list without a command behind it would be found by a user."""
    app = typer.Typer()
    importlib.import_module(f"ops.cli.{COMMANDS[name].module}").register(app)
    assert typer.main.get_group(app).commands[name].help


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("status", "--nonsense"),
        ("up", "--workers", "many"),
        ("anomalies", "--kind", "UNARCHIVD"),
        ("publish", "case-closed", __file__, "--encoding", "big5"),
        ("report", "--period", "2018", "--out", "out", "--publish", "--by", "张三", "--as-of", "2999-01-01T00:00:00+08:00"),
        ("waive", "UNARCHIVED", "N-1", "--by", " ", "--reason", "系统升级", "--until", "2018-12-31"),
        ("waive", "UNARCHIVED", "N-1", "--by", "市档案局", "--reason", "", "--until", "2018-12-31"),
    ],
)
def test_wrong_usage_is_2_and_keeps_stdout_clean(arguments: tuple[str, ...]) -> None:
    """Usage goes to stderr."""
    done = guidang(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "用法错误" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("coverage", "--by", "city", "--as-of", "yesterday"),
        ("coverage", "--by", "city", "--window", "yesterday"),
        ("score", "--year", "2018", "--as-of", "yesterday"),
        ("report", "--period", "2018", "--out", "out", "--as-of", "yesterday"),
        ("dlq", "list", "--since", "yesterday"),
        ("dlq", "redrive", "--until", "2018-12-31T18:00:00"),
        ("simulate", "--until", "yesterday"),
        ("simulate", "--until", "2019-06-01T00:00:00+08:00"),
        ("simulate", "--archives-stop", "yesterday"),
    ],
)
def test_a_time_that_is_none_is_wrong_usage(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """As an option it was typed just now; a setting is another matter."""
    done = guidang(*arguments, "--data-dir", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    done = guidang(*arguments, "--data-dir", str(tmp_path), GUIDANG_CLOCK="yesterday")
    assert (done.returncode, "clock" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--set", "kafka.partitions=0"), "kafka.partitions"),
        (("--set", "kafka.partitons=4"), "partitons"),
        (("--set", "kafak.partitions=4"), "kafak"),
        (("--set", "partitions"), "名称=值"),
        (("--config", "absent.toml"), "absent.toml"),
        (("--data-dir", "empty"), "guidang up"),
    ],
)
def test_a_wrong_setting_is_3_and_named(arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    """One message, no traceback."""
    done = guidang("topics", *arguments, cwd=tmp_path, GUIDANG_DATA_DIR=str(tmp_path / "empty"))
    assert done.returncode == 3
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [("topics",), ("status",), ("up", "--detach")], ids=lambda words: words[0])
def test_a_misspelt_variable_is_3_and_starts_nothing(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """One underscore too few: it was to go to a server, and must not go to the local one."""
    done = guidang(*arguments, GUIDANG_DATA_DIR=str(tmp_path), GUIDANG_KAFKA_BOOTSTRAP_SERVERS="prod:9092")
    guidang("down", GUIDANG_DATA_DIR=str(tmp_path))  # what must not have been started must not stay
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (3, "", False)
    assert "GUIDANG_KAFKA__BOOTSTRAP_SERVERS" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("--help",), ("status",), ("status", "--json"), ("rights",)])
def test_a_reader_who_has_seen_enough_is_no_failure(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """``guidang … | head`` in a script with ``pipefail``."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "ops", *arguments, "--data-dir", str(tmp_path)],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "gbk:strict"])
def test_a_character_that_the_encoding_lacks_costs_that_character_alone(encoding: str, tmp_path: Path) -> None:
    """A terminal of old, or a log that somebody set to it."""
    for arguments in (("--help",), ("rights",), ("doctor",)):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "ops", *arguments, "--data-dir", str(tmp_path)],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            check=False,
            timeout=60,
        )
        assert done.returncode in {0, 6}
        assert done.stdout
        assert b"Traceback" not in done.stderr


WAIVE = ("waive", "UNARCHIVED", "N-1", "--by", "市档案局", "--reason", "系统升级", "--until", "2018-12-31")
FORM = Path(__file__).parents[1] / "importing" / "forms.py"


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", b"\xff"),
        ("suggest", b"\xff"),
        ("dlq", "list", "--source-key", b"\xff"),
        ("dlq", "redrive", "--reason", "MISROUTED", "--reason", b"\xff"),
        ("todo", "--unit", b"\xff"),
        ("items", "--unit", b"\xff"),
        ("anomalies", "--unit", b"\xff"),
        ("coverage", "--by", b"\xff"),
        ("score", "--year", b"\xff"),
        ("import-items", FORM, "--unit-code", b"\xff"),
        (*WAIVE, "--by", b"\xff"),
        (*WAIVE, "--reason", b"\xff"),
        ("worker", "--name", b"\xff"),
        ("topics", "--set", b"kafka.topic_prefix=\xff"),
        ("nonsense", b"\xff"),
        (b"\xff",),
    ],
)
def test_a_text_that_is_not_utf_8_is_wrong_usage(arguments: tuple[str | bytes, ...], tmp_path: Path) -> None:
    """Nothing could be found by it, and it could be written nowhere."""
    done = run_as_bytes(*arguments, home=tmp_path)
    assert (done.returncode, done.stdout, b"Traceback" in done.stderr) == (2, b"", False)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_takes_a_text_that_is_not_utf_8(name: str) -> None:
    """Whatever option or argument it is; the name of a file may be any bytes."""
    for known, parameter in parameters(command_of(name)):
        given: Any = ["\udcff"] if parameter.multiple or parameter.nargs != 1 else "\udcff"
        with type(known).context_class(known) as context, suppress(typer.BadParameter):
            assert not texts_in(parameter.process_value(context, given)), parameter.name


def parameters(known: Any) -> Iterator[tuple[Any, Any]]:
    """Options and arguments of a command and of those under it, each with its command."""
    yield from ((known, parameter) for parameter in known.params)
    for under in getattr(known, "commands", {}).values():
        yield from parameters(under)


def texts_in(value: Any) -> list[str]:
    """The texts that a command would be given."""
    return [each for each in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(each, str)]


def test_the_name_of_a_file_may_be_any_bytes(tmp_path: Path) -> None:
    """Whoever unpacks what an old Windows has packed gets GBK; JSON says of it what can be said."""
    path = bytes(tmp_path) + "/办结.csv".encode("gbk")
    Path(os.fsdecode(path)).write_text("case_no,colour\n1,red\n")
    done = run_as_bytes("publish", "case-closed", path, "--json", home=tmp_path)
    assert (done.returncode, b"Traceback" in done.stderr) == (5, False)
    told = orjson.loads(done.stdout)
    assert told["file"].endswith(".csv")
    assert "colour" in told["error"]


def run_as_bytes(*arguments: str | bytes | Path, home: Path) -> subprocess.CompletedProcess[bytes]:
    """The command line as a shell gives it, with a broker that is not there."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "ops", *arguments, "--data-dir", home],
        capture_output=True,
        env={**os.environ, "GUIDANG_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"},
        check=False,
        timeout=60,
    )


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    """Only when asked."""
    assert "Traceback" in guidang("topics", "--debug", GUIDANG_DATA_DIR=str(tmp_path)).stderr


def test_a_broken_settings_file_is_3(tmp_path: Path) -> None:
    """TOML that is none is said, not shown as a stack."""
    (tmp_path / "guidang.toml").write_text("kafka = [")
    done = guidang("topics", cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (3, False)


@pytest.mark.parametrize(
    ("security", "told"),
    [
        ({"PROTOCOL": "SASL_PLAINTEXT", "SASL_MECHANISM": "FOO"}, "FOO"),
        ({"PROTOCOL": "SASL_SSL"}, "GSSAPI"),  # librdkafka's own default, which it is built without
        ({"PROTOCOL": "SSL", "SSL_CA_FILE": "/nowhere/ca.pem"}, "ssl.ca.location"),
    ],
)
def test_security_settings_that_the_client_does_not_take_are_3(security: dict[str, str], told: str, tmp_path: Path) -> None:
    """For a command and for a process; doctor goes on to the other checks, and says it among them."""
    environment = {f"GUIDANG_KAFKA__SECURITY__{name}": value for name, value in security.items()}
    environment |= {"GUIDANG_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "GUIDANG_DATA_DIR": str(tmp_path)}
    for command in ("topics", "sink"):
        done = guidang(command, **environment)
        assert (done.returncode, "Traceback" in done.stderr) == (3, False)
        assert "kafka.security" in done.stderr
        assert told in done.stderr
    done = guidang("doctor", "--json", **environment)
    assert done.returncode == 6
    assert {check["check"]: check["state"] for check in orjson.loads(done.stdout)["checks"]}["kafka"] == "fail"


def test_no_kafka_is_4_with_the_reason() -> None:
    """The address and why are in the message."""
    port = free_port()
    done = guidang("topics", "--set", f"kafka.bootstrap_servers=127.0.0.1:{port}")
    assert done.returncode == 4
    assert str(port) in done.stderr
    assert "refused" in done.stderr


@pytest.mark.kafka
def test_json_is_all_that_stdout_carries(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """``guidang topics --json`` is one array, with the settings of the environment, twice the same but for what was created."""
    environment = {"GUIDANG_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap, "GUIDANG_KAFKA__TOPIC_PREFIX": topic_prefix}
    first = guidang("topics", "--json", "--data-dir", str(tmp_path), **environment)
    rows = orjson.loads(first.stdout)
    assert {row["created"] for row in rows} == {True}
    assert all(row["name"].startswith(topic_prefix) for row in rows)
    again = orjson.loads(guidang("topics", "--json", **environment).stdout)
    assert again == [{**row, "created": False} for row in rows]


@pytest.mark.kafka
def test_a_case_of_which_nothing_is_known_has_an_empty_timeline(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """Exit 6, and one object all the same: whoever asked for JSON reads JSON."""
    environment = {"GUIDANG_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap, "GUIDANG_KAFKA__TOPIC_PREFIX": topic_prefix}
    assert guidang("topics", "--data-dir", str(tmp_path), **environment).returncode == 0
    done = guidang("explain", "nobody's", "--json", "--data-dir", str(tmp_path), **environment)
    assert done.returncode == 6
    found = orjson.loads(done.stdout)
    assert found == {"case_no": "nobody's", "events": [], "dead_letters": [], "state": None, "anomalies": [], "rule": None}


def test_a_truth_that_cannot_be_written_is_told_before_anything_is_published(tmp_path: Path) -> None:
    """Even before Kafka is asked for: 3, and not 4."""
    away = f"kafka.bootstrap_servers=127.0.0.1:{free_port()}"
    done = guidang("simulate", "--truth", str(tmp_path / "nowhere" / "truth.jsonl"), "--data-dir", str(tmp_path), "--set", away)
    assert done.returncode == 3
    assert "truth.jsonl" in done.stderr


def test_a_file_refused_as_a_whole_is_told_in_json_too(tmp_path: Path) -> None:
    """Exit 5, and one object of the usual shape that says why."""
    file = tmp_path / "cases.csv"
    file.write_text("case_no,colour\n1,red\n")
    done = guidang("publish", "case-closed", str(file), "--json", GUIDANG_DATA_DIR=str(tmp_path))
    told = orjson.loads(done.stdout)
    assert (done.returncode, told["sent"], told["bad"], told["bad_rows"]) == (5, 0, 0, [])
    assert "colour" in told["error"]
    unnamed = tmp_path / os.fsdecode("办结.csv".encode("gbk"))
    file.rename(unnamed)
    done = guidang("publish", "case-closed", str(unnamed), "--json", GUIDANG_DATA_DIR=str(tmp_path))
    assert (done.returncode, orjson.loads(done.stdout)["file"], "Traceback" in done.stderr) == (5, f"{tmp_path}/????.csv", False)


@pytest.mark.kafka
def test_doctor_says_what_is_missing_and_where_settings_come_from(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """An unreachable ClickHouse that was configured is a failure (6), missing topics are a warning, sources are named."""
    (tmp_path / "guidang.toml").write_text(f'[kafka]\nbootstrap_servers = "{kafka.bootstrap}"\npartitions = 5\n')
    environment = {"GUIDANG_KAFKA__TOPIC_PREFIX": topic_prefix, "GUIDANG_CLICKHOUSE__URL": f"http://127.0.0.1:{free_port()}"}
    done = guidang("doctor", "--json", "--data-dir", str(tmp_path / "data"), cwd=tmp_path, **environment)
    assert done.returncode == 6
    said = orjson.loads(done.stdout)
    states = {check["check"]: check["state"] for check in said["checks"]}
    assert (states["kafka"], states["topics"], states["clickhouse"], states["python"]) == ("ok", "warn", "fail", "ok")
    assert not states.keys() & {"java", "maven", "jars"}  # means for a broker of this machine, which another one makes needless
    sources = {setting["name"]: setting["source"] for setting in said["settings"]}
    assert sources["kafka.topic_prefix"] == "GUIDANG_KAFKA__TOPIC_PREFIX"
    assert sources["kafka.partitions"].endswith("guidang.toml")
    assert sources["policy.deadline"] == "default"


def test_global_options_may_stand_anywhere() -> None:
    """They are moved to the front; what follows ``--`` is not looked at."""
    assert hoist(["up", "--data-dir", "d", "--workers", "2"]) == ["--data-dir", "d", "up", "--workers", "2"]
    assert hoist(["up", "--set=a=b", "--debug", "--", "--debug"]) == ["--set=a=b", "--debug", "up", "--", "--debug"]
