"""Districts of Hangzhou (区、县（市）) by code, with the pseudo-codes of the zones the notice names (notice 二(五))."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

UNKNOWN_DISTRICT = "UNKNOWN"
CITY = "330100"
"""Hangzhou's own code; as a district it stands for the municipal units (市级)."""

DISTRICT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        CITY: "市级",
        "330102": "上城区",
        "330103": "下城区",
        "330104": "江干区",
        "330105": "拱墅区",
        "330106": "西湖区",
        "330108": "滨江区",
        "330109": "萧山区",
        "330110": "余杭区",
        "330111": "富阳区",
        "330112": "临安区",
        "330113": "临平区",
        "330114": "钱塘区",
        "330122": "桐庐县",
        "330127": "淳安县",
        "330182": "建德市",
        "330191": "经济技术开发区",
        "330192": "西湖风景名胜区",
        "330193": "大江东产业集聚区",
        UNKNOWN_DISTRICT: "未知",
    }
)
