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


def test_a_folder_holds_what_its_files_hold(tmp_path: Path) -> None:
    """At any depth."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"12345")
    (tmp_path / "c").write_bytes(b"123")
    assert folder_bytes(tmp_path) == 8
