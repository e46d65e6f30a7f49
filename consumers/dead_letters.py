"""Where a dead letter came from and why it was not taken, read off its headers; its bytes stay in Kafka."""

from __future__ import annotations

from typing import Any

from streams.agents.outcomes import ORIGIN, left_out


def dead_letter_row(message: Any, ordinal: int) -> dict[str, Any]:
    """Row of one message of ``dead-letter``.

    A sender's own header of a name that workers use stands before theirs, and the last one counts.
    A header that is missing, no number or one that no column holds gives -1 or an empty text: a dead letter is never itself refused.
    """
    given = message.headers() or []
    headers, missing = {name: value or b"" for name, value in given}, left_out(given)

    def text(name: str) -> str:
        return headers.get(ORIGIN + name, b"").decode(errors="replace")

    def number(name: str, bits: int) -> int:
        try:
            found = int(text(name))
        except ValueError:
            return -1
        return found if 0 <= found < 1 << bits else -1

    timestamp_ms = number("timestamp", 63)
    return {
        "incarnation": ordinal,
        "partition": message.partition(),
        "offset": message.offset(),
        "written_at": message.timestamp()[1],
        "source_topic": text("topic"),
        "source_partition": number("partition", 31),
        "source_offset": number("offset", 63),
        "source_timestamp": timestamp_ms if timestamp_ms >= 0 else None,
        "source_key": (message.key() or b"").decode(errors="replace"),
        "reason": text("reason"),
        "detail": text("detail"),
        "value_bytes": len(message.value() or b"") if missing is None else missing.size,
    }
