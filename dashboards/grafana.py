"""Panels as Grafana draws them: one JSON for each dashboard, the same text again for the same panels.

ClickHouse is asked through ``grafana-clickhouse-datasource``. 全部 is an option of each variable with an empty value, which is what the
queries take it for; Grafana's own "All" would name every value instead.
"""
# ruff: noqa: S608 - a query of our own is put around a query of our own

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dashboards.model import Annotation, Column, Dashboard, Link, Panel, Prom, Section, Source, Sql, Threshold, Unit, Variable

Json = dict[str, Any]

TAG = "guidang"
PLUGINS: Mapping[Source, str] = {"figures": "grafana-clickhouse-datasource", "pipeline": "prometheus"}
UIDS: Mapping[Source, str] = {"figures": "guidang-clickhouse", "pipeline": "guidang-prometheus"}
"""Data sources as ``provisioning/`` makes them; a reader may choose others of the same type."""
_SOURCE_TITLES: Mapping[Source, str] = {"figures": "ClickHouse", "pipeline": "Prometheus"}
_GRID, _ROW_HEIGHT = 24, 1
_UNITS: Mapping[Unit, Json] = {
    "": {"unit": "none"},
    "cases": {"unit": "locale", "decimals": 0},
    "records": {"unit": "locale", "decimals": 0},
    "ratio": {"unit": "percentunit", "decimals": 2},
    "points": {"unit": "none", "decimals": 2},
    "seconds": {"unit": "s"},
    "days": {"unit": "suffix: 天", "decimals": 1},
    "per_second": {"unit": "suffix: /秒"},
    "time": {"unit": "time:YYYY-MM-DD HH:mm"},
}
_COLORS = {"good": "green", "warning": "orange", "bad": "red"}
_MARKS = ("blue", "purple", "orange", "green")
_SPANS = {"year": ("now/y", "1m"), "hours": ("now-6h", "30s")}
_TEXT = {"unit": "string"}
"""Of a table's columns without a unit: a case number consists of digits and is no number."""
_ALL = "SELECT '' AS value, '全部' AS label"


def render(dashboard: Dashboard) -> str:
    """The file of a dashboard."""
    return json.dumps(_dashboard(dashboard), ensure_ascii=False, indent=2) + "\n"


def sql_of(query: Sql) -> str:
    """A question with Grafana's variables in place of ClickHouse's parameters.

    Anybody may write a variable's value into a link. Grafana's ``sqlstring`` doubles quotes and leaves backslashes, which ClickHouse takes
    for escapes; of what ``percentencode`` leaves, nothing ends a string.
    """
    text = query.text
    for name, value in (("from_ms", "${__from}"), ("to_ms", "${__to}")):
        text = text.replace(f"{{{name}:Int64}}", f"toInt64({value})")
    for name in ("district", "unit", "type", "item", "case"):
        text = text.replace(f"{{{name}:String}}", f"decodeURLComponent('${{{name}:percentencode}}')")
    return text


def _dashboard(dashboard: Dashboard) -> Json:
    since, refresh = _SPANS[dashboard.span]
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": [TAG],
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "Asia/Shanghai",
        "weekStart": "monday",
        "time": {"from": since, "to": "now"},
        "refresh": refresh,
        "links": [_navigation()],
        "annotations": {"list": [_annotation(each, color) for each, color in zip(dashboard.annotations, _MARKS, strict=False)]},
        "templating": {"list": [*map(_source_variable, _sources(dashboard)), *map(_variable, dashboard.variables)]},
        "panels": list(_panels(dashboard)),
    }


def _navigation() -> Json:
    return {
        "type": "dashboards",
        "title": "归档",
        "icon": "dashboard",
        "tooltip": "",
        "url": "",
        "tags": [TAG],
        "asDropdown": False,
        "keepTime": True,
        "includeVars": True,
        "targetBlank": False,
    }


def _sources(dashboard: Dashboard) -> tuple[Source, ...]:
    used = {panel.source for panel in dashboard.panels} | {_source_of(each.query) for each in dashboard.annotations}
    return tuple(source for source in PLUGINS if source in used)


def _source_of(query: Sql | Prom) -> Source:
    return "figures" if isinstance(query, Sql) else "pipeline"


def _ref(source: Source) -> Json:
    return {"type": PLUGINS[source], "uid": f"${{{source}}}"}


def _source_variable(source: Source) -> Json:
    return {
        "name": source,
        "label": _SOURCE_TITLES[source],
        "type": "datasource",
        "query": PLUGINS[source],
        "current": {"text": UIDS[source], "value": UIDS[source]},
        "hide": 0,
        "multi": False,
        "includeAll": False,
    }


