"""Whether a command line would be understood, without running it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from typer.exceptions import TyperException
from typer.main import get_group

from ops.cli.catalog import COMMANDS
from ops.cli.main import app, command, hoist

known = cache(command)


def named(word: str) -> bool:
    """Whether a word is one to be typed, and not a stand-in such as ``COMMAND`` or ``办件号``."""
    return bool(re.fullmatch(r"[a-z][a-z0-9-]*", word))


def fault(words: Sequence[str], *, whole: bool) -> str:
    """What is wrong with a command line of ours; empty: nothing."""
    waiting = hoist(words)
    root = get_group(app)
    with type(root).context_class(root) as context:
        parser = root.make_parser(context)
        parser.allow_interspersed_args = False
        try:
            _, rest, _ = parser.parse_args(waiting)
        except TyperException as error:
            return str(error)
    if not rest or not named(rest[0]):
        return "no command" if whole else ""
    return fault_of(rest[0], rest[1:], whole=whole) if rest[0] in COMMANDS else f"no such command: {rest[0]}"


def fault_of(name: str, arguments: list[str], *, whole: bool) -> str:
    """What is wrong with the arguments of a command, or of a command under it."""
    found, rest = known(name), list(arguments)
    while under := getattr(found, "commands", {}):
        if not rest or not named(rest[0]):
            return "no command" if whole else ""
        if rest[0] not in under:
            return f"no such command: {rest[0]}"
        found = under[rest.pop(0)]
    return _fault(found, rest, whole=whole)


def _fault(found: Any, arguments: list[str], *, whole: bool) -> str:
    with type(found).context_class(found) as context:
        try:
            given, left, _ = found.make_parser(context).parse_args(arguments)
        except TyperException as error:
            bare = not whole and "requires an argument" in str(error)  # an option that is named, not used
            return "" if bare else str(error)
    if left:
        return f"too many arguments: {left}"
    missing = [each.name for each in found.params if each.required and given.get(each.name) is None]
    if whole and missing and "help" not in given:
        return f"missing: {missing}"
    for each in found.params:
        choices = {str(getattr(choice, "value", choice)) for choice in each.type_descriptor.choices or ()}
        said = {word for word in str(given.get(each.name) or "").split("|") if named(word)}
        if choices and not said <= choices:
            return f"{each.name}: {sorted(said - choices)} is none of {sorted(choices)}"
    return ""
