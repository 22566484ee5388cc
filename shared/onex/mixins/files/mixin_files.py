"""The mixin that adds files to a node."""

from pathlib import Path

from onex.capability import (
    AgentEnvironment,
    HealthCheck,
    HealthChecks,
    Mixin,
    NodeIdentity,
    ProtocolCurrentMessage,
    ProtocolHost,
    capability,
    configured,
    define,
)
from onex.mixins.files.engine import FilesEngine
from onex.mixins.files.model_files_subcontract import ModelFilesSubcontract
from onex.mixins.files.protocol_files import ProtocolFiles


class MixinFiles(Mixin):
    """``await self.files.write("invoices/o-1.json", content)``"""

    definition = define(__file__, ModelFilesSubcontract)

    @capability
    def files(self: ProtocolHost) -> ProtocolFiles:
        """The files below the node's folder."""
        container, settings = self.container, configured(self, ModelFilesSubcontract)
        default = container.get(AgentEnvironment).home / "files" / container.get(NodeIdentity).name
        folder = Path(settings.folder) if settings.folder else default
        engine = FilesEngine(settings, folder, container.get(ProtocolCurrentMessage))
        container.get(HealthChecks).add(HealthCheck("files", engine.probe))
        return engine
