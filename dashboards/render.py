"""Write ``grafana/*.json``, which Grafana provisions: ``python -m dashboards.render``, after every change of a panel."""

from __future__ import annotations

from pathlib import Path

from dashboards.grafana import render
from dashboards.panels import DASHBOARDS

FOLDER = Path(__file__).with_name("grafana")


def files() -> dict[str, str]:
    """Name of each file, and its text."""
    return {f"{dashboard.uid.removeprefix('guidang-')}.json": render(dashboard) for dashboard in DASHBOARDS}


def main() -> None:
    """Write what is there, and take away what is no more."""
    FOLDER.mkdir(exist_ok=True)
    wanted = files()
    for path in FOLDER.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
