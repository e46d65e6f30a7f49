"""What the supervisor and its callers write for each other is never read by halves."""

from __future__ import annotations

import threading
from pathlib import Path

from ops.supervisor.record import write_whole


def test_a_file_that_is_being_replaced_is_read_whole(tmp_path: Path) -> None:
    """``up --workers N`` writes the number while the supervisor reads it: half a number would end the supervisor."""
    path = tmp_path / "workers"
    write_whole(path, b"1")
    stop = threading.Event()

    def rewrite() -> None:
        while not stop.is_set():
            write_whole(path, b"64")

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        assert {int(path.read_text(encoding="ascii")) for _ in range(20_000)} <= {1, 64}
    finally:
        stop.set()
        writer.join()
