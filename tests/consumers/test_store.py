"""The embedded ClickHouse, by the client that everyone uses, unmodified."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, StreamFailureError

from consumers import inserting
from consumers.clickhouse import Client, connect
from streams.errors import DependencyError
from streams.settings import Settings
from tests.consumers.conftest import StoreProcess, eventually
from tests.disks import mount_small, unmount

pytestmark = pytest.mark.clickhouse
FAILS_TO_LOOK = """
import sys
from pathlib import Path
from consumers.store import process
def fail(engine):
    raise OSError("too many open files")
process.Engine.check_parts, process._LOOK_SECONDS = fail, 0.5
process.run(Path(sys.argv[1]), int(sys.argv[2]))
"""
DDL = "CREATE TABLE t (k String, v UInt64, at DateTime64(3, 'Asia/Shanghai'), tags Array(String)) ENGINE = MergeTree ORDER BY k"


def client_of(store: StoreProcess) -> Client:
    """A client without a session, for what the store has no database of ours for."""
    return clickhouse_connect.get_client(host="127.0.0.1", port=store.port, autogenerate_session_id=False)


@pytest.fixture
def table(client: Client) -> Client:
    """A client of a database with an empty table ``t``."""
    client.command(DDL)
    return client


def other(store: StoreProcess, settings: Settings, **options: Any) -> Client:
    """Another client of the same database."""
    return clickhouse_connect.get_client(host="127.0.0.1", port=store.port, database=settings.clickhouse.database, **options)


@pytest.mark.parametrize("compress", [True, "lz4", "zstd", "gzip", False])
def test_what_is_inserted_is_read_back(store: StoreProcess, database_settings: Settings, table: Client, compress: Any) -> None:
    """Native and Arrow, with every compression of the client, in both directions."""
    client = other(store, database_settings, compress=compress)
    rows = [[f"办件{number}", number, 1_545_000_000_000 + number, ["a", "b"]] for number in range(2_000)]
    assert client.insert("t", rows, column_names=["k", "v", "at", "tags"]).written_rows == 2_000
    arrow = pa.table({"k": ["箭"], "v": pa.array([7], pa.uint64()), "at": pa.array([0], pa.timestamp("ms")), "tags": [["x"]]})
    client.insert_arrow("t", arrow)
    assert table.query("SELECT count(), sum(v), max(at)::String FROM t").first_row == (2_001, 1_999_007, "2018-12-17 06:40:01.999")
    assert client.query("SELECT k, tags FROM t WHERE v = 1999").result_rows == [("办件1999", ["a", "b"])]
    assert client.query_arrow("SELECT k FROM t WHERE v = 7").num_rows in {1, 2}


@pytest.mark.parametrize(
    "sql", ["SHOW CREATE TABLE t", "DESCRIBE TABLE t", "EXISTS TABLE t", "EXPLAIN SELECT k FROM t", "SELECT k FROM t", "SHOW TABLES"]
)
def test_every_kind_of_read_is_answered(table: Client, sql: str) -> None:
    """As rows, as a command's text, as a stream."""
    table.query(sql)
    table.command(sql)
    with table.query_row_block_stream(sql) as blocks:
        list(blocks)


def test_parameters_and_settings_reach_the_engine(client: Client) -> None:
    """Values are bound by the engine, settings hold for the one query."""
    bound = client.query("SELECT {a:String}, {b:Array(Int64)}", parameters={"a": "它's \\ \n", "b": [1, 2]})
    assert bound.first_row == ("它's \\ \n", [1, 2])
    limit = "SELECT value FROM system.settings WHERE name = 'max_threads'"
    assert client.query(limit, settings={"max_threads": 1}).first_row == ("1",)
    assert client.query(limit).first_row != ("1",)


