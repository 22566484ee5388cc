"""The thread that speaks for an agent. It never holds the agent up: a mesh without a registry runs as well."""

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
_LOOK = 0.25
_AGAIN = 5.0
_HEARD = (RegistrationAccepted, RequestIntrospection)

OpenBus = Callable[[], tuple[ProtocolEventBus, ProtocolSchemaCatalogue]]


class Announcer:
    """Introspects, answers the registry, sends heartbeats and events of consumer and capabilities until stopped."""

    def __init__(
        self, resolved: ResolvedNode, identity: Identity, vitals: ProcessStats, signals: Reports, open_bus: OpenBus
    ) -> None:
        self._resolved = resolved
        self._identity = identity
        self._vitals = vitals
        self._signals = signals
        self._open_bus = open_bus
        self._id = node_id(identity.env, resolved.contract.name, identity.instance)
        self._ended = Event()
        self._silenced = ""
        self._thread = Thread(target=self._run, name="announcer", daemon=True)

    def start(self) -> None:
        """Begin to speak."""
        self._thread.start()

    def stop(self, patience: float) -> None:
        """Say good-bye, waiting at most ``patience`` seconds for it to be heard."""
        self._ended.set()
        self._thread.join(patience)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._session()
            except (BusError, SchemaMismatchError, ConfigurationError) as error:
                if self._silenced != str(error):
                    self._silenced = str(error)
                    log.warning("not heard by the mesh", reason=str(error))
                self._ended.wait(_AGAIN)
            except Exception:
                # A silent agent would count as dead while it works.
                log.exception("the announcer failed, it begins again")
                self._ended.wait(_AGAIN)

    def _session(self) -> None:
        bus, catalogue = self._open_bus()
        try:
            speaker = _Speaker(self._resolved, bus, catalogue, self._identity)
            reader = _directives(bus, speaker.topics)
            try:
                self._speak(speaker, reader)
            finally:
                reader.close()
        finally:
            bus.close()

    def _speak(self, speaker: "_Speaker", reader: ProtocolReader) -> None:
        """Until the end, or until the bus fails."""
        self._introspect(speaker, EnumIntrospectionReason.STARTUP)
        self._silenced = ""
        heartbeat = time.monotonic() + self._identity.heartbeat_interval
        while not self._ended.is_set():
            patience = max(0.0, min(_LOOK, heartbeat - time.monotonic()))
            for record in reader.batch(1000, patience):
                self._obey(speaker, record.topic(), record.value())
            for change in self._vitals.changes():
                speaker.say(
                    ConsumerHealthReported(
                        **self._who(),
                        event=change.event,
                        partitions=change.partitions,
                        lag=change.lag,
                        detail=change.detail,
                        at=_now(),
                    )
                )
            for signal in self._signals.take():
                speaker.say(CapabilityReported(**self._who(), **asdict(signal), at=_now()))
            if time.monotonic() >= heartbeat:
                heartbeat = time.monotonic() + self._identity.heartbeat_interval
                self._beat(speaker, EnumPhase.RUNNING)
        self._beat(speaker, EnumPhase.LEAVING)

    def _obey(self, speaker: "_Speaker", topic: str, value: bytes | None) -> None:
        try:
            directive = speaker.hear(topic, value)
        except MessageError as error:
            log.warning("unreadable directive", topic=topic, error=str(error))
            return
        match directive:
            case RegistrationAccepted(node_id=self._id, epoch=self._identity.epoch):
                speaker.say(RegistrationAcknowledged(node_id=self._id, epoch=self._identity.epoch))
            case RequestIntrospection(node_id=wanted) if wanted in ("", self._id):
                self._introspect(speaker, EnumIntrospectionReason.REQUESTED)

    def _introspect(self, speaker: "_Speaker", reason: EnumIntrospectionReason) -> None:
        speaker.say(introspect(self._resolved, self._identity, reason, _now()))

    def _beat(self, speaker: "_Speaker", phase: EnumPhase) -> None:
        measured = self._vitals.measure()
        speaker.say(NodeHeartbeat.model_validate({**self._who(), **measured, "phase": phase, "at": _now()}))

    def _who(self) -> dict[str, object]:
        return {
            "node_id": self._id,
            "env": self._identity.env,
            "node": self._resolved.contract.name,
            "epoch": self._identity.epoch,
        }


class _Speaker:
    """Encodes and publishes; decodes what is said to everybody."""

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
        self._by_topic = {self.topics[model]: self._codecs[model] for model in _HEARD}

    def say(self, message: Message) -> None:
        """Publish one message about this process and wait until it is acknowledged."""
        topic = self.topics[type(message)]
        self._count += 1
        identity = f"{self._origin}-{message.message_name}-{time.time_ns()}-{self._count}"
        headers = first_headers(topic, self._source, identity)
        self._bus.publish(
            Outgoing(topic, self._codecs[type(message)].encode(message), message.partition_key(), headers)
        )

    def hear(self, topic: str, value: bytes | None) -> Message:
        """Decode a directive; raises MessageError."""
        return self._by_topic[topic].decode(value)


def _directives(bus: ProtocolEventBus, by_model: TopicByModel) -> ProtocolReader:
    """Reads what the registry says from now on."""
    topics = bus.admin.topics([by_model[model] for model in _HEARD])
    partitions = all_partitions(topics.values())
    return bus.read({partition: end for partition, (_, end) in bus.admin.ends(partitions).items()})


def _now() -> datetime:
    return datetime.now(UTC)