def _variable(variable: Variable) -> Json:
    named = {"name": variable.name, "label": variable.title, "hide": 0}
    if variable.options is None:
        return {**named, "type": "textbox", "query": "", "current": {"text": "", "value": ""}}
    query = (
        f"SELECT value, label FROM ({_ALL} UNION ALL SELECT value, label FROM ({sql_of(variable.options)}))\nORDER BY value != '', value"
    )
    return {
        **named,
        "type": "query",
        "datasource": _ref("figures"),
        "query": query,
        "definition": query,
        "refresh": 1,
        "sort": 0,
        "multi": False,
        "includeAll": False,
        "current": {"text": "全部", "value": ""},
    }


def _annotation(annotation: Annotation, color: str) -> Json:
    query = annotation.query
    common = {"name": annotation.title, "enable": True, "iconColor": color, "datasource": _ref(_source_of(query))}
    if isinstance(query, Sql):
        return {**common, "target": _target(query, "table", "Anno")}
    target = {"refId": "Anno", "expr": query.text, "interval": "60s"}
    return {**common, "expr": query.text, "step": "60s", "titleFormat": query.legend, "textFormat": "", "target": target}


def _panels(dashboard: Dashboard) -> Iterator[Json]:
    number, top = 1, 0
    for section in dashboard.sections:
        yield {
            "id": number,
            "type": "row",
            "title": section.title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": top, "w": _GRID, "h": _ROW_HEIGHT},
        }
        number, top = number + 1, top + _ROW_HEIGHT
        for panel, place in _placed(section, top):
            yield {"id": number, **_panel(panel, dashboard), "gridPos": place}
            number, top = number + 1, max(top, place["y"] + place["h"])


def _placed(section: Section, top: int) -> list[tuple[Panel, dict[str, int]]]:
    """Panels beside each other as far as they fit, then below."""
    placed, left, height = [], 0, 0
    for panel in section.panels:
        if left + panel.width > _GRID:
            top, left, height = top + height, 0, 0
        placed.append((panel, {"x": left, "y": top, "w": panel.width, "h": panel.height}))
        left, height = left + panel.width, max(height, panel.height)
    return placed


