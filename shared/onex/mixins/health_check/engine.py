"""Rounds of checks, and what follows from them."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from onex.capability import HealthCheck, HealthChecks
from onex.capability.health import EnumCheckKind, Probe, ProtocolReadiness
from onex.mixins.health_check.model_health_check_subcontract import ModelHealthCheckSubcontract
from onex.mixins.health_check.protocol_health_check import CheckFacts, HealthFacts
from onex.mixins.health_check.standing import Standing
from onex.model.error_text import error_text
from onex.model.mesh import EnumHealth
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_OVERALL = "health"


class HealthCheckEngine:
    """See :class:`ProtocolHealthCheck`. ``tell`` hears of changes: subject, state, why."""

    def __init__(
        self,
        settings: ModelHealthCheckSubcontract,
        clock: ProtocolClock,
        checks: HealthChecks,
        readiness: ProtocolReadiness,
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._checks = checks
        self._readiness = readiness
        self._tell = tell
        self._standings: dict[str, Standing] = {}
        self._told: dict[str, EnumHealth] = {}
        self._rounds: asyncio.Task[None] | None = None

    def register(
        self,
        name: str,
        probe: Probe,
        *,
        kind: EnumCheckKind = EnumCheckKind.DEPENDENCY,
        critical: bool = True,
    ) -> None:
        """See the protocol."""
        self._checks.add(HealthCheck(name, probe, kind, critical))

    async def open(self) -> None:
        """Begin with the rounds."""
        self._rounds = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """End them."""
        rounds, self._rounds = self._rounds, None
        if rounds is not None:
            rounds.cancel()
            await asyncio.wait([rounds])

    async def _watch(self) -> None:
        while True:
            await self.check_now()
            await asyncio.sleep(self._settings.health_check_interval_ms / 1000)

    async def check_now(self) -> HealthFacts:
        """See the protocol."""
        asked = [self._hear(check) for check in self._asked.values()]
        if self._settings.enable_async_checks:
            await asyncio.gather(*asked)
        else:
            for question in asked:
                await question
        facts = self.facts()
        self._follow(facts)
        return facts

    @property
    def _asked(self) -> Mapping[str, HealthCheck]:
        wanted = {
            EnumCheckKind.DEPENDENCY: self._settings.include_dependency_checks,
            EnumCheckKind.COMPONENT: self._settings.include_component_checks,
        }
        return {name: check for name, check in self._checks.all.items() if wanted[check.kind]}

    async def _hear(self, check: HealthCheck) -> None:
        began = self._clock.monotonic()
        detail = await self._ask(check)
        now = self._clock.monotonic()
        standing = self._standings.setdefault(check.name, Standing())
        standing.hear(detail, now - began, now, self._settings)

    async def _ask(self, check: HealthCheck) -> str:
        """What is wrong, in words; nothing when nothing is."""
        limit = self._settings.health_check_timeout_ms / 1000
        try:
            async with asyncio.timeout(limit) as limited:
                found = await check.probe()
        except Exception as error:  # noqa: BLE001 - what is wrong is just what was asked
            if limited.expired():
                return f"no answer within {limit:g} s"
            return error_text(error) or type(error).__name__
        return "it says no" if found is False else ""

    def is_healthy(self) -> bool:
        """See the protocol."""
        return self.facts().state is not EnumHealth.UNHEALTHY

    def facts(self) -> HealthFacts:
        """See the protocol."""
        checks = {name: self._facts_of(check) for name, check in self._asked.items()}
        failing = [check for check in checks.values() if not check.healthy]
        if any(check.critical for check in failing):
            return HealthFacts(EnumHealth.UNHEALTHY, checks)
        return HealthFacts(EnumHealth.DEGRADED if failing else EnumHealth.HEALTHY, checks)

    def _facts_of(self, check: HealthCheck) -> CheckFacts:
        standing = self._standings.get(check.name, Standing())
        if standing.is_late(self._clock.monotonic(), self._settings):
            return CheckFacts(False, check.critical, check.kind, "no answer for too long", standing.seconds)
        return CheckFacts(standing.healthy, check.critical, check.kind, standing.detail, standing.seconds)

    def _follow(self, facts: HealthFacts) -> None:
        if self._settings.aggregate_check_results:
            self._become(_OVERALL, facts.state, facts.reason)
            return
        for name, check in facts.checks.items():
            bad = EnumHealth.UNHEALTHY if check.critical else EnumHealth.DEGRADED
            self._become(f"{_OVERALL} {name}", EnumHealth.HEALTHY if check.healthy else bad, check.detail)

    def _become(self, subject: str, state: EnumHealth, why: str) -> None:
        if state is EnumHealth.UNHEALTHY:
            self._readiness.complain(subject, why)
        else:
            self._readiness.clear(subject)
        if self._told.get(subject, EnumHealth.HEALTHY) is state:
            return
        self._told[subject] = state
        log.warning("health", subject=subject, state=state, reason=why)
        if self._settings.emit_health_events:
            self._tell(subject, state, why)

    def reported_metrics(self) -> Mapping[str, float]:
        """Whether the node is healthy, and how many checks fail."""
        facts = self.facts()
        failing = sum(not check.healthy for check in facts.checks.values())
        return {"healthy": float(facts.state is EnumHealth.HEALTHY), "failing": float(failing)}
