"""The nodes of an environment: their contracts, their registrations and health, and the lag of each group."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onex.bus.protocols import Partition, ProtocolEventBus
from onex.bus.topics import all_partitions
from onex.errors import MissingTopicError, SchemaMismatchError
from onex.mesh.discovery import Discovery, Entry
from onex.mesh.lag import LagReader, PartitionLag, RecordCounter
from onex.model.mesh import EnumHealth, EnumRegistrationState, IntakeOrdered
from onex.model.topic import environment_of_group
from onex.schema import ProtocolSchemaCatalogue
from onex.schema.intake_orders import IntakeOrders

if TYPE_CHECKING:
    from onex.contract import ResolvedNode
from onex.wire.skipped import Skipped

_ORDER = list(EnumHealth)
_REGISTRY = ("node_registry_orchestrator", "node_registry_reducer")
"""The nodes without which no process is registered."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node in one environment."""

    name: str
    version: str
    kind: str
    instances: Sequence[Entry]
    lags: Sequence[PartitionLag]
    dead_letters: int
    """Number of records in its dead-letter topic."""
    state: str
    """``active``, ``absent`` (no process is registered) or the registration state of the best process."""
    health: str
    """Worst health of its processes; empty when there is no report."""
    unfinished: Sequence[str] = ()
    """Handlers of the class in the service folders whose logic is not written yet."""
    pause: IntakeOrdered | None = None
    """The order that pauses the node; None for a node that takes its inputs."""

    @property
    def lag(self) -> int:
        """Number of records that are not processed yet."""
        return sum(lag.lag for lag in self.lags)

    @property
    def processed(self) -> int:
        """Sum of the committed offsets. Its growth is the throughput."""
        return sum(lag.committed for lag in self.lags)


class Survey:
    """Reads the state of all nodes repeatedly. It does not read unchanged parts again."""

    def __init__(
        self,
        bus: ProtocolEventBus,
        catalogue: ProtocolSchemaCatalogue,
        nodes: "Sequence[ResolvedNode]",
        env: str,
        prefix: str = "",
    ) -> None:
        """``prefix``: the setting ``topic_prefix``, which the nodes were resolved with."""
        self.bus = bus
        self.prefix = prefix
        self._nodes = nodes
        self._env = env
        self._counter = RecordCounter(bus)
        self._lags = LagReader(bus, self._counter)
        self._discovery: Discovery | None = None
        try:
            self._discovery = Discovery(bus, catalogue, prefix)
        except SchemaMismatchError:
            # Not provisioned yet: there is no registry, and `onex doctor` reports it.
            self._discovery = None
        self._orders = IntakeOrders(bus, catalogue, env, prefix)
        self.looked_at = 0.0
        """Monotonic time of the last call of ``look``, in seconds."""

    def entries(self) -> list[Entry]:
        """Return every process of this environment that the registry has."""
        if self._discovery is None:
            return []
        self._discovery.refresh()
        return self._discovery.find(env=self._env, active=False)

    def foreign(self) -> Mapping[str, Skipped]:
        """Return the records in the snapshot topics that are no snapshots, by topic."""
        if self._discovery is None:
            return {}
        self._discovery.refresh()
        return self._discovery.skipped.topics

    def missing_registry_nodes(self) -> list[str]:
        """Return the nodes of the registry without a running process in this environment. Raises BusError."""
        groups = self.bus.admin.groups()
        running = {environment_of_group(group, self.prefix) for group, has_members in groups.items() if has_members}
        return [name for name in _REGISTRY if (self._env, name) not in running]

    def look(self) -> list[NodeView]:
        """Return the state of every node, sorted by name. Raise BusError."""
        entries = self.entries()
        pauses, ends = self._pauses(), self._ends()
        self.looked_at = time.monotonic()
        return [
            self._view(node, entries, ends, pauses.get(node.contract.name))
            for node in sorted(self._nodes, key=lambda n: n.contract.name)
        ]

    def pauses_elsewhere(self) -> list[str]:
        """Return the names of paused nodes that are not in the service folders. Raise BusError."""
        return sorted(self._pauses().keys() - {node.contract.name for node in self._nodes})

    def _pauses(self) -> Mapping[str, IntakeOrdered]:
        try:
            return self._orders.refresh()
        except SchemaMismatchError:  # not provisioned yet, as above
            return {}

    def _ends(self) -> Mapping[Partition, tuple[int, int]]:
        topics = sorted(
            {topic for node in self._nodes for topic in (*inputs_of(node), node.contract.dead_letter_topic)}
        )
        states = self.bus.admin.topics(topics)
        return self.bus.admin.ends(all_partitions(states.values()))

    def _view(
        self,
        node: "ResolvedNode",
        entries: Sequence[Entry],
        ends: Mapping[Partition, tuple[int, int]],
        pause: IntakeOrdered | None,
    ) -> NodeView:
        contract = node.contract
        inputs = set(inputs_of(node))
        version = str(contract.contract_version)
        registered = [
            e for e in entries if e.node.registered.node == contract.name and e.node.registered.version == version
        ]
        active = [e for e in registered if e.node.state is EnumRegistrationState.ACTIVE]
        dead = self._counter.count({p: span for p, span in ends.items() if p.topic == contract.dead_letter_topic})
        try:
            lags = self._lags.read(contract.group(self._env), {p: e for p, e in ends.items() if p.topic in inputs})
        except MissingTopicError:
            lags = []
        reported = [e.health for e in (active or registered) if e.health is not None]
        return NodeView(
            contract.name,
            version,
            contract.node_type.lower(),
            active,
            lags,
            sum(dead.values()),
            _state(active, registered),
            max(reported, key=_ORDER.index) if reported else "",
            node.unfinished,
            pause,
        )


def inputs_of(node: "ResolvedNode") -> list[str]:
    """Return the topics that the group of a node reads."""
    return [*node.routes, node.contract.retry_topic]


def _state(active: Sequence[Entry], registered: Sequence[Entry]) -> str:
    if active:
        return "active"
    if not registered:
        return "absent"
    return max(registered, key=lambda entry: entry.node.since).node.state.lower()
