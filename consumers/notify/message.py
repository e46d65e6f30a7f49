"""One message out of what waits: as much as the channel takes; what does not fit is counted and stays for the next message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consumers.notify.alert import Waiting
from consumers.notify.lines import Line, counts, to_brief_lines, to_lines
from consumers.notify.links import Links
from consumers.notify.style import STYLES, Style
from consumers.notify.text import short, size

DATA_ALERTS: Final = 500
"""Most alerts in one request to a plain webhook."""
_NAMES_OF_BACKFILL: Final = 5
_NAME_BYTES: Final = 80


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent.

    Parameters
    ----------
    title
        One line: the subject of a mail, what a phone shows first.
    text
        In the channel's style; empty for a webhook.
    told
        The alerts of which it tells.
    left
        How many stay for the next.
    backfill
        Alert name to alerts about records of long ago, which page nobody and are only counted.
    """

    title: str
    text: str
    told: tuple[Waiting, ...]
    left: int = 0
    backfill: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Composer:
    """How messages of a channel are made.

    Parameters
    ----------
    kind
        Of the channel.
    digest_over
        More alerts of one name become one line a unit.
    """

    kind: str
    links: Links
    digest_over: int

    def compose(self, waiting: Sequence[Waiting], backfill: Mapping[str, int], *, brief: bool = False) -> Message:
        """The next message.

        Parameters
        ----------
        waiting
            At least one, in the order of the queue.
        brief
            Names and counts alone.
        """
        if self.kind == "webhook":
            told = tuple(waiting[:DATA_ALERTS])
            return Message(_title(told), "", told, len(waiting) - len(told), backfill)
        style = STYLES[self.kind]
        lines = to_brief_lines(waiting) if brief else to_lines(waiting, self.links, style, self.digest_over)
        foot = _foot(backfill, self.links, style)
        head_and_tail = [style.title(_title(waiting)), _left(len(waiting)), *foot]  # as long as they can get
        room = style.most_bytes - sum(size(text) + size(style.separator) for text in head_and_tail)
        fitting = lines[: _how_many(lines, room, size(style.separator))]
        told = tuple(w for line in fitting for w in line.covers)
        left = len(waiting) - len(told)
        texts = [style.title(_title(told)), *_with_headings(fitting), *([_left(left)] if left else []), *foot]
        return Message(_title(told), style.separator.join(texts), told, left, backfill)

    def trial(self, channel: str) -> Message:
        """A message that only shows that the channel works."""
        title = f"归档测试消息：通道 {channel}"
        if self.kind == "webhook":
            return Message(title, "", ())
        style = STYLES[self.kind]
        foot = _foot({}, self.links, style)
        return Message(title, style.separator.join([style.title(title), "收到这条消息，说明通道可用；没有任何告警。", *foot]), ())


def _title(told: Sequence[Waiting]) -> str:
    return f"归档：{counts(told)}"


def _left(number: int) -> str:
    return f"……另有 {number} 条，随后发出"


def _foot(backfill: Mapping[str, int], links: Links, style: Style) -> list[str]:
    foot = []
    if backfill:
        most = sorted(backfill.items(), key=lambda named: (-named[1], named[0]))
        named = "，".join(f"{short(name, _NAME_BYTES)} {number}" for name, number in most[:_NAMES_OF_BACKFILL])
        more = "……" if len(most) > _NAMES_OF_BACKFILL else ""
        foot.append(f"另有历史补录引起的 {sum(backfill.values())} 条，未逐条通知（{named}{more}）")
    if places := links.for_all():
        foot.append(" · ".join(style.link(title, url) for title, url in places))
    return foot


def _how_many(lines: Sequence[Line], room: int, separator: int) -> int:
    """How many lines, with the headings that they need, go into so many bytes; one always does, because every part of it is clipped."""
    heading = ""
    for number, line in enumerate(lines):
        room -= size(line.text) + separator
        if line.heading != heading:
            room -= size(line.heading) + separator
            heading = line.heading
        if room < 0:
            return number
    return len(lines)


def _with_headings(lines: Sequence[Line]) -> list[str]:
    texts: list[str] = []
    heading = ""
    for line in lines:
        if line.heading != heading:
            texts.append(line.heading)
            heading = line.heading
        texts.append(line.text)
    return texts