def test_the_engine_gives_up_when_its_client_does(database_settings: Settings, client: Client) -> None:
    """What nobody waits for any longer would go on beside what others ask, and be asked again."""
    asking = connect(database_settings, answer_seconds=1)
    with pytest.raises(ClickHouseError):
        asking.query("SELECT count() AS endless FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))")
    under_way = "SELECT count() FROM system.processes WHERE query LIKE '%endless%' AND query NOT LIKE '%processes%'"
    eventually(lambda: client.query(under_way).first_row == (0,))


def test_a_session_keeps_its_own_tables(store: StoreProcess, database_settings: Settings) -> None:
    """Temporary tables live in a session and are seen by no other."""
    one = other(store, database_settings, session_id="one")
    one.command("CREATE TEMPORARY TABLE mine (a UInt8)")
    one.command("INSERT INTO mine VALUES (1)")
    assert one.query("SELECT a FROM mine").result_rows == [(1,)]
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        other(store, database_settings, session_id="two").query("SELECT a FROM mine")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELEC 1", 62),
        ("SELECT 1; SELECT 2", 62),
        ("SELECT * FROM nowhere", 60),
        ("SELECT nothing FROM t", 47),
        ("SELECT throwIf(number = 3) FROM numbers(9)", 395),
        ("SELECT groupArray(number) FROM numbers(1e9) SETTINGS max_memory_usage = 10000000", 241),
        ("SELECT 1 SETTINGS no_such_setting = 1", 115),
    ],
)
def test_errors_carry_the_servers_number(table: Client, sql: str, code: int) -> None:
    """A refused statement raises at the client, with ClickHouse's own number."""
    with pytest.raises(DatabaseError) as caught:
        table.query(sql)
    assert caught.value.code == code


def test_an_error_half_way_through_an_answer_is_told(client: Client) -> None:
    """Blocks that were sent before do not pass for the whole answer."""
    with (
        pytest.raises(StreamFailureError, match="395"),
        client.query_row_block_stream("SELECT throwIf(number = 2500000) FROM numbers(3000000)") as blocks,
    ):
        for _ in blocks:
            pass


def test_unknown_users_and_passwords_are_refused(store: StoreProcess, database_settings: Settings) -> None:
    """Users have no passwords, so that giving one is a mistake."""
    for credentials in ({"username": "root"}, {"username": "default", "password": "secret"}):
        with pytest.raises(DatabaseError) as caught:
            other(store, database_settings, **credentials)
        assert caught.value.code == 516


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE t",
        "INSERT INTO t (k) VALUES ('x')",
        "CREATE TABLE u (a UInt8) ENGINE = Memory",
        "SET max_threads = 1",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT * FROM file('/etc/hostname', LineAsString)",
    ],
)
def test_the_dashboards_user_only_reads(store: StoreProcess, database_settings: Settings, table: Client, sql: str) -> None:
    """Neither writes nor settings nor files."""
    table.insert("t", [["a", 1, 0, []]], column_names=["k", "v", "at", "tags"])
    reader = other(store, database_settings, username="dashboards")
    assert reader.query("SELECT count() FROM t").first_row == (1,)
    with pytest.raises(DatabaseError) as caught:
        reader.command(sql)
    assert caught.value.code == 164
    with pytest.raises(DatabaseError):
        reader.insert("t", [["b", 1, 0, []]], column_names=["k", "v", "at", "tags"])


def test_an_insert_that_breaks_off_leaves_nothing(store: StoreProcess, database_settings: Settings, table: Client) -> None:
    """A client killed while it sends has sent nothing: the half of an insert is not an insert."""
    query = f"/?database={database_settings.clickhouse.database}&query=INSERT+INTO+t+(k)+FORMAT+CSV"
    with socket.create_connection(("127.0.0.1", store.port)) as broken:
        broken.sendall(f"POST {query} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabc\n\r\n".encode())
    with socket.create_connection(("127.0.0.1", store.port)) as broken:
        broken.sendall(f"POST {query} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc\n".encode())
    whole = http.client.HTTPConnection("127.0.0.1", store.port)
    whole.request("POST", query, body=b"whole\n")
    assert whole.getresponse().status == 200
    assert table.query("SELECT k FROM t").result_rows == [("whole",)]


