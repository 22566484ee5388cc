"""Regenerates a node from its contract: hand-written parts stay, generated ones follow the contract."""

from onex.util.extras import require_extra

require_extra("codegen")

from onex.codegen.regenerate.diff import differences
from onex.codegen.regenerate.merge import Merge, merge, merged, regenerated
from onex.codegen.regenerate.notes import EnumMergeNote, ModelMergeNote

__all__ = ["EnumMergeNote", "Merge", "ModelMergeNote", "differences", "merge", "merged", "regenerated"]
