"""What ``guidang reconcile`` calls a difference, and what it says of those it does not print."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from ops import reconcile
from ops.cli import pipeline
from ops.reconcile import Reconciliation, _settled
from ops.reconciling.differences import Difference


def differing(field: str, found: int = 1) -> Difference:
    """A difference."""
    return Difference("coverage-partial", "key", field, 0, found)


def looks(*seen: Iterable[Difference]) -> tuple[list[Difference], list[Difference]]:
    """What comes of looks that see these one after the other; all of them, and no more, are to be taken."""
    left = iter(seen)
    outcome = _settled(lambda: next(left))
    assert list(left) == []
    return outcome


def test_where_nothing_differs_one_look_is_enough() -> None:
    """That is how it is nearly always."""
    assert looks([]) == ([], [])


def test_what_differs_at_two_looks_on_end_is_a_difference_and_what_has_gone_is_none() -> None:
    """Though its figures are others by then: a wrong count goes on counting."""
    assert looks([differing("due"), differing("archived")], [differing("due", 2)]) == ([differing("due", 2)], [])
    assert looks([differing("due")], []) == ([], [])


def test_what_differs_elsewhere_at_every_look_is_in_motion_and_what_stays_beside_it_is_told() -> None:
    """Nobody can say more of it than that."""
    seen = [[differing("due"), differing(name)] for name in ("archived", "orphan", "refused")]
    assert looks(*seen) == ([differing("due")], [differing("refused")])


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Reconciliation:
    """What the command is to tell, of a system that has caught up."""
    told = Reconciliation(7, {}, [])
    monkeypatch.setenv("GUIDANG_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(pipeline, "catch_up", lambda *_: None)
    monkeypatch.setattr(reconcile, "reconcile", lambda *_: told)
    return told


def test_differences_that_are_not_printed_are_counted_beside_the_total(outcome: Reconciliation, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr; with ``--json`` there are none."""
    outcome.differences.extend(differing(f"field-{number}") for number in range(250))
    assert pipeline.reconcile() == 6
    printed = capsys.readouterr()
    assert printed.out.count("field-") == 100
    assert "250" in printed.err.splitlines()[0]
    assert "150" in printed.err.splitlines()[1]
    assert pipeline.reconcile(json=True) == 6
    printed = capsys.readouterr()
    assert printed.out.count("field-") == 250
    assert "150" not in printed.err


def test_what_is_in_motion_is_named_apart_and_is_no_finding(outcome: Reconciliation, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither a difference, nor passed over."""
    outcome.in_motion.append(differing("due"))
    assert pipeline.reconcile(json=True) is None
    printed = capfd.readouterr()
    assert '"in_motion"' in printed.out
    assert "in_motion" in printed.err
