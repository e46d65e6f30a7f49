"""What every peer in Python is told. Peers may run under a Python of their own: nothing but the standard library here."""

from __future__ import annotations

import argparse
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """Where to read and write, and under which name.

    Parameters
    ----------
    application
        Consumer group, and part of the name of every topic of its own.
    """

    bootstrap: str
    application: str
    closed: str
    received: str
    verdicts: str
    partitions: int
    folder: str
    store: str


def told() -> Told:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "application", "closed", "received", "verdicts", "folder"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--store", choices=("memory", "rocksdb"), default="memory")
    return Told(**vars(parser.parse_args()))
