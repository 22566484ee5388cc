"""Stage AST: the node class, its handlers, and what runs at import."""

import pytest

from onex.codegen.validate.stage_syntax_tree import check_syntax_tree
from tests.unit.checked_nodes import package, root, rules, sources


def found(files: dict[str, str]) -> list[str]:
    return rules(finding for part in sources(files).packages for finding in check_syntax_tree(part))


@pytest.mark.parametrize("kind", ["compute", "effect", "reducer"])
def test_a_sound_node_passes(kind: str) -> None:
    assert found(package(kind)) == []


def _changed(kind: str, old: str, new: str) -> dict[str, str]:
    files = package(kind)
    path = f"{root(kind)}/node.py"
    assert old in files[path]
    return files | {path: files[path].replace(old, new)}


@pytest.mark.parametrize(
    ("files", "rule"),
    [
        ({k: v for k, v in package().items() if "contract" not in k}, "ast.contract"),
        ({k: v for k, v in package().items() if "node.py" not in k}, "ast.node"),
        (package(node="x = 1\n"), "ast.class"),
        (package(after="\n\nclass NodeOther(NodeCompute[AskQuote, QuoteGiven]):\n    pass\n"), "ast.class"),
        (_changed("compute", "NodeCompute", "NodeEffect"), "ast.kind"),
        (_changed("compute", "def quote", "def quoted"), "ast.handler"),
        (_changed("compute", "def quote", "async def quote"), "ast.async"),
        (_changed("effect", "async def quote", "def quote"), "ast.async"),
        (_changed("effect", ", context: Context", ""), "ast.arity"),
        (_changed("compute", "request: AskQuote", "request: AskQuote, *more: int"), "ast.arity"),
        (_changed("compute", "request: AskQuote", "request"), "ast.annotation"),
        (_changed("compute", " -> QuoteGiven", ""), "ast.annotation"),
        (package(imports="import os\nTEXT = os.listdir('.')"), "ast.import_time"),
        (package(imports="print('loaded')"), "ast.import_time"),
        (package(imports="import subprocess as s\nrun = s.run\nrun(['ls'])"), "ast.import_time"),
        (package(imports="try:\n    X = open('x').read()\nexcept OSError:\n    X = ''"), "ast.import_time"),
        (package(after="\n    def helper(self, x: object = open('x')) -> None:\n        ...\n"), "ast.import_time"),
        (package(after="\n    TEXT = open('x').read()\n"), "ast.import_time"),
        (package(imports="for n in range(3):\n    pass"), "ast.statement"),
        (package(imports="if True:\n    while False:\n        pass"), "ast.statement"),
        (package(imports="raise ValueError"), "ast.statement"),
    ],
)
def test_each_fault_is_found(files: dict[str, str], rule: str) -> None:
    assert rule in found(files)


@pytest.mark.parametrize(
    "files",
    [
        package(imports="import re\n_WORD = re.compile('a')\nLIMIT = max(1, 2)\nNAMES = frozenset({'a'})"),
        package(imports="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from datetime import datetime"),
        package(
            imports="import os",
            after="\n\nif __name__ == '__main__':\n    for n in range(3):\n        os.listdir('.')\n",
        ),
        package(after="\n    def helper(self) -> str:\n        return open('x').read()\n"),
        package(imports="from pathlib import Path\nFOLDER = Path(__file__).parent"),
        _changed("compute", "(NodeCompute[", "(Base, NodeCompute[") | {f"{root('compute')}/x.py": ""},
        package(
            node=package()[f"{root('compute')}/node.py"].replace("class NodeQuote", "class _Base")
            + "\n\nclass NodeQuoteCompute(_BaseCompute):\n    pass\n"
        ),
    ],
)
def test_near_misses_pass(files: dict[str, str]) -> None:
    assert found(files) == []


def test_tests_may_look_around_when_they_are_imported() -> None:
    assert (
        found(package(test_node="import os\n\nENV = os.environ.get('X')\nfor n in range(3):\n    print(n)\n")) == []
    )


def test_a_handler_may_come_from_another_base() -> None:
    files = _changed("compute", "(NodeCompute[", "(Base, NodeCompute[")
    path = f"{root('compute')}/node.py"
    assert found(files | {path: files[path].replace("def quote", "def other")}) == []
