"""docker-compose.yml says the same as the code: ports, names of settings, commands, users, mounts, versions."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from defusedxml.ElementTree import parse
from prometheus_client import CollectorRegistry

from consumers.migrate import migrations
from consumers.notify.queue import Queue
from consumers.notify.server import Intake
from ops.jars import KAFKA_VERSION
from ops.kafka_config import DEFAULTS
from ops.ready import ready_path
from ops.reference.settings_page import variables
from streams.settings import Settings, load_settings
from streams.variables import OTHER_VARIABLES
from tests.docs.cli import fault

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("guidang:")}
RUNNING = {name: service for name, service in SERVICES.items() if name not in {"topics", "cli"}}
DOCKERFILE = (ROOT / "ops" / "docker" / "Dockerfile").read_text(encoding="utf-8")
CONFIG = COMPOSE["configs"]["guidang"]["file"]
USERS = parse(ROOT / "ops" / "clickhouse" / "users.xml").getroot()
ENTRYPOINT = (ROOT / "ops" / "clickhouse" / "entrypoint.sh").read_text(encoding="utf-8")
EVERYWHERE = "0.0.0.0"  # noqa: S104 - within networks of containers
TARGETS = ROOT / "ops" / "prometheus" / "targets.compose"


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Makes the settings of a service as its container has them."""
    monkeypatch.chdir(tmp_path)

    def load(name: str) -> Settings:
        for variable in [each for each in os.environ if each.startswith("GUIDANG_")]:
            monkeypatch.delenv(variable)
        for variable, value in OURS[name]["environment"].items():
            monkeypatch.setenv(variable, str(value))
        monkeypatch.setenv("GUIDANG_CONFIG", str(ROOT / CONFIG))
        return load_settings()

    return load


def shared(one: str, other: str) -> set[str]:
    """Networks on which two services meet."""
    return set(SERVICES[one]["networks"]) & set(SERVICES[other]["networks"])


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_and_reaches_what_it_names(name: str, settings_of: Any) -> None:
    """A variable that is none would be ignored in silence; an address of another network would never answer."""
    service, settings = OURS[name], settings_of(name)
    assert set(service["environment"]) <= variables() | OTHER_VARIABLES
    (mounted,) = service["configs"]
    assert mounted == {"source": "guidang", "target": service["environment"]["GUIDANG_CONFIG"]}
    if settings.kafka.bootstrap_servers:
        assert f"INTERNAL://{settings.kafka.bootstrap_servers}," in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
        assert "pipeline" in shared(name, "kafka")
    if settings.clickhouse.url:
        assert settings.clickhouse.url == "http://clickhouse:8123"
        assert "store" in shared(name, "clickhouse")
        assert USERS.find(f"users/{settings.clickhouse.user}") is not None
    needed = {settings.clickhouse.password_file, settings.privacy.title_key_file, settings.notify.token_file} - {None}
    assert {path.name for path in needed if path} == set(service.get("secrets", ()))
    assert all(path.parent == Path("/run/secrets") for path in needed if path)


def test_only_the_sink_may_write_into_clickhouse_and_whoever_hashes_has_the_key() -> None:
    """All others are readers; two workers with different keys would tear every case apart."""
    users = {name: service["environment"].get("GUIDANG_CLICKHOUSE__USER") for name, service in OURS.items()}
    assert {name for name, user in users.items() if user == "guidang"} == {"sink"}
    assert {name for name, service in OURS.items() if "title_key" in service.get("secrets", ())} == {"worker-1", "worker-2", "cli"}


@pytest.mark.parametrize("name", [name for name in OURS if name != "cli"])
def test_a_command_exists_with_its_options(name: str) -> None:
    """As the documents' commands do."""
    assert not fault(OURS[name]["command"], whole=True)


def test_workers_have_names_and_state_of_their_own() -> None:
    """Static membership: two workers of one name would fence each other for ever."""
    workers = {name: service for name, service in OURS.items() if service.get("command") == ["worker"]}
    assert [service["environment"]["GUIDANG_WORKER__NAME"] for service in workers.values()] == list(workers) == ["worker-1", "worker-2"]
    assert len({service["volumes"][0] for service in workers.values()}) == 2


