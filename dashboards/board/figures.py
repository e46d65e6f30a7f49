"""Questions to ClickHouse: read only, in threads of their own, each with its own connection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from consumers.clickhouse import Client, connect, endpoint, reaching
from consumers.store.request import READ_ONLY_USER
from dashboards.board.answer import Table, table
from streams.errors import DependencyError
from streams.settings import Settings

_AT_ONCE: Final = 3
_QUERY_SECONDS: Final = 30
"""A query that takes longer is ended by ClickHouse."""


class Figures:
    """ClickHouse as the board asks it; connects with the first question, and again after every failure.

    Parameters
    ----------
    patience_seconds
        After which a question counts as not answered, though ClickHouse is there (stopped, overloaded, behind a wall that drops).
    """

    def __init__(self, settings: Settings, patience_seconds: float = _QUERY_SECONDS + 5) -> None:
        self._settings = settings
        self._patience_seconds = patience_seconds
        self._threads = ThreadPoolExecutor(_AT_ONCE, "figures")
        self._own = threading.local()

    async def ask(self, sql: str, parameters: Mapping[str, Any]) -> Table:
        """Answer one query.

        Raises
        ------
        DependencyError
            ClickHouse is not there, lets us not in, or finds fault with the query.
        """
        asked = asyncio.get_running_loop().run_in_executor(self._threads, self._ask, sql, parameters)
        try:
            return await asyncio.wait_for(asked, self._patience_seconds)
        except TimeoutError as error:  # its thread waits on: the driver has a time-out of its own
            raise DependencyError(
                f"ClickHouse（{endpoint(self._settings)}）{self._patience_seconds:g} 秒没有应答：检查它是否过载或停住。"
                " It does not answer in time."
            ) from error

    def close(self) -> None:
        """Let go of the threads; answers under way are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, sql: str, parameters: Mapping[str, Any]) -> Table:
        kept = getattr(self._own, "client", None)
        if kept is not None:
            try:
                return self._run(kept, sql, parameters)
            except DependencyError:  # the server may have been restarted since, at another port
                self._own.client = None
                kept.close()
        self._own.client = connect(self._settings, user="" if self._settings.clickhouse.url else READ_ONLY_USER)
        return self._run(self._own.client, sql, parameters)

    def _run(self, client: Client, sql: str, parameters: Mapping[str, Any]) -> Table:
        with reaching(self._settings):
            found = client.query(sql, parameters=dict(parameters), settings=_settings(client))
            return table(found.column_names, found.result_rows)


def _settings(client: Client) -> dict[str, int]:
    """Hold a user who might write to reading; one who can only read may set nothing, or next to it."""
    known = client.server_settings.get("readonly")
    return {"readonly": 1, "max_execution_time": _QUERY_SECONDS} if known is not None and known.value == "0" else {}
