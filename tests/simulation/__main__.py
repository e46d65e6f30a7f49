"""Runs many seeds, or one again with its trace: ``python -m tests.simulation --seeds 10000 --from 0`` or ``--seed 4711``."""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
from collections import Counter

from streams.collector import collect_rarely
from tests.simulation.invariants import Violation
from tests.simulation.world import World

_SHOWN = 60


def main() -> int:
    """Return 1 if a seed failed."""
    asked = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    asked.add_argument("--seeds", type=int, default=1_000, help="how many")
    asked.add_argument("--from", type=int, default=0, dest="first", help="the first one")
    asked.add_argument("--seed", type=int, help="one alone, with its trace")
    given = asked.parse_args()
    logging.disable(logging.CRITICAL)
    collect_rarely()
    seeds = range(given.first, given.first + given.seeds) if given.seed is None else [given.seed]
    totals: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    began = time.monotonic()
    for seed in seeds:
        world = World(seed)
        try:
            world.run()
        except (Exception, Violation):  # noqa: BLE001 - whatever it is, the seed is what matters
            print(*list(world.trace)[-_SHOWN:], sep="\n")
            traceback.print_exc(file=sys.stdout)
            print(f"seed {seed} failed; again with: python -m tests.simulation --seed {seed}")
            return 1
        if given.seed is not None:
            print(*world.trace, sep="\n")
        faults.update(world.faults)
        totals.update(seeds=1, steps=world.steps, transactions=world.transactions, judged=world.invariants.judged)
    seconds = time.monotonic() - began
    for name, count in (*sorted(faults.items()), *totals.items()):
        print(f"{name:40} {count:>12,}")
    print(f"{'seconds':40} {seconds:>12.1f}\n{'seeds a minute':40} {totals['seeds'] / seconds * 60:>12,.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
