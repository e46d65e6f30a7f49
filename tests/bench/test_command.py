"""What is asked for in vain is refused before anything is fetched or started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from ops.cli.bench import bench


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ({"latency": "100", "recovery": True}, "--recovery"),
        ({"latency": "100", "chart": Path("x.svg")}, "--chart"),
        ({"recovery": True, "chart": Path("x.svg")}, "--chart"),
        ({"resume": True}, "--json"),
        ({"workers": "0"}, "--workers"),
        ({"only": "nobody"}, "nobody"),
    ],
)
def test_what_cannot_be_is_refused_at_once(asked: dict[str, Any], refused: str) -> None:
    """Not after hours of measuring, with an empty file."""
    with pytest.raises(typer.BadParameter, match=refused):
        bench(**asked)
