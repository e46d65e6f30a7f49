"""The rules as data: alerts, recordings, and what an expression names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "ops" / "prometheus"
ALERTMANAGER = ROOT / "ops" / "alertmanager"
RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yaml"))
TEST_FILES = sorted((PROMETHEUS / "tests").glob("*.yaml"))


@cache
def groups() -> tuple[dict[str, Any], ...]:
    """All groups of all files."""
    return tuple(group for file in RULE_FILES for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"])


@cache
def alerts() -> Mapping[str, dict[str, Any]]:
    """Name to rule."""
    found = [rule for group in groups() for rule in group["rules"] if "alert" in rule]
    names = [rule["alert"] for rule in found]
    assert len(set(names)) == len(names)
    return {rule["alert"]: rule for rule in found}


@cache
def recordings() -> Mapping[str, tuple[dict[str, Any], ...]]:
    """Name to the rules that record it."""
    found: dict[str, tuple[dict[str, Any], ...]] = {}
    for group in groups():
        for rule in group["rules"]:
            if "record" in rule:
                found[rule["record"]] = (*found.get(rule["record"], ()), rule)
    return found


@cache
def promtool_tests() -> tuple[tuple[Path, dict[str, Any]], ...]:
    """All tests of promtool, each with its file."""
    return tuple((file, test) for file in TEST_FILES for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"])


def firing(alertname: str, **labels: str) -> dict[str, str]:
    """Labels that an alert has when it fires."""
    return {"alertname": alertname, **alerts()[alertname]["labels"], **labels}


@dataclass(frozen=True, slots=True)
class Named:
    """What an expression names.

    Parameters
    ----------
    metrics
        Each selector: the metric, and its matchers as (label, operator, value).
    labels
        What it groups by and joins on.
    made
        Labels that ``label_replace`` adds.
    """

    metrics: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]
    labels: frozenset[str]
    made: frozenset[str]


_TOKEN = re.compile(
    r"""(?P<string>"[^"]*"|'[^']*')|(?P<duration>\[[^\]]*\]|\d+(?:\.\d+)?(?:ms|[smhdwy])\b)|(?P<number>\d[\d.eE]*)"""
    r"""|(?P<name>[A-Za-z_:][\w:]*)|(?P<operator>=~|!~|!=|==|>=|<=)|(?P<other>\S)"""
)
_LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_WORDS = {"and", "or", "unless", "offset", "bool"}


def named(expression: str) -> Named:
    """Read an expression."""
    tokens = [match[0] for match in _TOKEN.finditer(expression)]
    metrics, labels, made = [], set[str](), set[str]()
    at = 0
    while at < len(tokens):
        word, after = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
        at += 1
        if not re.fullmatch(r"[A-Za-z_:][\w:]*", word) or word in _WORDS:
            continue
        if word in _LISTS and after == "(":
            end = tokens.index(")", at)
            labels |= {name for name in tokens[at + 1 : end] if name != ","}
            at = end
        elif after in {"(", "by", "without"}:
            continue  # a function, an aggregation
        elif after == "{":
            end = tokens.index("}", at)
            metrics.append((word, tuple(_matchers(tokens[at + 1 : end]))))
            at = end
        else:
            metrics.append((word, ()))
    for target in re.findall(r'"(\w+)",\s*"[^"]*",\s*"[^"]*",\s*"[^"]*"\s*\)', expression):
        made.add(target)
    return Named(tuple(metrics), frozenset(labels), frozenset(made))


def _matchers(tokens: list[str]) -> Iterator[tuple[str, str, str]]:
    parts = [word for word in tokens if word != ","]
    assert len(parts) % 3 == 0, tokens
    for label, operator, value in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        yield label, operator, value[1:-1]
