"""``docs/configuration.md``: every setting with its variable, type, default and meaning, as the code declares it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streams.setting_types import DeadlineText, DurationText
from streams.settings import Settings
from streams.variables import NESTED, PREFIX

_HEAD = """# 设置 Configuration

由 `make docs` 从 `streams/settings.py` 生成，不要手改。 Generated from the code: do not edit.

取值的先后 Which value wins：命令行选项 options，`GUIDANG_*` 环境变量 environment variables，
`guidang.toml`（当前目录，或 `GUIDANG_CONFIG`、`--config` 指定的文件），最后是下面的默认值 then the defaults below.
名称写错即报错（退出码 3），变量也一样，不会被当作默认值；与设置毫不相像的 `GUIDANG_…` 变量不管。
A misspelled name, a variable's too, is an error (exit 3), never a default; variables like no setting are let be.
`guidang doctor` 列出当前每个设置的值与来源。 `guidang doctor` shows every value in force and where it comes from.

另有两个不是设置的变量 two variables are no settings：`GUIDANG_CONFIG`，设置文件（空同未设） the file of settings (empty: as if unset)；
`GUIDANG_CACHE_DIR`，Kafka 安装包的缓存目录，默认 `~/.cache/guidang` where the downloaded Kafka is kept。

密钥只从文件读：名称以 `_file` 结尾的设置给出文件路径。 Secrets come from files only: settings that end in `_file` name them.
"""
_HAN = re.compile(r"[\u4e00-\u9fff]")
_COLUMNS = (
    "| 名称 Name | 环境变量 Variable | 类型 Type | 默认 Default | 含义 Meaning |",
    "|---|---|---|---|---|",
)
_TYPES: dict[Any, str] = {
    str: "文本 text",
    bool: "`true` / `false`",
    int: "整数 integer",
    float: "数 number",
    Path: "路径 path",
}
_TEXTS = {
    get_args(DeadlineText)[1]: "期限 deadline，如 `3 workdays`、`72h`",
    get_args(DurationText)[1]: "时长 duration，如 `24h`、`400d`",
}


@dataclass(frozen=True, slots=True)
class Documented:
    """One setting.

    Parameters
    ----------
    name
        Dotted, as in ``guidang.toml`` and ``--set``.
    variable
        Empty: it belongs to one of a list of sections, which are set by the list's own variable alone.
    zh, en
        Its docstring: the first line, and the others.
    """

    name: str
    variable: str
    kind: str
    default: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class _Section:
    """A table of the file: its model, its dotted name (empty: the whole), and whether there may be several of it."""

    model: type[BaseModel]
    name: str
    listed: bool = False

    @property
    def title(self) -> str:
        if not self.name:
            return ""
        return f"`[[{self.name}]]` " if self.listed else f"`[{self.name}]` "

    def dotted(self, name: str) -> str:
        return f"{self.name}.{name}" if self.name else name


def page() -> str:
    """The text of the page."""
    return _HEAD + "\n" + "\n".join(line for section in _sections() for line in _lines(section))


def documented() -> Iterator[Documented]:
    """All settings, in the order of their declaration, sections within a section after its own.

    Raises
    ------
    ValueError
        One lacks a docstring in Chinese and English, by name.
    """
    for section in _sections():
        yield from _settings(section)


def variables() -> frozenset[str]:
    """Names of all environment variables that set something."""
    return frozenset(each.variable for each in documented() if each.variable)


def _sections(section: _Section = _Section(Settings, "")) -> Iterator[_Section]:
    yield section
    for name, field in section.model.model_fields.items():
        one, several = _model(field.annotation), _model(next(iter(get_args(field.annotation)), None))
        if one:
            yield from _sections(_Section(one, section.dotted(name), section.listed))
        elif several:
            yield from _sections(_Section(several, section.dotted(name), listed=True))


def _settings(section: _Section) -> Iterator[Documented]:
    told = _docstrings(section.model)
    for name, field in section.model.model_fields.items():
        if not _model(field.annotation):
            dotted = section.dotted(name)
            zh, en = _languages(dotted, told.get(name, ""))
            variable = "" if section.listed else PREFIX + dotted.upper().replace(".", NESTED)
            yield Documented(dotted, variable, _kind(field), _default(field), zh, en)


def _lines(section: _Section) -> Iterator[str]:
    zh, en = _languages(section.model.__name__, inspect.getdoc(section.model) or "")
    yield f"## {section.title}{zh.rstrip('。')}"
    yield from ("", en, "")
    if rows := list(_settings(section)):
        yield from _COLUMNS
        for row in rows:
            variable = f"`{row.variable}`" if row.variable else "–"
            yield f"| `{row.name}` | {variable} | {row.kind} | {row.default} | {row.zh}<br>{row.en} |"
        yield ""


def _model(annotation: Any) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _kind(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    if type(None) in get_args(annotation):
        annotation = next(each for each in get_args(annotation) if each is not type(None))
    if get_origin(annotation) is Literal:
        return " / ".join(f"`{choice}`" for choice in get_args(annotation))
    if get_origin(annotation) is dict:
        return "表 table；变量中写 JSON, as JSON in the variable"
    if get_origin(annotation) in {list, tuple}:
        return "列表 list；变量中写 JSON, as JSON in the variable"
    special = next((text for marker, text in _TEXTS.items() if marker in field.metadata), "")
    return special or _TYPES[annotation] + _bounds(field)


def _bounds(field: FieldInfo) -> str:
    least = next((bound.ge for bound in field.metadata if isinstance(bound, Ge)), None)
    most = next((bound.le for bound in field.metadata if isinstance(bound, Le)), None)
    if least is None:
        return "" if most is None else f" ≤ {most}"
    return f" ≥ {least}" if most is None else f" {least}–{most}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "必填 required"
    value = field.get_default(call_default_factory=True)
    if value in (None, "", ()):
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _languages(name: str, docstring: str) -> tuple[str, str]:
    zh, _, rest = docstring.partition("\n")
    en = " ".join(rest.split()).replace("``", "`")
    if not _HAN.search(zh) or not en or _HAN.match(en):
        raise ValueError(f"{name}: 说明应为一行中文，其后英文 the docstring is one line of Chinese, then English: {docstring!r}")
    return zh.replace("``", "`"), en


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Docstrings of attributes: the text that follows an assignment. Python itself does not keep them."""
    source = ast.parse(textwrap.dedent(inspect.getsource(model)))
    statements = next(node.body for node in source.body if isinstance(node, ast.ClassDef))
    found = {}
    for statement, after in pairwise(statements):
        match statement, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = inspect.cleandoc(text)
            case _:
                pass
    return found
