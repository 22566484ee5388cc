"""The mixin that adds health checks to a node."""

from onex.capability import HealthChecks, Mixin, ProtocolHost, Reports, capability, configured, define
from onex.capability.health import ProtocolReadiness
from onex.mixins.health_check.components import probes_of
from onex.mixins.health_check.engine import HealthCheckEngine
from onex.mixins.health_check.model_health_check_subcontract import ModelHealthCheckSubcontract
from onex.mixins.health_check.protocol_health_check import ProtocolHealthCheck
from onex.util.clock import ProtocolClock


class MixinHealthCheck(Mixin):
    """``self.health.register("bank", probe)``; the agent is not ready while a critical check fails.

    A component of the contract is checked by the node's method ``async def check_<name>(self) -> bool``.
    """

    definition = define(__file__, ModelHealthCheckSubcontract)

    @capability
    def health(self: ProtocolHost) -> ProtocolHealthCheck:
        """The checks and their results."""
        container = self.container
        reports = container.get(Reports)

        def report(subject: str, state: str, detail: str) -> None:
            reports.report("health_check", subject, state, detail)

        settings, checks = configured(self, ModelHealthCheckSubcontract), container.get(HealthChecks)
        for component in settings.components:
            if "critical" in component.model_fields_set:
                checks.set_critical(component.name, critical=component.critical)
        return HealthCheckEngine(
            settings,
            container.get(ProtocolClock),
            checks,
            container.get(ProtocolReadiness),
            report,
            probes_of(self, settings.components),
        )
