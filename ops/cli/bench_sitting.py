"""One sitting of ``guidang bench``: what it measures, what earlier ones measured, and the files that have all of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ops.cli.text import t
from streams.errors import ConfigurationError

if TYPE_CHECKING:
    from ops.bench.run import Record
    from ops.kafka import LocalBroker


@dataclass(frozen=True, slots=True)
class Sitting:
    """One sitting.

    Parameters
    ----------
    chosen
        Contenders that are measured in it.
    records
        They, and those of an earlier sitting that is gone on with.
    settings
        What is measured, and how; with units in the names.
    json
        The file for all results.
    """

    chosen: Sequence[Record[Any, Any]]
    records: Sequence[Record[Any, Any]]
    settings: dict[str, Any]
    json: Path | None

    def go_through(
        self, measure: Callable[[Any, int], Any], broker: LocalBroker, tell: Callable[[int, Record[Any, Any], Any], None]
    ) -> None:
        """Measure all rounds that are not there yet."""
        from ops.bench.run import go_through, rest  # noqa: PLC0415

        go_through(measure, self.chosen, self.settings["rounds"], tell, partial(rest, broker))

    def write(self, content: dict[str, Any]) -> None:
        """Put all that was measured so far into the file: it is there even if the rest is broken off."""
        if self.json is not None:
            write(self.json, orjson.dumps(content, option=orjson.OPT_INDENT_2))


def write(path: Path, content: bytes) -> None:
    """Write a file in one step, so that there is always a whole one."""
    with _telling():
        beside = _beside(path)
        beside.write_bytes(content)
        beside.replace(path)


def check_writable(path: Path) -> None:
    """See that a file can be written, before hours of measuring; the one that is there stays."""
    with _telling():
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = _beside(path)
        beside.touch()
        beside.unlink()


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            t(f"{error.filename} 写不了：{error.strerror}", f"{error.filename} cannot be written: {error.strerror}")
        ) from error