def test_get_carries_reads_only(store: StoreProcess, table: Client) -> None:
    """As with a server: what changes something is a POST."""
    del table
    for path, status in (("/ping", 200), ("/?query=SELECT+1", 200), ("/?query=DROP+DATABASE+x", 403), ("/nowhere", 404)):
        connection = http.client.HTTPConnection("127.0.0.1", store.port)
        connection.request("GET", path)
        assert connection.getresponse().status == status


def test_it_listens_on_the_loopback_only(store: StoreProcess) -> None:
    """Its users have no passwords: no other machine may reach it."""
    wanted = f":{store.port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [fields[1] for fields in lines if fields[1].endswith(wanted) and fields[3] == "0A"]
    assert listening == [f"0100007F{wanted}"]


def test_many_threads_at_once(store: StoreProcess, database_settings: Settings, table: Client) -> None:
    """Readers and writers side by side, each with a client of its own."""
    failed: list[Exception] = []

    def work(number: int) -> None:
        try:
            mine = other(store, database_settings, autogenerate_session_id=False)
            for turn in range(10):
                mine.insert("t", [[f"{number}-{turn}", turn, 0, []]], column_names=["k", "v", "at", "tags"])
                mine.query("SELECT count() FROM t")
        except ClickHouseError as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert table.query("SELECT count() FROM t").first_row == (80,)


def test_acknowledged_inserts_survive_a_kill(own_store: StoreProcess) -> None:
    """SIGKILL in the middle of inserts, three times: what was acknowledged is there."""
    client = client_of(own_store)
    client.command("CREATE TABLE t (k UInt64) ENGINE = ReplacingMergeTree ORDER BY k PARTITION BY k % 4")
    acknowledged = 0
    for _ in range(3):
        killer = threading.Timer(0.3, own_store.kill)
        killer.start()
        try:
            while True:
                client.insert("t", [list(range(acknowledged * 1000, (acknowledged + 1) * 1000))], ["k"], column_oriented=True)
                acknowledged += 1
        except ClickHouseError:
            killer.join()
        own_store.start()
        eventually(lambda: bool(client.ping()))
        there = client.query("SELECT uniqExact(k) FROM t WHERE k < {end:UInt64}", parameters={"end": acknowledged * 1000})
        assert there.first_row == (acknowledged * 1000,)
    assert acknowledged
    assert own_store.terminate() == 0
    own_store.start()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not mount_small(disk, 128):
        pytest.skip("no file system may be mounted here")
    yield disk
    unmount(disk)