def test_health_looks_at_what_the_process_makes(settings_of: Any) -> None:
    """Whether it says that it does its work; the notifier, which serves under a port of its choice, by its file."""
    inside = Settings(data_dir=Path("/data"))
    assert "GUIDANG_DATA_DIR=/data" in DOCKERFILE
    assert all("healthcheck" in service for service in RUNNING.values())
    assert OURS["notify"]["healthcheck"]["test"] == ["CMD", "test", "-e", str(ready_path(inside, "notify"))]
    for name in ("worker-1", "worker-2", "sink", "monitor"):
        assert f"http://127.0.0.1:{settings_of(name).metrics.port}/ready" in OURS[name]["healthcheck"]["test"][-1]
    assert f"http://127.0.0.1:{settings_of('board').board.port}/ping" in OURS["board"]["healthcheck"]["test"][-1]


def test_the_board_is_seen_on_this_machine_and_sees_prometheus(settings_of: Any) -> None:
    """Published on the loopback, at the port it listens on."""
    board = settings_of("board").board
    assert board.host == EVERYWHERE
    assert OURS["board"]["ports"] == [f"127.0.0.1:{board.port}:{board.port}"]
    assert board.prometheus_url == "http://prometheus:9090"
    assert shared("board", "prometheus") >= {"watch"}


def test_what_prometheus_scrapes_is_where_the_processes_serve(settings_of: Any) -> None:
    """Every process that serves metrics, and no other, at its port, on a network of both."""
    targets = yaml.safe_load((TARGETS / "guidang.yml").read_text(encoding="utf-8"))
    scraped = {target for each in targets for target in each["targets"]}
    serving = {f"{name}:{settings_of(name).metrics.port}" for name in OURS if settings_of(name).metrics.port}
    assert scraped == serving | {f"notify:{settings_of('notify').notify.port}"}
    watched = {target for each in yaml.safe_load((TARGETS / "watching.yml").read_text(encoding="utf-8")) for target in each["targets"]}
    alerts = {target for each in yaml.safe_load((TARGETS / "alertmanager.yml").read_text(encoding="utf-8")) for target in each["targets"]}
    assert watched == {"prometheus:9090", "alertmanager:9093"}
    assert alerts == {"alertmanager:9093"}
    for address in scraped | watched:
        name, port = address.split(":")
        assert shared(name, "prometheus")
        if name not in OURS:
            assert f"--web.listen-address=:{port}" in SERVICES[name]["command"]
        elif name != "notify":
            assert settings_of(name).metrics.host == EVERYWHERE


def test_alertmanager_reaches_the_notifier(settings_of: Any, tmp_path: Path) -> None:
    """Its webhooks go to the port that the notifier listens on, in the file that is mounted."""
    notify = settings_of("notify").notify
    assert notify.listen == EVERYWHERE
    mount = next(volume for volume in SERVICES["alertmanager"]["volumes"] if volume.startswith("./"))
    receivers = yaml.safe_load((ROOT / mount.split(":")[0]).read_text(encoding="utf-8"))["receivers"]
    urls = {hook["url"] for receiver in receivers for hook in receiver.get("webhook_configs", ())}
    routes = Intake(Queue(tmp_path / "q"), (), "", CollectorRegistry(), lambda: None).application().router.resources()
    assert urls <= {f"http://notify:{notify.port}{route.canonical}" for route in routes}
    assert urls
    assert shared("alertmanager", "notify") >= {"watch"}
    hooks = [hook for receiver in receivers for hook in receiver.get("webhook_configs", ())]
    assert {hook["http_config"]["authorization"]["credentials_file"] for hook in hooks} == {str(notify.token_file)}
    assert notify.token_file is not None
    assert notify.token_file.name in SERVICES["alertmanager"]["secrets"]


def test_links_in_messages_lead_to_published_ports(settings_of: Any) -> None:
    """The board and Grafana."""
    notify = settings_of("notify").notify
    published = {port.rpartition(":")[0] for name in ("board", "grafana") for port in SERVICES[name]["ports"]}
    assert {notify.board_url, notify.grafana_url} == {f"http://{address}" for address in published}


