"""What names an applicant, and what opens a door, is nowhere but where it has to be: a life of the system over SASL_SSL, then a look.

Everything that the system writes or says in one short life is gathered once: logs, command lines, output topics with their headers, tables,
reports, the page's answers, metrics, messages to robots, and what each command prints. The tests then look for texts that are
like no other. Where they must be found, they are: the same search finds them in the inputs and in the bytes of dead letters.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from confluent_kafka import Producer
from pypdf import PdfReader

from ops.reading import read_topic
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, CASE_INPUTS, DEAD_LETTER, FEED_HEARTBEAT, ITEM_USE, OUTPUTS, codec
from streams.rights import PROCESSES, rights_of
from streams.settings import Settings
from tests.consumers.conftest import eventually
from tests.notify.parts import Robot, alert, posted
from tests.notify.test_process import Background, Notifier, running
from tests.security.broker import SecureBroker, password_of
from tests.system.cases import ZONE, archive, closing
from tests.system.conftest import GUIDANG, System, running_under

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow, pytest.mark.timeout(900)]

NAME, ID, PHONE, ADDRESS = "欧阳金丝雀", "330106199001011234", "13805710999", "文三路金丝雀弄7号"
APPLICANT = f"{NAME} {ID} {PHONE} {ADDRESS}"
USER = "everything"
SECRETS = {
    "kafka": password_of(USER),
    "title key": "unmistakable-secret-of-titles",
    "clickhouse": "unmistakable-secret-of-clickhouse",
    "robot": "unmistakable-token-of-robot",
    "signature": "unmistakable-secret-of-signatures",
    "alertmanager": "unmistakable-token-of-alertmanager",
    "wrong password": "unmistakable-but-wrong",
}
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("status", "--json"),
    ("doctor",),
    ("doctor", "--json"),
    ("coverage", "--by", "unit", "--window", "2018-01-01..2018-12-31"),
    ("score", "--year", "2018", "--evidence"),
    ("items", "--json"),
    ("anomalies",),
    ("todo", "--unit", "U1"),
    ("explain", "case-0"),
    ("explain", "case-bad"),
    ("explain", "case-7", "--json"),
    ("dlq", "list"),
    ("dlq", "show", "0:0"),
    ("dlq", "show", "0:0", "--json"),
    ("dlq", "show", "1:0"),
    ("rights",),
    ("reconcile",),
)


@dataclass
class Gathered:
    """Name of a place to the bytes found there; ``allowed`` are those that hold an applicant's bytes by contract."""

    places: dict[str, bytes] = field(default_factory=dict)
    allowed: dict[str, bytes] = field(default_factory=dict)

    def where(self, text: str) -> list[str]:
        """Places that hold a text, as it is or as JSON escapes it."""
        wanted = {text.encode(), json.dumps(text)[1:-1].encode(), text.encode("utf-16-le"), text.encode().hex().encode()}
        return sorted(name for name, held in self.places.items() if any(each in held for each in wanted))


def send_what_is_bad(settings: Settings) -> None:
    """Records that cannot be taken in, each with an applicant in it."""
    producer = Producer(settings.kafka_client())
    good = {"accepted_at": 1_528_000_000_000, "closed_at": 1_528_000_000_000, **dict.fromkeys(("unit_name", "district_code"), "")}
    ids = {"event_id": "e", "case_no": "case-bad", "item_code": "许可-00387-000", "item_name": "", "unit_code": "U1", "title": APPLICANT}
    encode, applicant = codec(CASE_CLOSED).encode, APPLICANT.encode()
    framed = encode(ids | good)
    bad = [
        json.dumps({"title": APPLICANT}, ensure_ascii=False).encode(),
        b"\0\0\0\x27\x0f" + applicant,
        framed[:5] + applicant,
        framed + applicant,
        framed[:-4],
        encode(ids | good | {"event_id": ""}),
        encode(ids | good | {"closed_at": 99_999_999_999_999}),
        encode(ids | good | {"source_system": APPLICANT * 100}),
        encode(ids | good | {"case_no": "another"}),
    ]
    for value in bad:
        producer.produce(settings.topic(CASE_CLOSED), value, b"case-bad", 0)
    heartbeat = {"event_id": "h", "source_system": "s", "topic": APPLICANT, "complete_through": 0}
    producer.produce(settings.topic(FEED_HEARTBEAT), codec(FEED_HEARTBEAT).encode(heartbeat), b"s", 0)
    producer.produce(settings.topic("item-registry"), applicant, b"U1|x", 0)
    assert producer.flush(20) == 0


