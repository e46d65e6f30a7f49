"""The board's HTTP: pages, the model, and an answer for each panel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from aiohttp import web

from dashboards.board.answer import Table
from dashboards.board.cases import FOUND, Timelines
from dashboards.board.choice import VARIABLES, Choice, choice_of
from dashboards.board.figures import Figures
from dashboards.board.guard import guard, put_headers
from dashboards.board.pipeline import Pipeline, without_prometheus
from dashboards.board.prometheus import Prometheus
from dashboards.board.published import published
from dashboards.board.shared import Shared
from dashboards.model import Dashboard, Panel, Prom, Sql
from streams.clock import wall_ms
from streams.errors import ConfigurationError, GuidangError
from streams.settings import Settings

STATIC: Final = Path(__file__).with_name("static")
OVER_TIME: Final = ("line", "timeline")
_FRESH_SECONDS: Final = 5.0
_BAD_REQUEST, _UNAVAILABLE = 400, 503


@dataclass(slots=True)
class Board:
    """Answers for a list of dashboards; made in the event loop that serves it."""

    settings: Settings
    dashboards: tuple[Dashboard, ...]
    _figures: Figures = field(init=False)
    _pipeline: Pipeline = field(init=False)
    _timelines: Timelines = field(init=False)
    _prometheus: Prometheus | None = field(init=False, default=None)
    _shared: Shared = field(init=False)

    def __post_init__(self) -> None:
        self._figures, self._pipeline = Figures(self.settings), Pipeline(self.settings)
        self._timelines, self._shared = Timelines(self.settings), Shared(_FRESH_SECONDS)
        if self.settings.board.prometheus_url:
            self._prometheus = Prometheus(self.settings.board.prometheus_url)
        else:
            self.dashboards = without_prometheus(self.dashboards)

    async def page(self, request: web.Request) -> web.StreamResponse:
        """The page, the same for all dashboards: what it shows, its address says."""
        if uid := request.match_info.get("uid"):
            self._dashboard(uid)
        return web.FileResponse(STATIC / "page.html", headers={"Cache-Control": "no-cache"})

    async def first(self, request: web.Request) -> web.StreamResponse:
        """To the first dashboard, with whatever was chosen."""
        raise web.HTTPFound(request.rel_url.with_path(f"/d/{self.dashboards[0].uid}").with_query(request.rel_url.query))

    async def model(self, _request: web.Request) -> web.Response:
        """All dashboards."""
        return _json(published(self.dashboards))

    async def panel(self, request: web.Request) -> web.Response:
        """Answers to all queries of a panel."""
        dashboard = self._dashboard(request.match_info["uid"])
        panel = next((panel for panel in dashboard.panels if panel.key == request.match_info["key"]), None)
        if panel is None:
            raise web.HTTPNotFound(text="没有这个图 no such panel\n")
        choice = self._choice(request, dashboard)
        tables = await self._shared.get(("panel", panel.key, *self._asked(request, dashboard)), lambda: self._ask_panel(panel, choice))
        return self._answered(choice, {"tables": [table.plain for table in tables]})

    async def annotations(self, request: web.Request) -> web.Response:
        """All marks on the time axis, in the order of the model."""
        dashboard = self._dashboard(request.match_info["uid"])
        choice = self._choice(request, dashboard)
        asked = self._asked(request, dashboard)

        async def ask() -> list[Table]:
            return [await self._ask(annotation.query, choice, over_time=True) for annotation in dashboard.annotations]

        return self._answered(choice, {"tables": [table.plain for table in await self._shared.get(("annotations", *asked), ask)]})

    async def options(self, request: web.Request) -> web.Response:
        """Values of a variable, given those before it."""
        dashboard = self._dashboard(request.match_info["uid"])
        name = request.match_info["variable"]
        variable = next((variable for variable in dashboard.variables if variable.name == name), None)
        if variable is None or variable.options is None:
            raise web.HTTPNotFound(text="没有这个变量 no such variable\n")
        choice, options = self._choice(request, dashboard), variable.options
        key = ("options", name, *self._asked(request, dashboard))
        return self._answered(choice, (await self._shared.get(key, lambda: self._ask(options, choice))).plain)

    async def cases(self, request: web.Request) -> web.Response:
        """Cases whose number begins as ``case`` does."""
        choice = self._choice(request)
        if not choice.variables["case"]:
            raise web.HTTPBadRequest(text="case 为空 is empty\n")
        return self._answered(choice, (await self._figures.ask(FOUND, choice.parameters)).plain)

    async def timeline(self, request: web.Request) -> web.StreamResponse:
        """One JSON object a line: how far the reading is, at last what was found."""
        case_no = self._choice(request).variables["case"]
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        async for line in self._timelines.read(case_no):
            await response.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        await response.write_eof()
        return response

    async def closing(self, _app: web.Application) -> AsyncIterator[None]:
        """Let go of everything when the server ends."""
        yield
        self._figures.close()
        if self._prometheus:
            await self._prometheus.close()

    async def _ask_panel(self, panel: Panel, choice: Choice) -> list[Table]:
        if not panel.queries:
            return [await self._pipeline.ask(panel.key)]
        return [await self._ask(query, choice, over_time=panel.drawing in OVER_TIME) for query in panel.queries]

    async def _ask(self, query: Sql | Prom, choice: Choice, *, over_time: bool = False) -> Table:
        if isinstance(query, Sql):
            return await self._figures.ask(query.text, choice.parameters)
        if self._prometheus is None:
            raise ConfigurationError("board.prometheus_url 没有设置 is not set")
        return await self._prometheus.ask(query, choice, over_time=over_time)

    @staticmethod
    def _asked(request: web.Request, dashboard: Dashboard) -> tuple[str | None, ...]:
        """What two readers must have in common to get the same answer."""
        return (dashboard.uid, *(request.query.get(name) for name in ("range", *VARIABLES)))

    def _choice(self, request: web.Request, dashboard: Dashboard | None = None) -> Choice:
        clock = self.settings.make_clock()
        try:
            return choice_of(request.query, dashboard.span if dashboard else "year", clock.now_ms(), clock.shift_ms)
        except ConfigurationError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from error

    def _answered(self, choice: Choice, found: dict[str, Any]) -> web.Response:
        return _json({"from_ms": choice.from_ms, "to_ms": choice.to_ms, "now_ms": wall_ms() + choice.shift_ms, **found})

    def _dashboard(self, uid: str) -> Dashboard:
        found = next((dashboard for dashboard in self.dashboards if dashboard.uid == uid), None)
        if found is None:
            raise web.HTTPNotFound(text="没有这个看板 no such dashboard\n")
        return found


@web.middleware
async def tell_errors(request: web.Request, handler: Any) -> web.StreamResponse:
    """What an operator can mend is told, with 503: the page shows it and asks again."""
    try:
        response: web.StreamResponse = await handler(request)
    except GuidangError as error:
        return _json({"error": str(error)}, status=_UNAVAILABLE)
    return response


async def make_app(settings: Settings, dashboards: Iterable[Dashboard]) -> web.Application:
    """Wire everything; nothing is connected before the first question."""
    board = Board(settings, tuple(dashboards))
    app = web.Application(middlewares=[guard((settings.board.host, *settings.board.names)), tell_errors])
    app.on_response_prepare.append(put_headers)
    app.cleanup_ctx.append(board.closing)
    app.router.add_get("/", board.first)
    app.router.add_get("/d/{uid}", board.page)
    app.router.add_get("/ping", _pong)
    app.router.add_get("/api/dashboards", board.model)
    app.router.add_get("/api/panel/{uid}/{key}", board.panel)
    app.router.add_get("/api/annotations/{uid}", board.annotations)
    app.router.add_get("/api/options/{uid}/{variable}", board.options)
    app.router.add_get("/api/cases", board.cases)
    app.router.add_get("/api/timeline", board.timeline)
    app.router.add_static("/static", STATIC)
    return app


async def _pong(_request: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")


def _json(found: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(found), status=status, content_type="application/json")
