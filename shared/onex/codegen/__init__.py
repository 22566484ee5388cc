"""From the text of a contract to the files of a node package and its golden cases."""

from onex.util.extras import require_extra

require_extra("agent")

from onex.codegen.render.cases import case_files
from onex.codegen.render.generatable import generatable_contract
from onex.codegen.render.package import package_files

__all__ = ["case_files", "generatable_contract", "package_files"]
