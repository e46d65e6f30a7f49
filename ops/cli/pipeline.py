"""``guidang worker | wait | explain | reconcile``: the pipeline's own commands."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ops.cli.log import log_to_stderr
from ops.cli.options import Json, MetricsPort
from ops.cli.output import Column, emit_object, emit_rows, progress, reading_topics, say
from ops.cli.text import t
from ops.ready import ready_file
from ops.terminal import printable
from streams.settings import Settings, load_settings

_FINDINGS = 6
_SHOWN = 100


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help=t("一个工作进程：匹配办件与归档", "One worker: matches cases to archives"))(worker)
    app.command(help=t("等待追平：已发送的数据全部处理并入库", "Wait until everything sent has gone the whole way"))(wait)
    app.command(help=t("一个办件的来龙去脉", "The timeline of one case"))(explain)
    app.command(help=t("整批重算并核对（有差异时退出码 6）", "Recompute everything in one batch and compare (exit 6 on differences)"))(
        reconcile
    )


def worker(
    name: Annotated[
        str,
        typer.Option(
            help=t("进程名，同组内唯一，重启后不变；默认 worker.name", "unique in the group, the same after a restart; default worker.name")
        ),
    ] = "",
    metrics_port: MetricsPort = None,
) -> None:
    """Run one worker until it is told to stop."""
    from ops.observe.serving import serve_own  # noqa: PLC0415 - the other commands need none of these
    from ops.worker_name import held_name  # noqa: PLC0415
    from streams.app import build_worker, run  # noqa: PLC0415 - Faust takes half a second to import

    log_to_stderr()
    settings = load_settings()
    with held_name(settings, name) as held:
        settings = settings.model_copy(update={"worker": settings.worker.model_copy(update={"name": held})})
        built = build_worker(settings)
        serve_own(settings, "worker", metrics_port, *built.collectors, health=built.health)
        with ready_file(settings, held, lambda: built.engine.ready):
            run(built)


def wait(
    caught_up: Annotated[
        bool, typer.Option("--caught-up", help=t("等到全部处理并入库", "until everything has gone the whole way"))
    ] = False,
    timeout: Annotated[float, typer.Option(help=t("最长等待秒数", "seconds to wait at most"))] = 300.0,
) -> None:
    """Return when everything sent before has been processed and stored."""
    if not caught_up:
        raise typer.BadParameter(t("请写明等待什么：--caught-up", "say what to wait for: --caught-up"))
    catch_up(load_settings(), timeout)


def explain(case_no: Annotated[str, typer.Argument(help=t("办件号", "case number"))], json: Json = False) -> int | None:
    """Print the timeline of a case."""
    from ops.explain import explain as explain_case  # noqa: PLC0415

    with reading_topics() as tell:
        found = explain_case(load_settings(), case_no, tell)
    if found is None:
        say(t(f"没有办件 {case_no} 的任何记录", f"nothing is known of {case_no}"))
        if json:
            emit_object({"case_no": case_no, "events": [], "dead_letters": [], "state": None, "anomalies": [], "rule": None})
        return _FINDINGS
    if json:
        emit_object(found)
    else:
        _print_timeline(found)
    return None


def reconcile(
    json: Json = False,
    timeout: Annotated[float, typer.Option(help=t("先等待追平的最长秒数", "seconds to wait for catching up first"))] = 300.0,
) -> int | None:
    """Recompute every verdict and print what differs."""
    from ops.reconcile import reconcile as recompute  # noqa: PLC0415

    settings = load_settings()
    catch_up(settings, timeout)
    with reading_topics() as tell:
        outcome = recompute(settings, tell)
    left_out = 0
    if json:
        emit_object(outcome.as_dict())
    elif outcome.differences:
        rows, left_out = outcome.as_dict()["differences"][:_SHOWN], max(0, len(outcome.differences) - _SHOWN)
        emit_rows(rows, json=False, columns=[Column(name, name) for name in ("where", "key", "field", "expected", "found")])
    refused = sum(outcome.not_taken.values())
    say(
        t(
            f"核对 {outcome.cases} 个办件，差异 {len(outcome.differences)} 处，未采用的记录 {refused} 条",
            f"{outcome.cases} cases reconciled, {len(outcome.differences)} differences, {refused} records not taken",
        )
    )
    if left_out:
        say(t(f"差异只列出 {_SHOWN} 处，另有 {left_out} 处未列：--json 列出全部", f"{left_out} differences are not shown: --json has all"))
    if moving := len(outcome.in_motion):
        say(
            t(
                f"另有 {moving} 处每次查看都在变，不能判定，不算差异（--json 的 in_motion）：请再核对一次",
                f"{moving} more changed at every look: not judged, not counted as differences (in_motion of --json); reconcile again",
            )
        )
    return _FINDINGS if outcome.differences else None


def catch_up(settings: Settings, timeout_seconds: float) -> None:
    """Wait until everything sent so far has gone the whole way, under a progress bar."""
    from ops.caught_up import wait_caught_up  # noqa: PLC0415 - so that --help is fast

    with progress(t("追平中", "catching up")) as advance:
        most: dict[int, int] = {}

        def tell(step: int, missing: list[str]) -> None:
            most[step] = max(most.get(step, 0), len(missing))
            advance(most[step] - len(missing), most[step])

        wait_caught_up(settings, timeout_seconds, tell)


def _print_timeline(found: dict[str, Any]) -> None:
    print(printable(t(f"办件 {found['case_no']}", f"Case {found['case_no']}")))
    for event in found["events"]:
        origin = event["origin"]
        place = f"{origin['topic']}/{origin['partition']}@{origin['offset']}"
        what = event["not_taken"] or ", ".join(f"{name}={value}" for name, value in event["event"].items() if value not in ("", None))
        print(printable(f"  {event['time'] or '-'}  {place}  {what}"))
    for dead in found["dead_letters"]:
        why = f"{dead.get('guidang-reason')}: {dead.get('guidang-detail')}"
        print(printable(f"  ✗ dead-letter/{dead['partition']}@{dead['offset']}  {why}"))
    if found["state"]:
        print(t("状态", "State"))
        for name, value in found["state"].items():
            if value not in ("", None, [], False):
                print(printable(f"  {name}: {value}"))
        print(f"  {t('规则', 'Rule')}: {found['rule']['text']}")
        print(f"  {t('依据', 'Clause')}: {found['rule']['clause']}")
    for anomaly in found["anomalies"]:
        print(f"  {anomaly['kind']} {anomaly['state']} {anomaly['resolution']} {anomaly['since']}")
