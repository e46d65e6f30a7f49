"""The demonstration: a system of its own, a simulated year through it, and what it says against the truth.

It touches nothing that is there: its own data folder, its own local Kafka and ClickHouse, whatever the settings around it name.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from consumers.anomalies import anomaly_rows
from consumers.clickhouse import Client, connect, reaching
from consumers.coverage import coverage_rows
from consumers.items import item_rows
from consumers.windows import parse_window
from ops.caught_up import wait_caught_up
from ops.patience import RESTART_SECONDS, Answer, patiently
from ops.simulate.compare import CASE_COLUMNS, TIMES, Difference, case_differences, figure_differences, item_differences
from ops.simulate.generate import Plan
from ops.simulate.run import Simulated, publish_simulation
from ops.simulate.truth import figures
from ops.supervisor.roles import endpoints
from streams.domain.rules import KINDS
from streams.errors import DependencyError, GuidangError
from streams.settings import PolicySettings, Settings, load_settings
from streams.variables import CONFIG_FILE_VARIABLE, forget_settings

_CATCH_UP_SECONDS = 240.0
_LOOK_SECONDS = 1.0
_WINDOW = "ytd"
_COMPARED = ("unit", "district", "city")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demonstration found.

    Parameters
    ----------
    differences
        From the truth.
    reconciled
        ``guidang reconcile`` found no difference.
    """

    simulated: Simulated
    seconds_to_the_end: float
    differences: list[Difference]
    reconciled: bool

    @property
    def agrees(self) -> bool:
        """Everything is as it should be."""
        return self.reconciled and not self.differences


def stand_alone(home: Path, clock: str, policy: PolicySettings) -> Settings:
    """Give this process, and those it starts, settings of its own; downloads are found where they were.

    Parameters
    ----------
    policy
        The assumptions of the surroundings, wherever they are set there. They go into the file of settings of ``home``, so that the
        system judges alike when it is started again.
    """
    forget_settings()
    config = home / "guidang.toml"
    given = {"data_dir": str(home), "clock": clock, "policy": policy.model_dump(mode="json")}
    config.write_text("".join(f"{name} = {_toml(value)}\n" for name, value in given.items()), encoding="utf-8")
    os.environ |= {CONFIG_FILE_VARIABLE: str(config), "GUIDANG_DATA_DIR": str(home), "GUIDANG_CLOCK": clock}
    return load_settings()


def _toml(value: Any) -> str:
    """A value on one line; but for tables TOML writes what we have as JSON does."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(name)} = {_toml(inner)}" for name, inner in value.items()) + "}"
    return orjson.dumps(value).decode()


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look at what the demonstration has left: addresses hold while the system runs, and again when it is started again."""

    board: str
    metrics: list[str]
    bulletin: Path


def places(settings: Settings) -> Places:
    """Of a running system."""
    found = endpoints(settings)
    metrics = [f"{address}/metrics" for name, address in sorted(found.items()) if name.startswith("metrics.")]
    return Places(found["board"], metrics, bulletin_folder(settings))


def bulletin_folder(settings: Settings) -> Path:
    """Where the demonstration puts its bulletin."""
    return settings.home / "bulletin"


@contextmanager
def system(workers: int) -> Iterator[None]:
    """A running system of the settings in the environment, stopped in the end whatever happens."""
    try:
        _run(("up", "--detach", "--workers", str(workers)), (0,))
        yield
    finally:
        subprocess.run([sys.executable, "-m", "ops", "down"], check=False, stdout=subprocess.DEVNULL)


def guidang(*arguments: str, accept: tuple[int, ...] = (0,), to_stderr: bool = False) -> int:
    """Run our command line, again while something that it needs is being started again; what it prints goes where ours does.

    Parameters
    ----------
    to_stderr
        All of it goes to stderr: stdout is for other data.

    Raises
    ------
    GuidangError
        It ended with a code other than those accepted.
    """
    return patiently(lambda: _run(arguments, accept, to_stderr=to_stderr), RESTART_SECONDS)


