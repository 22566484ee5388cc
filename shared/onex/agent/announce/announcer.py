"""The thread that announces an agent. It never delays the agent: a mesh runs without a registry, too."""

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from threading import Event, Thread

import structlog

from onex.agent.announce.introspection import Identity, introspect
from onex.agent.announce.process_stats import ProcessStats
from onex.bus.protocols import Outgoing, ProtocolEventBus, ProtocolReader
from onex.bus.topics import all_partitions
from onex.capability import Reports
from onex.contract import ResolvedNode
from onex.errors import BusError, ConfigurationError, MessageError, SchemaMismatchError
from onex.model.mesh import (
    MESH_TOPICS,
    CapabilityReported,
    ConsumerHealthReported,
    EnumIntrospectionReason,
    EnumPhase,
    NodeHeartbeat,
    RegistrationAccepted,
    RegistrationAcknowledged,
    RequestIntrospection,
    node_id,
)
from onex.model.mesh.topics import TopicByModel, with_prefix
from onex.model.message import Message
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.wire.cloudevents import first_headers

log = structlog.get_logger(__name__)
_PATIENCE = 0.25
_RETRY_WAIT = 5.0
_DIRECTIVES = (RegistrationAccepted, RequestIntrospection)

OpenBus = Callable[[], tuple[ProtocolEventBus, ProtocolSchemaCatalogue]]


class Announcer:
    """Publishes introspection, heartbeats, consumer health and reports of capabilities; replies to the registry."""

    def __init__(
        self, resolved: ResolvedNode, identity: Identity, stats: ProcessStats, reports: Reports, open_bus: OpenBus
    ) -> None:
        self._resolved = resolved
        self._identity = identity
        self._stats = stats
        self._reports = reports
        self._open_bus = open_bus
        self._id = node_id(identity.env, resolved.contract.name, identity.instance)
        self._ended = Event()
        self._last_problem = ""
        self._thread = Thread(target=self._run, name="announcer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, patience: float) -> None:
        """Publish the last heartbeat and end the thread, in at most ``patience`` seconds."""
        self._ended.set()
        self._thread.join(patience)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._session()
            except (BusError, SchemaMismatchError, ConfigurationError) as error:
                if self._last_problem != str(error):
                    self._last_problem = str(error)
                    log.warning("cannot announce this agent", reason=str(error))
                self._ended.wait(_RETRY_WAIT)
            except Exception:
                # Without heartbeats a working agent would count as dead.
                log.exception("the announcer failed, starting it again")
                self._ended.wait(_RETRY_WAIT)

    def _session(self) -> None:
        bus, catalogue = self._open_bus()
        try:
            publisher = _Publisher(self._resolved, bus, catalogue, self._identity)
            reader = _directives(bus, publisher.topics)
            try:
                self._announce(publisher, reader)
            finally:
                reader.close()
        finally:
            bus.close()

    def _announce(self, publisher: "_Publisher", reader: ProtocolReader) -> None:
        """Announce until the thread ends. Raises BusError."""
        self._introspect(publisher, EnumIntrospectionReason.STARTUP)
        self._last_problem = ""
        heartbeat = time.monotonic() + self._identity.heartbeat_interval
        while not self._ended.is_set():
            patience = max(0.0, min(_PATIENCE, heartbeat - time.monotonic()))
            for record in reader.batch(1000, patience):
                self._follow(publisher, record.topic(), record.value())
            for change in self._stats.changes():
                publisher.publish(
                    ConsumerHealthReported(
                        **self._identity_fields(),
                        event=change.event,
                        partitions=change.partitions,
                        lag=change.lag,
                        detail=change.detail,
                        at=_now(),
                    )
                )
            for report in self._reports.take():
                publisher.publish(CapabilityReported(**self._identity_fields(), **asdict(report), at=_now()))
            if time.monotonic() >= heartbeat:
                heartbeat = time.monotonic() + self._identity.heartbeat_interval
                self._beat(publisher, EnumPhase.RUNNING)
        self._beat(publisher, EnumPhase.LEAVING)

    def _follow(self, publisher: "_Publisher", topic: str, value: bytes | None) -> None:
        try:
            directive = publisher.decode(topic, value)
        except MessageError as error:
            log.warning("unreadable directive", topic=topic, error=str(error))
            return
        match directive:
            case RegistrationAccepted(node_id=self._id, epoch=self._identity.epoch):
                publisher.publish(RegistrationAcknowledged(node_id=self._id, epoch=self._identity.epoch))
            case RequestIntrospection(node_id=wanted) if wanted in ("", self._id):
                self._introspect(publisher, EnumIntrospectionReason.REQUESTED)

    def _introspect(self, publisher: "_Publisher", reason: EnumIntrospectionReason) -> None:
        publisher.publish(introspect(self._resolved, self._identity, reason, _now()))

    def _beat(self, publisher: "_Publisher", phase: EnumPhase) -> None:
        measured = self._stats.measure()
        publisher.publish(
            NodeHeartbeat.model_validate({**self._identity_fields(), **measured, "phase": phase, "at": _now()})
        )

    def _identity_fields(self) -> dict[str, object]:
        return {
            "node_id": self._id,
            "env": self._identity.env,
            "node": self._resolved.contract.name,
            "epoch": self._identity.epoch,
        }


class _Publisher:
    """Encodes and publishes messages of this process; decodes directives."""

    def __init__(
        self, resolved: ResolvedNode, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue, identity: Identity
    ) -> None:
        self._bus = bus
        contract = resolved.contract
        self._source = f"/onex/{contract.name}/{contract.contract_version}".encode()
        self._origin = f"{identity.instance}-{identity.epoch}"
        self._count = 0
        self.topics = with_prefix(MESH_TOPICS, contract.topic_prefix)
        self._codecs = {model: Codec.of_topic(model, topic, catalogue) for model, topic in self.topics.items()}
        self._by_topic = {self.topics[model]: self._codecs[model] for model in _DIRECTIVES}

    def publish(self, message: Message) -> None:
        """Publish one message about this process; return when the brokers have acknowledged it."""
        topic = self.topics[type(message)]
        self._count += 1
        identity = f"{self._origin}-{message.message_name}-{time.time_ns()}-{self._count}"
        headers = first_headers(topic, self._source, identity)
        self._bus.publish(
            Outgoing(topic, self._codecs[type(message)].encode(message), message.partition_key(), headers)
        )

    def decode(self, topic: str, value: bytes | None) -> Message:
        """Decode a directive. Raises MessageError."""
        return self._by_topic[topic].decode(value)


def _directives(bus: ProtocolEventBus, by_model: TopicByModel) -> ProtocolReader:
    """Return a reader of the directives from now on."""
    topics = bus.admin.topics([by_model[model] for model in _DIRECTIVES])
    partitions = all_partitions(topics.values())
    return bus.read({partition: end for partition, (_, end) in bus.admin.ends(partitions).items()})


def _now() -> datetime:
    return datetime.now(UTC)
