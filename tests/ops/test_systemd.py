"""The units of systemd say the same as the code: commands, settings, ports, secrets; and systemd understands them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ops.reference.settings_page import variables
from streams.errors import ConfigurationError
from streams.settings import Settings
from streams.variables import OTHER_VARIABLES
from tests.docs.cli import fault

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "ops" / "systemd"
COMMON = FOLDER / "guidang-.service.d" / "common.conf"
SERVICES = {path.stem.removeprefix("guidang-"): path for path in sorted(FOLDER.glob("*.service"))}
PROGRAM = "/opt/guidang/bin/guidang"


def lines(path: Path, instance: str = "1") -> list[tuple[str, str]]:
    """Assignments of a unit with what is common to all, in order."""
    found = []
    for file in (path, COMMON) if path.suffix == ".service" else (path,):
        for line in file.read_text(encoding="utf-8").replace("%i", instance).splitlines():
            name, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                found.append((name, value))
    return found


def values(path: Path, name: str, instance: str = "1") -> list[str]:
    """All values of one directive."""
    return [value for key, value in lines(path, instance) if key == name]


def environment(path: Path) -> dict[str, str]:
    """Variables that a unit sets."""
    return dict(word.split("=", 1) for value in values(path, "Environment") for word in value.split())


def command(path: Path, instance: str = "1") -> list[str]:
    """Arguments that a unit gives to our program."""
    (start,) = values(path, "ExecStart", instance)
    program, *arguments = start.split()
    assert program == PROGRAM
    return arguments


def test_there_is_a_unit_for_every_process() -> None:
    """And a target that takes them together."""
    assert SERVICES.keys() == {"worker@", "sink", "monitor", "board", "notify"}
    for path in SERVICES.values():
        assert values(path, "WantedBy") == ["guidang.target"]
        assert values(path, "PartOf") == ["guidang.target"]
    assert values(FOLDER / "guidang.target", "WantedBy") == ["multi-user.target"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_runs_a_command_of_ours_with_real_settings(name: str) -> None:
    """Options, variables, and where state and secrets are."""
    path = SERVICES[name]
    assert not fault(command(path), whole=True)
    assert command(path)[0] == name.rstrip("@")
    ours = {variable for variable in environment(path) if variable.startswith("GUIDANG_")}
    assert ours <= variables() | OTHER_VARIABLES
    (state,) = values(path, "StateDirectory")
    assert environment(path)["GUIDANG_DATA_DIR"] == f"%S/{state}"
    credentials = dict(value.split(":", 1) for value in values(path, "LoadCredential"))
    used = {value.removeprefix("%d/") for value in environment(path).values() if value.startswith("%d/")}
    assert used == set(credentials)
    assert all(where == f"/etc/guidang/secrets/{name}" for name, where in credentials.items())


def test_instances_of_the_worker_are_workers_of_their_own() -> None:
    """Name and port follow the number; a state directory follows the unit's name."""
    path = SERVICES["worker@"]
    assert command(path, "1") != command(path, "2")
    assert command(path, "2")[1:] == ["--name", "worker-2", "--metrics-port", "9102"]
    assert values(path, "StateDirectory") == ["guidang/%N"]


def test_prometheus_scrapes_the_ports_that_the_units_serve() -> None:
    """As ops/prometheus/targets says for one machine."""
    targets = yaml.safe_load((ROOT / "ops" / "prometheus" / "targets" / "guidang.yml").read_text(encoding="utf-8"))
    served = {f"127.0.0.1:{Settings().notify.port}"}
    for name, path in SERVICES.items():
        for instance in "12" if name == "worker@" else "1":
            arguments = command(path, instance)
            if "--metrics-port" in arguments:
                served.add(f"127.0.0.1:{arguments[arguments.index('--metrics-port') + 1]}")
    assert {target for each in targets for target in each["targets"]} == served


def test_only_the_sink_has_the_writers_password() -> None:
    """Each unit is given the secrets that its process uses, and no others."""
    given = {name: {value.partition(":")[0] for value in values(path, "LoadCredential")} for name, path in SERVICES.items()}
    reader = {"kafka_password", "clickhouse_dashboards_password"}
    assert given == {
        "worker@": {"kafka_password", "title_key"},
        "sink": {"kafka_password", "clickhouse_password"},
        "monitor": reader,
        "board": reader,
        "notify": set(),
    }
    assert environment(SERVICES["sink"])["GUIDANG_CLICKHOUSE__USER"] == "guidang"
    assert environment(SERVICES["board"])["GUIDANG_CLICKHOUSE__USER"] == "dashboards"


def test_what_a_restart_cannot_mend_is_not_restarted() -> None:
    """Wrong usage and wrong settings, by their exit codes."""
    (codes,) = values(COMMON, "RestartPreventExitStatus")
    assert {int(code) for code in codes.split()} == {2, ConfigurationError.exit_code}
    assert values(COMMON, "Restart") == ["on-failure"]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as an operator installs them; the program is this one, since systemd looks whether it is there."""
    folder = tmp_path / "units"
    shutil.copytree(FOLDER, folder)
    here = str(Path(sys.executable).with_name("guidang"))
    for path in folder.glob("*.service"):
        path.write_text(path.read_text(encoding="utf-8").replace(PROGRAM, here), encoding="utf-8")
    return folder


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_them(installed: Path) -> None:
    """Unknown directives and words are warnings to systemd, and failures here."""
    units = [name.replace("@", "@1") for name in sorted(path.name for path in installed.glob("*.service"))]
    done = analyze(installed, "verify", "--man=no", *units, "guidang.target")
    told = [line for line in done.stderr.splitlines() if re.search(r"guidang|common\.conf", line)]
    assert (done.returncode, told) == (0, [])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_a_misspelled_directive_would_be_found(installed: Path) -> None:
    """What the test above rests on; also that what is common to all is read."""
    common = installed / "guidang-.service.d" / "common.conf"
    common.write_text(common.read_text(encoding="utf-8") + "ProtectSytem=strict\n", encoding="utf-8")
    assert "ProtectSytem" in analyze(installed, "verify", "--man=no", "guidang-sink.service").stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_little_that_an_attacker_could_use(installed: Path) -> None:
    """Exposure of 2.5 or less, of 10."""
    done = analyze(installed, "security", "--offline=true", "--threshold=25", str(installed / "guidang-sink.service"))
    assert done.returncode == 0, done.stdout[-300:]


def analyze(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Ask systemd about the units of a folder, before those of this machine."""
    return subprocess.run(
        ["systemd-analyze", *arguments],
        env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{folder}:"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
