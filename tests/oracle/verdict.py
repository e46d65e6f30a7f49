"""What the oracle says of a case."""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle.items import main_item_of, type_of

UNKNOWN_DISTRICT = "UNKNOWN"


@dataclass(frozen=True)
class AcceptedArchive:
    """An archive number that stands and was accepted: what the official ratio counts, where and when.

    Parameters
    ----------
    source_system
        The archive's own; where it names none, the case's.
    """

    archive_no: str
    accepted_at: int
    unit_code: str
    district_code: str
    item_code: str
    source_system: str = ""


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one case number.

    Parameters
    ----------
    reason
        Of EXCLUDED, UNARCHIVED (NONE_RECEIVED or REFUSED) and AWAITING (empty or SOURCE_SILENT).
    due_at
        Only of counted cases.
    received_at
        Earliest acceptance.
    refused
        A standing archive was refused and none is accepted.
    anomalies
        Kinds of all findings that are open, about its archive and about its quality.
    flags
        Of counted cases: UNREGISTERED_ITEM, UNKNOWN_BUILD_MODE, SUSPECTED_TEST.
    """

    case_no: str
    status: str
    reason: str = ""
    unit_code: str = ""
    district_code: str = UNKNOWN_DISTRICT
    item_code: str = ""
    source_system: str = ""
    closed_at: int | None = None
    due_at: int | None = None
    received_at: int | None = None
    refused: bool = False
    deleted: bool = False
    anomalies: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    archives: tuple[AcceptedArchive, ...] = ()

    @property
    def main_item_code(self) -> str:
        """主项编码."""
        return main_item_of(self.item_code)

    @property
    def item_type(self) -> str:
        """One of the eight types, or empty."""
        return type_of(self.item_code)

    @property
    def counted(self) -> bool:
        """It is in the denominator."""
        return self.status in {"AWAITING", "ARCHIVED", "ARCHIVED_LATE", "UNARCHIVED"}
