"""Every command that the documents name exists, with the options they give it. Nothing is run here."""

from __future__ import annotations

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.cli.catalog import COMMANDS
from tests.docs.cli import fault, named
from tests.docs.lines import PAGES, ROOT, Line, lines

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("line", lines("guidang"), ids=str)
def test_a_command_of_ours_exists_with_its_options(line: Line) -> None:
    """In a block it is complete, and every value that can be checked is one of those that are allowed."""
    assert not fault(line.words, whole=line.whole)


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("coverage", "--by", "street"),
        ("coverage",),
        ("status", "--jsn"),
        ("explain",),
        ("sink", "--metrics-port"),
        ("explain", "a", "b"),
        ("--data-folder", "d", "up"),
        ("dlq",),
        ("dlq", "nonsense"),
        ("dlq", "show"),
        ("dlq", "redrive", "--frce"),
    ],
)
def test_a_wrong_command_would_be_found(words: tuple[str, ...]) -> None:
    """What the other test rests on."""
    assert fault(words, whole=True)


def test_the_documents_name_commands_at_all() -> None:
    """Else the tests above would hold of nothing."""
    assert len(lines("guidang")) > 60
    assert {line.words[0] for line in lines("guidang") if line.words} >= set(COMMANDS)
    assert min(len(lines(program)) for program in ("pytest", "make", "python", "docker", "systemctl")) > 0


@pytest.mark.parametrize("line", lines("make"), ids=str)
def test_a_target_of_make_exists(line: Line) -> None:
    """``make test``."""
    assert {word for word in line.words if named(word)} <= TARGETS


@pytest.mark.parametrize("line", lines("python"), ids=str)
def test_a_module_exists(line: Line) -> None:
    """``python -m …``."""
    if "-m" in line.words:
        module = line.words[line.words.index("-m") + 1]
        assert importlib.util.find_spec(module)


@cache
def names_under(path: Path) -> str:
    """Names of files and tests, as ``pytest -k`` sees them."""
    files = sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    names = [
        f"{file.name}/{node.name}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    return " ".join(names).lower()


@pytest.mark.parametrize("line", lines("pytest"), ids=str)
def test_tests_that_are_named_exist(line: Line) -> None:
    """Their files, and for each word after ``-k`` a test with it in its name."""
    words = list(line.words)
    chosen = words[words.index("-k") + 1] if "-k" in words else ""
    paths = [ROOT / word.partition("::")[0] for word in words if "/" in word and word != chosen]
    assert [path for path in paths if not path.exists()] == []
    there = " ".join(names_under(path) for path in paths or [ROOT / "tests"])
    assert [word for word in chosen.split() if word not in {"and", "or", "not"} and word.lower() not in there] == []


@pytest.mark.parametrize("line", lines("docker"), ids=str)
def test_a_service_of_compose_exists_and_takes_what_it_is_told(line: Line) -> None:
    """``docker compose run --rm cli status`` is a command of ours like any other."""
    given = list(line.words)
    if "--profile" in given:
        profile = given.pop(given.index("--profile") + 1)
        assert any(profile in service.get("profiles", ()) for service in COMPOSE["services"].values())
    words = [word for word in given if not word.startswith("-") and ":" not in word]
    if words[:1] != ["compose"] or len(words) < 3:
        return
    verb, service = words[1:3]
    assert service in COMPOSE["services"]
    if verb == "run" and COMPOSE["services"][service]["image"].startswith("guidang:"):
        assert not fault(line.words[line.words.index(service) + 1 :], whole=line.whole)


@pytest.mark.parametrize("line", lines("systemctl", "journalctl"), ids=str)
def test_a_unit_of_systemd_exists(line: Line) -> None:
    """Instances are made of their template."""
    for unit in (word for word in line.words if word.startswith("guidang")):
        file = re.sub(r"@.*\.", "@.", unit if "." in unit else f"{unit}.service")
        assert (ROOT / "ops" / "systemd" / file).is_file(), unit


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere_and_is_listed_once(page: Path) -> None:
    """Files beside the page; a list of documents names each once."""
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
    listed = re.findall(r"^- \[[^\]]+\]\(([^)\s]+)\)", text, re.MULTILINE)
    assert sorted(listed) == sorted(set(listed))
