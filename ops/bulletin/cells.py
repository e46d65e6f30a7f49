"""How a value is written, the same in HTML, PDF and the difference of two editions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ops.bulletin.model import CellKind
from ops.rounding import percent, rounded

NONE = "–"
_MINUTES = len("2018-12-31T18:00")


def text(value: Any, kind: CellKind) -> str:
    """Write a value for people; ``None`` is a dash, never a zero."""
    return NONE if value is None else _WRITE[kind](value)


def _change(ranks: int) -> str:
    return f"{'↑' if ranks > 0 else '↓'}{abs(ranks)}" if ranks else "持平"


def _points(points: float) -> str:
    shown = rounded(points * 100, 2)
    return f"{shown:+}".replace("-", "−") if shown else str(shown)


_WRITE: Mapping[CellKind, Callable[[Any], str]] = {
    "text": str,
    "count": lambda count: f"{count:,}",
    "change": _change,
    "ratio": percent,
    "points": _points,
    "score": lambda score: str(rounded(score, 2)),
    "days": lambda days: str(rounded(days, 1)),
    "time": lambda time: str(time)[:_MINUTES].replace("T", " "),
}
