"""Which name a worker runs under."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.worker_name import held_name
from streams.errors import ConfigurationError
from streams.settings import Settings, WorkerSettings


def test_any_number_of_workers_start_without_being_named(tmp_path: Path) -> None:
    """Each has a name of its own, and the first one's is there again when it has ended."""
    settings = Settings(data_dir=tmp_path)
    with held_name(settings) as first, held_name(settings) as second, held_name(settings) as third:
        assert (first, second, third) == ("worker-1", "extra-1", "extra-2")
    with held_name(settings) as again:
        assert again == "worker-1"


def test_the_names_of_the_supervisors_workers_stay_free(tmp_path: Path) -> None:
    """A worker beside them takes none that the supervisor will need when it has more of them."""
    settings = Settings(data_dir=tmp_path)
    with held_name(settings, "worker-1"), held_name(settings), held_name(settings, "worker-2") as second:
        assert second == "worker-2"


@pytest.mark.parametrize("by_option", [True, False])
def test_a_name_that_was_given_twice_is_a_wrong_setting(tmp_path: Path, by_option: bool) -> None:
    """And the way out is named."""
    settings = Settings(data_dir=tmp_path, worker=WorkerSettings() if by_option else WorkerSettings(name="mine"))
    asked = "mine" if by_option else ""
    with held_name(settings, asked) as held:
        assert held == "mine"
        with pytest.raises(ConfigurationError, match="--name"), held_name(settings, asked):
            pass
