"""A Kafka client that cannot be made: for want of a right setting, or of what passes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streams.access import admin_client
from streams.errors import ConfigurationError, DependencyError
from streams.settings import KafkaSettings, Settings

_IN_LITTLE_ROOM = """
import resource, sys
from pathlib import Path
from streams.access import admin_client
from streams.errors import GuidangError
from streams.settings import KafkaSettings, Settings
settings = Settings(data_dir=Path(sys.argv[1]), kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1"))
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (256 << 20),) * 2)
try:
    admin_client(settings)
except GuidangError as error:
    sys.exit(f"{type(error).__name__} {error.exit_code}: {error}")
"""


def test_settings_that_the_client_does_not_take_are_told_as_such(tmp_path: Path) -> None:
    """Nobody starts a process again whose settings are wrong."""
    security = {"protocol": "SSL", "ssl_ca_file": tmp_path / "no-such-file"}
    kafka = KafkaSettings(bootstrap_servers="127.0.0.1:1", security=security)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"kafka\.security"):
        admin_client(Settings(data_dir=tmp_path, kafka=kafka))


def test_a_machine_without_room_for_another_thread_is_no_wrong_setting(tmp_path: Path) -> None:
    """It passes, so whoever watches over the process has to start it again. A thread's stack does not fit in here."""
    command = [sys.executable, "-c", _IN_LITTLE_ROOM, str(tmp_path)]
    stacks_of_a_gigabyte = ["sh", "-c", 'ulimit -s 1048576 && exec "$@"', "sh"]
    ended = subprocess.run([*stacks_of_a_gigabyte, *command], capture_output=True, text=True, timeout=60, check=False)
    assert f"DependencyError {DependencyError.exit_code}: " in ended.stderr
