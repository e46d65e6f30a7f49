"""docker-compose.yml says the same as the code: ports, names of settings, commands, versions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from ops.cli.catalog import COMMANDS
from ops.jars import KAFKA_VERSION
from ops.kafka_config import MESSAGE_MAX_BYTES
from ops.ready import ready_path
from streams.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("guidang:")}
DOCKERFILE = (ROOT / "ops" / "docker" / "Dockerfile").read_text(encoding="utf-8")


def environment_names(model: type[BaseModel], prefix: str = "GUIDANG_") -> set[str]:
    """Environment variables that set something."""
    names = set()
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names |= environment_names(field.annotation, f"{prefix}{name.upper()}__")
        else:
            names.add(prefix + name.upper())
    return names


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_and_the_settings_load(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A variable that is none would be ignored in silence."""
    environment = OURS[name]["environment"]
    assert set(environment) <= environment_names(Settings)
    monkeypatch.chdir(tmp_path)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, str(value))
    settings = load_settings()
    host, port = settings.kafka.bootstrap_servers.split(":")
    assert f"INTERNAL://{host}:{port}" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert settings.clickhouse.url == "http://clickhouse:8123"
    assert settings.clickhouse.user == SERVICES["clickhouse"]["environment"]["CLICKHOUSE_USER"]
    for secret in (settings.clickhouse.password_file, settings.privacy.title_key_file):
        assert secret is not None
        assert secret.name in OURS[name]["secrets"]


def test_commands_exist_and_workers_have_names_and_state_of_their_own() -> None:
    """Static membership: two workers of one name would fence each other for ever."""
    for service in OURS.values():
        assert service["command"][0] in COMMANDS
    workers = {name: service for name, service in OURS.items() if service["command"] == ["worker"]}
    assert len(workers) == 2
    assert [service["environment"]["GUIDANG_WORKER__NAME"] for service in workers.values()] == list(workers)
    assert len({service["volumes"][0] for service in workers.values()}) == 2


def test_health_looks_at_the_file_that_the_process_makes() -> None:
    """Workers and sink."""
    inside = Settings(data_dir=Path("/data"))
    assert "GUIDANG_DATA_DIR=/data" in DOCKERFILE
    for name, service in OURS.items():
        if name != "topics":
            assert service["healthcheck"]["test"][-1] == str(ready_path(inside, name))


def test_versions_are_pinned_and_those_of_the_code() -> None:
    """The broker of the tests is the broker of the containers."""
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert all(re.search(r":\d+\.\d+", service["image"]) for service in SERVICES.values())
    assert re.findall(r"^FROM python:(\S+)", DOCKERFILE, re.MULTILINE) == ["3.11-slim-bookworm"] * 2
    assert "USER guidang" in DOCKERFILE


def test_the_broker_is_set_up_as_the_local_one() -> None:
    """Nothing creates topics but us, and the largest record of ours passes."""
    kafka = SERVICES["kafka"]["environment"]
    assert kafka["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert kafka["KAFKA_MESSAGE_MAX_BYTES"] == MESSAGE_MAX_BYTES
    assert not [name for name in kafka if "RETENTION" in name]


def test_everything_named_is_there_and_nothing_listens_to_the_world() -> None:
    """Volumes, secrets, dependencies; published ports are of this machine only."""
    for service in SERVICES.values():
        assert all(volume.partition(":")[0] in COMPOSE["volumes"] for volume in service.get("volumes", ()))
        assert all(secret in COMPOSE["secrets"] for secret in service.get("secrets", ()))
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        for needed, how in service.get("depends_on", {}).items():
            assert how["condition"] == "service_completed_successfully" or "healthcheck" in SERVICES[needed]
    for line in re.findall(r"^COPY (\S+) \S+$", DOCKERFILE, re.MULTILINE):
        assert (ROOT / line).exists()
