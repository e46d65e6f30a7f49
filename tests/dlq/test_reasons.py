"""Each reason that the code gives has its rule and its advice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from ops.dlq.reasons import REASONS
from streams.agents.metrics import DEAD_LETTERS

ROOT = Path(__file__).resolve().parents[2]


def refusals() -> Iterator[tuple[str, str]]:
    """Each place in the product's code where a record is refused, with the reason; empty where it is no literal."""
    for path in sorted(file for folder in ("streams", "consumers", "ops") for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "InvalidRecord":
                said = node.args[0]
                reason = said.value if isinstance(said, ast.Constant) else ""
                yield f"{path.relative_to(ROOT)}:{node.lineno}", str(reason)


def test_each_reason_in_the_code_has_its_rule_and_advice_and_no_other_has() -> None:
    """A new reason without advice fails here, as does advice for a reason that is gone; and one that is not counted from zero on."""
    found = list(refusals())
    assert [place for place, reason in found if not reason] == []
    assert {reason for _, reason in found} == set(REASONS) == set(DEAD_LETTERS.values["reason"])


def test_each_is_one_line_in_chinese_and_one_in_english() -> None:
    """The right language in the right place."""
    for advice in REASONS.values():
        assert all(re.search(r"[\u4e00-\u9fff]", text) for text in (advice.zh, advice.do_zh))
        assert not any(re.search(r"[\u4e00-\u9fff\n]", text) for text in (advice.en, advice.do_en))
