"""The lifecycle of a node: its state, its start and stop steps, and its counters."""

import asyncio
from collections.abc import Mapping

import structlog
from typing_extensions import override

from onex.capability import BatchFacts, NodeIdentity, Proceed
from onex.errors import CompositionError, TransientError
from onex.mixins.node_service.model_node_service_subcontract import ModelNodeServiceSubcontract
from onex.mixins.node_service.protocol_node_service import EnumServiceState, ProtocolNodeService, ServiceFacts, Step
from onex.model.context import Context
from onex.model.message import Message
from onex.util.clock import ProtocolClock
from onex.util.error_text import safe_text

log = structlog.get_logger(__name__)


class NodeServiceEngine(ProtocolNodeService):
    """Runs the steps of the node and counts its messages."""

    def __init__(self, settings: ModelNodeServiceSubcontract, identity: NodeIdentity, clock: ProtocolClock) -> None:
        self._settings = settings
        self._identity = identity
        self._clock = clock
        self._state = EnumServiceState.CREATED
        self._since = 0.0
        self._starts: list[Step] = []
        self._stops: list[Step] = []
        self._in_flight = self._handled = self._failed = 0

    @override
    def on_start(self, step: Step) -> None:
        if self._state not in (EnumServiceState.CREATED, EnumServiceState.STOPPED):
            raise CompositionError(f"the node is {self._state}; register start steps before it starts")
        self._starts.append(step)

    @override
    def on_stop(self, step: Step) -> None:
        self._stops.append(step)

    async def open(self) -> None:
        """Run the start steps. Raise TransientError for a step that exceeds ``start_timeout_seconds``."""
        self._state = EnumServiceState.STARTING
        limit = self._settings.start_timeout_seconds
        for step in self._starts:
            try:
                async with asyncio.timeout(limit) as limited:
                    await step()
            except TimeoutError:
                if not limited.expired():
                    raise
                raise TransientError(f"{_name(step)} did not end within {limit:g} s") from None
        self._state, self._since = EnumServiceState.RUNNING, self._clock.monotonic()

    async def close(self) -> None:
        """Run the stop steps, the latest first, even if some fail."""
        if self._state in (EnumServiceState.CREATED, EnumServiceState.STOPPED):
            return
        self._state = EnumServiceState.STOPPING
        for step in reversed(self._stops):
            try:
                async with asyncio.timeout(self._settings.stop_timeout_seconds):
                    await step()
            except Exception as error:
                log.exception("a stop step failed", step=_name(step), error=safe_text(error) or type(error).__name__)
        self._state = EnumServiceState.STOPPED

    async def around(self, message: Message, context: Context, proceed: Proceed) -> object:
        """Count a call of an EFFECT. Refuse it while the node stops."""
        if self._state is EnumServiceState.STOPPING and self._settings.refuse_when_stopping:
            raise TransientError(f"{self._identity.name} is stopping")
        self._in_flight += 1
        self._handled += 1
        try:
            return await proceed(message, context)
        except BaseException:
            self._failed += 1
            raise
        finally:
            self._in_flight -= 1

    def observed(self, batch: BatchFacts) -> None:
        """Count a batch of a pure node."""
        self._handled += batch.count
        self._failed += len(batch.dead)

    @override
    def facts(self) -> ServiceFacts:
        node, is_running = self._identity, self._state is EnumServiceState.RUNNING
        uptime = self._clock.monotonic() - self._since if is_running else 0.0
        counts = self._in_flight, self._handled, self._failed
        return ServiceFacts(node.name, node.version, node.instance, self._state, uptime, *counts)

    def reported_metrics(self) -> Mapping[str, float]:
        """Handled and failed messages, calls in progress, and seconds since the start."""
        facts = self.facts()
        return {
            "handled": float(facts.handled),
            "failed": float(facts.failed),
            "in_flight": float(facts.in_flight),
            "uptime_seconds": facts.uptime_seconds,
        }


def _name(step: Step) -> str:
    return getattr(step, "__qualname__", repr(step))
