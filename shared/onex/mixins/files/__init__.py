"""Files that a node reads and writes."""

from onex.mixins.files.mixin_files import MixinFiles
from onex.mixins.files.model_files_subcontract import ModelFilesSubcontract
from onex.mixins.files.protocol_files import ProtocolFileChange, ProtocolFiles

__all__ = ["MixinFiles", "ModelFilesSubcontract", "ProtocolFileChange", "ProtocolFiles"]
