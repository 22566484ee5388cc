"""From contracts to files: node packages, golden cases, topic and schema declarations."""

from onex.codegen.cases import case_files
from onex.codegen.declarations import declaration_files
from onex.codegen.package import package_files

__all__ = ["case_files", "declaration_files", "package_files"]
