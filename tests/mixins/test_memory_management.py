"""MixinMemoryManagement and its view MixinMemoryMetrics."""

import asyncio
import gc
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from node_gate_compute.v1_0_0.models import Enter, Entered
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_vault_effect.v1_0_0.models import Fetch, Fetched
from node_vault_effect.v1_0_0.node import NodeVaultEffect
from pydantic import ValidationError
from typing_extensions import override

from onex.agent.pure.engine import PureEngine
from onex.capability import Mixin, ProtocolShrinkable, Reports, Shrinkables, Subcontract
from onex.capability.health import AlwaysReady
from onex.contract import ResolvedNode, resolve_node
from onex.errors import CompositionError, NodeUseError
from onex.mixins.caching import MixinCaching, ModelCachingSubcontract
from onex.mixins.caching.engine import CachingEngine
from onex.mixins.memory_management import (
    MemoryUse,
    MixinMemoryManagement,
    ModelMemoryManagementSubcontract,
    ProtocolMemoryReader,
    mixin_memory_management,
)
from onex.mixins.memory_management.engine import MemoryManagementEngine
from onex.mixins.memory_management.freeing import free_memory
from onex.mixins.memory_management.reader import SystemMemory
from onex.mixins.memory_metrics import MixinMemoryMetrics, ModelMemoryMetricsSubcontract
from onex.mixins.service import with_mixins
from onex.model.enums import EnumNodeKind
from onex.model.message import Message
from onex.node import NodeCompute, NodeEffect
from onex.testing import MeshDriver
from onex.testing.clock import ManualClock
from tests.conftest import NODES
from tests.mixins.helpers import Note, container

MEBIBYTE = 1024 * 1024


@dataclass
class FakeMemory(ProtocolMemoryReader):
    """Memory with fixed values, in mebibytes."""

    resident: float = 0
    group: tuple[float, float] | None = None

    @override
    def resident_bytes(self) -> int:
        return int(self.resident * MEBIBYTE)

    @override
    def group_use(self) -> MemoryUse | None:
        return MemoryUse(*(int(size * MEBIBYTE) for size in self.group)) if self.group else None


@dataclass
class Readiness(AlwaysReady):
    """The reasons why a node is not ready."""

    reasons: dict[str, str] = field(default_factory=dict)

    @override
    def complain(self, about: str, reason: str) -> bool:
        self.reasons[about] = reason
        return True

    @override
    def clear(self, about: str) -> bool:
        return self.reasons.pop(about, None) is not None


class Cache(ProtocolShrinkable):
    """Entries of one mebibyte each in fake memory."""

    def __init__(self, memory: FakeMemory, entries: int) -> None:
        self.memory = memory
        self.entries = entries
        self.asked: list[float] = []
        memory.resident += entries

    @override
    def entry_count(self) -> int:
        return self.entries

    @override
    def shrink(self, share: float) -> int:
        self.asked.append(share)
        count = math.ceil(self.entries * share)
        self.entries -= count
        self.memory.resident -= count
        return count


class Node:
    """An engine in manual time with a budget of 100 MiB."""

    def __init__(self, kind: EnumNodeKind = EnumNodeKind.EFFECT, *, manages: bool = True, **settings: object) -> None:
        self.clock, self.memory, self.caches = ManualClock(), FakeMemory(), Shrinkables()
        self.readiness, self.reports, self.freed = Readiness({"memory": "of an earlier engine"}), Reports(), 0
        self.engine = MemoryManagementEngine(
            ModelMemoryManagementSubcontract.model_validate({"budget_mb": 100, **settings}),
            self.clock,
            self.memory,
            self.caches,
            self.readiness,
            self.reports,
            self.free,
            kind,
            manages=manages,
        )

    def free(self) -> None:
        self.freed += 1

    def cache(self, entries: int, name: str = "a") -> Cache:
        cache = Cache(self.memory, entries)
        self.engine.register(name, cache)
        return cache

    def at(self, resident: float, seconds: float = 0.5) -> int:
        """Return how many of ten messages may be read with this memory, some time later."""
        self.memory.resident = resident
        self.clock.move_to(self.clock.monotonic() + seconds)
        return self.engine.available(10)

    def figure(self, name: str) -> float:
        return self.engine.reported_metrics()[name]


# -- thresholds -----------------------------------------------------------------------------------


