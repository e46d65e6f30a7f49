"""What is committed is what the panels say, and keeps the rules that Grafana's dashboards are held to."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import yaml

from dashboards import grafana
from dashboards.model import Sql
from dashboards.panels import DASHBOARDS
from dashboards.render import FOLDER, files
from tests.dashboards.conftest import World
from tests.dashboards.test_figures import ask, panel_of, rows, worst_unit

PROVISIONING = Path(grafana.__file__).parent / "provisioning"
BOARDS = {board["uid"]: board for board in map(json.loads, files().values())}
CHAIN = ("district", "unit", "type", "item", "case")
Json = dict[str, Any]


def panels(board: Json) -> list[Json]:
    """All panels but the headings."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


every_board = pytest.mark.parametrize("board", BOARDS.values(), ids=list(BOARDS))
every_panel = pytest.mark.parametrize(
    "panel", [pytest.param(panel, id=f"{uid}-{panel['id']}") for uid, board in BOARDS.items() for panel in panels(board)]
)


def test_the_committed_files_are_the_rendered_ones() -> None:
    """``python -m dashboards.render`` after a change; no file is left over."""
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == files()


def test_there_are_the_six_dashboards_under_their_addresses() -> None:
    """Bookmarks, alerts and messages lead to them."""
    kinds = ("city", "unit", "item", "quality", "pipeline", "alerts")
    assert list(BOARDS) == [f"guidang-{kind}" for kind in kinds]
    assert set(files()) == {f"{kind}.json" for kind in kinds}


@every_board
def test_a_dashboard_says_what_it_is_in_the_citys_time_and_cannot_be_edited(board: Json) -> None:
    """Title and description in Chinese, Asia/Shanghai, refreshed, tagged."""
    assert chinese(board["title"])
    assert chinese(board["description"])
    assert (board["timezone"], board["editable"], board["tags"]) == ("Asia/Shanghai", False, ["guidang"])
    assert board["refresh"]
    assert board["time"]["to"] == "now"
    (navigation,) = board["links"]
    assert navigation["keepTime"]
    assert navigation["includeVars"]


@every_board
def test_panels_have_numbers_of_their_own_and_do_not_overlap(board: Json) -> None:
    """Within Grafana's 24 columns; keys are unique, too."""
    numbers = Counter(panel["id"] for panel in board["panels"])
    assert set(numbers.values()) == {1}
    for one, other in combinations([panel["gridPos"] for panel in board["panels"]], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)
    assert all(panel["gridPos"]["x"] >= 0 and panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in board["panels"])
    (dashboard,) = [each for each in DASHBOARDS if each.uid == board["uid"]]
    assert set(Counter(panel.key for panel in dashboard.panels).values()) == {1}
    assert {re.fullmatch(r"[a-z][a-z-]*", panel.key) for panel in dashboard.panels}.isdisjoint({None})


@every_panel
def test_a_panel_has_a_title_a_description_a_unit_and_a_data_source_by_variable(panel: Json) -> None:
    """The description says what is counted and what to do, in more than one clause."""
    assert chinese(panel["title"])
    assert chinese(panel["description"])
    assert len(panel["description"]) > 30
    assert re.search("[。：；]", panel["description"])
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
        assert source["uid"] in {"${figures}", "${pipeline}"}
    assert len({target["datasource"]["uid"] for target in panel["targets"]}) == 1
    references = Counter(target["refId"] for target in panel["targets"])
    assert set(references.values()) == {1}


@every_panel
def test_what_is_shown_has_a_chinese_heading(panel: Json) -> None:
    """No column comes under the database's name for it."""
    titles = [
        each["value"] for override in panel["fieldConfig"]["overrides"] for each in override["properties"] if each["id"] == "displayName"
    ]
    renamed = [title for step in panel["transformations"] if step["id"] == "organize" for title in step["options"]["renameByName"].values()]
    assert all(chinese(title) for title in (*titles, *renamed))
    assert len(set(titles)) == len(titles)


@every_board
def test_variables_come_in_the_order_in_which_they_depend_on_each_other(board: Json) -> None:
    """Data sources first; a variable asks for none behind it; 全部 is the first choice."""
    variables = board["templating"]["list"]
    names = [variable["name"] for variable in variables]
    sources = [name for name in ("figures", "pipeline") if name in names]
    assert names == sources + [name for name in CHAIN if name in names]
    assert all(chinese(variable["label"]) or variable["type"] == "datasource" for variable in variables)
    for number, variable in enumerate(variables):
        if variable["type"] == "query":
            assert used(variable["query"]) <= set(names[:number])
            assert (variable["current"], variable["multi"], variable["includeAll"]) == ({"text": "全部", "value": ""}, False, False)
        elif variable["type"] == "datasource":
            assert variable["query"] == grafana.PLUGINS[variable["name"]]


@every_board
def test_every_variable_is_used_and_every_one_that_is_used_is_there(board: Json) -> None:
    """Queries, links and annotations ask for nothing that the dashboard does not have."""
    names = {variable["name"] for variable in board["templating"]["list"]}
    assert used(json.dumps([board["panels"], board["annotations"]], ensure_ascii=False)) == names


@every_board
def test_annotations_tell_of_configurations_loads_and_versions(board: Json) -> None:
    """Each in a colour of its own; where there are no figures, of versions and reference data."""
    annotations = board["annotations"]["list"]
    assert len({each["iconColor"] for each in annotations}) == len(annotations)
    has_figures = any(variable["name"] == "figures" for variable in board["templating"]["list"])
    assert [each["name"] for each in annotations] == [*(["配置生效", "补录"] if has_figures else []), "参照数据变动", "版本更替"]


