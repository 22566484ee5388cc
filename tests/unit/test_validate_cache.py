"""Results by content: in memory and on disk, bounded, and never trusted."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue

from onex.codegen.model import EnumValidationLevel, EnumValidationStage, ModelFinding, ModelValidationResult
from onex.codegen.validate import NodeValidator
from onex.codegen.validate.cache import ResultCache, key_of
from onex.codegen.validate.tools.client import ToolError, ToolProcess
from tests.unit.checked_nodes import package, root, rules

AST = EnumValidationStage.AST
FINDING = ModelFinding(severity="error", file="node.py", line=3, rule="ast.class", message="m", remedy="r")


def _cached(results: Sequence[ModelValidationResult]) -> list[bool]:
    return [result.cached for result in results]


def test_equal_files_are_checked_once(tmp_path: Path) -> None:
    files = package(imports="print('x')")
    first = NodeValidator(EnumValidationLevel.BASIC, folder=tmp_path)
    checked, again = first.validate(files), first.validate(files)
    assert _cached(checked) == [False, False, False]
    assert _cached(again) == [False, True, True], "reading the files is the check of stage SYNTAX"
    other = NodeValidator(EnumValidationLevel.BASIC, folder=tmp_path).validate(files)
    assert _cached(other) == [False, True, True]
    assert [r.findings for r in checked] == [r.findings for r in again] == [r.findings for r in other]
    assert rules(other) == ["ast.import_time"]


def test_other_files_roots_and_siblings_are_checked_again(tmp_path: Path) -> None:
    validator = NodeValidator(EnumValidationLevel.BASIC, folder=tmp_path / "cache", roots=[tmp_path])
    files = package(imports="from node_other_effect.v1_0_0.models import X")
    assert rules(validator.validate(files)) == ["imports.unresolved"]
    models = tmp_path / "node_other_effect" / "v1_0_0" / "models"
    models.mkdir(parents=True)
    (models / "__init__.py").write_text("X = 1\n")
    assert rules(validator.validate(files)) == [], "the sibling exists now"
    path = f"{root('compute')}/node.py"
    assert rules(validator.validate(files | {path: files[path] + "\nprint(X)\n"})) == ["ast.import_time"]


def test_keys_differ_by_stage_content_and_place() -> None:
    files = package()
    keys = [
        key_of(AST, files, {}),
        key_of(EnumValidationStage.IMPORTS, files, {}),
        key_of(AST, {}, files),
        key_of(AST, files | {"x.py": ""}, {}),
        key_of(AST, {"a": "bc"}, {}),
        key_of(AST, {"ab": "c"}, {}),
        key_of(AST, files, {}, settings=["/other"]),
    ]
    assert len(set(keys)) == len(keys)
    assert key_of(AST, dict(reversed(files.items())), {}) == keys[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        json.dumps({"key": "other", "stage": "ast", "findings": []}),
        json.dumps({"key": "{key}", "stage": "imports", "findings": []}),
        json.dumps({"key": "{key}", "stage": "ast", "findings": [{"rule": "x"}]}),
        json.dumps({"key": "{key}", "stage": "ast", "findings": [], "code": "print()"}),
    ],
)
def test_a_damaged_entry_is_ignored_and_written_again(tmp_path: Path, text: str) -> None:
    key = "a" * 64
    ResultCache(tmp_path).put(key, AST, (FINDING,))
    (file,) = tmp_path.rglob("*.json")
    whole = file.read_text()
    file.write_text(text.replace("{key}", key))
    assert ResultCache(tmp_path).get(key, AST) is None
    ResultCache(tmp_path).put(key, AST, (FINDING,))
    assert file.read_text() == whole
    assert ResultCache(tmp_path).get(key, AST) == (FINDING,)


def test_a_link_or_a_folder_in_the_place_of_an_entry_is_ignored(tmp_path: Path) -> None:
    key = "b" * 64
    ResultCache(tmp_path / "real").put(key, AST, (FINDING,))
    (file,) = (tmp_path / "real").rglob("*.json")
    target = file.rename(tmp_path / "elsewhere.json")
    file.symlink_to(target)
    cache = ResultCache(tmp_path / "real")
    assert cache.get(key, AST) is None
    file.unlink()
    file.mkdir()
    assert ResultCache(tmp_path / "real").get(key, AST) is None
    cache.put(key, AST, (FINDING,))
    assert cache.get(key, AST) == (FINDING,), "memory has it; the disk cannot"


def test_a_tool_without_a_reply_fails_its_stage_and_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tool(ToolProcess):
        """Raises for as long as it is broken; then finds nothing."""

        broken = True

        def ask(self, request: Mapping[str, JsonValue]) -> JsonValue:
            if self.broken:
                raise ToolError("it ended without a reply")
            return {"issues": [], "refused": []} if "skipped" in request else []

    tool = Tool("bandit_process.py")
    monkeypatch.setattr("onex.codegen.validate.validator.bandit_process", lambda: tool)
    monkeypatch.setattr("onex.codegen.validate.validator.mypy_process", lambda folder: tool)
    validator = NodeValidator(EnumValidationLevel.STANDARD)
    assert rules(validator.validate(package())) == ["security.tool", "types.tool"]
    tool.broken = False
    assert rules(validator.validate(package())) == []
    tool.broken = True
    assert rules(validator.validate(package())) == [], "what it found is stored"


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file, no folder")
    cache = ResultCache(tmp_path)
    cache.put("c" * 64, AST, (FINDING,))
    assert cache.get("c" * 64, AST) == (FINDING,)


def test_the_oldest_entries_leave(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path, most_on_disk=16 * 3)
    for n in range(10):
        cache.put(f"d{n:063}", AST, (FINDING,))
        ResultCache(tmp_path).get(f"d{0:063}", AST)  # the first one is used all the time
    left = {file.stem for file in tmp_path.rglob("*.json")}
    assert len(left) == 3
    assert f"d{9:063}" in left
    assert not list(tmp_path.rglob(".*")), "no part of a file is left"
