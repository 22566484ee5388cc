"""Memory management: budgets, caches that shrink, and an intake that stops before the process is ended."""

from onex.mixins.memory_management.mixin_memory_management import MixinMemoryManagement
from onex.mixins.memory_management.model_memory_management_subcontract import ModelMemoryManagementSubcontract
from onex.mixins.memory_management.protocol_memory_management import (
    MemoryFacts,
    MemoryUse,
    ProtocolMemoryManagement,
    ProtocolMemoryReader,
)

__all__ = [
    "MemoryFacts",
    "MemoryUse",
    "MixinMemoryManagement",
    "ModelMemoryManagementSubcontract",
    "ProtocolMemoryManagement",
    "ProtocolMemoryReader",
]