def events() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Closings and archives of applicants, some never archived, some refused; and an item with a person to call."""
    day = dt.datetime(2018, 3, 1, 10, tzinfo=ZONE)
    closings = [closing(f"case-{number}", day, title=f"{APPLICANT} 的申请 {number}") for number in range(12)]
    paper = {"kind": "EVIDENCE", "name": f"{NAME} 身份证", "code": ID, "byte_size": 1, "sha256": "0" * 64}
    received = {"title": APPLICANT, "materials": [paper]}
    archives = [archive(f"case-{number}", day + dt.timedelta(hours=5), **received) for number in range(6)]
    archives += [archive("case-7", day + dt.timedelta(hours=5), **received, receipt="UNPACK_FAILED")]
    item = {"event_id": "i", "unit_code": "U1", "item_code": "许可-00387-000", "item_name": "中医医疗广告审查", "build_mode": "MUNICIPAL"}
    return closings, archives, [item | {"note": f"联系人 {NAME} {PHONE}"}]


@pytest.fixture(scope="module")
def gathered(secured: SecureBroker, tmp_path_factory: pytest.TempPathFactory) -> Gathered:
    """Everything of one life of the system."""
    home, found = tmp_path_factory.mktemp("private"), Gathered()
    plain = Settings(kafka={"partitions": 2}, canary={"every": "5s"})
    secured.grant({USER: {right for process in PROCESSES for right in rights_of(process, plain)}})
    secrets = home.with_name("secrets")
    secrets.mkdir()
    for name, text in SECRETS.items():
        (secrets / name.replace(" ", "-")).write_text(text)
    login = secured.login(USER)
    settings = {
        "KAFKA__BOOTSTRAP_SERVERS": secured.sasl,
        "KAFKA__PARTITIONS": "2",
        "KAFKA__SECURITY": json.dumps(login),
        "PRIVACY__TITLE_KEY_FILE": str(secrets / "title-key"),
        "POLICY__DEADLINE": "72h",
        "CANARY__EVERY": "5s",
    }
    system = System(home, **{f"GUIDANG_{name}": value for name, value in settings.items()})
    security = Settings(kafka={"bootstrap_servers": secured.sasl, "partitions": 2, "security": login})
    try:
        live(system, security, found)
        with_wrong_passwords(system, secrets, found)
        notified(home.with_name("notify"), secrets, system.json("anomalies"), found)
        looked_at(system, found)
    finally:
        system.down()
    assert not running_under(home)
    files_of(home, found)
    found.places["broker's log"] = (secured.broker.data_dir / "logs" / "kafka.log").read_bytes()
    topics_of(security, found)
    return found


def live(system: System, settings: Settings, found: Gathered) -> None:
    """Start, send, wait, report; and everything that a command prints."""
    system.up(1)
    closings, archives, items = events()
    for topic, records in (("item-registry", items), (ARCHIVE_RECEIVED, archives), (CASE_CLOSED, closings)):
        system.publish(topic, records)
    send_what_is_bad(settings)
    slipped = system.home / "slipped.jsonl"
    rows = [closing("case-x", dt.datetime(2018, 3, 1, tzinfo=ZONE)) | changed for changed in ({"closed_at": ID}, {"title": int(ID)})]
    rows += [{**rows[0], "closed_at": PHONE}, {**rows[0], "closed_at": APPLICANT}, {**rows[0], NAME: ADDRESS}]
    slipped.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    printed(system, found, "publish", CASE_CLOSED, str(slipped))
    system.caught_up()
    for words in COMMANDS:
        printed(system, found, *words)
    system.run("report", "--period", "2018", "--out", str(system.home / "report"))
    for path in system.home.glob("*.jsonl"):  # what we have sent ourselves
        path.unlink()


def printed(system: System, found: Gathered, *words: str, **more: str) -> None:
    """Run a command, whatever comes of it, and keep what it says."""
    environment = system.environment | {f"GUIDANG_{name}": value for name, value in more.items()}
    done = subprocess.run([GUIDANG, *words], env=environment, cwd=system.home, capture_output=True, timeout=100, check=False)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    found.places[f"guidang {' '.join([*words, *more])}"] = done.stdout + done.stderr


def with_wrong_passwords(system: System, secrets: Path, found: Gathered) -> None:
    """What is said when a login is refused, or a secret stands where a setting belongs."""
    wrong, login = str(secrets / "wrong-password"), json.loads(system.environment["GUIDANG_KAFKA__SECURITY"])
    refused = {"KAFKA__SECURITY": json.dumps(login | {"sasl_password_file": wrong})}
    tried = (
        ("doctor", "--json"),
        ("status",),
        ("worker", "--name", "w9"),
        ("sink",),
        ("dlq", "list"),
        ("wait", "--caught-up", "--timeout", "1"),
    )
    for words in tried:
        printed(system, found, *words, **refused)
    for words in (("coverage", "--by", "unit"), ("doctor", "--json"), ("sink",)):
        printed(system, found, *words, CLICKHOUSE__PASSWORD_FILE=str(secrets / "clickhouse"))
    text = SECRETS["wrong password"]
    misplaced = {
        "KAFKA__SECURITY": json.dumps({"sasl_password": text}),
        "CLICKHOUSE__URL": f"http://default:{text}@127.0.0.1:1",
        "BOARD__PROMETHEUS_URL": f"http://user:{text}@127.0.0.1:1",
        "CLICKHOUSE__PASSWORD": text,
    }
    for name, value in misplaced.items():
        printed(system, found, "doctor", "--json", **{name: value})


def notified(folder: Path, secrets: Path, findings: list[dict[str, Any]], found: Gathered) -> None:
    """Alerts about what was found go to a robot and a program, which refuse them first."""
    folder.mkdir()
    robots = {
        "robot": Robot("dingtalk", token=SECRETS["robot"], secret=SECRETS["signature"]),
        "program": Robot("webhook", token=SECRETS["robot"]),
    }
    alerts = [
        alert(f"{number:x}", summary=json.dumps(row, ensure_ascii=False), alertname=row["kind"], unit=row["unit_code"])
        for number, row in enumerate(findings)
    ]
    assert alerts
    channel = f'secret_file = "{secrets}/signature"'
    notifier = Notifier(folder, robots, f'token_file = "{secrets}/alertmanager"', robot=channel, program=channel)
    with Background(*robots.values()):
        for name, robot in robots.items():
            (folder / f"{name}.url").write_text(robot.url)
        with running(notifier, quickly=True):
            found.places["command line of notify"] = Path(f"/proc/{notifier.process.pid}/cmdline").read_bytes()
            assert notifier.post(posted(alerts), Authorization=f"Bearer {SECRETS['wrong password']}")[0] == 401
            assert notifier.post(posted(alerts), Authorization=f"Bearer {SECRETS['alertmanager']}")[0] == 200
            eventually(lambda: all(robot.bodies for robot in robots.values()), 60)
            found.places["metrics of notify"] = notifier.page("/metrics")
    for name, robot in robots.items():
        found.places[f"messages to the {name}"] = json.dumps([robot.bodies, robot.texts], ensure_ascii=False).encode()
    found.places["log of notify"] = (folder / "log").read_bytes()


def looked_at(system: System, found: Gathered) -> None:
    """Command lines, metrics, the page, and every table, while the system runs."""
    for number, command in enumerate(running_under(system.home)):
        found.places[f"command line {number}"] = command.encode()
    for target in json.loads((system.home / "run" / "prometheus-targets.json").read_text()):
        (address,) = target["targets"]
        found.places[f"metrics of {target['labels']['name']}"] = fetched(f"http://{address}/metrics")
    board = json.loads((system.home / "endpoints.json").read_text())["board"]
    pages = fetched(f"{board}/api/dashboards")
    for dashboard in json.loads(pages):
        for panel in (panel for section in dashboard["sections"] for panel in section["panels"]):
            page = f"/api/panel/{dashboard['uid']}/{panel['key']}?range=2018-01-01..2018-12-31"
            found.places[f"board {page}"] = fetched(board + page)
    for case in ("case-0", "case-7", "case-bad"):
        found.places[f"board {case}"] = fetched(f"{board}/api/timeline?case={case}") + fetched(f"{board}/api/cases?case={case}")
    for (table,) in system.sql("SHOW TABLES"):
        found.places[f"table {table}"] = json.dumps(system.sql(f"SELECT * FROM {table}"), default=str, ensure_ascii=False).encode()  # noqa: S608


def fetched(address: str) -> bytes:
    """What a process answers."""
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - of this machine
            held: bytes = answer.read()
    except urllib.error.HTTPError as error:  # a panel of Prometheus, which is not here
        held = error.read()
    return held


def files_of(home: Path, found: Gathered) -> None:
    """Every file in the data directory but ClickHouse's own, which are the tables; what is packed is unpacked."""
    for path in sorted(each for each in home.rglob("*") if each.is_file() and "clickhouse" not in each.relative_to(home).parts[:1]):
        held, name = path.read_bytes(), str(path.relative_to(home))
        if path.name == "endpoints.json" or path.suffix == ".lock":
            continue
        if path.suffix == ".xlsx":
            with ZipFile(io.BytesIO(held)) as archive_:
                held = b"".join(map(archive_.read, archive_.namelist()))
        elif path.suffix == ".pdf":
            held = "".join(page.extract_text() for page in PdfReader(io.BytesIO(held)).pages).encode()
        found.places[f"file {name}"] = held


