"""Messages: they fit, tell everything sooner or later, and hold nothing that they must not."""

from __future__ import annotations

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.notify.alert import LABELS, Alert, Waiting
from consumers.notify.links import Links, filled
from consumers.notify.message import Composer
from consumers.notify.payload import payload
from consumers.notify.style import STYLES
from consumers.notify.text import size
from tests.notify.parts import T0, alert, queued

LINKS = Links("https://board.example/?unit={unit}", "https://grafana.example/d/city", "https://docs.example/runbooks#{alertname}")
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=400)
LONG = st.one_of(TEXTS, st.sampled_from(["字" * 2_000, "字 " * 900, "🔴" * 900, "a" * 9_000, ""]))
NAMES = st.sampled_from(["CoverageDrop", "SourceStale", "名" * 300, "*[x](http://x)"])
LONG_LINKS = st.sampled_from(
    [
        LINKS,
        Links(),
        Links(*("https://x.example/" + "a" * 282 for _ in range(3))),
        Links(*("https://x.example/{unit}" + "b" * 276 for _ in range(3))),
    ]
)


SHAPES = st.lists(
    st.tuples(
        st.sampled_from(["firing", "resolved"]),
        NAMES,
        st.dictionaries(st.sampled_from(LABELS[1:]), LONG, max_size=6),
        st.dictionaries(st.sampled_from(["summary", "description"]), LONG),
    ),
    min_size=1,
    max_size=4,
)


def alerts(shapes: list[tuple[str, str, dict[str, str], dict[str, str]]], times: int) -> list[Alert]:
    """Of each shape so many: values as long and as strange as they come."""
    return [
        Alert(f"{number:x}", status, T0 + number, T0 + 2 * number, {"alertname": name, **labels}, annotations)  # type: ignore[arg-type]
        for number, (status, name, labels, annotations) in enumerate(shapes * times)
    ]


@settings(max_examples=50)
@given(
    shapes=SHAPES,
    times=st.integers(1, 8),
    kind=st.sampled_from(sorted(STYLES)),
    links=LONG_LINKS,
    backfill=st.dictionaries(LONG, st.integers(1, 10**6), max_size=8),
    brief=st.booleans(),
    digest_over=st.integers(1, 40),
)
def test_every_message_fits_and_in_the_end_all_is_told(
    shapes: list[tuple[str, str, dict[str, str], dict[str, str]]],
    times: int,
    kind: str,
    links: Links,
    backfill: dict[str, int],
    digest_over: int,
    *,
    brief: bool,
) -> None:
    """Each message tells of one alert at least; what it leaves it counts; nothing is told twice or never."""
    found = alerts(shapes, times)
    waiting = queued(found)
    composer = Composer(kind, links, digest_over)
    told: list[Waiting] = []
    while waiting:
        message = composer.compose(waiting, backfill, brief=brief)
        assert size(message.text) <= STYLES[kind].most_bytes
        assert message.told
        assert len(message.told) + message.left == len(waiting)
        assert (f"……另有 {message.left} 条" in message.text) is bool(message.left)
        if kind == "dingtalk":
            assert len(payload(kind, "c", message)) <= 20_000
        told += message.told
        positions = {w.position for w in message.told}
        waiting = [w for w in waiting if w.position not in positions]
    assert sorted(w.position for w in told) == list(range(1, len(found) + 1))


def test_the_longest_of_alerts_with_the_longest_of_everything_fits_the_smallest_message() -> None:
    """One always does: no alert may stay for ever because it is too long."""
    links = Links(
        "https://b.example/{unit}" + "b" * 276, "https://g.example/{unit}" + "g" * 276, "https://r.example/{alertname}" + "r" * 271
    )
    values = dict.fromkeys(LABELS, "字" * 3_000) | {"unit": "u" * 60, "alertname": "n" * 60}
    longest = Alert("a", "firing", T0, None, values, {"summary": "字" * 3_000, "description": "字" * 3_000})
    for digest_over, at_least in ((1, 2_000), (5, 2_600)):
        message = Composer("wecom", links, digest_over).compose(
            queued([longest] * 2), dict.fromkeys(("名" * 200 + str(n) for n in range(9)), 10**9)
        )
        assert message.told
        assert at_least < size(message.text) <= 4_096


