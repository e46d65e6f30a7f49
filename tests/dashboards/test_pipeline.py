"""Every question to Prometheus names declared metrics alone, is understood by a real Prometheus, and is answered."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dashboards.model import Panel, Prom
from dashboards.panels import DASHBOARDS
from ops.observe.catalogue import METRICS, SERIES
from ops.ports import free_port
from streams.metrics import Metric
from tests.dashboards.test_figures import panel_of

OURS_OF_PROMETHEUS = {"up", "ALERTS", "ALERTS_FOR_STATE"}
"""What Prometheus itself makes."""
NOW_S = 1_546_250_400  # 2018-12-31 18:00 in Asia/Shanghai
MINUTES = 90
VALUES = {
    "topic": ("case-closed", "archive-received"),
    "kind": ("work", "idle"),
    "state": ("open", "opening"),
    "reason": ("MISROUTED", "NOT_FRAMED"),
    "status": ("ARCHIVED", "UNARCHIVED"),
    "outcome": ("sent", "throttled"),
    "table": ("case_state", "anomaly"),
    "channel": ("dingtalk",),
    "role": ("worker",),
    "version": ("0.1.0",),
    "source": ("A",),
}
Sample = tuple[str, dict[str, str], Callable[[int], float | None]]
Series = list[dict[str, Any]]


def questions() -> Iterator[Any]:
    """Every PromQL there is, of panels and annotations; shared ones once."""
    for board in DASHBOARDS:
        for panel in board.panels:
            for number, query in enumerate(panel.queries):
                if isinstance(query, Prom):
                    yield pytest.param(query, panel, id=f"{board.uid}-{panel.key}-{number}")
    for annotation in DASHBOARDS[-1].annotations:
        assert isinstance(annotation.query, Prom)
        yield pytest.param(annotation.query, None, id=f"annotation-{annotation.key}")


QUESTIONS = list(questions())


def series_of(metric: Metric) -> Iterator[Sample]:
    """A few series of a metric: counters grow by one a second, gauges stand at two, histograms take one a second in their second bucket."""
    labels: list[dict[str, str]] = [{"instance": "one"}]
    for name in metric.labels:
        labels = [{**each, name: value} for each in labels for value in VALUES.get(name, ("x",))]
    for each in labels:
        if metric.kind == "histogram":
            for number, bound in enumerate((*metric.buckets, float("inf"))):
                yield f"{metric.name}_bucket", {**each, "le": "+Inf" if bound == float("inf") else str(bound)}, _rate(min(number, 1))
            yield f"{metric.name}_sum", each, _rate(metric.buckets[0])
            yield f"{metric.name}_count", each, _rate(1)
        else:
            yield metric.name, each, _rate(1) if metric.kind == "counter" else lambda _: 2


def _rate(per_second: float) -> Callable[[int], float]:
    return lambda minute: per_second * 60 * minute


def samples() -> Iterator[Sample]:
    """All that is declared, alerts, targets, and a version that came five minutes ago at most."""
    for metric in METRICS.values():
        yield from series_of(metric)
    yield (
        "guidang_build_info",
        {"instance": "one", "version": "0.2.0", "role": "worker"},
        lambda minute: 1 if minute >= MINUTES - 3 else None,
    )
    yield "guidang_lag_seconds", {"instance": "one", "topic": "case-state"}, lambda _: 900
    yield "up", {"job": "guidang-worker", "instance": "worker-1"}, lambda _: 1
    yield "up", {"job": "guidang-sink", "instance": "sink"}, lambda _: 0
    for name, severity, unit, since in (
        ("GuidangOverdueOld", "ticket", "U1", 20),
        ("GuidangOverdueOld", "ticket", "U2", 60),
        ("GuidangSinkStuck", "page", "", 40),
        ("GuidangCoverageUncertain", "info", "", 30),
        ("GuidangWatchdog", "none", "", 0),
    ):
        labels = {"alertname": name, "severity": severity, "component": "x", **({"unit": unit, "unit_name": "卫健委"} if unit else {})}
        yield "ALERTS", {**labels, "alertstate": "firing"}, _from(since, 1)
        yield "ALERTS_FOR_STATE", labels, _from(since, float(NOW_S - (MINUTES - since) * 60))
    yield "ALERTS", {"alertname": "GuidangDeadLetters", "severity": "ticket", "alertstate": "pending"}, lambda _: 1


def _from(since: int, value: float) -> Callable[[int], float | None]:
    return lambda minute: value if minute >= since else None


def open_metrics() -> str:
    """An hour and a half of samples, one a minute, as promtool reads them: series of one name together."""
    by_name: dict[str, list[str]] = {}
    for name, labels, value_of in samples():
        text = ",".join(f'{label}="{value}"' for label, value in labels.items())
        lines = by_name.setdefault(name, [])
        for minute in range(MINUTES + 1):
            value = value_of(minute)
            if value is not None:
                lines.append(f"{name}{{{text}}} {value} {NOW_S - (MINUTES - minute) * 60}")
    return "\n".join([*(line for lines in by_name.values() for line in lines), "# EOF\n"])


class Prometheus:
    """A real one on a folder of blocks."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, text: str, *, over_time: bool = False) -> Series:
        """Series of an answer: at the end, or over the last hour."""
        place, times = ("query_range", {"start": NOW_S - 3600, "end": NOW_S, "step": 60}) if over_time else ("query", {"time": NOW_S})
        url = f"{self.address}/api/v1/{place}?{urllib.parse.urlencode({'query': text, **times})}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own, on the loopback
                found: Series = json.load(answer)["data"]["result"]
                return found
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def value(self, text: str) -> float:
        """The one figure of an answer."""
        ((_, value),) = (each["value"] for each in self.ask(text))
        return float(value)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has the samples."""
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        pytest.skip("no prometheus and promtool here: apt-get install prometheus")
    home = tmp_path_factory.mktemp("prometheus")
    (home / "samples").write_text(open_metrics(), encoding="utf-8")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", home / "samples", home / "data"], check=True, capture_output=True
    )
    (home / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    options = (f"--web.listen-address={address}", f"--storage.tsdb.path={home / 'data'}", "--storage.tsdb.retention.time=100y")
    with (home / "log").open("w") as log:
        process = subprocess.Popen(["prometheus", f"--config.file={home / 'prometheus.yml'}", *options], stdout=log, stderr=log)
        try:
            _wait(f"http://{address}/-/ready", process)
            yield Prometheus(f"http://{address}")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        assert process.poll() is None, "prometheus ended"
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own, on the loopback
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("prometheus was not ready in time")


def names_in(text: str) -> set[str]:
    """Metrics that a question names."""
    return set(re.findall(r"\b(?:guidang_\w+|ALERTS(?:_FOR_STATE)?|up)\b", text))


@pytest.mark.parametrize(("query", "panel"), QUESTIONS)
def test_a_question_names_nothing_but_declared_metrics_and_their_labels(query: Prom, panel: Panel | None) -> None:
    """A rename breaks this test and not a dashboard; so does a label that no metric of the question has."""
    named = names_in(query.text)
    assert named
    assert named <= SERIES.keys() | OURS_OF_PROMETHEUS
    if named.isdisjoint(OURS_OF_PROMETHEUS):
        labels = {label for name in named for label in SERIES[name].labels} | {"le", "instance"}
        said = {label for group in re.findall(r"by \(([^)]*)\)", query.text) for label in group.split(", ")}
        matched = set(re.findall(r"(\w+)=~?\"", query.text))
        shown = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
        of_columns = {column.name for column in panel.columns} - {"Value"} if panel and panel.drawing in {"table", "bars"} else set()
        assert said | matched | shown | of_columns <= labels


@pytest.mark.parametrize(("query", "panel"), QUESTIONS)
def test_a_question_is_answered_with_the_labels_that_are_shown(prometheus: Prometheus, query: Prom, panel: Panel | None) -> None:
    """By a real Prometheus, with samples of every metric."""
    found = prometheus.ask(query.text, over_time=panel is None or panel.drawing in {"line", "timeline"})
    assert found
    for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
        assert all(label in series["metric"] for series in found)
    if panel and panel.drawing in {"table", "bars"}:
        shown = {column.name for column in panel.columns} - {"Value", "source", "topic", "channel"}
        assert shown <= {label for series in found for label in series["metric"]}
    if panel and panel.drawing == "stat":
        assert len(found) == 1


def only_query(uid: str, key: str, number: int = 0) -> str:
    """PromQL of a panel."""
    query = panel_of(uid, key).queries[number]
    assert isinstance(query, Prom)
    return query.text


def test_rates_and_quantiles_come_out_as_they_went_in(prometheus: Prometheus) -> None:
    """One a second; half of the commits take as long as the middle of the second bucket."""
    by_topic = prometheus.ask(only_query("guidang-pipeline", "throughput"))
    assert {series["metric"]["topic"]: float(series["value"][1]) for series in by_topic} == pytest.approx(dict.fromkeys(VALUES["topic"], 1))
    assert prometheus.value(only_query("guidang-pipeline", "commit")) == pytest.approx(0.0075)
    assert prometheus.value(only_query("guidang-pipeline", "commit", 2)) == pytest.approx(0.00995)
    assert prometheus.value(only_query("guidang-pipeline", "busy")) == pytest.approx(0.005)
    assert [series["value"][1] for series in prometheus.ask(only_query("guidang-pipeline", "sources"))] == ["1", "1"]
    assert prometheus.value(only_query("guidang-pipeline", "processes")) == 1
    assert prometheus.value(only_query("guidang-pipeline", "dead-letters")) == pytest.approx(2 * MINUTES * 60, rel=0.1)


def test_the_longest_lag_is_that_of_inputs_and_that_of_outputs_stands_beside_it_by_topic(prometheus: Prometheus) -> None:
    """A sink that is behind is no reason for another worker."""
    assert prometheus.value(only_query("guidang-pipeline", "lag-seconds")) == 2
    found = prometheus.ask(only_query("guidang-pipeline", "lag-age"))
    by_topic = {series["metric"]["topic"]: series["value"][1] for series in found}
    assert by_topic == {**dict.fromkeys(VALUES["topic"], "2"), "case-state": "900"}


def test_alerts_are_counted_without_the_watchdog_and_the_oldest_is_first(prometheus: Prometheus) -> None:
    """Three that call somebody, one that informs, one that waits, and the watchdog by itself."""
    assert prometheus.value(only_query("guidang-alerts", "firing")) == 3
    assert prometheus.value(only_query("guidang-alerts", "pending")) == 1
    assert prometheus.value(only_query("guidang-alerts", "watchdog")) == 1
    found = prometheus.ask(only_query("guidang-alerts", "now"))
    told = [(series["metric"]["alertname"], series["metric"].get("unit", ""), float(series["value"][1])) for series in found]
    assert told == [
        ("GuidangOverdueOld", "U1", 70 * 60),
        ("GuidangCoverageUncertain", "", 60 * 60),
        ("GuidangSinkStuck", "", 50 * 60),
        ("GuidangOverdueOld", "U2", 30 * 60),
    ]


def test_a_new_version_is_marked_when_it_came_and_not_before(prometheus: Prometheus) -> None:
    """The old one has been there all the time."""
    (annotation,) = [each for each in DASHBOARDS[-1].annotations if each.key == "deployment"]
    assert isinstance(annotation.query, Prom)
    (found,) = prometheus.ask(annotation.query.text, over_time=True)
    assert found["metric"]["version"] == "0.2.0"
    assert [int(at) for at, _ in found["values"]] == [NOW_S - minutes * 60 for minutes in (3, 2, 1, 0)]


def test_an_empty_prometheus_is_none_of_bad_news() -> None:
    """Counts of what may be absent say zero instead of nothing."""
    for uid, key in (("guidang-alerts", "firing"), ("guidang-alerts", "watchdog"), ("guidang-pipeline", "processes")):
        assert only_query(uid, key).endswith("or vector(0)")