def test_what_a_full_disk_does_not_take_is_refused_and_taken_later(small_disk: Path) -> None:
    """Never acknowledged and lost; the sink knows the number as one that passes."""
    store = StoreProcess(small_disk / "store")
    try:
        client = client_of(store)
        client.command(DDL)
        row = ["k", 1, 0, ["x"]]
        client.insert("t", [row], ["k", "v", "at", "tags"])
        with (small_disk / "filler").open("wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, shutil.disk_usage(small_disk).free)
        for insert in (
            lambda: client.insert("t", [row], ["k", "v", "at", "tags"]),
            lambda: client.command("INSERT INTO t SELECT * FROM t"),
        ):
            with pytest.raises(DatabaseError, match="NOT_ENOUGH_SPACE") as refused:
                insert()
            assert refused.value.code in inserting._PASSING
        assert client.query("SELECT count() FROM t").first_row == (1,)
        (small_disk / "filler").unlink()
        client.insert("t", [row], ["k", "v", "at", "tags"])
        assert client.query("SELECT count() FROM t").first_row == (2,)
    finally:
        store.kill()


def merged(client: Client, kept_seconds: int) -> Path:
    """Make a table of 4,000 rows, merged into one part; return its folder."""
    settings = f"old_parts_lifetime = {kept_seconds}, min_bytes_for_wide_part = 0, cleanup_delay_period = 1, max_cleanup_delay_period = 1"
    client.command(f"CREATE TABLE t (k UInt64) ENGINE = ReplacingMergeTree ORDER BY k SETTINGS {settings}")
    for number in range(4):
        client.insert("t", [list(range(number * 1000, number * 1000 + 1000))], ["k"], column_oriented=True)
    client.command("OPTIMIZE TABLE t FINAL")
    return Path(client.query("SELECT path FROM system.parts WHERE active AND table = 't'").first_row[0])


def cut_short(part: Path, file: str) -> None:
    """Leave a part as chDB does on a full disk: a small file of it is empty, and nobody was told."""
    (last,) = part.glob(file)
    last.write_bytes(b"")


@pytest.mark.parametrize("file", ["k.*mrk*", "checksums.txt"])
def test_what_a_full_disk_cut_short_ends_the_store_and_nothing_is_lost(own_store: StoreProcess, file: str) -> None:
    """Nothing is acknowledged meanwhile; at the next start, what it was merged from counts."""
    client = client_of(own_store)
    cut_short(merged(client, 480), file)
    with pytest.raises(ClickHouseError, match="NOT_ENOUGH_SPACE"):
        client.insert("t", [[4000]], ["k"], column_oriented=True)
    assert own_store.wait() != 0
    own_store.start()
    eventually(lambda: bool(client.ping()))
    assert client.query("SELECT count() FROM t WHERE k < 4000").first_row == (4000,)
    client.insert("t", [[4000]], ["k"], column_oriented=True)


def test_a_store_that_ends_for_its_data_does_not_wait_for_a_client_that_has_stopped_reading(own_store: StoreProcess) -> None:
    """A client may stand still for ten minutes; the store is needed again, and what it acknowledged is there."""
    client = client_of(own_store)
    part = merged(client, 480)
    with socket.create_connection(("127.0.0.1", own_store.port)) as standing:
        query = b"SELECT+number+FROM+numbers(1000000000)+FORMAT+TabSeparated"
        standing.sendall(b"GET /?query=" + query + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert standing.recv(1)
        cut_short(part, "k.*mrk*")
        with pytest.raises(ClickHouseError, match="NOT_ENOUGH_SPACE"):
            client.insert("t", [[4000]], ["k"], column_oriented=True)
        assert own_store.wait() == DependencyError.exit_code
    own_store.start()
    eventually(lambda: bool(client.ping()))
    assert client.query("SELECT count() FROM t WHERE k < 4000").first_row == (4000,)


def test_a_store_that_cannot_tell_its_address_ends_and_says_so(tmp_path: Path) -> None:
    """Nobody would find it, and nobody else could open its directory properly while it goes on answering."""
    (tmp_path / "run" / "store.ready").mkdir(parents=True)
    start = "import sys; sys.argv[0] = 'guidang'; from ops.cli.main import main; main()"
    command = [sys.executable, "-c", start, "--data-dir", str(tmp_path), "store"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, "store.ready" in ended.stderr, "Traceback" in ended.stderr) == (4, True, False)


def test_a_store_that_fails_in_any_other_way_ends(tmp_path: Path) -> None:
    """It does not go on answering behind what watches over its data."""
    store = StoreProcess(tmp_path / "store", FAILS_TO_LOOK)
    try:
        assert store.wait() == 1
    finally:
        store.kill()


def test_without_what_it_was_merged_from_a_merge_cut_short_is_a_loss(own_store: StoreProcess) -> None:
    """What the tables ask for against chDB's own setting is needed."""
    client = client_of(own_store)
    part = merged(client, 0)
    eventually(lambda: client.query("SELECT count() FROM system.parts WHERE table = 't' AND NOT active").first_row == (0,))
    cut_short(part, "k.*mrk*")
    own_store.restart()
    eventually(lambda: bool(client.ping()))
    assert client.query("SELECT count() FROM t").first_row == (0,)


def test_every_table_keeps_what_was_merged_for_eight_minutes(table: Client) -> None:
    """The default of a server; the embedded engine's is nothing."""
    made = [path.read_text(encoding="utf-8") for path in (Path(__file__).parents[2] / "consumers" / "migrations").glob("*.sql")]
    tables = [text for text in made if "MergeTree" in text]
    assert tables
    assert all("old_parts_lifetime = 480" in text for text in tables)
    default = "SELECT value FROM system.merge_tree_settings WHERE name = 'old_parts_lifetime'"
    assert table.query(default).first_row == ("0",), "chDB has changed: may the tables go without?"


def test_nothing_is_made_on_a_full_disk(small_disk: Path) -> None:
    """The engine would say that it was, and could not be opened again; what is there may go."""
    store = StoreProcess(small_disk / "store")
    try:
        client = client_of(store)
        client.command("CREATE TABLE old (k UInt64) ENGINE = MergeTree ORDER BY k")
        with (small_disk / "filler").open("wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, shutil.disk_usage(small_disk).free)
        client.command("DROP TABLE old")
        for statement in ("ALTER TABLE old ADD COLUMN v UInt64", "CREATE DATABASE other", DDL):
            with pytest.raises(DatabaseError, match="NOT_ENOUGH_SPACE"):
                client.command(statement)
        store.restart()
        (small_disk / "filler").unlink()
        client.command(DDL)
        assert client.query("SELECT count() FROM t").first_row == (0,)
    finally:
        store.kill()


@pytest.mark.parametrize("rows", [0, 1])
def test_a_store_whose_making_was_cut_short_is_made_anew_unless_a_table_has_rows(tmp_path: Path, rows: int) -> None:
    """An empty definition keeps the engine from opening; what rows are there is for a person to decide."""
    store = StoreProcess(tmp_path / "store")
    client = client_of(store)
    client.command("CREATE DATABASE guidang")
    for table in ("migration", "case_state"):
        client.command(f"CREATE TABLE guidang.{table} (k UInt64) ENGINE = MergeTree ORDER BY k")
    client.insert("guidang.migration", [[1]], ["k"])
    if rows:
        client.insert("guidang.case_state", [[1]], ["k"])
    store.kill()
    (tmp_path / "store" / "clickhouse" / "metadata" / "guidang.sql").write_bytes(b"")
    if not rows:
        store.start()
        assert client.query("SELECT count() FROM system.databases WHERE name = 'guidang'").first_row == (0,)
        store.kill()
        return
    start = "import sys; sys.argv[0] = 'guidang'; from ops.cli.main import main; main()"
    command = [sys.executable, "-c", start, "--data-dir", str(store.home), "store"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == DependencyError.exit_code
    assert "guidang.sql" in refused.stderr
    assert "move the directory away" in refused.stderr
    assert list((store.home / "clickhouse").glob("data/guidang/case_state/*/count.txt"))


def test_a_second_process_is_told_why_not(store: StoreProcess, tmp_path: Path) -> None:
    """The same directory, the same port: a clear message, no traceback."""
    start = "import sys; sys.argv[0] = 'guidang'; from ops.cli.main import main; main()"
    taken = [sys.executable, "-c", start, "--data-dir", str(store.home), "store"]
    same = subprocess.run(taken, capture_output=True, text=True, timeout=60, check=False)
    assert (same.returncode, "guidang store" in same.stderr, "Traceback" in same.stderr) == (4, True, False)
    taken = [sys.executable, "-c", start, "--data-dir", str(tmp_path), "store", "--port", str(store.port)]
    port = subprocess.run(taken, capture_output=True, text=True, timeout=60, check=False)
    assert (port.returncode, str(store.port) in port.stderr, "Traceback" in port.stderr) == (4, True, False)
