"""Stage TYPE_CHECKING, and the validation of every node of this repository: one run of mypy for all of it."""

import pytest

from onex.codegen import case_files, package_files
from onex.codegen.model import EnumValidationLevel, EnumValidationStage, ModelValidationResult
from onex.codegen.validate import NodeValidator, QualityGateValidator, read_folder
from tests.conftest import CONTRACTS, SERVICES
from tests.unit.checked_nodes import package, root

Results = tuple[ModelValidationResult, ...]
ORDERS = SERVICES.parent / "examples" / "orders"


def _wrong() -> dict[str, str]:
    """An effect with faults that only types show, at lines 12 to 17."""
    body = (
        "total: int = 'text'\n"
        "command.absent\n"
        "missing(total)\n"
        "len(1)  # type: ignore\n"
        "str(total)  # onex: allow[mypy.arg-type] no such finding here\n"
        "len(total)  # onex: allow[mypy.arg-type] shows a suppression"
    )
    after = "\n    def helper(self, x):\n        return x\n"
    files = package("effect", body, after=after)
    files[f"{root('effect')}/helper.py"] = "# mypy: ignore-errors\nx: int = 'text'\n"
    return files


def _generated() -> dict[str, str]:
    """The nodes of the demonstration, as the generator renders them, under versions that no service has."""
    files: dict[str, str] = {}
    for contract in sorted(CONTRACTS.glob("*.yaml")):
        text = contract.read_text()
        files |= package_files(text) | case_files(text)
    return files


@pytest.fixture(scope="module")
def results() -> Results:
    """All nodes of the repository, those that are generated, and one with faults. Caches make repetitions quick."""
    files = {**_wrong(), **_generated()}
    for folder in (SERVICES, ORDERS):
        read, findings = read_folder(folder, folder)
        assert not findings
        assert files.keys().isdisjoint(read)
        files |= read
    caches = SERVICES.parent / "build" / "validate"
    return NodeValidator(EnumValidationLevel.STANDARD, folder=caches).validate(files)


def test_every_node_of_the_repository_and_every_generated_one_passes(results: Results) -> None:
    """Without a warning: generated nodes pass level STRICT."""
    assert len(_generated()) > 30
    found = [
        f"{finding.severity}: {finding}"
        for result in results
        for finding in result.findings
        if not finding.file.startswith("node_quote_effect/")
    ]
    assert not found, "\n".join(found)
    gates = QualityGateValidator(EnumValidationLevel.BASIC).evaluate(results)
    assert [gate.name for gate in gates.gates] == ["syntax", "ast", "imports"]


@pytest.fixture(scope="module")
def types(results: Results) -> ModelValidationResult:
    """The result of the stage."""
    return next(result for result in results if result.stage is EnumValidationStage.TYPE_CHECKING)


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("mypy.assignment", 12),
        ("mypy.attr-defined", 13),
        ("mypy.name-defined", 14),
        ("mypy.ignore-without-code", 15),
        ("suppression.unused", 16),
        ("mypy.no-untyped-def", 20),
    ],
)
def test_each_fault_of_types_is_found_at_its_line(rule: str, line: int, types: ModelValidationResult) -> None:
    assert (rule, line) in {(finding.rule, finding.line) for finding in types.findings}


def test_a_comment_cannot_change_the_settings(types: ModelValidationResult) -> None:
    found = [finding for finding in types.findings if finding.file.endswith("helper.py")]
    assert [(finding.rule, finding.line) for finding in found] == [("types.inline_settings", 1)]


def test_a_suppression_with_a_reason_is_reported_as_used(types: ModelValidationResult) -> None:
    suppressed = [finding for finding in types.suppressed if finding.file.startswith("node_quote_effect/")]
    assert [(finding.rule, finding.line) for finding in suppressed] == [("mypy.arg-type", 17)]
    assert suppressed[0].remedy == "allowed: shows a suppression"
