"""What the reader has chosen, as the address of the page says it: variables and time range."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from consumers.windows import DEFAULT_WINDOW, Window, parse_window
from dashboards.model import Span
from streams.domain.time import HOUR_MS
from streams.errors import ConfigurationError

VARIABLES: Final = ("district", "unit", "type", "item", "case")
_LONGEST: Final = 200
_HOURS: Final = re.compile(r"(\d{1,3})h")
DEFAULT_RANGE: Final[Mapping[Span, str]] = MappingProxyType({"year": DEFAULT_WINDOW, "hours": "6h"})


@dataclass(frozen=True, slots=True)
class Choice:
    """Variables and time range of one question.

    Parameters
    ----------
    from_ms, to_ms
        First and last millisecond, of the job clock.
    variables
        All of :data:`VARIABLES`; the empty text means everything.
    shift_ms
        Job clock less wall clock: who keeps wall time (Prometheus, Kafka) takes it off.
    """

    from_ms: int
    to_ms: int
    variables: Mapping[str, str]
    shift_ms: int = 0

    @property
    def parameters(self) -> dict[str, int | str]:
        """What a query of ClickHouse may name."""
        return {"from_ms": self.from_ms, "to_ms": self.to_ms, **self.variables}


def choice_of(query: Mapping[str, str], span: Span, now_ms: int, shift_ms: int = 0) -> Choice:
    """Read ``range`` (hours such as ``6h``, or a window of days as ``guidang coverage --window`` takes it) and the variables.

    Raises
    ------
    ConfigurationError
        No such range, or a value that cannot be one.
    """
    text = query.get("range") or DEFAULT_RANGE[span]
    hours = _HOURS.fullmatch(text)
    window = Window(now_ms - int(hours[1]) * HOUR_MS, now_ms + 1) if hours else parse_window(text, now_ms)
    variables = {name: _value(name, query.get(name, "")) for name in VARIABLES}
    return Choice(window.start_ms, window.end_ms - 1, variables, shift_ms)


def _value(name: str, text: str) -> str:
    if len(text) > _LONGEST or not text.isprintable():
        raise ConfigurationError(f"{name}: 不是可用的值 no usable value（≤ {_LONGEST} 个可见字符 visible characters）")
    return text