def test_alerts_are_shown_under_their_name_with_runbook_and_places() -> None:
    """What fires, since when, and where to look; what is over, and how long it was."""
    waiting = queued(
        [
            alert("a", summary="近 24 小时应归档 120 件，已归档 61 件", unit="330100012", unit_name="市公安局", severity="page"),
            alert("b", "resolved", unit="330100031", unit_name="市规划局", severity="page"),
            alert("c", alertname="SourceStale", source="自建-07", topic="archive-received"),
        ]
    )
    assert Composer("wecom", LINKS, 5).compose(waiting, {"Unarchived": 35}).text.split("\n") == [
        "### 归档：2 条告警，1 条恢复",
        "**[CoverageDrop · page](https://docs.example/runbooks#coveragedrop)**",
        (
            "🔴 市公安局（330100012）：近 24 小时应归档 120 件，已归档 61 件（自 2018-12-31 18:00:00+08:00）"
            " [看板](https://board.example/?unit=330100012)"
        ),
        "🟢 市规划局（330100031）：已恢复（2018-12-31 18:00:00+08:00 起，历时 1 小时 0 分） [看板](https://board.example/?unit=330100031)",
        "**[SourceStale](https://docs.example/runbooks#sourcestale)**",
        "🔴 source=自建-07 topic=archive-received（自 2018-12-31 18:00:00+08:00）",
        "另有历史补录引起的 35 条，未逐条通知（Unarchived 35）",
        "[Grafana](https://grafana.example/d/city)",
    ]


def test_many_alerts_of_one_name_become_one_line_a_unit() -> None:
    """Counted, firing and resolved apart; another name with few is still told one by one."""
    many = [
        alert(f"{n:x}", "resolved" if n % 4 == 0 else "firing", unit=f"3301000{n % 3}0", unit_name=f"单位{n % 3}", kind=f"k{n}")
        for n in range(12)
    ]
    message = Composer("wecom", LINKS, 5).compose(queued([*many, alert("f", alertname="SinkDown", summary="停了")]), {})
    assert message.text.split("\n")[1:-1] == [
        "**[CoverageDrop：9 条告警，3 条恢复，按单位](https://docs.example/runbooks#coveragedrop)**",
        *(f"🔴 单位{n}（3301000{n}0）：3 条告警，1 条恢复 [看板](https://board.example/?unit=3301000{n}0)" for n in range(3)),
        "**[SinkDown](https://docs.example/runbooks#sinkdown)**",
        "🔴 停了（自 2018-12-31 18:00:00+08:00）",
    ]
    assert len(message.told) == 13


def test_a_brief_message_holds_names_and_counts_alone() -> None:
    """For a robot that will not have the words."""
    message = Composer("dingtalk", LINKS, 5).compose(
        queued([alert("a", summary="不合适的词", unit="330100012"), alert("b")]), {}, brief=True
    )
    assert message.text == "### 归档：2 条告警\n\nCoverageDrop：2 条告警\n\n[Grafana](https://grafana.example/d/city)"


def test_what_was_merged_or_goes_on_is_said() -> None:
    """Nobody is to think that the first sight is the first time."""
    firing, resolved = queued([alert("a", summary="x"), alert("b", "resolved")])
    again = Waiting(firing.position, 3, firing.alert, firing.queued_ms, repeated=True)
    merged = Waiting(resolved.position, 3, resolved.alert, resolved.queued_ms, merged=2)
    text = Composer("email", Links(), 5).compose([again, merged], {}).text
    assert "仍未恢复" in text
    assert "等待发送期间变化 2 次" in text


def test_no_value_becomes_a_link_or_a_mention() -> None:
    """Links are those of the settings."""
    text = Composer("wecom", Links(), 5).compose(queued([alert(summary="[看](http://evil) <@all> **x**", unit="`u`")]), {}).text
    assert "](" not in text
    assert "<@" not in text


def test_a_link_with_a_missing_label_is_not_shown_and_values_are_encoded() -> None:
    """A link must not lead to another place than it says."""
    assert filled("https://b/?u={unit}", {}) == ""
    assert filled("https://b/?u={unit}", {"unit": "a&b=(c) 字"}) == "https://b/?u=a%26b%3D%28c%29%20%E5%AD%97"
    assert filled("https://b/?u={unit}", {"unit": "字" * 40}) == "", "too long for the smallest message"
    assert Links("https://b/{title}", "https://g/{unit}").strange() == ["title"]


def test_a_webhook_is_sent_data_of_every_alert() -> None:
    """For programs: documented fields, times with offset."""
    waiting = queued([alert(f"{n:x}") for n in range(600)])
    message = Composer("webhook", LINKS, 5).compose(waiting, {"Unarchived": 2})
    said = orjson.loads(payload("webhook", "ops", message))
    assert (said["version"], said["channel"], said["left"], said["backfill"]) == (1, "ops", 100, {"Unarchived": 2})
    assert len(said["alerts"]) == 500
    assert said["alerts"][0] == {
        "fingerprint": "0",
        "status": "firing",
        "starts_at": "2018-12-31T18:00:00+08:00",
        "ends_at": None,
        "labels": {"alertname": "CoverageDrop"},
        "annotations": {},
        "merged": 0,
        "repeated": False,
    }
