"""The mixin that keeps a node within its memory."""

from onex.capability import Mixin, Reports, Shrinkables, capability, configured, define
from onex.capability.health import ProtocolReadiness
from onex.capability.host import ProtocolKindHost
from onex.mixins.memory_management.engine import MemoryManagementEngine
from onex.mixins.memory_management.freeing import free_memory
from onex.mixins.memory_management.model_memory_management_subcontract import ModelMemoryManagementSubcontract
from onex.mixins.memory_management.protocol_memory_management import ProtocolMemoryManagement, ProtocolMemoryReader
from onex.mixins.memory_management.reader import SystemMemory
from onex.util.clock import ProtocolClock


class MixinMemoryManagement(Mixin):
    """``self.memory.register("prices", cache)``; the agent takes no messages while memory is used."""

    definition = define(__file__, ModelMemoryManagementSubcontract)

    @capability
    def memory(self: ProtocolKindHost) -> ProtocolMemoryManagement:
        """The memory of the node. A node with MixinMemoryMetrics alone only measures."""
        match self:
            case MixinMemoryManagement():
                manages = True
            case _:
                manages = False
        container = self.container
        return MemoryManagementEngine(
            configured(self, ModelMemoryManagementSubcontract),
            container.get(ProtocolClock),
            container.find(ProtocolMemoryReader) or SystemMemory(),
            container.get(Shrinkables),
            container.get(ProtocolReadiness),
            container.get(Reports),
            free_memory,
            self.kind,
            manages=manages,
        )
