"""The public API: the names are pinned, documented, and all that services and examples import."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from onex.codegen.api import api_files, public_modules, summary
from tests.conftest import ROOT

PINNED = Path(__file__).with_name("public_api.txt").read_text().split()
"""To change the API, change this file: one full name a line, sorted."""

COMMANDS = {"examples/demo.py": {"onex.cli.main.app"}}
"""`make demo` runs the commands of `onex` in its own process."""

PUBLIC_SOURCES = sorted(
    path.relative_to(ROOT).as_posix() for folder in ("services", "examples") for path in (ROOT / folder).rglob("*.py")
)


def public_names() -> list[str]:
    return sorted(f"{module}.{name}" for module in public_modules() for name in import_module(module).__all__)


def imported_names(source: str) -> Iterator[str]:
    """Yield what a module imports from the library, by full name."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=str(module), names=aliases) if module.partition(".")[0] == "onex":
                yield from (f"{module}.{alias.name}" for alias in aliases)
            case ast.Import(names=aliases):
                yield from (alias.name for alias in aliases if alias.name.startswith("onex."))


def refused_names(source: str) -> list[str]:
    """Return the uses of ``isinstance`` and ``Any``, with their lines."""
    return [
        f"{node.lineno}: {node.id}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and node.id in ("isinstance", "Any")
    ]


def test_the_public_names_are_the_pinned_ones() -> None:
    assert public_names() == PINNED


@pytest.mark.parametrize("module", public_modules())
def test_every_public_name_exists_once_and_is_documented(module: str) -> None:
    package = import_module(module)
    assert len(set(package.__all__)) == len(package.__all__)
    texts = {name: summary(package, name) for name in package.__all__}
    undocumented = [name for name, text in texts.items() if not text or re.match(rf"{name}\(|See ", text)]
    assert undocumented == []


def test_the_page_has_a_line_for_each_name_in_a_checkout_only(tmp_path: Path) -> None:
    (page,) = api_files(ROOT).values()
    assert [page.count(f"\n| `{name.rpartition('.')[2]}` |") > 0 for name in PINNED] == [True] * len(PINNED)
    assert all(line.count("|") == 3 for line in page.splitlines() if line.startswith("|") and "---" not in line)
    assert api_files(tmp_path) == {}


@pytest.mark.parametrize("path", PUBLIC_SOURCES)
def test_services_and_examples_import_public_names_only(path: str) -> None:
    allowed = {*PINNED, *COMMANDS.get(path, ())}
    assert [name for name in imported_names((ROOT / path).read_text()) if name not in allowed] == []


@pytest.mark.parametrize("path", PUBLIC_SOURCES)
def test_services_and_examples_use_neither_isinstance_nor_any(path: str) -> None:
    assert refused_names((ROOT / path).read_text()) == []


def test_the_checks_of_sources_find_what_they_look_for() -> None:
    source = (
        "import onex\nimport onex.bus as b\nfrom onex.node import Message\nx: dict[str, Any] = isinstance(b, int)"
    )
    assert list(imported_names(source)) == ["onex.bus", "onex.node.Message"]
    assert refused_names(source) == ["4: isinstance", "4: Any"] or refused_names(source) == [
        "4: Any",
        "4: isinstance",
    ]
    assert len(PUBLIC_SOURCES) > 40
