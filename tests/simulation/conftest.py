"""The embedded ClickHouse of the consumers' tests serves the contract suite too."""

from __future__ import annotations

from tests.consumers.conftest import client, database_settings, store

__all__ = ["client", "database_settings", "store"]
