"""The rights in Kafka within ``docs/security.md``: between two marks, from :mod:`streams.rights` under the default settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streams.rights import PROCESSES, Right, rights_of
from streams.runtime.clients import transactional_id
from streams.settings import CanarySettings, Settings

BEGIN, END = "<!-- rights: make docs -->", "<!-- /rights -->"
_KINDS = {"topic": "主题 topic", "group": "消费组 group", "transactional-id": "事务号 transactional id"}


def within(page: str) -> str:
    """The page with the tables as they are now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def table() -> str:
    """One row for each process."""
    settings = Settings.model_construct(canary=CanarySettings(every="60s"))
    lines = ["| 进程 Process | 命令 Commands | 权限 Rights |", "|---|---|---|"]
    for name, process in PROCESSES.items():
        commands = " ".join(f"`guidang {command}`" for command in process.commands)
        rights = "<br>".join(f"{given} · {kind}: {names}" for kind, given, names in _grouped(rights_of(name, settings), settings))
        lines.append(f"| **{name}** {process.zh}<br>{process.en} | {commands} | {rights} |")
    return "\n".join(lines)


def _grouped(rights: Iterable[Right], settings: Settings) -> Iterator[tuple[str, str, str]]:
    operations: dict[tuple[str, str], list[str]] = {}
    for right in rights:
        operations.setdefault((right.resource, right.name), []).append(right.operation)
    names: dict[tuple[str, str], list[str]] = {}
    for (kind, name), allowed in operations.items():
        names.setdefault((kind, ", ".join(sorted(allowed))), []).append(name)
    of_partitions = [transactional_id(settings.application, number) for number in range(settings.kafka.partitions)]
    for (kind, given), found in sorted(names.items(), key=lambda each: list(_KINDS).index(each[0][0])):
        shown = [of_partitions[0], "…", of_partitions[-1]] if found == of_partitions else found
        yield _KINDS[kind], given, " ".join(each if each == "…" else f"`{each}`" for each in shown)