@pytest.mark.enforces("memory_management.soft_share", "memory_management.shrink_share")
def test_caches_shrink_at_the_soft_share() -> None:
    node = Node(soft_share=0.5, shrink_share=0.25)
    cache, other = node.cache(8), node.cache(4, "b")
    assert node.at(49) == 10
    assert (cache.asked, node.freed) == ([], 0)
    assert node.at(50) == 10
    assert (cache.entries, other.entries, node.freed) == (6, 3, 1)
    assert (node.figure("shrinks"), node.figure("removed_entries")) == (1, 3)
    assert node.readiness.reasons == {}


@pytest.mark.enforces("memory_management.shrink_interval_seconds")
def test_caches_do_not_shrink_all_the_time() -> None:
    node = Node(shrink_interval_seconds=5)
    cache = node.cache(64)
    assert [node.at(80), node.at(80, 4.5), len(cache.asked)] == [10, 10, 1]
    node.at(80, 0.5)
    assert len(cache.asked) == 2
    node.at(95)
    assert cache.asked[-1] == 1.0, "at the hard share they are emptied without this wait"


@pytest.mark.enforces("memory_management.hard_share", "memory_management.resume_share")
def test_the_intake_stops_and_resumes_with_hysteresis() -> None:
    node = Node(hard_share=0.8, resume_share=0.6, soft_share=0.8)
    assert node.readiness.reasons == {}, "the reason of an earlier engine"
    assert [node.at(79), node.engine.wait_seconds()] == [10, 0.0]
    assert [node.at(80), node.engine.wait_seconds()] == [0, math.inf]
    assert node.readiness.reasons == {"memory": "80% of 100 MiB are in use; messages are taken again below 60%"}
    assert [node.at(70), node.at(60)] == [0, 0]
    assert [node.at(59), node.engine.wait_seconds()] == [10, 0.0]
    assert node.readiness.reasons == {}
    assert [node.at(79), node.at(60)] == [10, 10]
    node.engine.took(10)
    events = [(report.subject, report.event) for report in node.reports.take()]
    assert events == [("memory", "paused"), ("memory", "resumed")]


def test_the_intake_stays_open_when_caches_are_enough() -> None:
    node = Node()
    cache = node.cache(30)
    assert node.at(95) == 10
    assert (cache.asked, cache.entries, node.readiness.reasons) == ([1.0], 0, {})


def test_what_fills_caches_during_a_pause_is_removed() -> None:
    node = Node(shrink_interval_seconds=1)
    cache = node.cache(1)
    assert [node.at(95), cache.entries] == [0, 0]
    cache.entries = 20
    assert [node.at(95, 0.5), cache.entries] == [0, 20]
    assert [node.at(95, 0.5), cache.entries] == [10, 0], "75 % remain"
    assert cache.asked == [1.0, 1.0]


def test_a_cache_that_fails_does_not_prevent_the_pause() -> None:
    class Broken(Cache):
        @override
        def shrink(self, share: float) -> int:
            raise RuntimeError("not now")

    node = Node()
    node.engine.register("broken", Broken(node.memory, 1))
    cache = node.cache(2)
    assert [node.at(99), cache.entries, node.figure("removed_entries")] == [0, 0, 2]


@pytest.mark.enforces("memory_management.check_interval_seconds")
def test_memory_is_not_measured_for_each_batch() -> None:
    node = Node(check_interval_seconds=2)
    assert node.at(50) == 10
    assert [node.at(99, 1.5), node.at(99, 0.5)] == [10, 0]


@pytest.mark.enforces("memory_management.budget_mb", "memory_management.use_cgroup_limit")
def test_the_budget_that_is_used_most_counts() -> None:
    node = Node(budget_mb=200)
    assert node.at(150) == 10
    node.memory.group = (95, 100)
    assert node.at(10) == 0
    node.memory.group = (10, 100)
    assert [node.at(190), node.at(150)] == [0, 10]
    alone = Node(budget_mb=200, use_cgroup_limit=False)
    alone.memory.group = (95, 100)
    assert alone.at(10) == 10
    group = Node(budget_mb=None)
    group.memory.group = (95, 100)
    assert group.at(10_000) == 0


def test_without_a_budget_nothing_stops() -> None:
    node = Node(budget_mb=None)
    cache = node.cache(1)
    assert [node.at(1_000_000), cache.asked] == [10, []]
    assert node.engine.facts().use is None
    assert (node.figure("budget_bytes"), node.figure("used_bytes")) == (0, 0)


