"""The settings in force, each with where it comes from."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from streams.settings import Settings, config_file
from streams.variables import NESTED, PREFIX


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its dotted name, its value, and ``default``, the file, or the environment variable (options arrive as one too)."""

    name: str
    value: Any
    source: str


def settings_in_force(settings: Settings) -> list[Setting]:
    """All settings, in the order in which they are declared. Secrets are in files: only their paths are settings."""
    path = config_file()
    file: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    environment = {name.upper() for name in os.environ}
    return [Setting(".".join(name), value, _source(name, file, str(path), environment)) for name, value in _leaves(settings, ())]


def _leaves(node: BaseModel, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name in type(node).model_fields:
        value = getattr(node, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value if isinstance(value, (bool, int, float, str, dict, type(None))) else str(value)


def _source(name: tuple[str, ...], file: Mapping[str, Any], path: str, environment: set[str]) -> str:
    for depth in range(len(name), 0, -1):  # a whole section may be given as JSON in one variable
        variable = PREFIX + NESTED.join(name[:depth]).upper()
        if variable in environment:
            return variable
    node: Any = file
    for part in name:
        if not isinstance(node, Mapping) or part not in node:
            return "default"
        node = node[part]
    return path
