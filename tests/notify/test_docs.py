"""docs/notify.md says what the notifier does: its examples are run, its tables are complete."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from shutil import which

import pytest
import yaml

from consumers.notify.answers import _HINTS, _THROTTLED, _UNWANTED
from consumers.notify.message import Composer
from consumers.notify.metrics import DECLARED
from consumers.notify.style import STYLES
from streams.notify_settings import ChannelSettings, NotifySettings
from streams.setting_types import duration_ms
from streams.settings import load_settings
from tests.alerts.rules import alerts
from tests.notify.parts import alert, queued
from tests.notify.test_message import LINKS
from tests.test_settings import environment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/notify.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def test_the_settings_shown_are_settings(tmp_path: Path) -> None:
    """Every kind among them."""
    file = tmp_path / "guidang.toml"
    file.write_text(_block("toml"), encoding="utf-8")
    with environment(CONFIG=str(file)):
        channels = load_settings().notify.channels
    assert [channel.kind for channel in channels] == ["dingtalk", "wecom", "email", "webhook"]


def test_the_alerts_named_exist_and_reach_the_notifier(tmp_path: Path) -> None:
    """Those that channels are said to take, and those in the messages shown; of other severities none is sent here."""
    file = tmp_path / "guidang.toml"
    file.write_text(_block("toml"), encoding="utf-8")
    with environment(CONFIG=str(file)):
        matched = [channel.match["alertname"] for channel in load_settings().notify.channels if "alertname" in channel.match]
    named = {name for names in matched for name in ([names] if isinstance(names, str) else names)}
    assert named
    shown = set(re.findall(r"runbooks#(\w+)", PAGE))
    told = {name for name, rule in alerts().items() if rule["labels"]["severity"] in {"page", "ticket"}}
    assert named <= told
    assert shown <= {name.lower() for name in told}


def test_channels_pass_on_what_alertmanager_repeats() -> None:
    """As docs/alerts.md promises: pages every four hours, tickets, which are repeated later, too."""
    config = yaml.safe_load((ROOT / "ops/alertmanager/alertmanager.yml").read_text(encoding="utf-8"))
    repeated = [
        config["route"]["repeat_interval"],
        *(r["repeat_interval"] for r in config["route"]["routes"] if r["receiver"] == "guidang-ticket"),
    ]
    assert repeated == ["4h", "72h"]
    assert duration_ms(ChannelSettings(name="a", kind="wecom", url_file=Path("/u")).remind) == duration_ms(repeated[0])


def test_every_setting_metric_and_known_code_is_described() -> None:
    """A new one without a line fails here."""
    names = [*NotifySettings.model_fields, *ChannelSettings.model_fields]
    assert [name for name in names if f"`{name}`" not in PAGE] == []
    assert [metric.name for metric in DECLARED if metric.name not in PAGE] == []
    ranges = PAGE.replace("430101–430104", "430101 430102 430103 430104")
    known = _THROTTLED | _UNWANTED - {101002, 45002}
    assert [code for code in known | {300001, 310000, 40014, 93000} if str(code) not in ranges] == []
    assert set(_HINTS) >= {300001, 310000, 40014, 93000}
    assert all(str(style.most_bytes) in PAGE for style in STYLES.values())


def test_the_messages_shown_are_those_that_are_sent() -> None:
    """To the letter."""
    drop = {"alertname": "GuidangCoverageDropUnit", "severity": "page"}
    waiting = queued(
        [
            alert("a", summary="近 24 小时应归档 120 件，已归档 61 件", unit="330100012", unit_name="市公安局", **drop),
            alert("b", "resolved", unit="330100031", unit_name="市规划局", **drop),
            alert("c", alertname="GuidangSourceStale", severity="page", source="自建-07", topic="archive-received"),
        ]
    )
    assert f"```\n{Composer('wecom', LINKS, 5).compose(waiting, {'GuidangOverdueBacklog': 35}).text}\n```" in PAGE
    many = [
        alert(f"{n:x}", "resolved" if n % 4 == 0 else "firing", unit=f"3301000{n % 3}0", unit_name=f"单位{n % 3}", kind=f"k{n}", **drop)
        for n in range(12)
    ]
    assert "\n".join(Composer("wecom", LINKS, 5).compose(queued(many), {}).text.split("\n")[1:3]) in PAGE


@pytest.mark.skipif(which("amtool") is None, reason="needs Debian's prometheus-alertmanager")
def test_alertmanager_takes_the_configuration_shown(tmp_path: Path) -> None:
    """Amtool checks it."""
    file = tmp_path / "alertmanager.yml"
    file.write_text(_block("yaml"), encoding="utf-8")
    done = subprocess.run(["amtool", "check-config", str(file)], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
