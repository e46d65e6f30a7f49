"""The tables, made and changed by numbered files: ``migrations/NNNN_name.sql``, the same for the embedded engine and a server.

A file is applied once and never changed afterwards: its checksum is kept. Its statements must bear being run again (``IF NOT
EXISTS``), since a process may end between the last of them and the note that the file is done; for the same reason any number of
processes may migrate at once.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from consumers.clickhouse import Client, connect, reaching
from streams.errors import ConfigurationError
from streams.settings import Settings

FOLDER = Path(__file__).parent / "migrations"
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_END = re.compile(r";[ \t]*(?:\n|$)")
_MAKES = re.compile(r"^(CREATE (?:OR REPLACE )?(?:DATABASE|TABLE|VIEW) (?:IF NOT EXISTS )?[\w`]+)", re.MULTILINE)
_ENGINE = re.compile(r"\bENGINE = (?=\w*MergeTree\b)")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    number: int
    name: str
    statements: tuple[str, ...]
    checksum: str


def migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """All files of a folder, in order.

    Raises
    ------
    ConfigurationError
        A name is not ``NNNN_name.sql``, or the numbers do not run 1, 2, 3 …
    """
    found = tuple(_read(path) for path in sorted(folder.glob("*.sql")))
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ConfigurationError(f"迁移文件编号不连续 migrations are not numbered 1, 2, 3 …: {[m.name for m in found]}")
    return found


def migrate(settings: Settings, folder: Path = FOLDER) -> list[str]:
    """Bring the database up to date; return the names of the files that were applied.

    Raises
    ------
    ConfigurationError
        A file that was applied has been changed since; the database knows files that this program does not: it is newer; or the cluster
        is not one of replicas of the same data.
    DependencyError
        ClickHouse cannot be reached.
    """
    wanted = migrations(folder)
    database = settings.clickhouse.database
    with reaching(settings):
        client = connect(settings, database="default")
        if settings.clickhouse.cluster:
            _check_cluster(client, settings.clickhouse.cluster)
        make = partial(_make, client, settings.clickhouse.cluster)
        make(f"CREATE DATABASE IF NOT EXISTS `{database}`")
        client.database = database
        make(
            "CREATE TABLE IF NOT EXISTS migration (number UInt32, name String, checksum String, applied_at DateTime64(3, 'Asia/Shanghai'))"
            " ENGINE = ReplacingMergeTree ORDER BY number"
        )
        applied = {number: (name, checksum) for number, name, checksum in _applied(client)}
        _check(wanted, applied)
        due = [migration for migration in wanted if migration.number not in applied]
        for migration in due:
            for statement in migration.statements:
                make(statement)
            client.command(
                "INSERT INTO migration SELECT {number:UInt32}, {name:String}, {checksum:String}, now64(3)",
                parameters={"number": migration.number, "name": migration.name, "checksum": migration.checksum},
            )
        client.close()
    return [migration.name for migration in due]


def on_cluster(statement: str, cluster: str) -> str:
    """A statement that makes something, for all replicas of a cluster: ``ON CLUSTER``, and an engine that replicates.

    Where in Keeper a table lies and what a replica is called are the server's defaults (``default_replica_path``, macros ``shard`` and
    ``replica``); one statement gives a table the same UUID everywhere, which is what the sink knows it by.

    Raises
    ------
    ValueError
        The statement makes nothing that is known here.
    """
    made, count = _MAKES.subn(rf"\1 ON CLUSTER `{cluster}`", statement, count=1)
    if not count:
        raise ValueError(f"not a statement for a cluster: {statement[:80]}")
    return _ENGINE.sub("ENGINE = Replicated", made)


def _check_cluster(client: Client, cluster: str) -> None:
    query = "SELECT uniqExact(shard_num) FROM system.clusters WHERE cluster = {cluster:String}"
    ((shards,),) = client.query(query, parameters={"cluster": cluster}).result_rows
    if shards != 1:
        raise ConfigurationError(
            f"clickhouse.cluster = {cluster!r}: remote_servers 中应有此集群，且只有一个分片，每个副本才有全部数据；实有 {shards} 个分片。"
            f" It should be in remote_servers, with one shard, so that each replica has all data; it has {shards}."
        )


def _make(client: Client, cluster: str, statement: str) -> None:
    client.command(on_cluster(statement, cluster) if cluster else statement)


def _applied(client: Client) -> list[tuple[int, str, str]]:
    rows: list[tuple[int, str, str]] = client.query("SELECT number, name, checksum FROM migration FINAL ORDER BY number").result_rows
    return rows


def _check(wanted: tuple[Migration, ...], applied: dict[int, tuple[str, str]]) -> None:
    newer = [name for number, (name, _) in applied.items() if number > len(wanted)]
    if newer:
        raise ConfigurationError(
            f"数据库比本程序新：已应用 {', '.join(newer)}。请升级 guidang。 The database is newer than this program: upgrade guidang."
        )
    for migration in wanted:
        name, checksum = applied.get(migration.number, (migration.name, migration.checksum))
        if checksum != migration.checksum:
            raise ConfigurationError(
                f"迁移文件 {migration.name} 在应用（{name}）之后被改动过：已应用的文件不能改，请另加新文件。"
                f" {migration.name} was changed after it had been applied: restore it, and add a new file instead."
            )


def _read(path: Path) -> Migration:
    found = _NAME.fullmatch(path.name)
    if not found:
        raise ConfigurationError(f"迁移文件名应为 NNNN_name.sql，实为 not NNNN_name.sql: {path.name}")
    text = path.read_text(encoding="utf-8")
    statements = tuple(part.strip() for part in _END.split(text) if part.strip())
    return Migration(int(found[1]), path.stem, statements, hashlib.sha256(text.encode()).hexdigest())
