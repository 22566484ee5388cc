"""MeshDriver: runs whole workflows in one process, deterministically, in virtual time."""

import asyncio
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from opentelemetry.sdk.trace import SpanProcessor

from onex.agent.crash import Isolation
from onex.agent.process.services import agent_environment_of
from onex.agent.state.backends import OpenBackend
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import Headers, Outgoing, ProtocolRecord
from onex.bus.topics import all_partitions
from onex.capability import AgentEnvironment
from onex.contract import ResolvedNode, resolve_node
from onex.errors import MessageError
from onex.model.contract import ModelEventBus
from onex.model.duration import parse_duration
from onex.model.message import Message
from onex.model.repeated import CompletionRepeated
from onex.node import Node
from onex.provisioning.declared import declare
from onex.provisioning.foreign import create_foreign
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema import ProtocolCodec, ProtocolSchemaCatalogue, codec_of
from onex.schema.message_types import type_reader
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from onex.testing.clock import ManualClock, VirtualLoop
from onex.testing.instance import Instance, in_memory
from onex.wire import headers as h
from onex.wire.dead_letter import MESSAGE_ID

M = TypeVar("M", bound=Message)
_ROUNDS = 10_000


@dataclass(frozen=True, slots=True)
class Sent:
    """A published command."""

    id: str
    correlation_id: str


