"""Copies of the state of other partitions: complete after every move, and there before they are needed."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random

import pytest
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_tally_reducer.v1_0_0.node import NodeTallyReducer

from onex.agent.pure.engine import PureEngine
from onex.bus.protocols import Partition, ProtocolReader
from onex.contract import ResolvedNode, resolve_node
from onex.testing import MeshDriver
from onex.testing.instance import Instance
from tests.conftest import NODES


def warm(name: str) -> ResolvedNode:
    resolved = resolve_node(NODES / name / "v1_0_0")
    delivery = resolved.contract.delivery.model_copy(update={"standby": True})
    return replace(resolved, contract=resolved.contract.model_copy(update={"delivery": delivery}))


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([warm("node_tally_reducer"), warm("node_alarm_orchestrator")])
    yield driver
    driver.close()


def gauge(instance: Instance, name: str) -> float:
    found = instance.metrics.registry.get_sample_value(name, {"node": instance.resolved.contract.name})
    assert found is not None
    return found


def test_each_instance_has_what_it_does_not_hold(mesh: MeshDriver) -> None:
    mesh.add_instance(NodeTallyReducer)
    for number in range(40):
        mesh.send(Amount(entity=f"e-{number}", value=1))
    mesh.advance("2s")
    mesh.run_until_idle()
    both = mesh.instances_of(NodeTallyReducer)
    own = [gauge(instance, "onex_state_keys") for instance in both]
    copies = [gauge(instance, "onex_standby_keys") for instance in both]
    assert sum(own) == 40
    assert copies == own[::-1], "what one holds, the other has as a copy"


def test_taking_over_reads_nothing_that_the_copy_has(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    old = mesh.instances_of(NodeTallyReducer)[0]
    new = mesh.add_instance(NodeTallyReducer)
    for number in range(40):
        mesh.send(Amount(entity=f"e-{number}", value=1))
    mesh.advance("2s")
    read: list[int] = []
    original = mesh.bus.read

    def note(positions: Mapping[Partition, int]) -> ProtocolReader:
        read.extend(positions.values())
        return original(positions)

    assert isinstance(new._runner, PureEngine)
    monkeypatch.setattr(new._runner._bus, "read", note)
    mesh.crash(old)
    mesh.run_until_idle()
    assert read == [], "the copies have everything"
    for number in range(40):
        mesh.send(Amount(entity=f"e-{number}", value=1))
    assert {t.entity: t.total for t in mesh.published(Tallied)} == {f"e-{n}": 2 for n in range(40)}


@pytest.mark.parametrize("seed", range(20))
def test_totals_are_exact_however_partitions_move(mesh: MeshDriver, seed: int) -> None:
    random, expected = Random(seed), dict.fromkeys((f"e-{n}" for n in range(10)), 0)
    for _ in range(120):
        match random.randrange(8):
            case 0 if len(mesh.instances_of(NodeTallyReducer)) < 4:
                mesh.add_instance(NodeTallyReducer)
            case 1 if len(mesh.instances_of(NodeTallyReducer)) > 1:
                mesh.crash(random.choice(mesh.instances_of(NodeTallyReducer)))
            case 2 if len(mesh.instances_of(NodeTallyReducer)) > 1:
                mesh.remove_instance(random.choice(mesh.instances_of(NodeTallyReducer)))
            case 3:
                random.choice(mesh.instances_of(NodeTallyReducer)).fail_next_commit()
            case _:
                entity = random.choice(list(expected))
                expected[entity] += 1
                mesh.send(Amount(entity=entity, value=1), run=random.random() < 0.5)
    for _ in range(4):
        mesh.advance("1m")  # commits that fail are tried again later
    last = {t.entity: t.total for t in mesh.published(Tallied)}
    assert last == {entity: total for entity, total in expected.items() if total}


def test_timers_of_a_partition_that_is_taken_over_fire(mesh: MeshDriver) -> None:
    old = mesh.instances_of(NodeAlarmOrchestrator)[0]
    mesh.add_instance(NodeAlarmOrchestrator)
    for number in range(20):
        mesh.send(SetAlarm(entity=f"a-{number}", after=60.0))
    mesh.advance("2s")
    mesh.crash(old)
    mesh.advance("2m")
    assert sorted(rang.entity for rang in mesh.published(Rang)) == sorted(f"a-{n}" for n in range(20))