def test_the_example_of_a_channel_is_one() -> None:
    """What the file shows as a comment loads once it is none."""
    text = (ROOT / CONFIG).read_text(encoding="utf-8")
    example = re.sub(r"^# (\[\[|\w+ = )", r"\1", text, flags=re.MULTILINE)
    settings = Settings(**tomllib.loads(example))
    (channel,) = settings.notify.channels
    assert channel.url_file is not None
    assert channel.url_file.parent == Path("/run/secrets")


def test_versions_are_pinned_and_those_of_the_code() -> None:
    """The broker of the tests is the broker of the containers."""
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert all(re.search(r":v?\d+\.\d+\.\d+(\.\d+)?$", service["image"]) for service in SERVICES.values())
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", bases[0])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {service["image"] for service in OURS.values()} == {f"guidang:{project['version']}"}
    assert re.search(r"grafana-clickhouse-datasource@\d+\.\d+\.\d+$", SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"])


def test_the_image_is_built_once_from_all_that_is_installed() -> None:
    """By one service; the others would build or fetch it again. Nothing but what the build copies is sent to it."""
    assert [name for name, service in OURS.items() if "build" in service] == ["topics"]
    assert {service["pull_policy"] for service in OURS.values()} == {"never"}
    build = OURS["topics"]["build"]
    assert (ROOT / build["context"] / build["dockerfile"]).is_file()
    copied = {word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()}
    assert all((ROOT / each).exists() for each in copied)
    allowed = (ROOT / "ops" / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert allowed[0] == "*"
    assert {each[1:] for each in allowed if each.startswith("!")} == copied
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert copied == {"pyproject.toml", "README.md", *wheel["packages"], *wheel.get("force-include", {})}


def test_the_broker_is_set_up_as_the_local_one() -> None:
    """Nothing creates topics but us, the largest record of ours passes, and offsets outlive a long pause."""
    kafka = SERVICES["kafka"]["environment"]
    same = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in DEFAULTS.items()}
    apart = {"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"}
    both = same.keys() & kafka.keys() - apart
    assert {name: str(kafka[name]) for name in both} == {name: str(same[name]) for name in both}
    assert both >= {"KAFKA_AUTO_CREATE_TOPICS_ENABLE", "KAFKA_MESSAGE_MAX_BYTES", "KAFKA_OFFSETS_RETENTION_MINUTES"}
    assert not [name for name in kafka if "LOG_RETENTION" in name]


@pytest.mark.parametrize("name", SERVICES)
def test_everything_named_is_there_and_nothing_listens_to_the_world(name: str) -> None:
    """Volumes, files, secrets, networks, dependencies; published ports are of this machine only."""
    service = SERVICES[name]
    for volume in service.get("volumes", ()):
        source = volume.partition(":")[0]
        assert source in COMPOSE["volumes"] or (ROOT / source).exists(), source
        assert not source.startswith("./") or volume.endswith(":ro")
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in service.get("ports", ()))
    assert not service.get("ports") or "local" in service["networks"]
    for needed, how in service.get("depends_on", {}).items():
        assert how["condition"] == "service_completed_successfully" or "healthcheck" in SERVICES[needed]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_limits_and_no_rights_that_it_does_not_need(name: str) -> None:
    """Memory, processors, processes; no capability; a root that cannot be written, wherever the image bears it."""
    service = SERVICES[name]
    assert {"mem_limit", "cpus", "pids_limit", "restart", "logging"} <= service.keys()
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("privileged") is None
    assert service.get("read_only", False) is (name not in {"kafka", "clickhouse"})
    assert bool(service.get("cap_add")) is (name == "clickhouse")
    assert "USER guidang" in DOCKERFILE


def test_clickhouse_has_two_users_with_the_rights_that_they_use() -> None:
    """The writer runs the migrations and inserts; the reader reads. Nobody administers, and nobody else is let in."""
    users = USERS.find("users")
    assert users is not None
    assert {user.tag for user in users} == {"default", "guidang", "dashboards"}
    assert users.find("default[@remove]") is not None
    assert USERS.find(".//access_management") is None
    grants = {user.tag: {query.text for query in user.iter("query")} for user in users}
    assert grants["dashboards"] == {"GRANT SELECT ON guidang.*"}
    (writing,) = grants["guidang"]
    assert writing is not None
    allowed = set(writing.removeprefix("GRANT ").removesuffix(" ON guidang.*").split(", "))
    assert rights_used() - {"CREATE VIEW"} == allowed  # which CREATE TABLE implies
    profiles = {user: USERS.findtext(f"users/{user}/profile") for user in ("guidang", "dashboards")}
    assert USERS.findtext(f"profiles/{profiles['dashboards']}/readonly") == "1"
    for profile in profiles.values():
        assert USERS.findtext(f"profiles/{profile}/do_not_merge_across_partitions_select_final") == "1"


