"""The grants of ``ops/clickhouse`` are what the product needs: the engine itself enforces them on everything that writer and readers do.

The embedded engine has no users of its own. Given a file of users it grants its one user what stands there, and nothing else; so
each of the two has it to itself here. Passwords, networks and profiles are a server's own, and are not tried.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError
from defusedxml.ElementTree import parse

from consumers.clickhouse import connect
from consumers.migrate import migrate
from consumers.origins import _ordinal
from consumers.rows import TABLES
from ops.monitor.figures import FigureMetrics
from ops.simulate.generate import Plan
from streams.domain.time import iso
from streams.errors import NotAllowed
from streams.settings import Settings
from tests.consumers.conftest import StoreProcess, store_settings
from tests.dashboards.conftest import fill
from tests.ops.test_cli import guidang

pytestmark = [pytest.mark.clickhouse, pytest.mark.slow]

FOLDER = Path(__file__).resolve().parents[2] / "ops" / "clickhouse"
USERS = parse(FOLDER / "users.xml").getroot()
GRANTS = {user: USERS.findtext(f"users/{user}/grants/query") for user in ("guidang", "dashboards")}
WRITER = GRANTS["guidang"].removeprefix("GRANT ").removesuffix(" ON guidang.*").split(", ")
PLAN = Plan(60, seed=3)
_OURS = "GRANT SHOW DATABASES ON default.*"
"""What the embedded server needs itself, which says ``USE default`` where a real one takes the database from the address."""
_SCRIPT = """
import sys
from pathlib import Path
import consumers.store.engine as engine
made = engine._open
engine._open = lambda address: made(f"{address}&config-file={sys.argv[3]}")
from consumers.store.process import run
run(Path(sys.argv[1]), int(sys.argv[2]))
"""


def granted(folder: Path, name: str, grant: str) -> StoreProcess:
    """A store on ``folder`` whose user may do what is granted."""
    users, config = folder / f"{name}.users.xml", folder / f"{name}.xml"
    users.write_text(
        "<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default><password/><profile>default</profile>"
        f"<quota>default</quota><grants><query>{grant}</query><query>{_OURS}</query></grants></default></users></clickhouse>"
    )
    config.write_text(f"<clickhouse><users_config>{users}</users_config></clickhouse>")
    return StoreProcess(folder / "store", _SCRIPT, str(config))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the writer has done its work: made and migrated the database, entered topics, inserted rows."""
    made = tmp_path_factory.mktemp("granted")
    store = granted(made, "writer", GRANTS["guidang"])
    try:
        settings = store_settings(store, made, "guidang")
        assert len(migrate(settings)) > 5
        assert migrate(settings) == []
        client = connect(settings)
        assert _ordinal(client, "case-state", "id") == 1
        known = {name for (name,) in client.query("SELECT name FROM system.tables WHERE database = currentDatabase()").result_rows}
        assert known >= {table.name for table in TABLES}
        fill(client, PLAN)
        refuses(store, made, "DROP TABLE case_state", "CREATE DATABASE another", "SELECT * FROM file('/etc/passwd', 'LineAsString')")
        refuses(store, made, "TRUNCATE TABLE case_state", "ALTER TABLE case_state DELETE WHERE 1", "CREATE USER x", "SYSTEM FLUSH LOGS")
        refuses(store, made, "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')")
    finally:
        store.kill()
    return made


def refuses(store: StoreProcess, home: Path, *statements: str) -> None:
    """None of these may be done."""
    client = connect(store_settings(store, home, "guidang"))
    for statement in statements:
        with pytest.raises(ClickHouseError, match=r"(?i)not enough privileges"):
            client.command(statement)
    client.close()


def test_with_exactly_these_grants_every_reader_gets_its_figures_and_can_change_nothing(folder: Path) -> None:
    """Commands, the bulletin, and what the monitor serves."""
    store = granted(folder, "reader", GRANTS["dashboards"])
    try:
        settings = store_settings(store, folder, "guidang", clock=iso(PLAN.moment_ms))
        given = {"GUIDANG_CLICKHOUSE__URL": store.url, "GUIDANG_DATA_DIR": str(folder), "GUIDANG_CLOCK": iso(PLAN.moment_ms)}
        for words in ("coverage --by unit", "score --year 2018", "anomalies", "items", "todo --unit U1"):
            done = guidang(*words.split(), "--json", **given)
            assert (done.returncode, done.stdout[:1]) == (0, "["), done.stderr
        assert [family.name for family in FigureMetrics(settings).families() if family.samples]
        refuses(store, folder, "INSERT INTO migration (number) VALUES (1)", "DROP VIEW score", "CREATE TABLE x (a Int8) ENGINE = Memory")
        refuses(store, folder, "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", "SELECT * FROM system.users")
    finally:
        store.kill()


@pytest.mark.parametrize("grant", WRITER)
def test_a_writer_with_one_grant_less_says_which_is_missing(tmp_path: Path, grant: str) -> None:
    """With the engine's own words, and as what passes (exit 4): once it is granted, starting again helps."""
    left = ", ".join(each for each in WRITER if each != grant)
    store = granted(tmp_path, "less", f"GRANT {left} ON guidang.*")
    try:
        settings: Settings = store_settings(store, tmp_path, "guidang")
        with pytest.raises(NotAllowed, match=f"grant.*{grant}"):
            migrate(settings)
    finally:
        store.kill()


def test_the_script_of_sql_grants_the_same(folder: Path) -> None:
    """And the engine understands each of its statements."""
    text = "\n".join(line for line in (FOLDER / "users.sql").read_text(encoding="utf-8").splitlines() if not line.startswith("--"))
    statements = [each.strip() for each in text.split(";") if each.strip()]
    grants = [each for each in statements if each.startswith("GRANT")]
    assert grants == [f"{grant} TO {user}" for user, grant in GRANTS.items()]
    store = StoreProcess(folder / "parser")
    try:
        client = connect(store_settings(store, folder, "default"))
        for statement in statements:
            assert client.query("SELECT formatQuerySingleLine({text:String})", parameters={"text": statement}).first_row[0]
        client.close()
    finally:
        store.kill()
