"""Numbered files: applied once, never changed, never from the future."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.clickhouse import connect
from consumers.migrate import FOLDER, migrate, migrations, on_cluster
from streams.errors import ConfigurationError, DependencyError
from streams.settings import Settings
from tests.consumers.conftest import StoreProcess, store_settings

pytestmark = pytest.mark.clickhouse


@pytest.fixture
def empty(store: StoreProcess, tmp_path: Path) -> Iterator[Settings]:
    """Settings whose database does not exist yet."""
    settings = store_settings(store, tmp_path, f"m{uuid.uuid4().hex[:12]}")
    yield settings
    connect(settings, database="default").command(f"DROP DATABASE IF EXISTS {settings.clickhouse.database} SYNC")


def write(folder: Path, *statements: str) -> Path:
    """A folder of migrations, one file a statement."""
    for number, statement in enumerate(statements, 1):
        (folder / f"{number:04d}_x.sql").write_text(statement)
    return folder


ONE, TWO = "CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = Memory;\n", "CREATE TABLE IF NOT EXISTS b (x UInt8) ENGINE = Memory;\n"


def test_applied_once_and_in_order(empty: Settings, tmp_path: Path) -> None:
    """A second call does nothing; a new file is applied alone."""
    assert migrate(empty, write(tmp_path, ONE)) == ["0001_x"]
    assert migrate(empty, write(tmp_path, ONE)) == []
    assert migrate(empty, write(tmp_path, ONE, TWO)) == ["0002_x"]


def test_a_process_that_died_between_statement_and_note(empty: Settings, tmp_path: Path) -> None:
    """The statements run again."""
    migrate(empty, write(tmp_path, ONE))
    connect(empty).command("TRUNCATE TABLE migration")
    assert migrate(empty, write(tmp_path, ONE)) == ["0001_x"]


def test_a_changed_file_and_a_newer_database_are_refused(empty: Settings, tmp_path: Path) -> None:
    """Each with its own way out."""
    migrate(empty, write(tmp_path, ONE, TWO))
    (tmp_path / "0001_x.sql").write_text(ONE + "-- changed\n")
    with pytest.raises(ConfigurationError, match="was changed"):
        migrate(empty, tmp_path)
    (tmp_path / "0001_x.sql").write_text(ONE)
    (tmp_path / "0002_x.sql").unlink()
    with pytest.raises(ConfigurationError, match="newer"):
        migrate(empty, tmp_path)


def test_our_own_files(empty: Settings) -> None:
    """They number 1, 2, 3, apply, and every table holds versions only."""
    assert [migration.number for migration in migrations()] == list(range(1, len(migrations()) + 1))
    assert len(migrate(empty, FOLDER)) == len(migrations())
    engines = dict(connect(empty).query("SELECT name, engine FROM system.tables WHERE database = currentDatabase()").result_rows)
    assert engines.pop("score") == "View"
    assert set(engines.values()) == {"ReplacingMergeTree"}


def test_nothing_listens(tmp_path: Path) -> None:
    """The error says what to do."""
    gone = Settings(data_dir=tmp_path, clickhouse={"url": "http://127.0.0.1:1"})  # type: ignore[arg-type]
    with pytest.raises(DependencyError, match="guidang up"):
        migrate(gone)


def test_everything_that_is_made_can_be_made_on_a_cluster(empty: Settings) -> None:
    """The engine reads each statement as one for a cluster, and knows each engine that replicates; no table is left that does not."""
    client = connect(empty, database="default")
    engines = {name for (name,) in client.query("SELECT name FROM system.table_engines").result_rows}
    for statement in [statement for migration in migrations() for statement in migration.statements]:
        text = on_cluster(statement, "city")
        made = client.query("SELECT formatQuery({text:String})", parameters={"text": text}).result_rows[0][0]
        assert "ON CLUSTER city" in made
        assert set(re.findall(r"ENGINE = (\w+)", made)) <= {engine for engine in engines if engine.startswith("Replicated")}
        assert ("ENGINE = " in made) == ("CREATE TABLE" in made)


def test_what_makes_nothing_is_no_statement_for_a_cluster() -> None:
    """It would be done on one replica alone."""
    with pytest.raises(ValueError, match="ALTER"):
        on_cluster("ALTER TABLE a ADD COLUMN y UInt8", "city")


def test_a_cluster_that_the_server_does_not_know_is_refused_before_anything_is_made(empty: Settings) -> None:
    """By its name."""
    elsewhere = empty.model_copy(update={"clickhouse": empty.clickhouse.model_copy(update={"cluster": "nowhere"})})
    with pytest.raises(ConfigurationError, match=r"'nowhere'.*it has 0"):
        migrate(elsewhere)
    there = connect(empty, database="default").query("SHOW DATABASES").result_rows
    assert (empty.clickhouse.database,) not in there
