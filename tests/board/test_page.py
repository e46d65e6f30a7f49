"""The page in a real Chromium: it draws, leads down, lives, and can be used by everybody."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from ops.rounding import percent, rounded
from tests.board.conftest import BoardProcess, Year
from tests.ops.test_rounding import SCORES, SHARES

CHROMIUM = shutil.which("chromium")
WIDE, PHONE = {"width": 1920, "height": 1080}, {"width": 390, "height": 844}
pytestmark = [
    pytest.mark.clickhouse,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)"),
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser; each test has a context of its own. It can reach nothing but this machine: the page needs nothing else."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Browser, board: BoardProcess) -> Iterator[Any]:
    """Opens pages that must neither complain nor ask anybody else; ``complaints`` may be emptied by a test that provokes some."""
    complaints: list[str] = []
    contexts = []

    def hear(page: Page) -> None:
        page.on("console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", foreign)

    def foreign(request: Request) -> None:
        if not request.url.startswith((board.address, "data:", "blob:")):
            complaints.append(request.url)

    def open_page(path: str = "/", viewport: dict[str, int] = WIDE, **context: Any) -> Page:
        made = chromium.new_context(viewport=viewport, timezone_id="America/New_York", **context)  # type: ignore[arg-type]
        contexts.append(made)
        page = made.new_page()
        hear(page)
        page.goto(board.address + path)
        settled(page)
        return page

    open_page.complaints = complaints  # type: ignore[attr-defined]
    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def settled(page: Page) -> None:
    """Wait until every panel has its answer."""
    expect(page.locator("main[aria-busy=false] .card").first).to_be_visible(timeout=20_000)


def panel(page: Page, key: str) -> Any:
    """The card of a panel."""
    return page.locator(f'[data-key="{key}"]')


def painted(page: Page, key: str) -> bool:
    """Whether the canvas of a panel shows anything."""
    script = """card => {
        const canvas = card.querySelector('canvas');
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return new Set(new Uint32Array(pixels.buffer)).size > 8;
    }"""
    return bool(panel(page, key).evaluate(script))


def test_the_overview_draws_and_the_worst_unit_leads_to_its_worst_item_and_that_to_its_cases(opened: Any) -> None:
    """Three clicks; range and variables stay, and going back undoes each."""
    page = opened("/?range=2018-01-01..2018-12-31")
    assert painted(page, "trend")
    assert painted(page, "ageing")
    closed = panel(page, "counts").locator(".stat dd").first
    assert int(closed.inner_text().replace(",", "")) > 100
    everything = closed.inner_text()
    unit = panel(page, "units").locator("tbody a").first
    name = unit.inner_text()
    unit.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("归档：单位")
    expect(page.get_by_role("combobox", name="单位")).to_have_value(re.compile(re.escape(name)))
    settled(page)
    assert panel(page, "counts").locator(".stat dd").first.inner_text() != everything
    panel(page, "items").locator("tbody a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("归档：事项与办件")
    settled(page)
    case = panel(page, "cases").locator("tbody a").first
    number = case.inner_text()
    case.click()
    expect(panel(page, "case").locator("tbody")).to_contain_text(number)
    expect(panel(page, "timeline").locator("li").first).to_be_visible()
    assert "range=2018-01-01..2018-12-31" in page.url
    assert {"unit=", "item=", "case="} <= {part.split("=")[0] + "=" for part in page.url.split("?")[1].split("&")}
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("归档：单位")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("归档：全市总览")
    expect(panel(page, "counts").locator(".stat dd").first).to_have_text(everything)


def test_times_are_those_of_beijing_wherever_the_reader_is(opened: Any) -> None:
    """The browser says that it is in New York; the job's clock stands at the last evening of 2018."""
    page = opened()
    expect(page.locator("#clock")).to_have_text(re.compile(r"^2018-12-31 18:"))


def test_figures_are_rounded_as_on_the_command_line(opened: Any) -> None:
    """The same examples, and a thousand ratios and scores of small numbers of cases, among which are halves."""
    ratios = {**SHARES, **{part / whole: percent(part / whole) for whole in range(1, 2_000, 40) for part in range(0, whole + 1, 37)}}
    scores = {**SCORES, **{60 - 50 * ratio: str(rounded(60 - 50 * ratio, 2)) for ratio in ratios}}
    script = """async ([unit, values]) => {
        const { shown } = await import("/static/format.js");
        return values.map((value) => shown(value, unit));
    }"""
    page = opened()
    assert page.evaluate(script, ["ratio", list(ratios)]) == list(ratios.values())
    assert page.evaluate(script, ["points", list(scores)]) == list(scores.values())


def test_a_variable_is_chosen_with_the_keyboard_alone(opened: Any) -> None:
    """Type, go down, take; Escape gives up; the button clears."""
    page = opened("/d/guidang-city")
    box = page.get_by_role("combobox", name="单位")
    box.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", name="全部")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    page.keyboard.type("公安")
    option = page.get_by_role("option").first
    expect(option).to_contain_text("公安")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"unit=\d+"))
    expect(panel(page, "units").locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="清除单位").press("Enter")
    expect(page).not_to_have_url(re.compile("unit="))


def test_everything_is_reached_by_tab_with_a_visible_focus(opened: Any) -> None:
    """From the way past the head to the last panel's table; every stop has an outline."""
    page = opened("/d/guidang-city")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到内容")).to_be_in_viewport()
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "(() => { const at = document.activeElement; const style = getComputedStyle(at);"
            " return [at.tagName, at.textContent.slice(0, 20), at.closest('[data-key]')?.dataset.key ?? '',"
            " style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2]; })()"
        )
        assert found[3], found
        seen.add(found[2])
    assert {"counts", "units"} <= seen


