"""The view that adds data persistence to a node."""

from collections.abc import Mapping

from onex.capability import Mixin, capability, define_view, shared_engine
from onex.capability.host import ProtocolKindHost
from onex.errors import NodeUseError
from onex.mixins.data_persistence.model_data_persistence_subcontract import ModelDataPersistenceSubcontract
from onex.mixins.files import MixinFiles, ProtocolFiles
from onex.model.enums import EnumNodeKind

_FILES: Mapping[str, str] = {
    "folder": "folder",
    "max_value_bytes": "max_file_bytes",
    "remembered_appends": "remembered_appends",
}
_DELIVERY: Mapping[str, str] = {"standby": "standby", "result_retention_seconds": "keep_answers"}


class MixinDataPersistence(Mixin):
    """``await self.files.write("invoices/o-1.json", content)``"""

    definition = define_view(__file__, ModelDataPersistenceSubcontract, MixinFiles, _FILES, delivery=_DELIVERY)

    @capability
    def files(self: ProtocolKindHost) -> ProtocolFiles:
        """The files of an EFFECT. Other kinds have none: raise NodeUseError."""
        if self.kind is not EnumNodeKind.EFFECT:
            raise NodeUseError(f"a {self.kind} stores the state that its handler returns; files are for EFFECT nodes")
        return shared_engine(self, MixinFiles, ProtocolFiles)
