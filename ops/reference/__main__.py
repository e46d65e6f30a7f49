"""Write the reference pages into ``docs/``: ``python -m ops.reference``; with ``--check``, name those that are not up to date (exit 1)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["LC_ALL"] = "zh_CN.UTF-8"  # before the command line is imported: its help is in the language of the locale

from ops.reference import commands_page, rights_page, settings_page

_FOLDER = Path(__file__).resolve().parents[2] / "docs"


def main() -> int:
    """Write or check."""
    security = (_FOLDER / "security.md").read_text(encoding="utf-8")  # of which the tables of rights are ours
    pages = {"configuration.md": settings_page.page(), "commands.md": commands_page.page(), "security.md": rights_page.within(security)}
    if "--check" not in sys.argv[1:]:
        for name, text in pages.items():
            (_FOLDER / name).write_text(text, encoding="utf-8")
        return 0
    stale = [name for name, text in pages.items() if (_FOLDER / name).read_text(encoding="utf-8") != text]
    if stale:
        print(f"过期，请运行 make docs；out of date, run `make docs`: {', '.join(stale)}", file=sys.stderr)
    return 1 if stale else 0


sys.exit(main())
