"""Bulkheads: a limit of concurrent calls for each dependency."""

from onex.mixins.bulkhead.mixin_bulkhead import MixinBulkhead
from onex.mixins.bulkhead.model_bulkhead_subcontract import ModelBulkheadService, ModelBulkheadSubcontract
from onex.mixins.bulkhead.protocol_bulkhead import ProtocolBulkhead, ProtocolCompartment

__all__ = [
    "MixinBulkhead",
    "ModelBulkheadService",
    "ModelBulkheadSubcontract",
    "ProtocolBulkhead",
    "ProtocolCompartment",
]
