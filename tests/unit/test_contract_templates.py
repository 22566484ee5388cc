"""The contracts of docs/contract-templates.md: each is generated, checked with all gates, and run."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from onex.codegen.introspect import ContractIntrospector
from onex.codegen.model import EnumValidationLevel
from onex.codegen.render.cases import case_files
from onex.codegen.render.package import package_files
from onex.codegen.validate import NodeValidator
from onex.testing import load_cases, run_case
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "contract-templates.md").read_text()
_BLOCK = re.compile(r"^```yaml title=templates/(\w+)\.yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| \[([\w ]+)\]\(#[\w-]+\) \| (\w+) \| [^|]+ \| ([^|]*) \| (\d) \|$", re.MULTILINE)
TEMPLATES = dict(_BLOCK.findall(PAGE))
"""Text by name."""
ROWS = {name.replace(" ", "_"): (kind, set(re.findall(r"`(\w+)`", mixins)), int(unfinished))
        for name, kind, mixins, unfinished in _ROW.findall(PAGE)}  # fmt: skip
"""Kind, mixins and number of unfinished handlers by name, as the table of the page has them."""


@cache
def files_of(name: str) -> Mapping[str, str]:
    return {**package_files(TEMPLATES[name]), **case_files(TEMPLATES[name])}


def test_the_table_lists_the_contracts() -> None:
    assert len(TEMPLATES) >= 10
    assert set(ROWS) == set(TEMPLATES)
    assert {kind for kind, _, _ in ROWS.values()} == {"COMPUTE", "EFFECT", "REDUCER", "ORCHESTRATOR"}


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_the_table_says_what_is_generated(name: str) -> None:
    kind, mixins, unfinished = ROWS[name]
    contract = ContractIntrospector().introspect(TEMPLATES[name], name)
    assert contract.contract.node_type == kind
    assert {mixin.name for mixin in contract.mixins} == mixins
    (node,) = (text for path, text in files_of(name).items() if path.endswith("/node.py"))
    assert node.count("@unfinished") == unfinished
    assert all(f"import {mixin}" in node or f", {mixin}" in node for mixin in mixins)


def test_all_gates_pass() -> None:
    """One run for all: mypy loads once."""
    files = {path: text for name in TEMPLATES for path, text in files_of(name).items()}
    validator = NodeValidator(EnumValidationLevel.STRICT, folder=ROOT / "build" / "validate")
    results = validator.validate(files)
    assert [result.stage for result in results] == list(validator.stages)
    assert [str(finding) for result in results for finding in result.findings] == []


@pytest.mark.parametrize("name", sorted(name for name, row in ROWS.items() if row[0] != "EFFECT" and not row[2]))
def test_finished_nodes_pass_their_cases(name: str, tmp_path: Path) -> None:
    """Those that reach nothing outside; the generator runs all cases in its sandbox."""
    for path, text in files_of(name).items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (contract,) = tmp_path.rglob("contract.yaml")
    cases = load_cases(contract.parent)
    assert cases
    assert [run_case(contract.parent, case) for case in cases] == [""] * len(cases)
