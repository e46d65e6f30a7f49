"""A bench that was broken off is gone on with: what an earlier sitting measured in the same way is kept, and not measured again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from ops.bench.contender import Contestant
from ops.bench.report import machine
from ops.bench.run import Faulty, Record
from streams.errors import ConfigurationError

_ROOT = Path(__file__).resolve().parents[2]
_MEASURED = ("streams", "consumers", "ops")
"""Folders of what is measured, and of what makes its load and measures it."""
_MAY_DIFFER = {"rounds"}

C = TypeVar("C", bound=Contestant)
R = TypeVar("R", bound=Faulty)


def code_digest() -> str:
    """Names the code that is measured, and that measures: figures of two of them are not to be mixed."""
    digest = hashlib.sha256()
    files = (file for folder in _MEASURED for pattern in ("*.py", "*.java", "pom.xml") for file in (_ROOT / folder).rglob(pattern))
    for file in sorted(files):
        digest.update(f"{file.relative_to(_ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def check_same(content: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """See that an earlier sitting measured the same in the same way.

    Raises
    ------
    ConfigurationError
        It did not: its figures and new ones are not to be compared.
    """
    now = {name: value for name, value in settings.items() if name not in _MAY_DIFFER} | {"machine": machine()}
    then = content.get("settings", {}) | {"machine": content.get("machine")}
    if differing := [f"{name}: {then.get(name)!r} ≠ {value!r}" for name, value in now.items() if then.get(name) != value]:
        raise ConfigurationError(
            "--json 的文件里是另一种测量，不能接着量；请换一个文件，或不用 --resume。 The --json file has figures of another bench: "
            f"name another file, or leave out --resume. {'; '.join(differing)}"
        )


def resume(content: Mapping[str, Any], there: Sequence[C], records: Sequence[Record[C, R]], kind: type[R]) -> list[Record[C, R]]:
    """Give ``records`` the runs they have in the file of an earlier sitting; return them with those of contenders not chosen this time.

    Parameters
    ----------
    there
        All contenders, in their order.
    kind
        Of the runs.
    """
    read = TypeAdapter(list[kind])  # type: ignore[valid-type]  # a class by its name
    runs = {each["name"]: read.validate_python(each["each_run"]) for each in content["contenders"]}
    chosen = {record.contender.name: record for record in records}
    for name, record in chosen.items():
        record.runs.extend(runs.get(name, []))
    kept = {each.name: Record[C, R](each, runs=runs[each.name]) for each in there if runs.get(each.name)}
    both = kept | chosen
    return [both[each.name] for each in there if each.name in both]
