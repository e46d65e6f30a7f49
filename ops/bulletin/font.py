"""The one font of the PDF. What it cannot show is printed as 〓, the printers' mark for a missing character, and said to be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import typst
from fontTools.ttLib import TTFont

from streams.errors import DependencyError

FONTS = ("WenQuanYi Micro Hei", "Noto Sans CJK SC", "Source Han Sans SC", "Source Han Sans CN", "WenQuanYi Zen Hei", "Droid Sans Fallback")
"""Chinese fonts in order of preference. The first is the one that ``make install`` installs, so that everybody's bytes are the same."""
FONT_PACKAGE = "fonts-wqy-microhei"
MISSING = "〓"


@dataclass(frozen=True, slots=True)
class Font:
    """A font of this machine: its family, and the code points that it can show."""

    family: str
    shows: frozenset[int]

    def printable(self, text: str) -> str:
        """The text as it can be printed: white space as blanks, what is not in the font as :data:`MISSING`."""
        return "".join(char if ord(char) in self.shows else " " if char.isspace() else MISSING for char in text)


def system_fonts() -> typst.Fonts:
    """The fonts of this machine, without those that the typesetter brings: none of them is Chinese."""
    return typst.Fonts(include_embedded_fonts=False)


def chinese_font(fonts: typst.Fonts) -> Font:
    """The font to print with, of those there are.

    Raises
    ------
    DependencyError
        There is no Chinese one.
    """
    family = preferred(fonts.families())
    # regular weight and not the others, which not every family has; a collection such as .ttc holds several fonts
    face = min((one for one in fonts.fonts() if one.family == family), key=lambda one: (abs(one.weight - 400), one.style != "normal"))
    with TTFont(face.path, fontNumber=face.index, lazy=True) as opened:
        return Font(family, frozenset(opened.getBestCmap()))


def preferred(families: Iterable[str]) -> str:
    """The first of :data:`FONTS` among some families.

    Raises
    ------
    DependencyError
        It has none; the message names the package that does.
    """
    present = set(families)
    for family in FONTS:
        if family in present:
            return family
    raise DependencyError(
        f"没有中文字体，PDF 印不出汉字：apt-get install {FONT_PACKAGE}，或 make install。"
        f" No Chinese font for the PDF: install {FONT_PACKAGE} (or one of {', '.join(FONTS)})."
    )
