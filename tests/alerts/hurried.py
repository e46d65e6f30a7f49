"""The product's rules and routes with minutes made into nothing, so that a test can see an alert from its cause to its end.

No ``for``, a second or a few between two looks; ``keep_firing_for`` outlasts one look that fails, and minutes and hours back are six
looks back. Thresholds, windows of days and what holds back what stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ops.alertmanager.render import Targets, render
from tests.alerts.rules import PROMETHEUS, RULE_FILES

Target = Mapping[str, Any]
"""An entry of ``file_sd_configs``."""


def write_prometheus(folder: Path, targets: Mapping[str, Sequence[Target]], seconds: int = 1) -> None:
    """Configuration and rules of a Prometheus in a folder, by the names of files of targets, with so many seconds between two scrapes."""
    for name in ("rules", "targets"):
        (folder / name).mkdir()
    for file in RULE_FILES:
        (folder / "rules" / file.name).write_text(_hurried(file.read_text(encoding="utf-8"), seconds), encoding="utf-8")
    shown = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    every = f"{seconds}s"
    shown["global"] = {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": "1s"}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(shown), encoding="utf-8")
    for name, entries in targets.items():
        write_targets(folder, name, entries)


def write_targets(folder: Path, name: str, entries: Sequence[Target]) -> None:
    """A file of targets, which a running Prometheus takes up at once."""
    (folder / "targets" / f"{name}.yml").write_text(yaml.safe_dump(list(entries)), encoding="utf-8")


def alertmanager_config(targets: Targets) -> str:
    """Configuration of an Alertmanager that tells within seconds."""
    config = yaml.safe_load(render(targets))
    config["route"] |= {"group_wait": "3s", "group_interval": "1s"}
    config["route"]["routes"][0] |= {"group_interval": "1s"}
    return yaml.safe_dump(config, allow_unicode=True)


def _hurried(text: str, seconds: int) -> str:
    for pattern, short in (
        (r"^ +for: .*\n", ""),
        (r"keep_firing_for: \w+", f"keep_firing_for: {2 * seconds}s"),
        (r"\[\d+[mh]\]", f"[{6 * seconds}s]"),
        (r"offset \w+", f"offset {3 * seconds}s"),
        (r"interval: \w+", "interval: 1s"),
    ):
        text = re.sub(pattern, short, text, flags=re.MULTILINE)
    return text
