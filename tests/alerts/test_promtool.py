"""What Prometheus' and Alertmanager's own tools say of the rules, the configuration and the routes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.alerts.rules import ALERTMANAGER, PROMETHEUS, TEST_FILES, alerts

promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="没有 promtool：apt-get install prometheus")
amtool = pytest.mark.skipif(not shutil.which("amtool"), reason="没有 amtool：apt-get install prometheus-alertmanager")
CONFIGURATIONS = ("alertmanager.yml", "alertmanager.compose.yml")


def run(*words: str | Path, cwd: Path | None = None) -> str:
    """Run a tool; all it says when it is content."""
    done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@promtool
@pytest.mark.parametrize("targets", ["targets", "targets.compose"])
def test_the_configuration_of_prometheus_is_valid_with_its_rules_and_targets(targets: str, tmp_path: Path) -> None:
    """As it is mounted: with the targets of one machine, and with those of docker compose."""
    shutil.copytree(PROMETHEUS / "rules", tmp_path / "rules")
    shutil.copytree(PROMETHEUS / targets, tmp_path / "targets")
    (tmp_path / "targets" / "guidang.json").write_text("[]")  # what `guidang up` writes
    shutil.copy(PROMETHEUS / "prometheus.yml", tmp_path)
    said = run("promtool", "check", "config", tmp_path / "prometheus.yml")
    assert "WARNING" not in said
    assert said.count("SUCCESS") == 2 + len(list((PROMETHEUS / "rules").glob("*.yaml")))


@promtool
@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.name)
def test_alerts_fire_stay_silent_and_resolve(file: Path) -> None:
    """On series written for it, hours in an instant."""
    assert "SUCCESS" in run("promtool", "test", "rules", file.name, cwd=file.parent)


@amtool
@pytest.mark.parametrize("file", CONFIGURATIONS)
def test_the_configuration_of_alertmanager_is_valid(file: str) -> None:
    """As amtool reads it."""
    assert "SUCCESS" in run("amtool", "check-config", ALERTMANAGER / file)


@amtool
@pytest.mark.parametrize("file", CONFIGURATIONS)
def test_each_alert_goes_where_its_severity_says(file: str) -> None:
    """What is wrong with notifying goes the other way too; the watchdog goes to the dead man's switch alone."""
    routes = {
        name: "guidang-deadman"
        if name == "GuidangWatchdog"
        else ",".join(
            [
                *(["guidang-fallback"] if rule["labels"]["component"] == "notify" else []),
                {"page": "guidang-page", "ticket": "guidang-ticket", "info": "nobody"}[rule["labels"]["severity"]],
            ]
        )
        for name, rule in alerts().items()
    }
    different = {
        (alerts()[name]["labels"]["severity"], alerts()[name]["labels"]["component"], route): name for name, route in routes.items()
    }
    assert {route for _, _, route in different} >= {"guidang-fallback,guidang-page", "guidang-fallback,guidang-ticket", "nobody"}
    for (severity, component, route), name in different.items():
        labels = f"alertname={name}", f"severity={severity}", f"component={component}"
        run("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER / file}", f"--verify.receivers={route}", *labels)


@amtool
def test_an_alert_that_no_route_knows_is_a_page() -> None:
    """Better seen than lost."""
    config = ALERTMANAGER / "alertmanager.yml"
    run("amtool", "config", "routes", "test", f"--config.file={config}", "--verify.receivers=guidang-page", "alertname=Other")
