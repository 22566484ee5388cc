"""Reads contracts as they are found, in the forms of other implementations, and says what became of each line."""

from onex.codegen.found.convert import FoundContract, import_contract
from onex.codegen.found.notes import EnumFound, ModelFoundNote

__all__ = ["EnumFound", "FoundContract", "ModelFoundNote", "import_contract"]