def test_a_chart_is_a_table_on_demand_and_its_series_can_be_hidden(opened: Any) -> None:
    """With the same figures; both by the keyboard."""
    page = opened("/d/guidang-city")
    chart = panel(page, "ageing")
    assert "天" in (chart.get_by_role("img").get_attribute("aria-label") or "")
    chart.get_by_role("button", name="以表格显示").press("Enter")
    rows = chart.locator("tbody tr")
    expect(rows.first).to_be_visible()
    trend = panel(page, "trend")
    series = trend.get_by_role("button", name="已归档")
    series.press("Enter")
    expect(series).to_have_attribute("aria-pressed", "false")
    expect(series).to_be_focused()


def test_a_table_is_sorted_by_its_heads_and_stays_so(opened: Any) -> None:
    """Figures from the largest; said by aria-sort."""
    page = opened("/d/guidang-city")
    table = panel(page, "units")
    table.get_by_role("button", name="办结").press("Enter")
    expect(table.locator("th", has_text="办结")).to_have_attribute("aria-sort", "descending")
    column = [one.strip() for one in table.locator("thead th").all_inner_texts()].index("办结▼")
    found = [int(text.replace(",", "")) for text in table.locator(f"tbody tr > :nth-child({column + 1})").all_inner_texts()]
    assert found == sorted(found, reverse=True)


def test_a_case_is_found_by_the_beginning_of_its_number(opened: Any, board: BoardProcess) -> None:
    """From any dashboard; its timeline follows. Where Kafka is not there, reading the events says so."""
    ((case, *_),) = board.tables("/api/panel/guidang-item/cases")
    page = opened("/d/guidang-city")
    page.get_by_role("combobox", name="查办件").fill(case["case_no"][:-1])
    page.get_by_role("option").filter(has_text=case["case_no"]).click()
    expect(page).to_have_url(re.compile(f"guidang-item.*case={case['case_no']}"))
    expect(panel(page, "timeline").get_by_text("办结", exact=True)).to_be_visible()
    page.get_by_role("button", name="从 Kafka 读取").click()
    expect(page.locator(".evidence .fault")).to_contain_text("guidang up")


def test_figures_are_live_and_reading_stops_when_told_or_when_nobody_looks(opened: Any) -> None:
    """Asked again after 15 s without anything being drawn anew; not while paused."""
    page = opened("/d/guidang-pipeline")
    asked: list[str] = []
    page.clock.install()
    page.reload()
    settled(page)
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("document.querySelector('[data-key=processes] .body').dataset.mark = 'kept'")
    page.clock.run_for(16_000)
    expect(page.locator("[data-mark=kept]")).to_have_count(1)
    page.wait_for_timeout(1)
    assert any("/api/panel/" in url for url in asked)
    page.get_by_role("button", name="暂停刷新").click()
    asked.clear()
    page.clock.run_for(60_000)
    assert asked == []
    expect(page.get_by_role("button", name="继续刷新")).to_be_visible()
    opened.complaints.clear()  # Kafka does not run here: its panels answer 503, which Chromium tells


def test_the_page_survives_the_stores_absence_and_recovers_by_itself(opened: Any, year: Year) -> None:
    """A banner with what to do, old figures greyed and marked; all of it goes when the store is back."""
    page = opened("/d/guidang-city")
    figure = panel(page, "counts").locator(".stat dd").first
    before = figure.inner_text()
    year.store.kill()
    try:
        page.get_by_role("button", name="暂停刷新").click()
        page.wait_for_timeout(5_100)  # as long as the server keeps an answer
        page.get_by_role("button", name="继续刷新").click()
        expect(page.locator("#banner")).to_contain_text("ClickHouse", timeout=20_000)
        expect(page.locator("#banner")).to_contain_text("2018-12-31")
        expect(panel(page, "counts")).to_have_class(re.compile("stale"))
        expect(figure).to_have_text(before)
    finally:
        year.store.start()
    expect(page.locator("#banner")).to_be_hidden(timeout=20_000)
    expect(panel(page, "counts")).not_to_have_class(re.compile("stale"))
    expect(figure).to_have_text(before)
    opened.complaints.clear()  # the answers 503


@pytest.mark.parametrize(
    ("uid", "viewport", "scheme"),
    [
        pytest.param("guidang-city", WIDE, "light", id="city-wide"),
        pytest.param("guidang-item", WIDE, "dark", id="item-wide-dark"),
        pytest.param("guidang-city", PHONE, "dark", id="city-phone-dark"),
        pytest.param("guidang-item", PHONE, "light", id="item-phone"),
        pytest.param("guidang-quality", PHONE, "dark", id="quality-phone-dark"),
    ],
)
def test_a_page_fits_its_screen_and_keeps_the_accessibility_rules(
    opened: Any, board: BoardProcess, uid: str, viewport: dict[str, int], scheme: str
) -> None:
    """Contrast, names, roles, order; nothing sticks out sideways; with a description opened and a case chosen."""
    ((case, *_),) = board.tables("/api/panel/guidang-item/cases")
    page = opened(f"/d/{uid}?case={case['case_no']}", viewport, color_scheme=scheme)
    page.locator(".card .icon[aria-expanded]").first.click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8") + ";0")
    found = page.evaluate("rules => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })", RULES)
    told = [(one["id"], node["html"][:200], node["failureSummary"][:300]) for one in found["violations"] for node in one["nodes"]]
    assert told == []