class MeshDriver:
    """Runs nodes on an in-memory bus.

    ``virtual_time=False`` lets effects do real I/O in real time. ``spans`` receives the traces. ``environment``
    replaces what capabilities see of the settings, a database for example. ``open_backend`` opens the state on the
    machine of an instance that is started; by default state is restored from the changelog. ``topic_prefix`` is the
    setting of that name. With ``shared`` the nodes use the cluster and the clock of another driver.
    """

    def __init__(
        self,
        nodes: Sequence[Path | ResolvedNode],
        *,
        virtual_time: bool = True,
        spans: SpanProcessor | None = None,
        environment: AgentEnvironment | None = None,
        open_backend: OpenBackend = in_memory,
        topic_prefix: str = "",
        shared: "MeshDriver | None" = None,
    ) -> None:
        self._open_backend = open_backend
        self._spans = spans
        self._environment = environment or agent_environment_of(Settings.load())
        self.clock: ManualClock = shared.clock if shared else ManualClock()
        self.broker: MemoryBroker = shared.broker if shared else MemoryBroker(self.clock.now_ms)
        self.bus = MemoryEventBus(self.broker)
        self._loop: asyncio.AbstractEventLoop = VirtualLoop(self.clock) if virtual_time else asyncio.new_event_loop()
        self.nodes = [
            (node if isinstance(node, ResolvedNode) else resolve_node(node, environment=os.environ)).with_prefix(
                topic_prefix
            )
            for node in nodes
        ]
        self.catalogue = TopicCatalogue(self.bus, topic_prefix)
        declared = declare(self.nodes, 1, prefix=topic_prefix)
        create_foreign(declared, self.bus, self.catalogue)
        apply_plan(make_plan(declared, self.bus, self.catalogue), declared, self.bus, self.catalogue)
        self.instances = [self._instance(node) for node in self.nodes]

    def _instance(self, node: ResolvedNode, isolation: Isolation | None = None) -> Instance:
        clock, loop, catalogue = self.clock, self._loop, self.catalogue
        return Instance(
            node,
            self.broker,
            clock,
            loop,
            catalogue,
            self._environment,
            self._spans,
            isolation,
            self._open_backend,
        )

    # -- messages -------------------------------------------------------------------------------

    def send(
        self,
        message: Message,
        *,
        key: str = "",
        id: str = "",
        correlation_id: str = "",
        run: bool = True,
        headers: Headers | None = None,
    ) -> Sent:
        """Publish a message to the topic by which a node takes it; then run the nodes until they are idle, or not.

        ``id`` and ``correlation_id`` are random where they are empty.
        """
        topic = self.topic_of(type(message))
        codec = self._codec(type(message), topic)
        sent = Sent(id or uuid.uuid4().hex, correlation_id or uuid.uuid4().hex)
        all_headers = [(h.ID, sent.id.encode()), (h.CORRELATION, sent.correlation_id.encode()), *(headers or [])]
        all_headers += self._bus_of(topic).type_headers(topic, type(message).__name__)
        record_key = key.encode() or message.partition_key()
        self.publish(topic, codec.encode(message), record_key, all_headers, run=run)
        return sent

    def publish(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Headers, *, run: bool = True
    ) -> None:
        """Publish a record; then run the nodes until they are idle, or not."""
        self.bus.publish(Outgoing(topic, value, key, headers))
        if run:
            self.run_until_idle()

    def messages(self, model: type[M], topic: str = "") -> list[tuple[ProtocolRecord, M]]:
        """Return the committed records of a type with their messages, by partition and offset.

        They come from all topics that carry the type, or from ``topic``.
        """
        messages: list[tuple[ProtocolRecord, M]] = []
        for name in [topic] if topic else self._topics_of(model):
            codec, bus = self._codec(model, name), self._bus_of(name)
            for record in self.records(name):
                if not is_of_type(bus, self.catalogue, model, record):
                    continue
                message = codec.decode(record.value())
                assert isinstance(message, model)
                messages.append((record, message))
        return messages

    def published(self, model: type[M], sent: Sent | None = None, topic: str = "") -> list[M]:
        """Return the committed messages of a type; with ``sent`` those of its correlation id."""
        return [
            message
            for record, message in self.messages(model, topic)
            if sent is None or _header(record, h.CORRELATION) == sent.correlation_id
        ]

    def completion(self, sent: Sent) -> Message:
        """Return the completion event of a workflow. Raise AssertionError for none, and for more than one.

        For a command that was repeated after the end it is the completion that is sent again.
        """
        ends: list[Message] = []
        for node in self.nodes:
            if workflow := node.contract.workflow_coordination:
                for name in (workflow.completed, workflow.failed):
                    ends += self.published(node.models[name], sent)
                repeated = self.published(CompletionRepeated, sent, node.contract.repeated_topic)
                ends += [node.models[again.completion].from_stored_json(again.content) for again in repeated]
        assert len(ends) == 1, f"{len(ends)} completions of {sent.correlation_id}: {ends}"
        return ends[0]

    def records(self, topic: str) -> list[ProtocolRecord]:
        """Return the committed records of a topic, by partition and offset."""
        records: list[ProtocolRecord] = []
        for partition in all_partitions([self.broker.topic(topic)]):
            log = self.broker.logs[partition]
            records += log.visible(0, len(log.records))[0]
        return records

    def dead_letters(self, node: type[Node] | None = None) -> list[ProtocolRecord]:
        """Return the dead letters of one node, or of all."""
        return [
            record
            for resolved in self.nodes
            if node is None or resolved.node_class is node
            for record in self.records(resolved.contract.dead_letter_topic)
        ]

    def dead_letter_of(self, sent: Sent) -> dict[str, str]:
        """Return the headers of the dead letter of a message. Raise AssertionError when there is none."""
        for record in self.dead_letters():
            if _header(record, MESSAGE_ID) == sent.id:
                return {name: value.decode(errors="replace") for name, value in record.headers() or []}
        raise AssertionError(f"no dead letter of {sent.id}")

    # -- time and faults ------------------------------------------------------------------------

    def run_until_idle(self) -> None:
        """Run until no instance has anything to do."""
        for _ in range(_ROUNDS):
            has_worked = [instance.step() for instance in self.instances]
            if not any(has_worked):
                return
        raise AssertionError(f"not idle after {_ROUNDS} rounds")

    def advance(self, duration: str | float) -> None:
        """Move time forward, and stop at every timer that is due on the way."""
        target = self.clock.monotonic() + parse_duration(duration)
        while True:
            self.run_until_idle()
            timers = [due for i in self.instances if (due := i.next_timer()) is not None]
            if isinstance(self._loop, VirtualLoop) and (sleeping := self._loop.next_timer()) is not None:
                timers.append(sleeping)
            upcoming = min((due for due in timers if due > self.clock.monotonic()), default=target)
            if upcoming >= target:
                break
            self.clock.move_to(upcoming)
        self.clock.move_to(target)
        self.run_until_idle()

    def instances_of(self, node: type[Node]) -> list[Instance]:
        """Return the running instances of a node class, also of the classes to which contracts add capabilities."""
        return [instance for instance in self.instances if issubclass(instance.resolved.node_class, node)]

    def mute(self, node: type[Node]) -> None:
        """Let the instances of a node do nothing; they keep their partitions."""
        for instance in self.instances_of(node):
            instance.muted = True

    def unmute(self, node: type[Node]) -> None:
        """Undo ``mute``."""
        for instance in self.instances_of(node):
            instance.muted = False

    def add_instance(self, node: type[Node], isolation: Isolation | None = None) -> Instance:
        """Start another instance; partitions move on the next steps. ``isolation``: suspects of an earlier one."""
        resolved = next(r for r in self.nodes if r.node_class is node)
        instance = self._instance(resolved, isolation)
        self.instances.append(instance)
        return instance

    def remove_instance(self, instance: Instance) -> None:
        """Stop an instance as SIGTERM does."""
        instance.close()
        self.instances.remove(instance)

    def crash(self, instance: Instance) -> None:
        """Kill an instance as SIGKILL does; its partitions go to the others."""
        instance.crash()
        self.instances.remove(instance)

    def close(self) -> None:
        """Stop all instances and the loop."""
        for instance in self.instances:
            instance.close()
        self._loop.close()

    # -- names ----------------------------------------------------------------------------------

    def topic_of(self, model: type[Message]) -> str:
        """Return the topic by which a node takes messages of a type. Raise AssertionError when none does."""
        for node in self.nodes:
            for route in node.all_routes:
                if route.model is model:
                    return route.topic
        raise AssertionError(f"no node of this driver takes {model.__name__}")

    def in_form(self, topic: str, model: type[Message], text: bytes) -> bytes:
        """Return the bytes of a message in JSON as its topic has them: JSON, unless the topic takes none."""
        forms = [node.contract.event_bus.topics.get(topic) for node in self.nodes]
        if not any(form is not None and form.format in ("avro", "bytes") for form in forms):
            return text
        codec = self._codec(model, topic)
        return codec.encode(codec.read_json(text))

    def _codec(self, model: type[Message], topic: str) -> ProtocolCodec:
        """Return the codec of a topic in the form that the nodes of this driver declare for it."""
        return codec_of(self._bus_of(topic), model, topic, self.catalogue)

    def _bus_of(self, topic: str) -> ModelEventBus:
        """Return what a node says about a topic, preferably one that declares its form."""
        buses = [node.contract.event_bus for node in self.nodes]
        return next((bus for bus in buses if topic in bus.topics), buses[0])

    def _topics_of(self, model: type[Message]) -> list[str]:
        topics = {topic for node in self.nodes for output, topic in node.outputs.items() if output is model}
        topics |= {route.topic for node in self.nodes for route in node.all_routes if route.model is model}
        return sorted(topics)


def is_of_type(
    event_bus: ModelEventBus, catalogue: ProtocolSchemaCatalogue, model: type[Message], record: ProtocolRecord
) -> bool:
    """Return whether a record is a message of a model. On a topic with one message each record is."""
    bound = event_bus.topics.get(record.topic())
    if bound is None or (type_of := type_reader(bound, catalogue)) is None:
        return True
    headers = dict(record.headers() or [])
    try:
        return type_of(lambda name: headers.get(name, b""), record.value()) == bound.type_of(model.__name__)
    except MessageError:
        return False


def _header(record: ProtocolRecord, name: str) -> str:
    return dict(record.headers() or []).get(name, b"").decode(errors="replace")
