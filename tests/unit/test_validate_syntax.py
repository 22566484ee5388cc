"""Stage SYNTAX: what is no text, no Python or no YAML is refused, with its line."""

import pytest

from onex.codegen.model import EnumValidationLevel, EnumValidationStage
from onex.codegen.validate import NodeValidator
from onex.codegen.validate.sources import read_sources
from tests.unit.checked_nodes import package, root, rules

NODE, CONTRACT, CASES = (f"{root('compute')}/{name}" for name in ("node.py", "contract.yaml", "cases.yaml"))


@pytest.mark.parametrize(
    ("name", "text", "rule", "line"),
    [
        (NODE, "def f(:\n", "syntax.python", 1),
        (NODE, "x = 1\nreturn x\n", "syntax.python", 2),
        (NODE, "x = 1\n\ndef f():\n    yield\n    await g()\n", "syntax.python", 5),
        (NODE, "x = 1\nif x is 1:\n    pass\n", "syntax.warning", 2),
        (NODE, "\nx = '\\d'\n", "syntax.warning", 2),
        (CONTRACT, "name: [\n", "syntax.yaml", 2),
        (CONTRACT, "name: a\nname: b\n", "syntax.yaml", 2),
        (CONTRACT, "- a\n", "syntax.yaml", 1),
        (CASES, "name: no list\n", "syntax.yaml", 1),
        (CASES, "- text\n", "syntax.yaml", 1),
        (CASES, "- {name: a}\n- *absent\n- [\n", "syntax.yaml", 3),
        (CASES, "- " + "[" * 50 + "]" * 50, "syntax.yaml", 1),
        (CASES, "- {a: [" + "x, " * 10_001 + "]}", "syntax.yaml", 1),
        (CASES, "- !!python/object/apply:os.system [x]\n", "syntax.yaml", 1),
        (f"{root('compute')}/other.yaml", "a: [\n", "syntax.yaml", 2),
    ],
)
def test_each_fault_is_found_at_its_line(name: str, text: str, rule: str, line: int) -> None:
    found = [(finding.rule, finding.line, finding.file) for finding in read_sources({name: text}).findings]
    assert (rule, line, name) in found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (NODE, "x = r'\\d'\nif x == 1:\n    pass\n"),
        (NODE, ""),
        (CASES, ""),
        (CASES, "- {name: &a x, then: *a}\n"),
        (CASES, "- {name: a, when: {A: {}}, then: {publishes: []}}\n"),
        (f"{root('compute')}/other.yaml", "a: [1, 2]\n"),
        (f"{root('compute')}/README.md", "def f(:\n"),
    ],
)
def test_near_misses_pass(name: str, text: str) -> None:
    assert read_sources(package() | {name: text}).findings == ()


def test_files_without_a_node_do_not_pass() -> None:
    validator = NodeValidator(EnumValidationLevel.BASIC)
    for files in ({}, {"README.md": "x"}, {"compose.yaml": "a: 1\n", "tool.py": "x = 1\n"}):
        assert rules(validator.validate(files)) == ["syntax.nothing"]
    assert rules(validator.validate(package() | {"compose.yaml": "a: 1\n", "tool.py": "x = 1\n"})) == []
    assert "ast.node" in rules(validator.validate({"contract.yaml": package()[CONTRACT]}))


def test_faults_of_syntax_end_the_validation() -> None:
    results = NodeValidator(EnumValidationLevel.BASIC).validate(package(node="def f(:\n"))
    assert [result.stage for result in results] == [EnumValidationStage.SYNTAX]
    assert rules(results) == ["syntax.python"]


def test_levels_have_the_documented_stages() -> None:
    assert NodeValidator(EnumValidationLevel.NONE).validate(package()) == ()
    results = NodeValidator(EnumValidationLevel.BASIC).validate(package())
    assert [result.stage.value for result in results] == ["syntax", "ast", "imports"]
    assert rules(results) == []
    assert NodeValidator(EnumValidationLevel.STRICT).stages == tuple(EnumValidationStage)
