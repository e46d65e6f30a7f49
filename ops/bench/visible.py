"""When rows of cases are visible in ClickHouse: asked for by their keys, as those are sent that are looked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from consumers.clickhouse import Client
from ops.bench.traffic import Watcher

_LOOK_S = 0.02


class Rows(Watcher):
    """Looks for rows, fifty times a second; in between it leaves the store alone.

    Parameters
    ----------
    connect
        Makes a client, which belongs to the thread.
    key_of
        ``case_no`` by the number of a case.
    number_of
        The other way round.
    """

    def __init__(self, connect: Callable[[], Client], key_of: Callable[[int], str], number_of: Callable[[str], int]) -> None:
        super().__init__("rows")
        self._connect, self._key_of, self._number_of = connect, key_of, number_of
        self._watched: Sequence[int] = ()
        self._due: Mapping[int, float] = {}

    def follow(self, numbers: Sequence[int], due: Mapping[int, float]) -> None:
        """From now on look for these cases, each once it is among those that were ``due`` and sent."""
        self._watched, self._due = numbers, due

    def work(self) -> None:
        """Look until ended."""
        client = self._connect()
        while not self.ended.wait(_LOOK_S):
            sought = [number for number in self._watched if number in self._due and number not in self.seen]
            if not sought:
                continue
            keys = [self._key_of(number) for number in sought]
            found = client.query("SELECT DISTINCT case_no FROM case_state WHERE case_no IN {keys:Array(String)}", parameters={"keys": keys})
            at = time.monotonic()
            self.seen.update((self._number_of(key), at) for (key,) in found.result_rows)