def _run(arguments: Sequence[str], accept: tuple[int, ...], *, to_stderr: bool = False) -> int:
    stdout = sys.stderr if to_stderr else None
    code = subprocess.run([sys.executable, "-m", "ops", *arguments], check=False, stdout=stdout).returncode
    if code in accept:
        return code
    failure = DependencyError if code == DependencyError.exit_code else GuidangError
    raise failure(f"guidang {' '.join(arguments)}: 退出码 exit code {code}")


def run_year(
    settings: Settings, plan: Plan, on_published: Callable[[int, int], None], on_rows: Callable[[list[Row]], None]
) -> tuple[Simulated, float]:
    """Publish the year and wait until all of it has gone the whole way, telling coverage by unit about once a second.

    Returns
    -------
    tuple
        What was published, and the seconds from the first event to the last row in ClickHouse.
    """
    begun = time.monotonic()
    with ThreadPoolExecutor(max_workers=1) as pool:
        work: Future[Simulated] = pool.submit(_publish_and_wait, settings, plan, on_published)
        while not work.done():
            on_rows(rows_by(settings, "unit", plan.moment_ms))
            time.sleep(_LOOK_SECONDS)
        return work.result(), time.monotonic() - begun


def _publish_and_wait(settings: Settings, plan: Plan, on_published: Callable[[int, int], None]) -> Simulated:
    simulated = publish_simulation(settings, plan, on_published)
    wait_caught_up(settings, _CATCH_UP_SECONDS)
    return simulated


def rows_by(settings: Settings, by: Any, now_ms: int, window: str = _WINDOW) -> list[Row]:
    """Rows of ``guidang coverage``."""
    span = parse_window(window, now_ms)
    return _ask(settings, lambda client: coverage_rows(client, by, span, now_ms=now_ms))


def compare(settings: Settings, plan: Plan, simulated: Simulated, window: str = _WINDOW) -> list[Difference]:
    """Every case and item in ClickHouse, and every figure of a window by unit, district and city, against the truth."""
    truth = simulated.truth
    found = [*case_differences(truth, _cases(settings)), *item_differences(simulated.items, _items(settings))]
    span = parse_window(window, plan.moment_ms)
    for by in _COMPARED:
        told = figures(truth, by, span.start_ms, span.end_ms - 1, plan.moment_ms)
        found += figure_differences(by, told, rows_by(settings, by, plan.moment_ms, window))
    return found


def findings_by_kind(settings: Settings) -> list[Row]:
    """How many findings of each kind are open, of how many units, and how many of them are waived."""
    open_ = _ask(settings, lambda client: anomaly_rows(client, state="open"))
    found = {kind: [row for row in open_ if row["kind"] == kind] for kind in KINDS}
    return [
        {
            "kind": kind,
            "label": KINDS[kind].label,
            "open": len(rows),
            "waived": sum(row["waived"] for row in rows),
            "units": len({row["unit_code"] for row in rows}),
        }
        for kind, rows in found.items()
        if rows
    ]


def _cases(settings: Settings) -> dict[str, Row]:
    names = ("case_no", *CASE_COLUMNS, "due_at", "open_anomalies")
    columns = ", ".join(f"toUnixTimestamp64Milli({name})" if name in TIMES else name for name in names)
    answer = _ask(settings, lambda client: client.query(f"SELECT {columns} FROM case_state FINAL"))  # noqa: S608  our own names
    return {row[0]: dict(zip(names, row, strict=True)) for row in answer.result_rows}


def _items(settings: Settings) -> dict[str, frozenset[str]]:
    rows = _ask(settings, item_rows)
    return {f"{row['unit_code']}|{row['item_code']}": frozenset(row["findings"]) for row in rows}


def _ask(settings: Settings, question: Callable[[Client], Answer]) -> Answer:
    """Ask ClickHouse, again while it is being started again."""

    def asked() -> Answer:
        with reaching(settings):
            return question(connect(settings))

    return patiently(asked, RESTART_SECONDS)
