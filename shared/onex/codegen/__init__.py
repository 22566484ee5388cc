"""From the text of a contract to the files of a node package and its golden cases, and the checks of nodes."""

from onex.util.extras import require_extra

require_extra("agent")

from onex.codegen.render.cases import case_files
from onex.codegen.render.generatable import generatable_contract
from onex.codegen.render.package import package_files
from onex.codegen.sandbox import Sandbox
from onex.codegen.validate import (
    NodeValidator,
    QualityGateValidator,
    report_text,
    run_tests,
    tests_run,
    validate_folder,
)

__all__ = [
    "NodeValidator",
    "QualityGateValidator",
    "Sandbox",
    "case_files",
    "generatable_contract",
    "package_files",
    "report_text",
    "run_tests",
    "tests_run",
    "validate_folder",
]
