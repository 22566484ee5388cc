"""MixinCheckpointManagement: automatic checkpoints, handlers of an EFFECT, and what contracts may declare."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from pydantic import ValidationError
from typing_extensions import ParamSpec, TypeVar, override

from onex.agent.process.checkpoints import AgentCheckpoints
from onex.bus.protocols import Outgoing
from onex.capability import HealthChecks, NodeIdentity, Reports
from onex.capability.checkpoints import (
    CheckpointedNode,
    CheckpointFacts,
    CheckpointRequest,
    NoCheckpoints,
    ProtocolCheckpoints,
)
from onex.contract import ResolvedNode, resolve_node
from onex.errors import CompositionError, ContractError, NodeUseError, RejectedError, TransientError
from onex.mixins.checkpoint_management import MixinCheckpointManagement, ModelCheckpointManagementSubcontract
from onex.mixins.checkpoint_management.engine import CheckpointManagementEngine
from onex.model.enums import EnumNodeKind
from onex.node import NodeEffect
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from onex.testing.clock import ManualClock
from onex.testing.instance_bus import call_directly
from onex.util.clock import to_datetime
from tests.conftest import NODES
from tests.mixins.helpers import contract_file
from tests.mixins.virtual import play

P = ParamSpec("P")
T = TypeVar("T")
UNRULY = NODES / "node_unruly_effect" / "v1_0_0"
LOG = "onex.state.node_tally_reducer.v1"


class Shelf(ProtocolCheckpoints):
    """Checkpoints in memory. Raises ``failures`` first, one for each call."""

    def __init__(self, clock: ManualClock, *failures: Exception) -> None:
        self._clock = clock
        self.failures = list(failures)
        self.requests: list[tuple[CheckpointRequest, CheckpointedNode | None, int]] = []
        self.taken: set[str] = set()

    @override
    async def make(self, request: CheckpointRequest, of: CheckpointedNode | None) -> CheckpointFacts:
        self.requests.append((request, of, self._clock.now_ms()))
        if self.failures:
            raise self.failures.pop(0)
        return CheckpointFacts(
            request.name, "node_a_reducer", "1", "", self._clock.now_ms(), 3, 30, "", request.key, at_rest=False
        )

    @override
    async def make_once(self, request: CheckpointRequest, of: CheckpointedNode | None) -> CheckpointFacts | None:
        if request.name in self.taken:
            return None
        self.taken.add(request.name)
        return await self.make(request, of)

    @override
    async def all(self, of: CheckpointedNode | None) -> Sequence[CheckpointFacts]:
        return [await self.make(CheckpointRequest("listed", 1, None), of)]


class World:
    """One instance of a node."""

    def __init__(
        self,
        kind: EnumNodeKind = EnumNodeKind.REDUCER,
        settings: ModelCheckpointManagementSubcontract | None = None,
        *failures: Exception,
        instance: str = "a-1",
        shelf: Shelf | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.shelf = shelf or Shelf(self.clock, *failures)
        self.checks, self.reports = HealthChecks(), Reports()
        self.engine = CheckpointManagementEngine(
            settings or ModelCheckpointManagementSubcontract(),
            self.shelf,
            NodeIdentity("node_a_reducer", "1.0.0", instance),
            kind,
            self.clock,
            self.checks,
            self.reports,
        )

    def live(self, seconds: float, look: Callable[[], Awaitable[None]] | None = None) -> None:
        async def life() -> None:
            await self.engine.open()
            await asyncio.sleep(seconds)
            if look is not None:
                await look()
            await self.engine.close()
            await self.engine.close()

        play(life(), self.clock)

    @property
    def names(self) -> list[str]:
        return [request.name for request, _, _ in self.shelf.requests]


HOURLY = ModelCheckpointManagementSubcontract(interval_seconds=3600, keep_count=7, max_age_seconds=900)


# -- automatic checkpoints


@pytest.mark.enforces("checkpoint_management.interval_seconds")
def test_checkpoints_are_made_at_full_intervals() -> None:
    world = World(settings=HOURLY)
    world.live(3 * 3600)
    assert len(world.names) == 3
    for request, of, made_ms in world.shelf.requests:
        hour = made_ms // 3_600_000 * 3_600_000
        assert request.name == f"auto-{to_datetime(hour):%Y%m%dT%H%M%S.%f}"
        assert made_ms - hour < 30_000
        assert (request.automatic, request.key, of) == (True, None, None)
    assert world.engine.reported_metrics() == {
        "made": 3.0,
        "failures": 0.0,
        "latest_seconds": world.shelf.requests[-1][2] / 1000,
        "latest_keys": 3.0,
        "latest_bytes": 30.0,
    }
    report = next(world.reports.take())
    assert (report.subject, report.event, report.detail) == (world.names[0], "made", "3 keys, 30 bytes")


def test_without_an_interval_none_is_made() -> None:
    world = World()
    world.live(1_000_000)
    assert world.names == []
    assert world.engine.reported_metrics()["latest_seconds"] == 0.0
    assert world.checks.all == {}


def test_one_instance_makes_it_and_instances_do_not_begin_together() -> None:
    first = World(settings=HOURLY)
    first.live(3600)
    second = World(settings=HOURLY, instance="a-2", shelf=first.shelf)
    second.live(3600)
    assert len(first.names) == 1
    assert second.engine.reported_metrics()["made"] == 0
    alone = World(settings=HOURLY, instance="a-2")
    alone.live(3600)
    assert alone.names == first.names
    assert alone.shelf.requests[0][2] != first.shelf.requests[0][2]


def test_a_failure_is_shown_until_the_next_success() -> None:
    world = World(EnumNodeKind.REDUCER, HOURLY, TransientError("no broker"))
    looks: list[str] = []

    async def look() -> None:
        check = world.checks.all["checkpoints"]
        assert not check.critical
        looks.append(await check.problem(1))
        await asyncio.sleep(3600)
        looks.append(await check.problem(1))

    world.live(3600, look)
    assert looks == [f"{world.names[0]} was not made: no broker", ""]
    figures = world.engine.reported_metrics()
    assert (figures["failures"], figures["made"]) == (1.0, 1.0)
    assert [report.event for report in world.reports.take()] == ["failed", "made"]
    assert "checkpoints" not in world.checks.all, "closed"


# -- handlers


CLOSING = ModelCheckpointManagementSubcontract(node="node_a_reducer", node_major=2, keep_count=7, max_age_seconds=900)


@pytest.mark.enforces("checkpoint_management.node")
@pytest.mark.enforces("checkpoint_management.node_major")
def test_an_effect_makes_checkpoints_of_another_node() -> None:
    world = World(EnumNodeKind.EFFECT, CLOSING)
    facts = play(world.engine.make("closed", key="k", reason="month"), world.clock)
    ((request, of, _),) = world.shelf.requests
    assert (request.name, request.key, request.reason, request.automatic) == ("closed", "k", "month", False)
    assert (request.count, request.seconds) == (7, 900)
    assert of == CheckpointedNode("node_a_reducer", 2)
    assert (facts.name, world.engine.reported_metrics()["made"]) == ("closed", 1.0)
    assert [each.name for each in play(world.engine.all(), world.clock)] == ["listed"]


@pytest.mark.parametrize("kind", [EnumNodeKind.REDUCER, EnumNodeKind.ORCHESTRATOR])
def test_handlers_of_pure_nodes_make_none(kind: EnumNodeKind) -> None:
    world = World(kind)
    for call in (world.engine.make("a"), world.engine.all()):
        with pytest.raises(NodeUseError, match=f"a {kind} is pure: its handlers make no checkpoints; set interval"):
            play(call, world.clock)
    assert world.shelf.requests == []


def test_an_effect_without_a_node_is_refused() -> None:
    class Closing(MixinCheckpointManagement, NodeEffect):
        """Closes."""

    with pytest.raises(CompositionError, match="an EFFECT has no keyed state of its own; set `node`"):
        _ = Closing().checkpoints


def test_without_an_agent_there_are_none() -> None:
    request = CheckpointRequest("a", 1, None)
    assert play(NoCheckpoints().all(None)) == ()
    assert play(NoCheckpoints().make_once(request, None)) is None
    with pytest.raises(CompositionError, match="run the node in an agent"):
        play(NoCheckpoints().make(request, None))


# -- contracts


def declared(folder: str, config: str) -> ResolvedNode:
    place = NODES / folder / "v1_0_0"
    mixins = f"\nmixins:\n  - {{name: MixinCheckpointManagement, config: {config}}}\n"
    with contract_file(place, (place / "contract.yaml").read_text() + mixins) as file:
        return resolve_node(file)


@pytest.mark.parametrize(
    ("folder", "config", "words"),
    [
        ("node_gate_compute", "{}", "MixinCheckpointManagement cannot join a node of kind COMPUTE"),
        ("node_unruly_effect", "{}", "MixinCheckpointManagement needs node on a node of kind EFFECT; set node"),
        ("node_unruly_effect", "{keep_count: 3}", "needs node on a node of kind EFFECT"),
        ("node_tally_reducer", "{node: node_b_reducer}", "has no node on a node of kind REDUCER; remove node"),
        ("node_tally_reducer", "{node_major: 2}", "has no node_major on a node of kind REDUCER"),
        ("node_tally_reducer", "{keep_count: 0}", "keep_count"),
        ("node_tally_reducer", "{interval_seconds: 1}", "interval_seconds"),
        ("node_unruly_effect", "{node: node_b_effect}", "node"),
        ("node_tally_reducer", "{every_changes: 100}", "every_changes"),
    ],
)
def test_what_no_engine_enforces_is_refused(folder: str, config: str, words: str) -> None:
    with pytest.raises(ContractError) as refused:
        declared(folder, config)
    assert words in str(refused.value)
    assert ".yaml:" in str(refused.value)


@pytest.mark.parametrize("folder", ["node_tally_reducer", "node_alarm_orchestrator", "node_trip_orchestrator"])
def test_nodes_with_keyed_state_have_a_topic_for_checkpoints(folder: str) -> None:
    node = declared(folder, "{keep_count: 3}")
    assert node.has_checkpoints
    assert node.with_prefix("staging.").contract.checkpoint_topic == f"staging.onex.checkpoint.{folder}.v1"
    assert not resolve_node(NODES / folder / "v1_0_0").has_checkpoints


def test_the_other_node_may_come_from_the_environment() -> None:
    assert declared("node_unruly_effect", '{node: "${CLOSED_NODE}"}').missing == {"CLOSED_NODE"}


def test_an_effect_with_checkpoints_has_no_topic_of_its_own() -> None:
    assert not declared("node_unruly_effect", "{node: node_b_reducer}").has_checkpoints


@pytest.mark.parametrize("name", ["node_b_compute", "b", "node_B_reducer", "node_b_reducer.v2"])
def test_the_other_node_has_the_name_of_one_with_keyed_state(name: str) -> None:
    with pytest.raises(ValidationError, match="node"):
        ModelCheckpointManagementSubcontract.model_validate({"node": name})


# -- the agent


def agent_checkpoints(mesh: MeshDriver, node: ResolvedNode) -> AgentCheckpoints:
    group = node.contract.group("test")
    catalogue = TopicCatalogue(mesh.bus)
    return AgentCheckpoints(node.contract, mesh.bus, catalogue, group, "a-1", mesh.clock, call_directly)


@pytest.mark.enforces("checkpoint_management.keep_count")
@pytest.mark.enforces("checkpoint_management.max_age_seconds")
def test_the_agent_makes_lists_and_deletes() -> None:
    tally = declared("node_tally_reducer", "{}")
    mesh = MeshDriver([tally])
    own, other = agent_checkpoints(mesh, tally), agent_checkpoints(mesh, resolve_node(UNRULY))
    of = CheckpointedNode("node_tally_reducer", 1)
    made = play(own.make(CheckpointRequest("one", 2, None, reason="why"), None))
    assert (made.name, made.node, made.contract_version, made.keys) == ("one", "node_tally_reducer", "1.0.0", 0)
    assert play(own.make(CheckpointRequest("one", 2, None), None)) == made, "the existing one"
    assert play(own.make_once(CheckpointRequest("one", 2, None), None)) is None
    mesh.advance("1s")
    second = play(other.make(CheckpointRequest("two", 2, None), of))
    assert (second.contract_version, second.node) == ("1", "node_tally_reducer")
    assert [each.name for each in play(other.all(of))] == ["two", "one"]
    mesh.advance("1s")
    assert play(own.make_once(CheckpointRequest("auto-3", 2, 1.5, automatic=True), None)) is not None
    assert [each.name for each in play(own.all(None))] == ["auto-3", "two"], "one is too old"
    with pytest.raises(RejectedError, match="is no name"):
        play(own.make(CheckpointRequest("a b", 2, None), None))
    mesh.bus.publish(Outgoing(LOG, b"\x00\x00\x00\xff\xffabc", b"sx", [], 0))
    with pytest.raises(TransientError, match="checkpoints: values of"):
        play(own.make(CheckpointRequest("three", 2, None), None))
    with pytest.raises(TransientError, match="missing topics"):
        play(other.all(CheckpointedNode("node_nobody_reducer", 1)))
    mesh.close()


def test_an_agent_on_the_memory_host_makes_automatic_checkpoints() -> None:
    tally = declared("node_tally_reducer", "{interval_seconds: 3600}")
    mesh = MeshDriver([tally, resolve_node(UNRULY)])  # the loop of the mesh runs with its effects
    mesh.advance("2h")
    names = [each.name for each in play(agent_checkpoints(mesh, tally).all(None))]
    assert len(names) == 2
    assert all(name.startswith("auto-") for name in names)
    mesh.close()


def test_a_copy_ends_when_its_task_is_cancelled() -> None:
    """Its thread would keep the process of an agent that stops."""
    tally = declared("node_tally_reducer", "{}")
    mesh = MeshDriver([tally])
    asked: list[Callable[[], bool]] = []

    async def run_call(call: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> T:
        asked.extend(each for each in args if callable(each))
        if asked:
            await asyncio.sleep(3_600)
        return call(*args, **named)

    group = tally.contract.group("test")
    own = AgentCheckpoints(tally.contract, mesh.bus, TopicCatalogue(mesh.bus), group, "a-1", mesh.clock, run_call)

    async def cancelled() -> None:
        task = asyncio.create_task(own.make(CheckpointRequest("one", 1, None), None))
        await asyncio.sleep(1)
        assert [stopped() for stopped in asked] == [False]
        task.cancel()
        await asyncio.wait([task])

    play(cancelled())
    assert [stopped() for stopped in asked] == [True]
    mesh.close()
