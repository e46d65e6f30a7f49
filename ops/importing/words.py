"""Words that the forms offer to choose from."""

from __future__ import annotations

from ops.importing.choices import Choice

BUILD_MODE = Choice({"省统建": "PROVINCIAL", "市统建": "MUNICIPAL", "自建": "SELF_BUILT", "垂建": "VERTICAL"})
PLAN_YEAR = Choice({"2018": "2018", "2019": "2019"}, suffix=r"年(?:度|底前?|\d{1,2}月(?:底|底?前)?)?|\.0+")
ARCHIVING_MODE = Choice({"在线": "ONLINE", "离线": "OFFLINE"}, suffix="归档")
YES_OR_NO = Choice({"是": "true", "否": "false"})
RETENTION = {"永久": "PERMANENT"} | {
    word.format(years): f"YEARS_{years}" for years in (30, 10) for word in ("{}年", "{}", "定期{}年", "定期({}年)")
}
KIND = {"证据性": "EVIDENCE", "程序性": "PROCEDURE", "结果性": "RESULT"} | {
    "证据性材料": "EVIDENCE",
    "程序性材料": "PROCEDURE",
    "结果性材料": "RESULT",
}