def links() -> Iterator[Any]:
    """Every data link."""
    for uid, board in BOARDS.items():
        for panel in panels(board):
            for override in panel["fieldConfig"]["overrides"]:
                for each in override["properties"]:
                    if each["id"] == "links":
                        for link in each["value"]:
                            yield pytest.param(board, link, id=f"{uid}-{panel['id']}-{override['matcher']['options']}")


@pytest.mark.parametrize(("board", "link"), list(links()))
def test_a_link_leads_to_a_dashboard_and_keeps_time_and_variables(board: Json, link: Json) -> None:
    """All variables that are there, but those which the row sets; and those it sets are there."""
    parts = urlsplit(link["url"])
    uid = parts.path.removeprefix("/d/")
    there = {variable["name"] for variable in BOARDS[uid]["templating"]["list"]}
    given = parts.query.split("&")
    assert given[0] == "${__url_time_range}"
    kept = [name for part in given[1:] if (name := "".join(re.findall(r"^\$\{(\w+):queryparam\}$", part)))]
    chosen = [name for part in given[1:] if (name := "".join(re.findall(r'^var-(\w+)=\$\{__data\.fields\["\w+"\]:percentencode\}$', part)))]
    assert len(kept) + len(chosen) == len(given) - 1
    assert sorted(kept + chosen) == sorted({*(variable["name"] for variable in board["templating"]["list"]), *chosen})
    assert chosen
    assert set(chosen) <= there
    assert link["targetBlank"] is False
    assert chinese(link["title"])


@every_panel
def test_no_code_of_a_unit_a_district_or_an_item_stands_in_a_query(panel: Json) -> None:
    """What is meant is chosen by the reader."""
    for target in panel["targets"]:
        text = target.get("rawSql") or target["expr"]
        assert not re.search(r"(unit_code|district_code|item_code|item_type|scope|unit|district)\s*(=~?|IN)\s*\(?['\"][^'\"]+['\"]", text)
        assert "SETTINGS" not in text
        assert "[[" not in text
        assert not re.search(r"\{\w+:(String|Int64)\}", text)


def used(text: str) -> set[str]:
    """Names of variables in a text, Grafana's own left out."""
    return {name for name in re.findall(r"\$\{(\w+)[^}]*\}", text) if not name.startswith("__")}


def chinese(text: str) -> bool:
    """Whether there is a Chinese character in it."""
    return bool(re.search("[一-鿿]", text))


def interpolated(sql: str, world: World, **chosen: str) -> str:
    """What Grafana makes of a query: of a value, ``percentencode`` leaves letters, digits and ``-_.~``."""
    text = sql.replace("${__from}", str(world.window.start_ms)).replace("${__to}", str(world.now_ms))
    text = re.sub(r"\$\{(\w+):percentencode\}", lambda found: quote(chosen.get(found[1], ""), safe=""), text)
    assert "$" not in text
    return text


@pytest.mark.clickhouse
@pytest.mark.parametrize("chosen", [{}, {"unit": "U'1"}, {"unit": "U\\"}, {"unit": "\\' OR 1 = 1 -- "}, {"unit": "%27 +单位"}])
def test_what_grafana_asks_is_what_the_panels_ask(world: World, chosen: dict[str, str]) -> None:
    """The same rows with its variables as with ClickHouse's parameters, for 全部 and for codes that would break out of their quotes."""
    asked = {**chosen, "case": "没有"} if chosen else {"unit": worst_unit(world)}
    for uid, key in (("guidang-city", "units"), ("guidang-city", "trend"), ("guidang-item", "cases"), ("guidang-quality", "misconfigured")):
        (target,) = [
            target["rawSql"] for panel in panels(BOARDS[uid]) if panel["title"] == panel_of(uid, key).title for target in panel["targets"]
        ]
        found = list(world.reader.query(interpolated(target, world, **asked)).named_results())
        assert [dict(row) for row in found] == rows(world, uid, key, **asked)
        assert bool(found) is not bool(chosen)


@pytest.mark.clickhouse
def test_the_first_choice_of_each_variable_is_everything(world: World) -> None:
    """With an empty value, before all codes."""
    for variable in BOARDS["guidang-item"]["templating"]["list"]:
        if variable["type"] == "query":
            found = world.reader.query(interpolated(variable["query"], world)).result_rows
            (options,) = [each.options for each in DASHBOARDS[2].variables if each.name == variable["name"]]
            assert isinstance(options, Sql)
            assert found[0] == ("", "全部")
            assert [row[0] for row in found[1:]] == [row["value"] for row in ask(world, options)]


def test_data_sources_are_provisioned_under_the_uids_that_dashboards_begin_with() -> None:
    """Neither can be edited; the password is read from a file."""
    (sources,) = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in (PROVISIONING / "datasources").iterdir())
    assert {each["uid"]: each["type"] for each in sources["datasources"]} == {
        grafana.UIDS[source]: plugin for source, plugin in grafana.PLUGINS.items()
    }
    assert not any(each["editable"] for each in sources["datasources"])
    (clickhouse,) = [each for each in sources["datasources"] if each["type"] == grafana.PLUGINS["figures"]]
    assert clickhouse["jsonData"]["username"] == "dashboards"
    assert clickhouse["secureJsonData"]["password"].startswith("$__file{")
    for board in BOARDS.values():
        for variable in board["templating"]["list"]:
            if variable["type"] == "datasource":
                assert variable["current"]["value"] == grafana.UIDS[variable["name"]]


def test_dashboards_are_provisioned_for_reading_alone() -> None:
    """From the folder of rendered files, and nobody changes them in Grafana."""
    (given,) = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in (PROVISIONING / "dashboards").iterdir())
    (provider,) = given["providers"]
    assert (provider["type"], provider["disableDeletion"], provider["allowUiUpdates"]) == ("file", True, False)
