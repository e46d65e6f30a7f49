"""Runs many seeds, or one again with its trace: ``python -m tests.simulation --seeds 10000 --from 0`` or ``--seed 4711``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from streams.collector import collect_rarely
from tests.simulation.invariants import Violation
from tests.simulation.world import World

_SHOWN = 60
_SEEDS_AT_ONCE = 20


class Outcome(NamedTuple):
    """What became of a seed; ``failure`` is empty when all held."""

    totals: Counter[str]
    faults: Counter[str]
    trace: list[str]
    failure: str = ""


def run(seed: int) -> Outcome:
    """Run a seed: the same in every process."""
    world, failure = World(seed), ""
    try:
        world.run()
    except (Exception, Violation):  # noqa: BLE001 - whatever it is, the seed is what matters
        failure = f"{traceback.format_exc()}seed {seed} failed; again with: python -m tests.simulation --seed {seed}"
    totals = Counter(seeds=1, steps=world.steps, transactions=world.transactions, judged=world.invariants.judged)
    return Outcome(totals, world.faults, list(world.trace), failure)


def alone(seed: int) -> int:
    """Run one with its trace; return 1 if it failed."""
    outcome = run(seed)
    print(*outcome.trace, sep="\n")
    tell(outcome.totals, outcome.faults)
    return fail(outcome) if outcome.failure else 0


def many(seeds: range, processes: int) -> int:
    """Run seeds side by side; return 1 once one failed."""
    totals: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    began = time.monotonic()
    with ProcessPoolExecutor(processes, initializer=prepare) as pool:
        for outcome in pool.map(run, seeds, chunksize=_SEEDS_AT_ONCE):
            if outcome.failure:
                pool.shutdown(wait=False, cancel_futures=True)
                print(*outcome.trace[-_SHOWN:], sep="\n")
                return fail(outcome)
            totals += outcome.totals
            faults += outcome.faults
    seconds = time.monotonic() - began
    tell(totals, faults)
    print(f"{'processes':40} {processes:>12,}\n{'seconds':40} {seconds:>12.1f}")
    print(f"{'seeds a minute':40} {totals['seeds'] / seconds * 60:>12,.0f}")
    return 0


def prepare() -> None:
    """Make this process one that simulates: it logs nothing and looks for garbage as a worker does."""
    logging.disable(logging.CRITICAL)
    collect_rarely()


def tell(totals: Counter[str], faults: Counter[str]) -> None:
    """Print how often each fault came, and sums."""
    for name, count in (*sorted(faults.items()), *totals.items()):
        print(f"{name:40} {count:>12,}")


def fail(outcome: Outcome) -> int:
    """Print why; return 1."""
    print(outcome.failure)
    return 1


def main() -> int:
    """Return 1 if a seed failed."""
    asked = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    asked.add_argument("--seeds", type=int, default=1_000, help="how many")
    asked.add_argument("--from", type=int, default=0, dest="first", help="the first one")
    asked.add_argument("--processes", type=int, default=os.cpu_count(), help="how many side by side")
    asked.add_argument("--seed", type=int, help="one alone, with its trace")
    given = asked.parse_args()
    prepare()
    if given.seed is not None:
        return alone(given.seed)
    return many(range(given.first, given.first + given.seeds), given.processes)


if __name__ == "__main__":
    sys.exit(main())
