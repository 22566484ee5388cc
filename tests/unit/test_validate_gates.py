"""Gates of the levels, their reports, suppressions, and the run of the generated tests."""

import json
from pathlib import Path

import pytest

from onex.codegen.model import (
    EnumValidationLevel,
    EnumValidationStage,
    ModelFinding,
    ModelTestRun,
    ModelValidationResult,
)
from onex.codegen.validate import (
    STAGES,
    ModelQualityReport,
    NodeValidator,
    QualityGateValidator,
    report_text,
    run_tests,
    validate_folder,
)
from onex.errors import ConfigurationError, RejectedError
from tests.unit.checked_nodes import package, root, rules, stage

STANDARD, STRICT = EnumValidationLevel.STANDARD, EnumValidationLevel.STRICT
PASSED = ModelTestRun(passed=3, seconds=1.5)
WARNING = ModelFinding(
    severity="warning", file="a/node.py", line=3, rule="performance.per_message", message="m", remedy="r"
)
ERROR = ModelFinding(severity="error", file="a/node.py", line=2, rule="performance.blocking", message="m", remedy="r")


def _results(*findings: ModelFinding) -> list[ModelValidationResult]:
    return [
        ModelValidationResult(
            stage=name, seconds=0.1, findings=findings if name is EnumValidationStage.PERFORMANCE else ()
        )
        for name in STAGES[STANDARD]
    ]


@pytest.mark.parametrize(
    ("level", "findings", "tests", "failed"),
    [
        (EnumValidationLevel.NONE, [ERROR], None, ()),
        (EnumValidationLevel.BASIC, [ERROR], None, ()),
        (STANDARD, [], PASSED, ()),
        (STANDARD, [WARNING], PASSED, ()),
        (STANDARD, [ERROR], PASSED, ("performance",)),
        (STRICT, [WARNING], PASSED, ("performance",)),
        (STRICT, [], PASSED, ()),
        (STANDARD, [], None, ("tests",)),
        (STANDARD, [], ModelTestRun(passed=0, seconds=1.0), ("tests",)),
        (STRICT, [], ModelTestRun(passed=5, failed=1, seconds=1.0), ("tests",)),
    ],
)
def test_levels_decide(
    level: EnumValidationLevel, findings: list[ModelFinding], tests: ModelTestRun | None, failed: tuple[str, ...]
) -> None:
    report = QualityGateValidator(level).evaluate(_results(*findings), tests)
    assert report.failed == failed
    assert report.passed is (failed == ())


def test_a_stage_that_did_not_run_has_not_passed() -> None:
    report = QualityGateValidator(STANDARD).evaluate(_results()[:3], PASSED)
    assert report.failed == ("type_checking", "onex_compliance", "security", "performance")
    assert {gate.reason for gate in report.gates if not gate.passed} == {"did not run"}


def test_the_report_shows_gates_and_findings_errors_first() -> None:
    report = QualityGateValidator(STANDARD).evaluate(_results(WARNING, ERROR), PASSED)
    text = report_text(report)
    assert "Quality gates, level standard: failed" in text
    assert "failed: 1 error" in text
    assert text.index("error: a/node.py:2: m; r [performance.blocking]") < text.index("warning: a/node.py:3")
    assert "\x1b" not in text
    assert "... and 1 more" in report_text(report, most_findings=1)
    again = ModelQualityReport.model_validate_json(report.model_dump_json())
    assert again == report
    assert [gate["name"] for gate in json.loads(report.model_dump_json())["gates"]][-1] == "tests"


def test_markup_in_a_finding_is_text() -> None:
    finding = ERROR.model_copy(update={"message": "[bold]x[/bold] [/nothing]"})
    assert "[bold]x[/bold] [/nothing]" in report_text(QualityGateValidator(STANDARD).evaluate(_results(finding)))


def test_suppressions_need_a_reason_and_a_use() -> None:
    imports = (
        "print('a')  # onex: allow[ast.import_time] shows that it is loaded\n"
        "print('b')  # onex: allow[ast.import_time]\n"
        "X = 1  # onex: allow[ast.import_time] nothing is here\n"
        "print('d')  # onex: allow[purity.print] that stage does not run\n"
        "Y = 2  # onex: allow[no.such] what is it\n"
        "Z = '# onex: allow[ast.import_time] a text, no comment'\n"
        "print('e'), exit  # onex: allow[ast.statement, ast.import_time] one of two"
    )
    results = NodeValidator(EnumValidationLevel.BASIC).validate(package(imports=imports))
    tree, syntax = stage(results, EnumValidationStage.AST), stage(results, EnumValidationStage.SYNTAX)
    assert [(f.rule, f.line) for f in tree.suppressed] == [("ast.import_time", 5), ("ast.import_time", 11)]
    assert [(f.rule, f.line) for f in tree.findings] == [
        ("ast.import_time", 6),
        ("suppression.reason", 6),
        ("suppression.unused", 7),
        ("ast.import_time", 8),
        ("suppression.unused", 11),
    ]
    assert [(f.rule, f.line) for f in syntax.findings] == [("suppression.rule", 9)]


TEST = """
import os
import socket

import pytest


def test_passes() -> None:
    assert sorted(os.listdir(".")) == ["node_quote_compute"]


def test_the_node() -> None:
    from node_quote_compute.v1_0_0.models import AskQuote
    from node_quote_compute.v1_0_0.node import NodeQuoteCompute
    assert NodeQuoteCompute().quote(AskQuote(quote_id="q", amount=2)).amount == 2
"""
FAILING = """
import pytest


def test_fails() -> None:
    assert 1 == 2, "one is not two"


@pytest.fixture
def broken() -> None:
    raise OSError("broken")


def test_error(broken: None) -> None:
    pass
"""


def test_generated_tests_run_in_a_fresh_process() -> None:
    run = run_tests(package(test_node=TEST), "process")
    assert (run.passed, run.failed, run.output) == (2, 0, "")
    run = run_tests(package(test_node=TEST, test_more=FAILING), "process")
    assert (run.passed, run.failed) == (2, 2)
    assert "one is not two" in run.output


def test_a_run_without_tests_or_with_an_early_end_has_not_passed() -> None:
    gate = QualityGateValidator(STANDARD)
    for text in ("X = 1\n", "import os\nos._exit(0)\n"):
        report = gate.evaluate(_results(), run_tests(package(test_node=text), "process"))
        assert report.failed == ("tests",), text
    with pytest.raises(RejectedError, match="leads out"):
        run_tests({"../test_x.py": ""}, "process")


def _written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_folder_a_version_and_a_file_are_the_same_node(tmp_path: Path) -> None:
    services = _written(tmp_path / "services", package(imports="print('x')"))
    validator = NodeValidator(EnumValidationLevel.BASIC)
    version = services / "node_quote_compute" / "v1_0_0"
    places = [
        services,
        version.parent,
        version,
        version / "node.py",
        version / "models",
        version / "models/__init__.py",
    ]
    for place in places:
        results = validate_folder(place, validator)
        assert [finding.file for result in results for finding in result.findings] == [
            f"{root('compute')}/node.py"
        ], place
    with pytest.raises(ConfigurationError, match="no node here"):
        validate_folder(tmp_path / "empty", validator)


def test_a_node_outside_of_a_services_folder_is_checked_too(tmp_path: Path) -> None:
    texts = {name.removeprefix(f"{root('compute')}/"): text for name, text in package().items()}
    folder = _written(tmp_path, {**texts, "node.py": "x = 1\n"})
    assert rules(validate_folder(folder / "node.py", NodeValidator(EnumValidationLevel.BASIC))) == ["ast.class"]
