"""What an engine and the capabilities of its node work with. A process, or a test driver, builds it once per bus."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from onex.agent.crash import Isolation
from onex.agent.message.pause import PauseSwitch
from onex.agent.state.backends import OpenBackend
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.agent.telemetry.tracing import Tracing
from onex.bus.protocols import ProtocolEventBus
from onex.capability import AgentEnvironment, Reports
from onex.capability.kafka import ProtocolKafkaAdapters
from onex.schema import ProtocolSchemaCatalogue
from onex.util.clock import ProtocolClock

P = ParamSpec("P")
T = TypeVar("T")


class ProtocolCallRunner(Protocol):
    """Makes calls that wait for brokers. ``asyncio.to_thread`` is one: it keeps the event loop free."""

    async def __call__(self, call: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> T:
        """Return what ``call`` returns. Raise what it raises."""
        ...


@dataclass(frozen=True, slots=True)
class AgentRuntime:
    """The parts of one agent that do not depend on its node."""

    clock: ProtocolClock
    health: Health
    pause: PauseSwitch
    """Whether an operator has paused the node."""
    metrics: AgentMetrics
    tracing: Tracing | None
    """None where no traces are exported."""
    bus: ProtocolEventBus
    catalogue: ProtocolSchemaCatalogue
    group: str
    """Consumer group of the node."""
    instance: str
    """Name of this process among those of the node."""
    transactional_id: str | None
    """None for the guarantee ``at_least_once``."""
    open_backend: OpenBackend
    """Opens the state of a partition."""
    isolation: Isolation | None
    """The suspects that the process before left, in the folder of this instance; None for no folder."""
    environment: AgentEnvironment
    """What capabilities know of the settings."""
    reports: Reports
    """What capabilities report to the mesh."""
    kafka_adapters: ProtocolKafkaAdapters
    """For capabilities that write to Kafka themselves."""
    run_call: ProtocolCallRunner
    """Makes calls of the bus from a coroutine."""
