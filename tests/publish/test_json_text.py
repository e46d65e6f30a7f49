"""A JSON text that says one thing twice is refused, and no other that is one."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ops.publish.json_text import BadJson, load_json

Pairs = list[tuple[str, Any]]
names = st.sampled_from(["a", "b", "title", '":', " :", '\\":', "标题", "10:07"]) | st.text(max_size=3)
leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | names
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(names, inner), max_size=4).map(tuple))


def written(tree: Any, blank: str) -> str:
    """A tree as JSON; objects are tuples of pairs, so that names may come twice."""
    if isinstance(tree, tuple):
        return "{" + ",".join(f"{json.dumps(name)}{blank}:{written(each, blank)}" for name, each in tree) + "}"
    return "[" + ",".join(written(each, blank) for each in tree) + "]" if isinstance(tree, list) else json.dumps(tree)


def repeats(tree: Any) -> bool:
    """Whether any object in a tree has a name twice."""
    if isinstance(tree, tuple):
        return len({name for name, _ in tree}) < len(tree) or any(repeats(each) for _, each in tree)
    return isinstance(tree, list) and any(map(repeats, tree))


@given(trees, st.sampled_from(["", " ", "\t", "\r\n", " \n ", "  "]))
@example((("a", 1), ("a", 2), ("b", '":')), "")
@example((("a", (("b", 1), ("b", 2))), ("c", " :")), "")
def test_a_text_is_refused_just_where_an_object_in_it_has_a_name_twice(tree: Any, blank: str) -> None:
    """However deep, whatever the blanks, and whatever colons stand in texts."""
    text = written(tree, blank)
    if repeats(tree):
        with pytest.raises(BadJson, match="字段重复"):
            load_json(text)
    else:
        assert load_json(text) == orjson.loads(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"case_no":1,"case_no":1}', "case_no"),
        ('{"case_no":1,"case\\u005fno":2}', "case_no"),
        ('{"case_count_2017":1,"case_count_2017":2}', "case_count_2017"),
    ],
)
def test_a_field_given_twice_is_named(text: str, told: str) -> None:
    """Also where one of the two is escaped."""
    with pytest.raises(BadJson, match=f": {told}$"):
        load_json(text)


@pytest.mark.parametrize("name", ["王某某", "13805710999", "a13805710999", "Wang Mouming"])
def test_a_name_that_may_be_a_persons_is_not_told(name: str) -> None:
    """Nor a number of one."""
    with pytest.raises(BadJson, match=r"twice$"):
        load_json(f'{{"{name}":1,"{name}":2}}')


def test_a_text_nested_deeper_than_any_record_is_read_or_refused() -> None:
    """Whichever of the parsers gives up first."""
    for depth in (990, 1020, 100_000):
        text = '{"a":' * depth + '":"' + "}" * depth
        with suppress(BadJson):
            assert load_json(text)
