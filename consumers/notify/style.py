"""What a kind of channel can show, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Style:
    """How texts are set.

    Parameters
    ----------
    most_bytes
        Of a message's text, UTF-8.
    separator
        Between two lines.
    markdown
        Whether links, headings and bold type are shown as such.
    """

    most_bytes: int
    separator: str
    markdown: bool

    def title(self, text: str) -> str:
        """The first line."""
        return f"### {text}" if self.markdown else text

    def heading(self, text: str, url: str) -> str:
        """The line above alerts of one name, linked to its runbook where there is one."""
        if not self.markdown:
            return f"\n{text}" + (f"\n{url}" if url else "")
        return f"**[{text}]({url})**" if url else f"**{text}**"

    def link(self, text: str, url: str) -> str:
        """A link."""
        return f"[{text}]({url})" if self.markdown else f"{text} {url}"


STYLES: Final[Mapping[str, Style]] = {
    "dingtalk": Style(16_000, "\n\n", markdown=True),  # it takes 20,000 bytes of request; one line break alone is shown as a blank
    "wecom": Style(4_096, "\n", markdown=True),
    "email": Style(100_000, "\n", markdown=False),
}
"""By kind of channel; a webhook is sent data and no text."""
