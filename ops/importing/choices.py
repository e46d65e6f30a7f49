"""Boxes in one cell (``□省统建 ☑市统建`` over ``□自建 □垂建``) -> what is ticked.

Word and Excel forms, copied to and fro, keep their boxes as symbols, as letters of a font (Wingdings 2 ``R`` is a ticked box,
``£`` an empty one), as private characters of such a font, or as look-alikes (``口``). Marks stand before their words, or behind them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from ops.importing.characters import LONGEST_WORD, says_nothing, visible
from ops.publish.fields import Unreadable, shown

_TICKED = "☑√✓✔■☒✅●◉▣◼⬛🗹🗸RPSþüý\uf052\uf050\uf053\uf0fe\uf0fc\uf0fd"
_EMPTY = "□☐▢○◯〇◻⬜▫❏❑口ロ囗£¨o\uf0a3\uf0a8\uf06f"
_TICK, _BOX = "☑", "☐"
_MARKS = str.maketrans(dict.fromkeys(_TICKED, _TICK) | dict.fromkeys(_EMPTY, _BOX))
_MARK = f"(?:{_BOX}?{_TICK}|{_BOX})"
_BLANKS = re.compile(r"(?:[\s、,;|·。]|/(?!\d{1,2}(?!\d)))+")
"""A stroke before a month or a day is none."""
_TEXT = rf"[^(){_TICK}{_BOX}]"
_NAMED = re.compile(rf"\(({_TEXT}{{0,12}}[:_][\s_]*|(?:系统|平台)(?:名称?)?:{_TEXT}{{0,60}}|{_TEXT}{{0,60}}(?:系统|平台|网|软件))\)")
"""Where the name of a system belongs, as in 自建（系统名称：）, filled in or not."""
_IN_BRACKETS = re.compile(rf"[\[(【〔] ?({_TICK}?) ?[\])】〕]")
_COLON = re.compile(rf" ?: ?(?={_MARK})")
"""It binds a mark to the word before: ``市统建：☑``."""
_TICK_ON_BOX = re.compile(rf"(?:^|(?<= )){_TICK}{_BOX}(?=[^ ])")
"""A tick written before the box instead of into it; without a blank before it, or with a box behind a word, it could belong to either."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Words of which one is to be ticked.

    Parameters
    ----------
    words
        Word on the form -> what it means.
    suffix
        Pattern of what may follow a word without changing it, as 年 does in 2018年.
    """

    words: dict[str, str]
    suffix: str = ""
    _names: str = field(init=False)
    _follows: str = field(init=False)
    _word: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", "|".join(map(re.escape, self.words)))
        follows = f"(?:{self.suffix})?" if self.suffix else ""  # an empty one matches in two ways: each word would double the tries
        object.__setattr__(self, "_follows", follows)
        object.__setattr__(self, "_word", f"(?:{self._names}){follows}")

    @property
    def expected(self) -> str:
        """How messages call it."""
        return f"勾选一项 one ticked of {' / '.join(self.words)}"

    def ticked(self, text: str) -> list[str]:
        """The words that are ticked, in the order of the text; a single word without any box is ticked.

        Raises
        ------
        Unreadable
            Other words or marks, a text longer than any choice, or marks that may belong to the word before as well as to the one behind.
        """
        if says_nothing(text):
            return []
        pairs = self._pairs(self._plain(text)) if len(text) <= LONGEST_WORD else None
        if pairs is None:
            raise Unreadable(shown(text), self.expected)
        if not any(mark for mark, _ in pairs):
            pairs = [(_TICK, word) for _, word in pairs] if len(pairs) == 1 else []
        return [word for mark, word in pairs if _TICK in mark]

    def one(self, text: str) -> str:
        """Meaning of the one that is ticked.

        Raises
        ------
        Unreadable
            None is, or several are, or :meth:`ticked` cannot tell.
        """
        ticked = self.ticked(text)
        if len(ticked) != 1:
            raise Unreadable(f"勾选了 {len(ticked)} 项 ticked {', '.join(ticked)}".rstrip(), self.expected)
        return self.words[ticked[0]]

    def _plain(self, text: str) -> str:
        """One mark a box, whatever it was; half width; single blanks. Marks first: NFKC would take some of them apart."""
        half_width = unicodedata.normalize("NFKC", visible(text).translate(_MARKS)).translate(_MARKS)
        spaced = _BLANKS.sub(" ", _NAMED.sub(self._without_name, half_width)).strip()
        boxed = _COLON.sub("", _IN_BRACKETS.sub(lambda found: found[1] or _BOX, spaced))
        return _TICK_ON_BOX.sub(_TICK, boxed) if boxed.startswith((_TICK, _BOX)) else boxed

    def _without_name(self, found: re.Match[str]) -> str:
        """What stands for a name in brackets: a blank, unless one of the words is in it, which would be another choice."""
        return found[0] if re.search(self._names, found[1]) else " "

    def _pairs(self, plain: str) -> list[tuple[str, str]] | None:
        """Marks and their words; None where they cannot be told."""
        close = plain.replace(" ", "")
        before = re.fullmatch(f"(?:{_MARK}?{self._word})+", close)
        behind = re.fullmatch(f"(?:{self._word}{_MARK}?)+", close)
        if before and behind and (_TICK in close or _BOX in close):  # words at both ends: blanks tell, if anything does
            behind = re.search(f"{self._word}{_MARK}(?: |$)", plain)
            before = re.search(f"(?:^| ){_MARK}{self._word}", plain)
            if bool(before) is bool(behind):
                return None
        if before:
            return re.findall(f"({_MARK}?)({self._names}){self._follows}", close)
        return [(mark, word) for word, mark in re.findall(f"({self._names}){self._follows}({_MARK}?)", close)] if behind else None