def rights_used() -> set[str]:
    """What the statements of the migrations need, and what the sink does."""
    kinds = {
        "CREATE TABLE IF NOT EXISTS": {"CREATE TABLE"},
        "CREATE OR REPLACE VIEW": {"CREATE VIEW", "DROP VIEW"},
        "CREATE VIEW IF NOT EXISTS": {"CREATE VIEW"},
        "ALTER TABLE": {"ALTER"},
    }
    used = {"CREATE DATABASE", "CREATE TABLE", "SELECT", "INSERT"}
    for statement in (statement for migration in migrations() for statement in migration.statements):
        text = re.sub(r"^--.*\n", "", statement, flags=re.MULTILINE)
        kind = next((kind for kind in kinds if text.startswith(kind)), None)
        assert kind, f"which right does this need? {text[:80]}"
        used |= kinds[kind]
    return used


def test_the_passwords_that_clickhouse_knows_are_those_that_its_clients_send(tmp_path: Path) -> None:
    """The script hands on the hash of each secret file; an empty file stops it."""
    environment = {"guidang": "CLICKHOUSE_WRITER_SHA256", "dashboards": "CLICKHOUSE_READER_SHA256"}
    for user, variable in environment.items():
        element = USERS.find(f"users/{user}/password_sha256_hex")
        assert element is not None
        assert element.get("from_env") == variable
    script = tmp_path / "entrypoint.sh"
    script.write_text(ENTRYPOINT.replace("/run/secrets", str(tmp_path)).replace('exec /entrypoint.sh "$@"', "exec env"))
    names = SERVICES["clickhouse"]["secrets"]
    for name in names:
        (tmp_path / name).write_text(f"{name}!\n")
    said = subprocess.run(["bash", script], capture_output=True, text=True, check=True, timeout=20).stdout.splitlines()
    for (user, variable), secret in zip(environment.items(), ("clickhouse_password", "clickhouse_dashboards_password"), strict=True):
        service = next(each for each in OURS.values() if each["environment"].get("GUIDANG_CLICKHOUSE__USER") == user)
        assert secret in service["secrets"]
        assert f"{variable}={hashlib.sha256(f'{secret}!'.encode()).hexdigest()}" in said
    (tmp_path / names[0]).write_text("")
    refused = subprocess.run(["bash", script], capture_output=True, text=True, check=False, timeout=20)
    assert refused.returncode == 1
    assert names[0] in refused.stderr


def test_the_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    """All that are mounted; a second run changes none."""
    folder = tmp_path / "secrets"
    made = []
    for _ in range(2):
        subprocess.run(["sh", ROOT / "ops" / "docker" / "secrets.sh", folder], check=True, capture_output=True, timeout=20)
        made.append({path.name: path.read_text() for path in folder.iterdir()})
    assert made[0] == made[1]
    assert {f"./secrets/{name}" for name in made[0]} == {secret["file"] for secret in COMPOSE["secrets"].values()}
    assert all(len(value) == 64 for value in made[0].values())
    assert folder.stat().st_mode & 0o077 == 0
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}
    assert "/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()


def test_docker_compose_understands_it() -> None:
    """The program itself, where it is installed; it starts nothing."""
    command = compose_program()
    if command is None:
        pytest.skip("neither `docker compose` nor `docker-compose` is installed")
    done = subprocess.run(
        [*command, "--file", ROOT / "docker-compose.yml", "--profile", "*", "config", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["services"].keys() == SERVICES.keys()


def compose_program() -> list[str] | None:
    """How Compose 2 is called here."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False, timeout=20)
            if done.returncode == 0 and re.match(r"v?[2-9]", done.stdout):
                return command
    return None
