"""One secured broker for each module that asks for one; nobody else writes to its topics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.consumers.conftest import StoreProcess
from tests.security.broker import SecureBroker


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    """The broker, without users and topics."""
    with pytest.MonkeyPatch.context() as patch:
        started = SecureBroker.start(tmp_path_factory.mktemp("secured") / "keys", patch)
    yield started
    started.broker.stop()


@pytest.fixture(scope="module")
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    """An embedded ClickHouse."""
    process = StoreProcess(tmp_path_factory.mktemp("store"))
    yield process
    process.kill()