def _panel(panel: Panel, dashboard: Dashboard) -> Json:
    is_table = _type_of(panel) == "table"
    defaults = {**(_TEXT if is_table else _UNITS[panel.unit]), "noValue": "–", "custom": _custom(panel)}
    if panel.thresholds and not is_table:
        defaults["thresholds"] = _thresholds(panel.thresholds)
    return {
        "type": _type_of(panel),
        "title": panel.title,
        "description": panel.description,
        "datasource": _ref(panel.source),
        "targets": [_target(query, panel.drawing, chr(ord("A") + number)) for number, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": defaults, "overrides": _overrides(panel, dashboard) if _has_columns(panel) else []},
        "options": _options(panel),
        "transformations": _transformations(panel) if _has_columns(panel) else [],
    }


def _has_columns(panel: Panel) -> bool:
    """Whether answers come as columns; a figure or a series of the pipeline comes under its labels."""
    return panel.source == "figures" or panel.drawing in {"table", "bars"}


def _transformations(panel: Panel) -> list[Json]:
    """Columns in their order. In pictures, only they, under their titles; a table keeps the others for its links."""
    names = [column.name for column in panel.columns]
    order: Json = {"indexByName": {name: number for number, name in enumerate(names)}, "excludeByName": {}, "renameByName": {}}
    if _type_of(panel) == "table":
        return [{"id": "organize", "options": order}]
    order["renameByName"] = {column.name: column.title for column in panel.columns}
    kept = ["time", *names] if panel.drawing == "line" else names
    return [{"id": "filterFieldsByName", "options": {"include": {"names": kept}}}, {"id": "organize", "options": order}]


def _type_of(panel: Panel) -> str:
    if panel.drawing == "timeline":
        return "table" if panel.source == "figures" else "state-timeline"
    return {"stat": "stat", "line": "timeseries", "bars": "barchart", "table": "table"}[panel.drawing]


def _target(query: Sql | Prom, drawing: str, ref: str) -> Json:
    if isinstance(query, Sql):
        over_time = drawing == "line"
        kind = {"queryType": "timeseries", "format": 0} if over_time else {"queryType": "table", "format": 1}
        return {"refId": ref, "datasource": _ref("figures"), "editorType": "sql", **kind, "rawSql": sql_of(query)}
    over_time = drawing in {"line", "timeline"}
    return {
        "refId": ref,
        "datasource": _ref("pipeline"),
        "editorMode": "code",
        "expr": query.text,
        "legendFormat": query.legend or "__auto",
        "range": over_time,
        "instant": not over_time,
        "format": "table" if drawing in {"table", "bars"} else "time_series",
    }


def _custom(panel: Panel) -> Json:
    if panel.drawing == "line":
        style = {"thresholdsStyle": {"mode": "line" if panel.thresholds else "off"}}
        return {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": False, **style}
    if _type_of(panel) == "state-timeline":
        return {"fillOpacity": 70, "lineWidth": 0}
    if panel.drawing == "bars":
        return {"fillOpacity": 70, "lineWidth": 1}
    return {"align": "auto", "inspect": False} if _type_of(panel) == "table" else {}


def _options(panel: Panel) -> Json:
    legend = {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}
    shared = {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    match _type_of(panel):
        case "stat":
            reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
            how = {"textMode": "value_and_name" if len(panel.columns) > 1 else "value", "graphMode": "none", "justifyMode": "center"}
            plain = {"wideLayout": True, "showPercentChange": False, "percentChangeColorMode": "standard", "orientation": "vertical"}
            return {"reduceOptions": reduced, "colorMode": "value" if panel.thresholds else "none", **how, **plain}
        case "barchart":
            bars = {"xField": panel.columns[0].title, "stacking": "normal" if panel.stacked else "none", "showValue": "auto"}
            look = {"xTickLabelRotation": 0, "xTickLabelMaxLength": 16, "barWidth": 0.9, "groupWidth": 0.7, "fullHighlight": False}
            return {**shared, **bars, **look, "orientation": "horizontal" if panel.stacked else "auto"}
        case "state-timeline":
            return {**shared, "showValue": "never", "mergeValues": True, "alignValue": "left", "rowHeight": 0.8}
        case "timeseries":
            return shared
        case _:
            return {"showHeader": True, "cellHeight": "sm", "frameIndex": 0}


def _overrides(panel: Panel, dashboard: Dashboard) -> list[Json]:
    if _type_of(panel) != "table":
        return [_matched({"id": "byName", "options": each.title}, _UNITS[each.unit]) for each in panel.columns if each.unit]
    return [*(_column(each, panel, dashboard) for each in panel.columns), _hidden(column.name for column in panel.columns)]


def _column(column: Column, panel: Panel, dashboard: Dashboard) -> Json:
    properties: Json = {"displayName": column.title, **(_UNITS[column.unit] if column.unit else {})}
    if column.link:
        properties["links"] = [{"title": _link_title(column.link), "url": _url(column.link, dashboard), "targetBlank": False}]
    if panel.thresholds and column.unit == panel.unit:
        properties |= {"thresholds": _thresholds(panel.thresholds), "custom.cellOptions": {"type": "color-text"}}
    return _matched({"id": "byName", "options": column.name}, properties)


def _hidden(shown: Iterable[str]) -> Json:
    """Columns that serve links alone."""
    others = {"id": "byNames", "options": {"mode": "exclude", "names": list(shown), "readOnly": True}}
    return _matched(others, {"custom.hidden": True, "custom.hideFrom": {"viz": True, "legend": True, "tooltip": True}})


def _matched(matcher: Json, properties: Json) -> Json:
    return {"matcher": matcher, "properties": [{"id": name, "value": value} for name, value in properties.items()]}


def _thresholds(thresholds: tuple[Threshold, ...]) -> Json:
    """The first level holds from the beginning, which Grafana writes as null."""
    steps = [{"color": _COLORS[each.level], "value": each.value if number else None} for number, each in enumerate(thresholds)]
    return {"mode": "absolute", "steps": steps}


def _link_title(link: Link) -> str:
    return {"unit": "看这个单位", "item": "看这个事项", "case": "看这件办件", "district": "只看这个区县"}[link.variable]


def _url(link: Link, dashboard: Dashboard) -> str:
    """Time range, the reader's data sources and variables, and those that the row sets."""
    rows = {link.variable: link.key, **dict(link.also)}
    kept = (*_sources(dashboard), *(variable.name for variable in dashboard.variables))
    parts = ["${__url_time_range}", *(f"${{{name}:queryparam}}" for name in kept if name not in rows)]
    parts += [f'var-{name}=${{__data.fields["{key}"]:percentencode}}' for name, key in rows.items()]
    return f"/d/{link.uid}?{'&'.join(parts)}"
