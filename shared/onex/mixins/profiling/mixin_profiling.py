"""The mixin that adds a profiler to a node."""

from onex.capability import Mixin, ProtocolHost, Reports, capability, configured, define
from onex.mixins.profiling.engine import ProfilingEngine
from onex.mixins.profiling.model_profiling_subcontract import ModelProfilingSubcontract
from onex.mixins.profiling.protocol_profiling import ProtocolProfiling
from onex.util.clock import ProtocolClock


class MixinProfiling(Mixin):
    """``with self.profiler.section("render"): ...``; slow calls are reported automatically."""

    definition = define(__file__, ModelProfilingSubcontract)

    @capability
    def profiler(self: ProtocolHost) -> ProtocolProfiling:
        """The profiler."""
        reports = self.container.get(Reports)

        def report(subject: str, detail: str) -> None:
            reports.report("profiling", subject, "slow", detail)

        return ProfilingEngine(configured(self, ModelProfilingSubcontract), self.container.get(ProtocolClock), report)
