"""Alerts as lines of a message: one each, or one a unit where one name has many, or one a name where nothing else is taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from consumers.notify.alert import LABELS, Waiting
from consumers.notify.links import Links
from consumers.notify.style import Style
from consumers.notify.text import clip, lasting, moment, short

_SUMMARY_BYTES, _DESCRIPTION_BYTES, _VALUE_BYTES, _SUBJECT_BYTES = 300, 300, 120, 240
_MARKS = {"firing": "🔴", "resolved": "🟢"}
_NOT_A_SUBJECT = {"alertname", "severity", "unit", "unit_name", "job"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and the alerts of which it tells.

    Parameters
    ----------
    heading
        Of the name that they share; shown above the first line with it.
    """

    heading: str
    text: str
    covers: tuple[Waiting, ...]


def to_lines(waiting: Sequence[Waiting], links: Links, style: Style, digest_over: int) -> list[Line]:
    """All alerts as lines, names in the order of who has waited longest."""
    lines: list[Line] = []
    for name, group in _grouped((w.alert.name, w) for w in waiting):
        if len(group) > digest_over:
            heading = style.heading(f"{_name(name, group)}：{counts(group)}，按单位", links.for_name(name))
            units = _grouped((_place(w), w) for w in group)
            lines += [Line(heading, _of_place(place, of_place, links, style), tuple(of_place)) for place, of_place in units]
        else:
            heading = style.heading(_name(name, group), links.for_name(name))
            lines += [Line(heading, _single(w, links, style), (w,)) for w in group]
    return lines


def to_brief_lines(waiting: Sequence[Waiting]) -> list[Line]:
    """Names and counts alone: for a robot that will not have the words of the alerts."""
    return [Line("", f"{_named(name)}：{counts(group)}", tuple(group)) for name, group in _grouped((w.alert.name, w) for w in waiting)]


def counts(waiting: Iterable[Waiting]) -> str:
    """How many fire and how many are over."""
    statuses = [w.alert.status for w in waiting]
    firing, resolved = statuses.count("firing"), statuses.count("resolved")
    return "，".join([*([f"{firing} 条告警"] if firing else []), *([f"{resolved} 条恢复"] if resolved else [])])


def _single(waiting: Waiting, links: Links, style: Style) -> str:
    alert = waiting.alert
    summary = short(alert.annotations.get("summary", ""), _SUMMARY_BYTES)
    description = short(alert.annotations.get("description", ""), _DESCRIPTION_BYTES)
    subject = _subject(waiting, summary)
    if alert.status == "firing":
        said = "。".join(text.rstrip("。") for text in (summary, description) if text)
        since = f"自 {moment(alert.starts_ms)}" + ("，仍未恢复" if waiting.repeated else "")
    else:
        said = "已恢复" + (f"：{summary}" if summary else "")
        end_ms = alert.ends_ms or alert.starts_ms
        since = f"{moment(alert.starts_ms)} 起，历时 {lasting(end_ms - alert.starts_ms)}"
    if waiting.merged:
        since += f"，等待发送期间变化 {waiting.merged} 次"
    return _joined(_MARKS[alert.status], "：".join(text for text in (subject, said) if text), f"（{since}）", links, style, alert.labels)


def _of_place(place: str, waiting: Sequence[Waiting], links: Links, style: Style) -> str:
    mark = _MARKS["firing" if any(w.alert.status == "firing" for w in waiting) else "resolved"]
    return _joined(mark, f"{place}：{counts(waiting)}", "", links, style, _common(waiting))


def _common(waiting: Sequence[Waiting]) -> dict[str, str]:
    """Labels that all of them have alike: a link must not lead to one of many."""
    first, *others = (w.alert.labels for w in waiting)
    return {name: value for name, value in first.items() if all(labels.get(name) == value for labels in others)}


def _joined(mark: str, said: str, aside: str, links: Links, style: Style, labels: Mapping[str, str]) -> str:
    places = " · ".join(style.link(title, url) for title, url in links.for_labels(labels))
    return f"{mark} {said}{aside}" + (f" {places}" if places else "")


def _name(name: str, group: Sequence[Waiting]) -> str:
    severities = clip("/".join(sorted({_value(w, "severity") for w in group} - {""})), _VALUE_BYTES)
    return _named(name) + (f" · {severities}" if severities else "")


def _named(name: str) -> str:
    return short(name, _VALUE_BYTES)


def _subject(waiting: Waiting, summary: str) -> str:
    """What the alert is about, as far as its summary does not say it."""
    unit, unit_name = _value(waiting, "unit"), _value(waiting, "unit_name")
    parts = [] if (unit and unit in summary) or (unit_name and unit_name in summary) else [_unit(waiting)]
    parts += [f"{name}={value}" for name in LABELS if name not in _NOT_A_SUBJECT and (value := _value(waiting, name))]
    return clip(" ".join(part for part in parts if part), _SUBJECT_BYTES)


def _unit(waiting: Waiting) -> str:
    unit, unit_name = _value(waiting, "unit"), _value(waiting, "unit_name")
    return f"{unit_name}（{unit}）" if unit and unit_name else unit or unit_name


def _place(waiting: Waiting) -> str:
    """Unit, else district, else what it is fed by: where a line of a digest belongs."""
    return _unit(waiting) or _value(waiting, "district") or _value(waiting, "source") or _value(waiting, "topic") or "其他"


def _value(waiting: Waiting, label: str) -> str:
    return short(waiting.alert.labels.get(label, ""), _VALUE_BYTES)


def _grouped(pairs: Iterable[tuple[str, Waiting]]) -> list[tuple[str, list[Waiting]]]:
    found: dict[str, list[Waiting]] = {}
    for key, waiting in pairs:
        found.setdefault(key, []).append(waiting)
    return list(found.items())
