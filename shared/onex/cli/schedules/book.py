"""The schedules of a mesh: those that contracts declare, and those that the scheduler has."""

import uuid
from collections.abc import Iterable, Mapping, Sequence

from onex.bus.protocols import Outgoing, ProtocolEventBus
from onex.cli.installed_nodes import SCHEDULER
from onex.contract import ResolvedNode
from onex.contract.schedules import definitions_of, owner_of
from onex.dlq import Audit, Author
from onex.dlq.manager import Transaction
from onex.errors import SchemaMismatchError
from onex.mesh import StateReader
from onex.model.mesh import EnumDeadLetterAction
from onex.model.topic import changelog_topic
from onex.provisioning.provision import Change
from onex.schedules import ChangeSchedule, EnumScheduleAction, ScheduleDefinition, ScheduleState
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.wire.cloudevents import first_headers

_MAJOR = 1
_AUDITED = {
    EnumScheduleAction.PAUSE: EnumDeadLetterAction.SCHEDULE_PAUSED,
    EnumScheduleAction.RESUME: EnumDeadLetterAction.SCHEDULE_RESUMED,
    EnumScheduleAction.RUN: EnumDeadLetterAction.SCHEDULE_RUN,
    EnumScheduleAction.REMOVE: EnumDeadLetterAction.SCHEDULE_REMOVED,
}
"""What an operator does, by its entry in the audit."""


def has_schedules(bus: ProtocolEventBus, prefix: str) -> bool:
    """Return whether the environment has the state of a scheduler. Raise BusError."""
    return bool(bus.admin.topics([changelog_topic(SCHEDULER, _MAJOR, prefix)]))


class ScheduleBook:
    """Reads the state of the scheduler, and writes changes for it. Raises BusError."""

    def __init__(self, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue, scheduler: ResolvedNode) -> None:
        self._bus = bus
        self._catalogue = catalogue
        self._scheduler = scheduler
        self._topic = next(topic for topic, route in scheduler.routes.items() if route.model is ChangeSchedule)

    def states(self) -> Mapping[str, ScheduleState]:
        """Return the schedules that the scheduler has, by full name. Empty when it has never run."""
        contract = self._scheduler.contract
        if not has_schedules(self._bus, contract.topic_prefix):
            return {}
        states: dict[str, ScheduleState] = {}
        for name, state in StateReader(self._bus, self._catalogue, self._scheduler).scan():
            match state:
                case ScheduleState():
                    states[name] = state
        return states

    def changes(self, nodes: Iterable[ResolvedNode]) -> Sequence[ChangeSchedule]:
        """Return the changes after which the scheduler has what these nodes declare.

        Schedules of nodes that are not among these stay: another project may declare them.
        """
        declared, owners = declared_by_nodes(nodes)
        try:
            stored = self.states()
        except SchemaMismatchError:  # the state is of another version; it is readable after `onex apply`
            stored = {}
        changes = [
            ChangeSchedule(schedule=name, action=EnumScheduleAction.SET, definition=definition)
            for name, definition in declared.items()
            if name not in stored or stored[name].definition != definition
        ]
        gone = [name for name, state in stored.items() if name not in declared and state.definition.node in owners]
        return changes + [ChangeSchedule(schedule=name, action=EnumScheduleAction.REMOVE) for name in gone]

    def write(self, changes: Iterable[ChangeSchedule]) -> Sequence[str]:
        """Write changes for the scheduler, and return their ids. Raise SchemaMismatchError before ``onex apply``."""
        codec = self._codec()
        ids: list[str] = []
        for change in changes:
            ids.append(uuid.uuid4().hex)
            self._bus.publish(self._record(codec, change, ids[-1]))
        return ids

    def order(self, action: EnumScheduleAction, schedules: Sequence[str], author: Author, env: str) -> Sequence[str]:
        """Write the changes of an operator, with their audit entries in one transaction, and return their ids.

        Raise KeyError for an action that is no operator's, SchemaMismatchError before ``onex apply``, and FencedError
        when another operator changes schedules at the same time.
        """
        audited, prefix = _AUDITED[action], self._scheduler.contract.topic_prefix
        codec, audit = self._codec(), Audit(self._bus, self._catalogue, prefix)
        ids: list[str] = []
        with Transaction(self._bus.transaction(f"{prefix}{env}.{SCHEDULER}.schedules")) as transaction:
            for schedule in schedules:
                ids.append(uuid.uuid4().hex)
                record = self._record(codec, ChangeSchedule(schedule=schedule, action=action), ids[-1])
                transaction.produce(record.topic, record.value, record.key, record.headers)
                audit.add(transaction, schedule, schedule.partition(".")[0], ids[-1], audited, author)
        return ids

    def _codec(self) -> Codec:
        return Codec.of_topic(ChangeSchedule, self._topic, self._catalogue)

    def _record(self, codec: Codec, change: ChangeSchedule, identity: str) -> Outgoing:
        headers = first_headers(self._topic, b"/onex/cli", identity)
        return Outgoing(self._topic, codec.encode(change), change.partition_key(), headers)


def declared_by_nodes(nodes: Iterable[ResolvedNode]) -> tuple[dict[str, ScheduleDefinition], set[str]]:
    """Return the schedules that nodes declare, by full name, and the first parts of the names of all these nodes."""
    declared: dict[str, ScheduleDefinition] = {}
    owners: set[str] = set()
    for node in nodes:
        owners.add(owner_of(node.contract))
        declared |= definitions_of(node)
    return declared, owners


def shown(change: ChangeSchedule) -> Change:
    """Return a change of a schedule as a step of a plan."""
    definition = change.definition
    if definition is None:
        return Change("unschedule", change.schedule, "its contract declares it no longer")
    times = f"{definition.cron} {definition.zone}, after an outage {definition.after_outage}"
    return Change("schedule", change.schedule, f"{times}; {SCHEDULER} sends it to {definition.topic}")
