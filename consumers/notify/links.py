"""Links to the board, Grafana and the runbook: only those of the settings, never one that came with an alert."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from consumers.notify.alert import LABELS

_PLACE: Final = re.compile(r"\{(\w+)\}")
_MOST_BYTES: Final = 360
"""Of one link, label values filled in."""
_CLOSES_A_LINK: Final = str.maketrans({"(": "%28", ")": "%29", " ": "%20"})


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses with ``{label}`` in them; an empty one is not shown."""

    board: str = ""
    grafana: str = ""
    runbook: str = ""

    def strange(self) -> list[str]:
        """Labels named by an address that alerts are never shown with."""
        return sorted({name for url in (self.board, self.grafana, self.runbook) for name in _PLACE.findall(url)} - set(LABELS))

    def for_name(self, alertname: str) -> str:
        """The runbook of an alert's name, which stands there in small letters: anchors of Markdown pages have no others."""
        return filled(self.runbook, {"alertname": alertname.lower()})

    def for_labels(self, labels: Mapping[str, str]) -> list[tuple[str, str]]:
        """Title and address of the places that show exactly what these labels name."""
        return [(title, url) for title, template in self._places() if _PLACE.search(template) and (url := filled(template, labels))]

    def for_all(self) -> list[tuple[str, str]]:
        """Title and address of the places that show everything."""
        return [(title, url) for title, template in self._places() if not _PLACE.search(template) and (url := filled(template, {}))]

    def _places(self) -> tuple[tuple[str, str], ...]:
        return ("看板", self.board), ("Grafana", self.grafana)


def filled(template: str, labels: Mapping[str, str]) -> str:
    """The address with the labels' values, percent-encoded, in their places; empty when one is missing or it becomes too long."""
    if not all(labels.get(name) for name in _PLACE.findall(template)):
        return ""
    url = _PLACE.sub(lambda place: quote(labels[place[1]], safe=""), template).translate(_CLOSES_A_LINK)
    return url if len(url.encode()) <= _MOST_BYTES else ""
