"""The runtime of an agent on an in-memory bus."""

from onex.agent.message.pause import PauseSwitch
from onex.agent.runtime import AgentRuntime
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.bus.memory import MemoryEventBus
from onex.capability import AgentEnvironment, Reports
from onex.connect import kafka_adapters
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import ManualClock
from onex.testing.instance import in_memory
from onex.testing.instance_bus import call_directly


def memory_runtime(bus: MemoryEventBus, group: str = "g", transactional_id: str | None = "id") -> AgentRuntime:
    """Return a runtime whose parts belong to no other."""
    health = Health()
    return AgentRuntime(
        clock=ManualClock(),
        health=health,
        pause=PauseSwitch(health),
        metrics=AgentMetrics("n"),
        tracing=None,
        bus=bus,
        catalogue=TopicCatalogue(bus),
        group=group,
        instance="one",
        transactional_id=transactional_id,
        open_backend=in_memory,
        isolation=None,
        environment=AgentEnvironment(),
        reports=Reports(),
        kafka_adapters=kafka_adapters(),
        run_call=call_directly,
    )