def test_a_limit_that_disappears_with_the_caches() -> None:
    """The limit of a group may be removed between two measurements."""
    node = Node(budget_mb=None)

    class Removing(Cache):
        @override
        def shrink(self, share: float) -> int:
            node.memory.group = None
            return 0

    node.engine.register("a", Removing(node.memory, 1))
    node.memory.group = (95, 100)
    assert node.at(1) == 0, "the earlier measurement counts"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"soft_share": 0.95}, r"soft_share \(0.95\) is above hard_share \(0.9\)"),
        ({"resume_share": 0.9}, r"resume_share \(0.9\) is not below hard_share \(0.9\)"),
        ({"budget_mb": 1}, "budget_mb"),
    ],
)
def test_thresholds_are_in_order(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ModelMemoryManagementSubcontract.model_validate(settings)


# -- facts and figures ------------------------------------------------------------------------------


def test_facts_and_figures_are_the_same() -> None:
    node = Node()
    node.at(95)
    node.clock.move_to(node.clock.monotonic() + 3)
    facts = node.engine.facts()
    assert facts.use is not None
    assert (facts.resident_bytes, round(facts.use.share, 6)) == (95 * MEBIBYTE, 0.95)
    assert (facts.is_paused, facts.pauses, facts.paused_seconds) == (True, 1, 3)
    node.at(10, 1)
    node.clock.move_to(node.clock.monotonic() + 100)
    assert node.engine.reported_metrics() == {
        "resident_bytes": 10 * MEBIBYTE,
        "used_bytes": 10 * MEBIBYTE,
        "budget_bytes": 100 * MEBIBYTE,
        "paused": 0,
        "pauses": 1,
        "paused_seconds": 4,
        "shrinks": 1,
        "removed_entries": 0,
    }


def test_a_pure_node_does_not_see_its_memory() -> None:
    node = Node(EnumNodeKind.REDUCER)
    with pytest.raises(NodeUseError, match="a REDUCER is pure"):
        node.engine.facts()
    assert [node.at(95), node.figure("paused")] == [0, 1]


@pytest.mark.enforces("memory_management.cache_figures", "memory_management.collector_figures")
def test_further_figures_are_exported_on_request() -> None:
    node = Node(cache_figures=True, collector_figures=True)
    node.cache(7)
    before = node.figure("collections")
    gc.collect()
    assert (node.figure("entries_a"), node.figure("collections")) == (7, before + 1)
    assert node.figure("collected_objects") >= 0
    assert "entries_a" not in Node().engine.reported_metrics()
    assert "collections" not in Node().engine.reported_metrics()


# -- caches ---------------------------------------------------------------------------------------


def test_names_of_caches_differ() -> None:
    node = Node()
    node.cache(1)
    with pytest.raises(CompositionError, match="a cache 'a' is registered already"):
        node.cache(1)
    node.caches.remove("a")
    node.caches.remove("a")
    assert node.caches.all == {}


@pytest.mark.parametrize("eviction", ["lru", "lfu", "fifo"])
def test_a_cache_removes_what_it_would_remove_when_full(eviction: str) -> None:
    settings = ModelCachingSubcontract.model_validate({"eviction": eviction})
    cache = CachingEngine(settings, ManualClock())
    for key in "abcde":
        cache.put(key, key)
    cache.get("a", str)
    assert (cache.shrink(0.5), cache.entry_count()) == (3, 2)
    assert (cache.get("e", str), cache.get("b", str)) == ("e", None)
    assert (cache.get("a", str) is None) == (eviction == "fifo")
    assert (cache.shrink(1.0), cache.entry_count(), cache.shrink(1.0)) == (2, 0, 0)


def test_the_cache_of_a_node_is_registered() -> None:
    class NodeShopEffect(MixinCaching, NodeEffect):
        """Sells."""

    node = NodeShopEffect()
    node.container = container(clock=ManualClock())
    assert node.container.get(Shrinkables).all == {}
    node.cache.put("a", 1)
    assert {name: cache.entry_count() for name, cache in node.container.get(Shrinkables).all.items()} == {
        "caching": 1
    }


# -- the view ---------------------------------------------------------------------------------------


def made(*mixins: type[Mixin], settings: tuple[Subcontract, ...] = ()) -> NodeEffect:
    node = with_mixins(NodeEffect, mixins)()
    node.container = container(*settings, clock=ManualClock())
    node.container.registry.value(ProtocolMemoryReader, FakeMemory(99))
    return node


def engine_of(node: NodeEffect) -> MemoryManagementEngine:
    engine: MemoryManagementEngine = node.memory  # type: ignore[attr-defined]  # composed above
    return engine


@pytest.mark.enforces("memory_metrics.budget_mb", "memory_metrics.include_caches", "memory_metrics.include_collector")
def test_the_view_only_measures() -> None:
    node = made(MixinMemoryMetrics, MixinCaching, settings=(ModelMemoryMetricsSubcontract(budget_mb=100),))
    node.cache.put("a", 1)  # type: ignore[attr-defined]  # composed above
    engine = engine_of(node)
    assert engine.available(10) == 10
    figures = engine.reported_metrics()
    assert (figures["budget_bytes"], figures["resident_bytes"]) == (100 * MEBIBYTE, 99 * MEBIBYTE)
    assert (figures["entries_caching"], figures["paused"], "collections" in figures) == (1, 0, True)
    without = ModelMemoryMetricsSubcontract(include_caches=False, include_collector=False)
    shown = engine_of(made(MixinMemoryMetrics, settings=(without,))).reported_metrics()
    assert {"entries_caching", "collections"} & {*shown} == set()


def test_the_view_and_the_capability_share_an_engine() -> None:
    budget = ModelMemoryManagementSubcontract(budget_mb=100)
    engine = engine_of(made(MixinMemoryMetrics, MixinMemoryManagement, settings=(budget,)))
    assert engine.available(10) == 0
    assert "collections" in engine.reported_metrics()
    with pytest.raises(CompositionError) as refused:
        engine_of(made(MixinMemoryMetrics, settings=(budget, ModelMemoryMetricsSubcontract(budget_mb=50))))
    assert "memory_metrics.budget_mb and memory_management.budget_mb set different values" in str(refused.value)


def test_a_node_without_a_reader_measures_this_process() -> None:
    class NodeShopEffect(MixinMemoryManagement, NodeEffect):
        """Sells."""

    class NodeGateCompute(MixinMemoryManagement, NodeCompute[Note, Note]):
        """Lets in."""

    assert NodeShopEffect().memory.facts().resident_bytes > MEBIBYTE
    with pytest.raises(NodeUseError, match="a COMPUTE is pure"):
        NodeGateCompute().memory.facts()


# -- agents -----------------------------------------------------------------------------------------


def agent(name: str, memory: FakeMemory, monkeypatch: pytest.MonkeyPatch) -> ResolvedNode:
    """Return a node with a budget of 100 MiB, whose agent measures this memory."""
    monkeypatch.setattr(mixin_memory_management, "SystemMemory", lambda: memory)
    resolved = resolve_node(NODES / name / "v1_0_0")
    budget = ModelMemoryManagementSubcontract(budget_mb=100)
    return replace(
        resolved,
        node_class=with_mixins(resolved.node_class, [MixinMemoryManagement]),
        subcontracts={**resolved.subcontracts, ModelMemoryManagementSubcontract: budget},
    )


INPUTS: dict[str, tuple[Callable[[int], Message], type[Message]]] = {
    "node_gate_compute": (lambda number: Enter(name=f"n{number}", age=30), Entered),
    "node_tally_reducer": (lambda number: Amount(entity=f"n{number}", value=1), Tallied),
    "node_vault_effect": (lambda number: Fetch(name=f"n{number}"), Fetched),
}


@pytest.fixture(autouse=True)
def vault() -> Iterator[None]:
    NodeVaultEffect.asked.clear()
    NodeVaultEffect.closed = False
    yield
    NodeVaultEffect.asked.clear()


@pytest.mark.parametrize("name", list(INPUTS))
def test_an_agent_takes_nothing_while_memory_is_used_and_loses_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = FakeMemory(50)
    mesh = MeshDriver([agent(name, memory, monkeypatch)])
    message, output = INPUTS[name]
    mesh.send(message(0))
    assert len(mesh.published(output)) == 1
    memory.resident = 95
    mesh.advance(1)
    for number in range(1, 21):
        mesh.send(message(number), run=False)
    mesh.advance(3600)
    (instance,) = mesh.instances
    assert [*instance.health.snapshot()] == ["memory"]
    assert len(mesh.published(output)) == 1
    partitions = [p for p in instance.consumer.assignment() if instance.consumer.lag().get(p)]
    assert partitions
    runner = instance._runner
    watched = runner if isinstance(runner, PureEngine) else runner.engine
    assert {*partitions} <= {*watched.waiting_partitions()}, "a pause is no stall"
    memory.resident = 50
    mesh.advance(1)
    assert instance.health.snapshot() == {}
    assert len(mesh.published(output)) == 21
    assert mesh.dead_letters() == []
    mesh.close()


def test_the_decoded_state_of_a_reducer_shrinks_and_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = FakeMemory(50)
    mesh = MeshDriver([agent("node_tally_reducer", memory, monkeypatch)])
    for number in range(5):
        mesh.send(Amount(entity=f"n{number}", value=10))
    (instance,) = mesh.instances
    state = instance.node.container.get(Shrinkables).all["state"]
    assert state.entry_count() == 5
    memory.resident = 80
    mesh.advance(1)
    mesh.run_until_idle()
    assert 0 < state.entry_count() < 5, "half of each partition, rounded up, went"
    for number in range(5):
        mesh.send(Amount(entity=f"n{number}", value=1))
    assert sorted(each.total for each in mesh.published(Tallied)) == [10] * 5 + [11] * 5
    assert mesh.dead_letters() == []
    mesh.close()


# -- the system -------------------------------------------------------------------------------------


def group(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def reader(tmp_path: Path, own: str) -> SystemMemory:
    (tmp_path / "own").write_text(own)
    return SystemMemory(tmp_path / "cgroup", tmp_path / "own")


def test_version_2_has_the_tightest_limit_of_all_groups_around(tmp_path: Path) -> None:
    top = group(tmp_path / "cgroup", {"memory.max": "max\n", "memory.current": "999\n"})
    group(top / "pod", {"memory.max": "1000\n", "memory.current": "900\n", "memory.stat": "anon 900\n"})
    stat = "anon 300\ninactive_file 100\nactive_file 50\nslab_reclaimable 7\nbroken\n"
    group(top / "pod" / "app", {"memory.max": "800\n", "memory.current": "500\n", "memory.stat": stat})
    found = reader(tmp_path, "0::/pod/app\n")
    assert found.group_use() == MemoryUse(900, 1000)
    (top / "pod" / "memory.current").write_text("100\n")
    assert found.group_use() == MemoryUse(343, 800)
    assert found.resident_bytes() > MEBIBYTE


def test_a_container_sees_its_group_where_groups_are_mounted(tmp_path: Path) -> None:
    group(tmp_path / "cgroup", {"memory.max": "100", "memory.current": "10", "memory.stat": "inactive_file 90\n"})
    assert reader(tmp_path, "0::/../../system.slice/docker-1.scope\n").group_use() == MemoryUse(0, 100)


def test_version_1(tmp_path: Path) -> None:
    stat = "inactive_file 1\ntotal_inactive_file 100\ntotal_active_file 20\n"
    group(
        tmp_path / "cgroup" / "memory",
        {"memory.limit_in_bytes": "1000", "memory.usage_in_bytes": "500", "memory.stat": stat},
    )
    own = "12:cpu,cpuacct:/docker/1\n9:memory:/docker/1\n"
    found = reader(tmp_path, own)
    assert found.group_use() == MemoryUse(380, 1000)
    (tmp_path / "cgroup" / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712")
    assert found.group_use() is None


@pytest.mark.parametrize("files", [{}, {"memory.max": "max"}, {"memory.max": "0"}, {"memory.max": "10"}])
def test_no_limit(tmp_path: Path, files: dict[str, str]) -> None:
    group(tmp_path / "cgroup", files)
    assert reader(tmp_path, "0::/\n").group_use() is None
    assert SystemMemory(tmp_path, tmp_path / "missing").group_use() is None


def test_freed_memory_returns_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cycle:
        def __init__(self) -> None:
            self.self = self

        def __del__(self) -> None:
            ended.append(True)

    ended: list[bool] = []
    calls: list[int] = []
    Cycle()

    def trim(pad: int) -> int:
        calls.append(pad)
        return 1

    free_memory(trim)
    assert (ended, calls) == ([True], [0])
    free_memory()
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    free_memory()


def test_the_handler_of_an_effect_sees_its_memory() -> None:
    class NodeShopEffect(MixinMemoryManagement, NodeEffect):
        """Sells."""

    async def look() -> bool:
        return NodeShopEffect().memory.facts().is_paused

    assert not asyncio.run(look())
