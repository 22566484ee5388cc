"""Profiling: slow calls, stacks and named sections."""

from onex.mixins.profiling.mixin_profiling import MixinProfiling
from onex.mixins.profiling.model_profiling_subcontract import ModelProfilingSubcontract
from onex.mixins.profiling.protocol_profiling import CallProfile, ProtocolProfiling, SectionFacts

__all__ = ["CallProfile", "MixinProfiling", "ModelProfilingSubcontract", "ProtocolProfiling", "SectionFacts"]
