"""The rules name what the processes declare; every alert has what whoever is called by it needs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ops.observe.catalogue import ROLES, SERIES
from streams.contracts import OUTPUTS
from streams.domain.rules import Cost, kinds_of
from tests.alerts.rules import ALERTMANAGER, ROOT, alerts, groups, named, promtool_tests, recordings

FOREIGN = {
    "ALERTS": {"alertname", "alertstate"},
    "up": {"job", "instance"},
    "alertmanager_notifications_failed_total": {"instance", "integration"},
    "prometheus_rule_evaluation_failures_total": {"instance", "rule_group"},
}
"""Of Prometheus and Alertmanager themselves."""
TARGET = {"job", "instance"}
JOBS = {*(f"guidang-{role}" for role in ROLES), "prometheus", "alertmanager"}
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (Guidang\w+)\n(.*?)(?=^## |\Z)", RUNBOOKS, re.MULTILINE | re.DOTALL))
RULES = [pytest.param(rule, id=rule.get("alert") or f"{rule['record']}") for group in groups() for rule in group["rules"]]
each_alert = pytest.mark.parametrize("name", alerts())


def labels_of(metric: str) -> set[str]:
    """Labels that a series may have."""
    if metric in FOREIGN:
        return FOREIGN[metric]
    if metric in SERIES:
        return {*SERIES[metric].labels, *TARGET, *(["le"] if metric.endswith("_bucket") else [])}
    assert metric in recordings(), f"{metric} is neither declared nor recorded"
    rules = recordings()[metric]
    return {label for rule in rules for label in (*labels_in(rule["expr"]), *rule.get("labels", {}))}


def labels_in(expression: str) -> set[str]:
    """Labels that the result of an expression may have."""
    of = named(expression)
    return {label for metric, _ in of.metrics for label in labels_of(metric)} | of.made


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_names_declared_metrics_with_their_labels_and_values(rule: dict[str, Any]) -> None:
    """A metric, a label or a value that is renamed breaks this and not a page at night."""
    of = named(rule["expr"])
    for metric, matchers in of.metrics:
        for label, operator, wanted in matchers:
            assert label in labels_of(metric), f"{metric} has no label {label}"
            values = JOBS if label == "job" else SERIES[metric].values.get(label) if metric in SERIES else None
            for part in (wanted.split("|") if "~" in operator else [wanted]) if values else ():
                assert any(re.fullmatch(part, value) if "~" in operator else part == value for value in values), (
                    f"{metric}: no {label} {part}"
                )
    assert of.labels <= labels_in(rule["expr"])


@pytest.mark.parametrize(
    "expression",
    [
        "guidang_no_such_metric > 1",
        'guidang_open_findings{item="x"}',
        'guidang_open_findings{kind="UNARCHIVD"}',
        "sum by (item) (guidang_cases)",
    ],
)
def test_a_wrong_name_would_be_found(expression: str) -> None:
    """What the test above rests on."""
    with pytest.raises(AssertionError):
        test_a_rule_names_declared_metrics_with_their_labels_and_values({"expr": expression})


def test_topics_that_are_left_out_are_those_of_the_outputs_and_kinds_are_those_that_cost() -> None:
    """Lists in rules that stand for a list in the code."""
    text = "\n".join(rule["expr"] for group in groups() for rule in group["rules"])
    patterns = set(re.findall(r'topic[!=]~"([^"]*)"', text))
    assert len(patterns) == 1
    pattern = patterns.pop()
    topics = SERIES["guidang_lag_seconds"].values["topic"]
    assert {topic for topic in topics if re.fullmatch(pattern, topic)} == set(OUTPUTS)
    misconfigured = re.search(r'kind=~"([^"]*)"', alerts()["GuidangItemsMisconfigured"]["expr"])
    assert misconfigured
    assert set(misconfigured[1].split("|")) == set(kinds_of(Cost.CONFIG_ERROR))


@each_alert
def test_an_alert_has_severity_text_and_links(name: str) -> None:
    """What it says is Chinese first; its labels are in reach of its text."""
    rule = alerts()[name]
    assert rule["labels"]["severity"] in {"page", "ticket", "info"}
    assert set(rule["labels"]) == {"severity", "component"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard"}
    for text in (rule["annotations"]["summary"], rule["annotations"]["description"]):
        assert re.search(r"[一-鿿].*[a-z]", re.sub(r"{{.*?}}", "", text))
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"
    assert rule["annotations"]["dashboard"].startswith("/d/guidang-")
    used = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    assert used <= labels_in(rule["expr"])
    for asked in re.findall(r'query "([^"]*)"', rule["annotations"]["summary"] + rule["annotations"]["description"]):
        test_a_rule_names_declared_metrics_with_their_labels_and_values({"expr": asked})


@each_alert
def test_an_alert_has_a_runbook_that_says_what_to_do(name: str) -> None:
    """Meaning, impact, severity, first steps, how it resolves."""
    section = SECTIONS[name]
    for part in ("**含义**", "**影响**", "**级别**", "**先做**", "**解除**"):
        assert section.count(part) == 1, part
    severity = {"page": "page", "ticket": "ticket", "info": "info"}[alerts()[name]["labels"]["severity"]]
    assert re.search(rf"\*\*级别\*\* `{severity}`", section)


def test_no_runbook_is_left_over() -> None:
    """Of an alert that is gone."""
    assert set(SECTIONS) == set(alerts())


@each_alert
def test_an_alert_is_tested_firing_and_silent(name: str) -> None:
    """By promtool: at least one time at which it fires and, but for the watchdog, one at which nothing of its name does."""
    fires = silent = False
    for file, test in promtool_tests():
        for check in test.get("promql_expr_test", ()):
            fires |= any(f'alertname="{name}"' in sample["labels"] for sample in check["exp_samples"])
            matched = re.search(r'alertname=~?"([^"]*)"', check["expr"])
            silent |= not check["exp_samples"] and bool(matched and re.fullmatch(matched[1], name))
            silent |= not check["exp_samples"] and check["expr"] == 'ALERTS{alertstate="firing"}' and file.name == "pipeline.test.yaml"
    assert fires
    assert silent or name == "GuidangWatchdog"


def test_every_factor_can_be_reached() -> None:
    """Nothing is missing more often than always: factor × (1 − target) must stay below 1, or the alert can never fire."""
    number = {name: [float(rule["expr"].removeprefix("vector(").removesuffix(")")) for rule in recordings()[name]] for name in SETTABLE}
    [target] = number["guidang:coverage_target:ratio"]
    assert 0 < target < 1
    assert len(number["guidang:coverage_factor:ratio"]) == 2
    for factor in number["guidang:coverage_factor:ratio"]:
        assert factor * (1 - target) < 1
    allowed = max(number["guidang:coverage_factor:ratio"]) * (1 - target)
    # one due day of five with nothing archived is a drop at once: a unit that loses its module is told on the first morning
    assert allowed < 1 / 5
    assert all(count * (1 - target) >= 0.5 for count in number["guidang:due_enough:cases"]), "one case more or less would be a breach"


SETTABLE = ("guidang:coverage_target:ratio", "guidang:coverage_factor:ratio", "guidang:due_enough:cases")


def test_alertmanager_names_alerts_components_and_jobs_that_exist() -> None:
    """A matcher that matches nothing inhibits nothing, in silence."""
    for file in ("alertmanager.yml", "alertmanager.compose.yml"):
        text = (ALERTMANAGER / file).read_text(encoding="utf-8")
        components = {rule["labels"]["component"] for rule in alerts().values()}
        there = {"alertname": set(alerts()), "component": components, "job": JOBS, "severity": {"page", "ticket", "info"}}
        for label, _, values in re.findall(r"'(\w+)(=|=~|!=|!~)\"([^\"]*)\"'", text):
            if label != "topic":
                assert set(values.split("|")) <= there[label]
