"""From contracts to files: packages, cases, topic and schema declarations, dashboard, alerts, reference."""

from onex.codegen.capability_fields import capability_files
from onex.codegen.cases import case_files
from onex.codegen.declarations import declaration_files
from onex.codegen.generatable import generatable_contract
from onex.codegen.observability import observability_files
from onex.codegen.package import package_files
from onex.codegen.reference import reference_files

__all__ = [
    "capability_files",
    "case_files",
    "declaration_files",
    "generatable_contract",
    "observability_files",
    "package_files",
    "reference_files",
]
