"""What the kernel says of processes and folders."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ops.bench.usage import cpu_seconds, folder_bytes, peak_rss_bytes

GONE = 2**22 - 1
"""Beyond what Linux gives out by default."""


def test_cpu_time_grows_with_work_and_a_process_that_is_gone_counts_nothing() -> None:
    """A third of a second of it."""
    before = cpu_seconds([os.getpid(), GONE])
    while time.process_time() < before + 0.3:
        sum(range(1000))
    assert cpu_seconds([os.getpid()]) >= before + 0.2


def test_the_peak_of_memory_is_of_all_processes() -> None:
    """A Python alone holds some megabytes."""
    assert peak_rss_bytes([os.getpid(), GONE]) > 5_000_000
    assert peak_rss_bytes([]) == 0


def test_a_folder_takes_what_its_files_take_at_any_depth(tmp_path: Path) -> None:
    """Not what they seem to hold: of a long file of which nothing was written there is next to nothing on the disk."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(os.urandom(300_000))
    (tmp_path / "c").touch()
    os.truncate(tmp_path / "c", 100_000_000)
    os.sync()
    assert 300_000 <= folder_bytes(tmp_path) < 1_000_000
