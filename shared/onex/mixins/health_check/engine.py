"""Runs health checks at intervals and updates readiness."""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from pydantic import JsonValue
from typing_extensions import override

from onex.capability import HealthCheck, HealthChecks
from onex.capability.health import OVERALL, EnumCheckKind, Probe, ProtocolReadiness
from onex.errors import CompositionError
from onex.mixins.health_check.components import with_components
from onex.mixins.health_check.model_health_check_subcontract import ModelHealthCheckSubcontract
from onex.mixins.health_check.protocol_health_check import CheckFacts, CheckFunction, HealthFacts, ProtocolHealthCheck
from onex.mixins.health_check.standing import Standing
from onex.model.mesh import EnumHealth
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_TIME_TO_REGISTER_SECONDS: Final = 10.0
"""Nodes and other capabilities register their checks while the node starts."""


class HealthCheckEngine(ProtocolHealthCheck):
    """Runs all checks at intervals. Calls ``report`` with each change of health: subject, state, reason."""

    def __init__(
        self,
        settings: ModelHealthCheckSubcontract,
        clock: ProtocolClock,
        checks: HealthChecks,
        readiness: ProtocolReadiness,
        report: Callable[[str, str, str], None],
        probes: Mapping[str, Probe] | None = None,
    ) -> None:
        """``probes`` are the node's own methods for components, by name of the component."""
        self._settings = settings
        self._clock = clock
        self._checks = checks
        self._readiness = readiness
        self._report = report
        self._probes = probes or {}
        self._limits = {c.name: c.timeout_seconds for c in settings.components if c.timeout_seconds is not None}
        self._missing_fail_at = clock.monotonic()
        self._standings: dict[str, Standing] = {}
        self._states: dict[str, EnumHealth] = {}
        self._rounds: asyncio.Task[None] | None = None

    @override
    def register(
        self,
        name: str,
        probe: Probe,
        *,
        kind: EnumCheckKind = EnumCheckKind.DEPENDENCY,
        critical: bool = True,
    ) -> None:
        self._checks.add(HealthCheck(name, probe, kind, critical))

    @override
    def register_health_check(self, check_func: CheckFunction) -> None:
        name = getattr(check_func, "__name__", "")
        if not name.isidentifier():
            raise CompositionError("a check needs a name; pass a function with one, or call `register(name, probe)`")

        async def probe() -> object:
            result = check_func()
            return await result if inspect.isawaitable(result) else result

        self.register(name, probe)

    async def open(self) -> None:
        """Start the rounds of checks."""
        self._missing_fail_at = self._clock.monotonic() + _TIME_TO_REGISTER_SECONDS
        self._rounds = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Stop the rounds."""
        rounds, self._rounds = self._rounds, None
        if rounds is not None:
            rounds.cancel()
            await asyncio.wait([rounds])

    async def _watch(self) -> None:
        while True:
            await self.check_now()
            await asyncio.sleep(self._settings.health_check_interval_ms / 1000)

    @override
    async def check_now(self) -> HealthFacts:
        pending = [self._run(check) for check in self._enabled_checks.values()]
        if self._settings.enable_async_checks:
            await asyncio.gather(*pending)
        else:
            for check in pending:
                await check
        facts = self.facts()
        self._publish(facts)
        return facts

    @override
    async def health_check(self) -> dict[str, JsonValue]:
        return (await self.check_now()).as_json()

    @property
    def _enabled_checks(self) -> Mapping[str, HealthCheck]:
        enabled = {
            EnumCheckKind.DEPENDENCY: self._settings.include_dependency_checks,
            EnumCheckKind.COMPONENT: self._settings.include_component_checks,
        }
        late = self._clock.monotonic() >= self._missing_fail_at
        checks = with_components(self._checks.all, self._settings.components, self._probes, missing_fail=late)
        return {name: check for name, check in checks.items() if enabled[check.kind]}

    async def _run(self, check: HealthCheck) -> None:
        began = self._clock.monotonic()
        detail = await check.problem(self._limits.get(check.name, self._settings.health_check_timeout_ms / 1000))
        now = self._clock.monotonic()
        standing = self._standings.setdefault(check.name, Standing())
        standing.add(detail, now - began, now, self._settings)

    @override
    def is_healthy(self) -> bool:
        return self.facts().state is not EnumHealth.UNHEALTHY

    @override
    def facts(self) -> HealthFacts:
        checks = {name: self._facts_of(check) for name, check in self._enabled_checks.items()}
        failing = [check for check in checks.values() if not check.healthy]
        if any(check.critical for check in failing):
            return HealthFacts(EnumHealth.UNHEALTHY, checks)
        return HealthFacts(EnumHealth.DEGRADED if failing else EnumHealth.HEALTHY, checks)

    def _facts_of(self, check: HealthCheck) -> CheckFacts:
        standing = self._standings.get(check.name, Standing())
        if standing.is_late(self._clock.monotonic(), self._settings):
            return CheckFacts(False, check.critical, check.kind, "no result for too long", standing.seconds)
        return CheckFacts(standing.healthy, check.critical, check.kind, standing.detail, standing.seconds)

    def _publish(self, facts: HealthFacts) -> None:
        if self._settings.aggregate_check_results:
            self._become(OVERALL, facts.state, facts.reason)
            return
        for name, check in facts.checks.items():
            failed = EnumHealth.UNHEALTHY if check.critical else EnumHealth.DEGRADED
            self._become(f"{OVERALL} {name}", EnumHealth.HEALTHY if check.healthy else failed, check.detail)

    def _become(self, subject: str, state: EnumHealth, reason: str) -> None:
        match state:
            case EnumHealth.UNHEALTHY:
                self._readiness.complain(subject, reason)
            case EnumHealth.DEGRADED:
                self._readiness.degrade(subject, reason)
            case _:
                self._readiness.clear(subject)
        if self._states.get(subject, EnumHealth.HEALTHY) is state:
            return
        self._states[subject] = state
        log.warning("health", subject=subject, state=state, reason=reason)
        if self._settings.emit_health_events:
            self._report(subject, state, reason)

    def reported_metrics(self) -> Mapping[str, float]:
        """Whether the node is healthy (1 or 0), and the number of failing checks."""
        facts = self.facts()
        failing = sum(not check.healthy for check in facts.checks.values())
        return {"healthy": float(facts.state is EnumHealth.HEALTHY), "failing": float(failing)}
