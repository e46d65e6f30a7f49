"""Words that the forms offer to choose from."""

from __future__ import annotations

from ops.importing.choices import Choice

_MONTH = r"(?:0?[1-9]|1[0-2])"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_BY = "(?:前|底|底前)?"
_IN_YEAR = "|".join(
    [
        rf"年(?:度?内?|底前?|[上下]半年|第?[一二三四1-4]季度|{_MONTH}月(?:{_DAY}日)?){_BY}",
        *(rf"[{stroke}]{_MONTH}(?:[{stroke}]{_DAY})?{_BY}" for stroke in "-./"),
        r"\.0+",
    ]
)
"""What says when in a year, beside the year itself: a month, a day."""
BUILD_MODE = Choice({"省统建": "PROVINCIAL", "市统建": "MUNICIPAL", "自建": "SELF_BUILT", "垂建": "VERTICAL"})
PLAN_YEAR = Choice({"2018": "2018", "2019": "2019"}, suffix=_IN_YEAR)
ARCHIVING_MODE = Choice({"在线": "ONLINE", "离线": "OFFLINE"}, suffix="归档")
YES_OR_NO = Choice({"是": "true", "否": "false"})
RETENTION = {"永久": "PERMANENT"} | {
    word.format(years): f"YEARS_{years}" for years in (30, 10) for word in ("{}年", "{}", "定期{}年", "定期({}年)")
}
RETENTION_BOXES = Choice({word: RETENTION[word] for word in sorted(RETENTION, key=len, reverse=True) if not word.isdecimal()})
KIND = {"证据性": "EVIDENCE", "程序性": "PROCEDURE", "结果性": "RESULT"} | {
    "证据性材料": "EVIDENCE",
    "程序性材料": "PROCEDURE",
    "结果性材料": "RESULT",
}
