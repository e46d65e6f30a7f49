"""Small file systems in memory: the ones that get full."""

from __future__ import annotations

import subprocess
from pathlib import Path


def mount_small(folder: Path, mebibytes: int) -> bool:
    """Put a file system of this size in the place of a folder; false where that is not permitted."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "guidang", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def unmount(folder: Path) -> None:
    """Take it away, with all that is in it."""
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
