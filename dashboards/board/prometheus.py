"""Questions to Prometheus, for the pipeline's panels, where there is one (``board.prometheus_url``)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from dashboards.board.answer import Table
from dashboards.board.choice import Choice
from dashboards.model import Prom
from streams.errors import DependencyError

_PATIENCE_SECONDS: Final = 10
_POINTS: Final = 240
_FINEST_SECONDS: Final = 15
_LABEL: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Prometheus:
    """One Prometheus server.

    Parameters
    ----------
    url
        ``http(s)://host:port``, with the path it is served under.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, query: Prom, choice: Choice, *, over_time: bool) -> Table:
        """Answer one query: over the range, in steps, a column ``time`` and one for each series; or at its end, labels and ``Value``.

        Raises
        ------
        DependencyError
            It is not there, or finds fault with the query.
        """
        begin, end = ((at - choice.shift_ms) / 1000 for at in (choice.from_ms, choice.to_ms))
        if over_time:
            step = max(_FINEST_SECONDS, math.ceil((end - begin) / _POINTS))
            found = await self._get("query_range", query=query.text, start=f"{begin:.3f}", end=f"{end:.3f}", step=str(step))
            return _over_time(found["result"], query, choice.shift_ms)
        found = await self._get("query", query=query.text, time=f"{end:.3f}")
        return _at_once(found)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE_SECONDS))
        try:
            async with self._session.get(f"{self._url}/api/v1/{path}", params=parameters) as answer:
                said = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise DependencyError(f"连不上 Prometheus（{self._url}）：检查 board.prometheus_url。It cannot be reached.") from error
        if said.get("status") != "success":
            raise DependencyError(f"Prometheus（{self._url}）报错 answers with an error: {said.get('error', '')}")
        data: dict[str, Any] = said["data"]
        return data


def _over_time(series: list[dict[str, Any]], query: Prom, shift_ms: int) -> Table:
    names = [_name(one["metric"], query) for one in series]
    moments: dict[int, list[float | None]] = {}
    for index, one in enumerate(series):
        for at, value in one["values"]:
            row = moments.setdefault(round(float(at) * 1000) + shift_ms, [None] * len(series))
            row[index] = _number(value)
    rows = tuple((at, *values) for at, values in sorted(moments.items()))
    return Table(("time", *names), rows, ("time",))


def _at_once(found: dict[str, Any]) -> Table:
    if found["resultType"] == "scalar":
        return Table(("Value",), ((_number(found["result"][1]),),))
    labels = sorted({label for one in found["result"] for label in one["metric"] if label != "__name__"})
    rows = tuple((*(one["metric"].get(label, "") for label in labels), _number(one["value"][1])) for one in found["result"])
    return Table((*labels, "Value"), rows)


def _name(labels: Mapping[str, str], query: Prom) -> str:
    if query.legend:
        return _LABEL.sub(lambda found: labels.get(found[1], ""), query.legend)
    return "，".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != "__name__") or "Value"


def _number(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None
