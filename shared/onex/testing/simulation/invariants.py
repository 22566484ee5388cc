"""What must hold when a simulation has come to rest. Each invariant is a plain function that takes the run.

It raises AssertionError when it does not hold. :class:`InvariantError` names the input in addition, so that the
failure is shown with a case.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from onex.bus.protocols import Partition
from onex.contract import ResolvedNode
from onex.model.enums import EnumNodeKind, EnumOrdering
from onex.testing.cases import Named, covers, fits
from onex.testing.driver import MeshDriver
from onex.testing.simulation.observed import Observed, header, inputs_of, observe, outputs_of, replayed
from onex.wire import headers as h


class InvariantError(AssertionError):
    """An invariant does not hold for one input of a node."""

    def __init__(self, text: str, node: ResolvedNode, input_id: str) -> None:
        super().__init__(text)
        self.node = node
        self.input_id = input_id


class SimulatedRun:
    """One run that has come to rest: all faults are over, and every instance is idle."""

    def __init__(self, mesh: MeshDriver) -> None:
        self.mesh = mesh
        self._observed: dict[str, Observed] = {}
        self._replays: dict[str, Observed] = {}

    @property
    def nodes(self) -> Sequence[ResolvedNode]:
        """The nodes of the simulation."""
        return self.mesh.nodes

    def observed(self, node: ResolvedNode) -> Observed:
        """Return what a node did in this run."""
        name = node.contract.name
        if name not in self._observed:
            self._observed[name] = observe(self.mesh, node)
        return self._observed[name]

    def replayed(self, node: ResolvedNode) -> Observed:
        """Return what the node does with the same inputs, in the same order, without faults."""
        name = node.contract.name
        if name not in self._replays:
            self._replays[name] = replayed(self.mesh, node)
        return self._replays[name]


Invariant = Callable[[SimulatedRun], None]


def every_input_is_read(run: SimulatedRun) -> None:
    """The committed positions of each node are behind its last input."""
    if unread := unread_inputs(run.mesh):
        raise AssertionError(unread[0])


def unread_inputs(mesh: MeshDriver) -> list[str]:
    """Return a line for each partition that a node has not read to its end."""
    lines = []
    for node in mesh.nodes:
        topics = {topic: mesh.broker.topic(topic) for topic in (*node.routes, node.contract.retry_topic)}
        inputs = [Partition(name, number) for name, topic in topics.items() for number in range(topic.partitions)]
        positions = mesh.bus.admin.group_positions(node.contract.group("test"), inputs)
        for partition in inputs:
            log = mesh.broker.logs[partition]
            visible, _ = log.visible(0, len(log.records))
            position = positions[partition].offset if partition in positions else 0
            unread = [record.offset() for record in visible if record.offset() >= position]
            if unread:
                place = f"{partition.topic}[{partition.partition}]"
                lines.append(f"{node.contract.name} has not finished {place} from offset {unread[0]}")
    return lines


def agents_are_ready(run: SimulatedRun) -> None:
    """No instance has a complaint."""
    for instance in run.mesh.instances:
        assert instance.health.ready, f"{instance.resolved.contract.name}: {instance.health.reasons}"


def each_input_has_its_outputs_once(run: SimulatedRun) -> None:
    """Each input has exactly its outputs, or one dead letter, once.

    The outputs are those of a replay without faults. Of an effect the types are compared, because its outputs depend
    on the outside world. An input of an effect may be a dead letter when it is not one in the replay: its attempts
    may be used up. Orchestrators are left out: their inputs come in another order.
    """
    for node in run.nodes:
        if node.contract.node_type is EnumNodeKind.ORCHESTRATOR:
            continue
        actual, expected = run.observed(node), run.replayed(node)
        unordered = _in_several_topics(run, node) if _is_reducer(node) else set()
        late = {header(record, h.ID) for record in inputs_of(run.mesh, node) if header(record, h.DEADLINE)}
        for identity, count in expected.inputs.items():
            if identity in expected.unstable or identity in unordered:
                continue
            may_die = node.contract.node_type is EnumNodeKind.EFFECT or identity in late
            problem = _difference(
                node,
                actual.outputs.get(identity, []),
                expected.outputs.get(identity, []),
                (len(actual.dead.get(identity, [])), len(expected.dead.get(identity, [])), count),
                may_die=may_die,
            )
            if problem:
                raise InvariantError(f"{node.contract.name}: input {identity} {problem}", node, identity)


def _difference(
    node: ResolvedNode,
    actual: Sequence[Named],
    expected: Sequence[Named],
    counts: tuple[int, int, int],
    *,
    may_die: bool,
) -> str:
    """Return what is wrong with one input. ``counts``: dead letters, dead letters of the replay, records."""
    dead, expected_dead, records = counts
    if dead < expected_dead or (dead > expected_dead and not may_die) or dead > records:
        return f"has {dead} dead letters, and {expected_dead} in a replay"
    if dead > expected_dead or node.contract.node_type is EnumNodeKind.EFFECT:
        published, right = Counter(map(_name_of, actual)), Counter(map(_name_of, expected))
        done, expected_done = records - dead, records - expected_dead
        total = {name: count * done for name, count in right.items() if done}
        if {name: count * expected_done for name, count in published.items()} != total:
            return f"has {dict(published) or 'no outputs'}, and in a replay {dict(right) or 'none'}"
        return ""
    unexpected = list(actual)
    for wanted in expected:
        match = next((message for message in unexpected if covers(message, wanted)), None)
        if match is None:
            return f"lacks the output {wanted}; it has {list(actual)}"
        unexpected.remove(match)
    return f"has outputs that it has not in a replay: {unexpected}" if unexpected else ""


def each_key_is_in_order(run: SimulatedRun) -> None:
    """Outputs of inputs with the same key are on each partition in the order of the inputs.

    Effects with the ordering ``none`` are left out.
    """
    for node in run.nodes:
        delivery = node.contract.delivery
        if node.contract.node_type is EnumNodeKind.EFFECT and delivery.ordering is EnumOrdering.NONE:
            continue
        places = _first_places(run.mesh, node)
        for topic in node.outputs.values():
            latest: dict[tuple[object, ...], int] = {}
            for record in outputs_of(run.mesh, node, topic):
                cause = header(record, h.CAUSATION)
                if cause not in places:
                    continue
                *lane, offset = places[cause]
                at = (record.partition(), *lane)
                if latest.get(at, -1) > offset:
                    text = f"{node.contract.name}: the outputs of key {lane[-1]!r} on {topic} are not in order"
                    raise InvariantError(text, node, cause)
                latest[at] = offset


def _first_places(mesh: MeshDriver, node: ResolvedNode) -> Mapping[str, tuple[str, int, bytes | None, int]]:
    """Return topic, partition, key and offset of each input that its sender did not repeat."""
    places: dict[str, tuple[str, int, bytes | None, int]] = {}
    repeated: set[str] = set()
    for record in inputs_of(mesh, node):
        identity = header(record, h.ID)
        if identity in places:
            repeated.add(identity)
        places[identity] = (record.topic(), record.partition(), record.key(), record.offset())
    return {identity: place for identity, place in places.items() if identity not in repeated}


def state_equals_a_replay(run: SimulatedRun) -> None:
    """The state of each key of a reducer is that of a replay without faults.

    Keys whose inputs are in several topics are left out: no order is promised between topics.
    """
    for node in run.nodes:
        if not _is_reducer(node):
            continue
        actual, expected = run.observed(node).states, run.replayed(node).states
        unordered = _in_several_topics(run, node)
        latest = {(record.key() or b"").decode(errors="replace"): record for record in inputs_of(run.mesh, node)}
        for key in sorted(actual.keys() | expected.keys()):
            if key not in latest or header(latest[key], h.ID) in unordered:
                continue
            if key not in actual or key not in expected or not fits(actual[key], expected[key]):
                difference = f"{actual.get(key)}, and {expected.get(key)} in a replay"
                text = f"{node.contract.name}: the state of {key!r} is {difference}"
                raise InvariantError(text, node, header(latest[key], h.ID))


def _in_several_topics(run: SimulatedRun, node: ResolvedNode) -> set[str]:
    """Return the inputs whose keys are in several topics of a node."""
    topics: dict[bytes | None, set[str]] = defaultdict(set)
    for record in inputs_of(run.mesh, node):
        topics[record.key()].add(record.topic())
    return {header(record, h.ID) for record in inputs_of(run.mesh, node) if len(topics[record.key()]) > 1}


def _is_reducer(node: ResolvedNode) -> bool:
    return node.contract.node_type is EnumNodeKind.REDUCER


def _name_of(message: Named) -> str:
    return next(iter(message))


INVARIANTS: Sequence[Invariant] = (
    every_input_is_read,
    agents_are_ready,
    each_input_has_its_outputs_once,
    each_key_is_in_order,
    state_equals_a_replay,
)
