"""Panels as data: what is asked, how it is drawn, and what it means. Who draws them (Grafana, the board) knows nothing of archives.

Variables are ``district``, ``unit``, ``type``, ``item`` and ``case``; the empty text means 全部, everything. Times are epoch
milliseconds, ``from_ms`` and ``to_ms``, of the range that the reader has chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Source = Literal["figures", "pipeline"]
Drawing = Literal["stat", "line", "bars", "table", "timeline"]
"""How answers are drawn.

``stat``: one row, a figure for each column. ``line``: column ``time`` and a series for each other column of ``columns``. ``bars``: the
first column of ``columns`` names a bar, the others are its figures. ``table``: the columns of ``columns`` in their order; others are not
shown and serve links. ``timeline``: of figures, events in their order (``time``, ``what``, ``detail``); of the pipeline, a state over time
for each series. The pipeline is asked over the range for ``line`` and ``timeline``, else for its end; in tables and bars its labels are
columns, and ``Value``.
"""
Unit = Literal["", "cases", "records", "ratio", "points", "seconds", "days", "per_second", "time"]
Level = Literal["good", "warning", "bad"]
Span = Literal["year", "hours"]


@dataclass(frozen=True, slots=True)
class Sql:
    """A question to ClickHouse (``figures``).

    Parameters
    ----------
    text
        With ClickHouse's own parameters: ``{from_ms:Int64}``, ``{to_ms:Int64}``, ``{unit:String}`` and the other variables. It filters by
        ``({unit:String} = '' OR unit_code = {unit:String})``. A line needs a column ``time`` (DateTime); columns carry the names of
        the command line's rows.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Prom:
    """A question to Prometheus (``pipeline``), in PromQL; ``legend`` may hold ``{{label}}``."""

    text: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, or a series of a drawing, as people read it.

    Parameters
    ----------
    unit
        Its own. Empty: in a table a text, or a number to be shown as it is; else the panel's.
    link
        Where a click on it leads.
    """

    name: str
    title: str
    unit: Unit = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A way down: to dashboard ``uid`` with ``variable`` set to the row's column ``key``; time range and other variables stay.

    Parameters
    ----------
    also
        More variables and columns to set them from.
    """

    uid: str
    variable: str
    key: str
    also: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Threshold:
    """From ``value`` on the level holds, for figures in the panel's unit; the first level holds below its value too."""

    value: float
    level: Level


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture.

    Parameters
    ----------
    key
        Unique in its dashboard, stable: the picture's address.
    title, description
        Chinese. The description says what is counted, and what to do when it looks bad.
    width, height
        In Grafana's grid: 24 columns, rows of 30 px.
    stacked
        Figures of one bar, or of one moment, make up a whole.
    """

    key: str
    title: str
    description: str
    drawing: Drawing
    queries: tuple[Sql | Prom, ...]
    unit: Unit = ""
    columns: tuple[Column, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    width: int = 12
    height: int = 8
    stacked: bool = False

    @property
    def source(self) -> Source:
        """Where the answers come from; all queries of a panel have one source."""
        return "figures" if isinstance(self.queries[0], Sql) else "pipeline"


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """What the reader chooses.

    Parameters
    ----------
    options
        Its values: rows ``value``, ``label``, without one for 全部; may depend on variables before it. ``None``: free text.
    """

    name: str
    title: str
    options: Sql | None


@dataclass(frozen=True, slots=True)
class Annotation:
    """Marks on the time axis: what happened then.

    Parameters
    ----------
    query
        Of figures: rows ``time``, ``title``, ``text``. Of the pipeline: a mark wherever there is a sample, under its ``legend``.
    """

    key: str
    title: str
    query: Sql | Prom


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page of panels.

    Parameters
    ----------
    span
        What it opens with: the year to date, or the last six hours.
    """

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    sections: tuple[Section, ...]
    annotations: tuple[Annotation, ...] = ()
    span: Span = "year"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All of them, in order."""
        return tuple(panel for section in self.sections for panel in section.panels)