def topics_of(settings: Settings, found: Gathered) -> None:
    """Keys, values and headers of every output; the values of dead letters apart, and the inputs."""
    for name in (*OUTPUTS, ITEM_USE):
        records = list(read_topic(settings, name))
        assert records or name == ITEM_USE, name
        told = [(message.key(), message.headers(), None if name == DEAD_LETTER else message.value()) for message in records]
        found.places[f"topic {name}"] = b"\n".join(_flat(told))
        if name == DEAD_LETTER:
            found.allowed[name] = b"\n".join(message.value() for message in records)
    for name in CASE_INPUTS:
        found.allowed[name] = b"\n".join(message.value() for message in read_topic(settings, name))


def _flat(value: Any) -> Iterator[bytes]:
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _flat(each)
    elif value is not None:
        yield value if isinstance(value, bytes) else str(value).encode()


@pytest.mark.parametrize("text", [NAME, ID, PHONE, ADDRESS])
def test_what_names_an_applicant_is_nowhere_but_in_the_inputs_and_the_bytes_of_dead_letters(gathered: Gathered, text: str) -> None:
    """No log, no metric, no output, no header, no table, no report, no message, no page, no word of a command."""
    assert gathered.where(text) == []
    assert all(text.encode() in held for held in gathered.allowed.values())


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_never_appears_in_what_the_system_writes_or_says(gathered: Gathered, secret: str) -> None:
    """Nor in a command line; wrong ones and misplaced ones neither."""
    assert gathered.where(SECRETS[secret]) == []


def test_the_search_went_everywhere(gathered: Gathered) -> None:
    """Else the tests above would hold of nothing: each kind of place has something of this life in it."""
    kinds = {"topic": "case-0", "table case_state": "case-0", "guidang explain case-0": "case-0", "guidang dlq list": "NOT_FRAMED"}
    kinds |= {"messages to the robot": "UNARCHIVED", "messages to the program": "UNARCHIVED", "metrics of worker-1": "guidang_worker"}
    kinds |= {
        "board case-0": "case-0",
        "command line of notify": "python",
        "file logs/worker": "INFO",
        "file report": "中医医疗广告审查",
    }
    kinds |= {"guidang publish": "closed_at", "broker's log": USER, "command line": "worker", "table dead_letter": "UNKNOWN_TOPIC"}
    for place, text in kinds.items():
        assert any(name.startswith(place) for name in gathered.where(text)), place
    assert {name.rpartition(".")[2] for name in gathered.places if name.startswith("file report")} >= {"xlsx", "html", "pdf"}
