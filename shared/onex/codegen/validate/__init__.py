"""Checks of nodes in stages, and the gates that decide from them."""

from onex.codegen.validate.folder import read_folder, validate_folder
from onex.codegen.validate.gates import ModelQualityGate, ModelQualityReport, QualityGateValidator
from onex.codegen.validate.generated_tests import run_tests, tests_run
from onex.codegen.validate.report import finding_lines, report_text
from onex.codegen.validate.validator import STAGES, NodeValidator

__all__ = [
    "STAGES",
    "ModelQualityGate",
    "ModelQualityReport",
    "NodeValidator",
    "QualityGateValidator",
    "finding_lines",
    "read_folder",
    "report_text",
    "run_tests",
    "tests_run",
    "validate_folder",
]
