"""The mesh at a glance: contracts at hand, what the registry knows, and how far each group is."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onex.bus.protocols import Partition, ProtocolEventBus
from onex.bus.topics import all_partitions
from onex.contract import ResolvedNode
from onex.errors import MissingTopicError, SchemaMismatchError
from onex.mesh.discovery import Discovery, Entry
from onex.mesh.lag import LagReader, PartitionLag, RecordCounter
from onex.model.mesh import EnumHealth, EnumRegistrationState
from onex.model.topic import environment_of_group
from onex.schema import ProtocolSchemaCatalogue
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
    """Records that its dead-letter topic holds."""
    state: str
    """``active``, ``absent`` (no process is registered) or the registration state of the best process."""
    health: str
    """Worst health of its processes; empty when nobody has judged."""

    @property
    def lag(self) -> int:
        """Records not yet processed."""
        return sum(lag.lag for lag in self.lags)

    @property
    def processed(self) -> int:
        """Sum of committed offsets: its growth is throughput."""
        return sum(lag.committed for lag in self.lags)


class Survey:
    """Looks again and again; what does not change is not read twice."""

    def __init__(
        self,
        bus: ProtocolEventBus,
        catalogue: ProtocolSchemaCatalogue,
        nodes: Sequence[ResolvedNode],
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
            # Not provisioned yet: there is no registry to ask, and doctor says so.
            self._discovery = None
        self.looked_at = 0.0
        """Monotonic time of the last look."""

    def entries(self) -> list[Entry]:
        """Every process of this environment that the registry remembers."""
        if self._discovery is None:
            return []
        self._discovery.refresh()
        return self._discovery.find(env=self._env, active=False)

    def foreign(self) -> Mapping[str, Skipped]:
        """Records in the topics of snapshots that are none, by topic."""
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
        """Every node, by name; raises BusError."""
        entries = self.entries()
        ends = self._ends()
        self.looked_at = time.monotonic()
        return [self._view(node, entries, ends) for node in sorted(self._nodes, key=lambda n: n.contract.name)]

    def _ends(self) -> Mapping[Partition, tuple[int, int]]:
        topics = sorted(
            {topic for node in self._nodes for topic in (*inputs_of(node), node.contract.dead_letter_topic)}
        )
        states = self.bus.admin.topics(topics)
        return self.bus.admin.ends(all_partitions(states.values()))

    def _view(
        self, node: ResolvedNode, entries: Sequence[Entry], ends: Mapping[Partition, tuple[int, int]]
    ) -> NodeView:
        contract = node.contract
        inputs = set(inputs_of(node))
        version = str(contract.contract_version)
        own = [e for e in entries if e.node.registered.node == contract.name and e.node.registered.version == version]
        active = [e for e in own if e.node.state is EnumRegistrationState.ACTIVE]
        dead = self._counter.count({p: held for p, held in ends.items() if p.topic == contract.dead_letter_topic})
        try:
            lags = self._lags.read(contract.group(self._env), {p: e for p, e in ends.items() if p.topic in inputs})
        except MissingTopicError:
            lags = []
        judged = [e.health for e in (active or own) if e.health is not None]
        return NodeView(
            contract.name,
            version,
            contract.node_type.lower(),
            active,
            lags,
            sum(dead.values()),
            _state(active, own),
            max(judged, key=_ORDER.index) if judged else "",
        )


def inputs_of(node: ResolvedNode) -> list[str]:
    """Topics that a node's group reads."""
    return [*node.routes, node.contract.retry_topic]


def _state(active: Sequence[Entry], own: Sequence[Entry]) -> str:
    if active:
        return "active"
    if not own:
        return "absent"
    return max(own, key=lambda entry: entry.node.since).node.state.lower()
