"""What is printed: the tables of a bulletin, or of a unit's list, with the words around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.bulletin.charts import Chart, charts
from ops.bulletin.contents import tables
from ops.bulletin.model import Bulletin
from ops.bulletin.tables import Table
from ops.rounding import percent, rounded

ISSUER = "“最多跑一次”事项电子化归档"
SOURCE = "依据：杭智办〔2018〕3号；办件来自浙江政务服务网，归档来自电子档案接收平台。"


@dataclass(frozen=True, slots=True)
class Document:
    """A document.

    Parameters
    ----------
    facts
        Name and value of what is printed below the title: period, moment of the data, edition.
    as_of
        ISO time of the data. The files carry it as their date, so that the same data make the same bytes.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    lead: str
    charts: Sequence[Chart]
    tables: Sequence[Table]
    as_of: str


def bulletin_document(bulletin: Bulletin, edition: str, difference: Table | None = None) -> Document:
    """A bulletin as a document.

    Parameters
    ----------
    edition
        ``草稿``, or which edition it is.
    difference
        What changed since the edition before; printed first among the tables.
    """
    facts = [
        ("期间", f"{bulletin.label}（{bulletin.first} 至 {bulletin.last}）" + ("，尚未结束" if bulletin.in_progress else "")),
        ("数据截至", bulletin.as_of),
        ("版次", edition),
    ]
    return Document(
        title=f"{ISSUER}通报（{bulletin.label}）",
        facts=facts,
        lead=_lead(bulletin),
        charts=charts(bulletin),
        tables=[*([difference] if difference else []), *tables(bulletin)],
        as_of=bulletin.as_of,
    )


def _lead(bulletin: Bulletin) -> str:
    city = bulletin.city
    if city.coverage is None:
        return "本期没有计入考核的办结办件。"
    change = city.coverage_change
    compared = "" if change is None else f"，较上期{'提高' if change >= 0 else '降低'} {rounded(abs(change) * 100, 2)} 个百分点"
    waived = f"另有 {len(bulletin.waived)} 个问题经豁免，不计入得分。" if bulletin.waived else ""
    return (
        f"本期全市办结 {city.closed:,} 件，已归档 {city.archived:,} 件（其中逾期 {city.archived_late:,} 件），"
        f"归档覆盖率 {percent(city.coverage)}{compared}；"
        f"未归档 {city.unarchived:,} 件，待归档 {city.awaiting:,} 件，孤立归档 {city.orphan:,} 件。"
        f"待更正的归档模块配置 {len(bulletin.configuration):,} 处，质量问题 {sum(one.findings for one in bulletin.quality):,} 件。{waived}"
    )
