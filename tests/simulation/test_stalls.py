"""A process is stopped inside of a transaction, and its group continues without it: the shortest schedules."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_balance_reducer.v1_0_0.models import CustomerBalance
from node_balance_reducer.v1_0_0.node import NodeBalanceReducer
from node_payment_effect.v1_0_0.models import MoneyMoved

from onex.bus.memory.transaction import Moment
from onex.errors import BusUnavailableError
from onex.node import Node
from onex.testing import MeshDriver
from tests.conftest import NODES, ORDERS
from tests.simulation.mutants import MUTANTS


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([ORDERS / "node_balance_reducer" / "v1_0_0", NODES / "node_alarm_orchestrator" / "v1_0_0"])
    yield driver
    driver.close()


def stand_still(mesh: MeshDriver, node: type[Node], moment: Moment) -> None:
    """Stop the only instance of a node in its next transaction, while another one takes over."""
    (first,) = mesh.instances_of(node)

    def meanwhile() -> None:
        first.expel()
        second = mesh.add_instance(node)
        for _ in range(4):
            try:
                second.step()
            except BusUnavailableError:
                mesh.crash(second)
                second = mesh.add_instance(node)

    first.stall(moment, meanwhile)
    while first.is_stalled:
        first.step()
    mesh.crash(first)
    mesh.run_until_idle()


def ring_twice(mesh: MeshDriver) -> int:
    mesh.send(SetAlarm(entity="a-1", after=5.0))
    mesh.clock.move_to(mesh.clock.monotonic() + 6.0)
    stand_still(mesh, NodeAlarmOrchestrator, Moment.BEGUN)
    return len(mesh.published(Rang))


def balances(mesh: MeshDriver) -> list[float]:
    with patch("onex.agent.pure.engine._EARLY", 1):
        mesh.send(MoneyMoved(order_id="o-1", customer="c-1", amount=100.0), run=False)
        stand_still(mesh, NodeBalanceReducer, Moment.BEGUN)
        mesh.send(MoneyMoved(order_id="o-2", customer="c-1", amount=1.0))
    return [balance.total for balance in mesh.published(CustomerBalance)]


def test_timers_alone_are_fenced(mesh: MeshDriver) -> None:
    assert ring_twice(mesh) == 1


def test_timers_without_a_position_ring_twice(mesh: MeshDriver) -> None:
    with MUTANTS["timers_without_a_position"]():
        assert ring_twice(mesh) == 2


def test_a_partition_begins_when_its_position_is_stable(mesh: MeshDriver) -> None:
    assert balances(mesh) == [100.0, 101.0]


def test_a_partition_that_begins_too_early_does_a_batch_twice(mesh: MeshDriver) -> None:
    with MUTANTS["begun_before_positions_are_stable"]():
        assert balances(mesh) != [100.0, 101.0]
