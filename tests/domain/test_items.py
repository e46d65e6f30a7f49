"""Item codes as they are written, and as they are meant."""

from __future__ import annotations

import pytest

from streams.domain.items import parse_item


@pytest.mark.parametrize(
    ("written", "code", "main", "type_"),
    [
        ("许可-00387-000", "许可-00387-000", "许可-00387-000", "许可"),
        ("许可-00385-001", "许可-00385-001", "许可-00385-000", "许可"),
        ("许可-00385-001-02", "许可-00385-001-02", "许可-00385-000", "许可"),
        ("许可－００３８５－００１", "许可-00385-001", "许可-00385-000", "许可"),
        (" 许可 — 00385–001 ", "许可-00385-001", "许可-00385-000", "许可"),
        ("许可─00385─001", "许可-00385-001", "许可-00385-000", "许可"),
        ("其他-00001-000", "其他-00001-000", "其他-00001-000", "其他"),
        ("服务-00001-002", "服务-00001-002", "服务-00001-000", ""),
    ],
)
def test_a_code_is_normalised_and_rolls_up_to_its_main_item(written: str, code: str, main: str, type_: str) -> None:
    """Third segment 000, fourth dropped."""
    item = parse_item(written)
    assert (item.code, item.main_code, item.type, item.readable) == (code, main, type_, True)


@pytest.mark.parametrize("written", ["", "看不懂", "许可", "许可-", "许可-a-b", "00385-001"])
def test_a_code_that_cannot_be_read_is_kept_as_it_is(written: str) -> None:
    """It is shown, and flagged."""
    item = parse_item(written)
    assert (item.code, item.main_code, item.readable) == (written, written, False)
