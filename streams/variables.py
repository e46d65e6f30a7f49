"""Environment variables of ours: their prefix, the few that are no settings, and what is done with all of them at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import get_close_matches

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streams.errors import ConfigurationError

PREFIX = "GUIDANG_"
NESTED = "__"
CONFIG_FILE_VARIABLE = "GUIDANG_CONFIG"
"""The file of settings."""
CACHE_VARIABLE = "GUIDANG_CACHE_DIR"
"""Where downloads are kept."""
SUPERVISED_VARIABLE = "GUIDANG_SUPERVISED_HOME"
"""What the supervisor marks its processes with."""
OTHER_VARIABLES = frozenset({CONFIG_FILE_VARIABLE, CACHE_VARIABLE})
"""Variables that people set and that are no settings."""
_NEAR = 0.7


def check_variables(settings: type[BaseModel]) -> None:
    """Look for variables that are named like settings and are none: pydantic asks for those that it knows, and sees no others.

    Like a setting is what has a section in its name, or nearly the name of one. Anything else may be somebody's own: the scripts around a
    system begin their variables with its name, too.

    Raises
    ------
    ConfigurationError
        With one line per variable: its name, for its value may be a secret, and the name that was probably meant.
    """
    known = [each.removeprefix(PREFIX) for each in (*_names(settings, PREFIX), *sorted(OTHER_VARIABLES))]
    strange = sorted(name for name in _ours() if name not in OTHER_VARIABLES | {SUPERVISED_VARIABLE} and not _sets(name, settings))
    meant = {name: get_close_matches(name[len(PREFIX) :].upper(), known, n=1, cutoff=_NEAR) for name in strange}
    if wrong := [_suggested(name, near) for name, near in meant.items() if near or NESTED in name]:
        raise ConfigurationError("没有这个设置 no such setting:\n  " + "\n  ".join(wrong))


def forget_settings() -> None:
    """Take all settings out of the environment, for this process and those it starts; what was downloaded is still found."""
    for name in _ours():
        if name != CACHE_VARIABLE:
            del os.environ[name]


def _ours() -> list[str]:
    """Settings may be written in small letters, too."""
    return [name for name in os.environ if name.upper().startswith(PREFIX)]


def _sets(name: str, settings: type[BaseModel]) -> bool:
    first, nested, _ = name[len(PREFIX) :].lower().partition(NESTED)
    field = settings.model_fields.get(first)
    return field is not None and (not nested or _section(field) is not None)


def _names(section: type[BaseModel], prefix: str) -> Iterator[str]:
    """Variables of all settings in a section, and of the sections in it, which one variable can give whole."""
    for name, field in section.model_fields.items():
        variable = prefix + name.upper()
        yield variable
        if inner := _section(field):
            yield from _names(inner, variable + NESTED)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _suggested(name: str, near: list[str]) -> str:
    return f"{name}（是否应为 did you mean {PREFIX}{near[0]}？）" if near else name
