"""Makes the configuration of Alertmanager: where notifications go, and on which days people work.

``python -m ops.alertmanager.render --notify URL [--notify-token-file F] [--fallback URL] [--deadman URL]`` prints it;
with ``--write`` and nothing else it writes the two files that come with the product.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chinese_calendar import constants
from jinja2 import Environment, FileSystemLoader, StrictUndefined

_HERE: Final = Path(__file__).parent
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Targets:
    """Where Alertmanager sends; absolute addresses.

    Parameters
    ----------
    notify
        The notifier's webhook.
    notify_token_file
        File, as Alertmanager sees it, with the token that the notifier asks for; empty: none.
    fallback
        Webhook that does not lead through the notifier, for what is wrong with the notifier; empty: none.
    deadman
        Webhook outside of this system that misses the watchdog when it stops; empty: none.
    """

    notify: str
    notify_token_file: str = ""
    fallback: str = ""
    deadman: str = ""


SHIPPED: Final = {
    "alertmanager.yml": Targets("http://127.0.0.1:9095/alertmanager"),
    "alertmanager.compose.yml": Targets("http://notify:9095/alertmanager", "/run/secrets/alertmanager_token"),
}
"""The files that come with the product: all on one machine, and docker-compose.yml."""


@dataclass(frozen=True, slots=True)
class Days:
    """Consecutive days of one month."""

    year: int
    month: int
    first: int
    last: int

    @property
    def span(self) -> str:
        """As Alertmanager writes days of a month."""
        return f"{self.first}:{self.last}"


def render(targets: Targets) -> str:
    """The configuration as YAML."""
    last = max(constants.holidays).year
    years = (last - 1, last)
    template = Environment(
        loader=FileSystemLoader(_HERE),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - YAML, from addresses that the operator gives
    ).get_template("alertmanager.yml.j2")
    return template.render(
        targets=targets,
        years=years,
        holidays=list(_joined(day for day in sorted(constants.holidays) if day.year in years and day.weekday() < _SATURDAY)),
        makeup=list(_joined(day for day in sorted(constants.workdays) if day.year in years)),
    )


def _joined(days: Iterable[dt.date]) -> Iterator[Days]:
    """Runs of consecutive days; a run ends with its month."""
    run: list[dt.date] = []
    for day in days:
        if run and (day - run[-1] != dt.timedelta(days=1) or day.month != run[-1].month):
            yield Days(run[0].year, run[0].month, run[0].day, run[-1].day)
            run = []
        run.append(day)
    if run:
        yield Days(run[0].year, run[0].month, run[0].day, run[-1].day)


def main() -> None:
    """Print, or write what comes with the product."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.alertmanager.render", description="Alertmanager 的配置 Alertmanager's configuration"
    )
    parser.add_argument("--notify", help="通知进程的网址 webhook of guidang notify", default=SHIPPED["alertmanager.yml"].notify)
    parser.add_argument("--notify-token-file", help="通知进程要求的令牌所在的文件 file with the token it asks for", default="")
    parser.add_argument("--fallback", help="备用通路的网址 webhook that does not lead through the notifier", default="")
    parser.add_argument("--deadman", help="外部死人开关的网址 webhook that misses the watchdog", default="")
    parser.add_argument("--write", action="store_true", help="重写随产品提供的两个文件 rewrite the files that come with the product")
    given = parser.parse_args()
    if given.write:
        for name, targets in SHIPPED.items():
            (_HERE / name).write_text(render(targets), encoding="utf-8")
        return
    sys.stdout.write(render(Targets(given.notify, given.notify_token_file, given.fallback, given.deadman)))


if __name__ == "__main__":
    main()
