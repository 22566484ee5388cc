"""Generated packages are real: they resolve, pass mypy strict, and pass their own golden cases."""

import subprocess
import sys
from pathlib import Path

import pytest

from onex.codegen import case_files, package_files
from onex.contract import resolve_node
from onex.model.errors import ContractError
from onex.testing import load_cases, run_case
from tests.conftest import CONTRACTS, ROOT


def test_at_least_six_contracts_of_all_four_kinds(generated: Path) -> None:
    kinds = [resolve_node(folder).contract.node_type for folder in generated.glob("*/v*")]
    assert len(kinds) >= 6
    assert {kind.value for kind in kinds} == {"COMPUTE", "EFFECT", "REDUCER", "ORCHESTRATOR"}


def test_packages_pass_their_cases(generated: Path) -> None:
    ran = 0
    for folder in sorted(generated.glob("*/v*")):
        for case in load_cases(folder):
            assert run_case(folder, case) == "", f"{folder.parent.name}: {case.name}"
            ran += 1
    assert ran >= 14


def test_packages_pass_mypy_strict(generated: Path) -> None:
    arguments = ["--strict", "--namespace-packages", "--explicit-package-bases", "--exclude", "test_node", "."]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "", "--cache-dir", str(generated / ".cache"), *arguments],
        cwd=generated,
        env={"MYPYPATH": f"{generated}:{ROOT / 'shared'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_same_contract_gives_the_same_files() -> None:
    text = (CONTRACTS / "llm_effect.yaml").read_text()
    assert package_files(text) == package_files(text)
    assert case_files(text) == case_files(text)


def test_what_cannot_be_generated_is_said() -> None:
    text = (CONTRACTS / "llm_effect.yaml").read_text()
    with pytest.raises(ContractError, match="give `definitions`"):
        package_files(text.partition("definitions:")[0])
    with pytest.raises(ContractError, match="unknown type Nobody"):
        package_files(text.replace("usage: TokenUsage", "usage: Nobody"))
