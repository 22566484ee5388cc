"""Something is lost while a node is off, or a machine is away for days: the shortest schedules."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_balance_reducer.v1_0_0.models import CustomerBalance
from node_balance_reducer.v1_0_0.node import NodeBalanceReducer
from node_payment_effect.v1_0_0.models import MoneyMoved
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.pure.partitions import PurePartitions
from onex.agent.state.backends import ProtocolBackend, RocksBackend
from onex.agent.state.memory import StateMemory
from onex.agent.state.standby import Standby
from onex.bus.protocols import Outgoing, Partition
from onex.contract import ResolvedNode, resolve_node
from onex.model.message import Message
from onex.node import Node
from onex.testing import MeshDriver
from tests.conftest import NODES, ORDERS
from tests.simulation.loss_mutants import LOSS_MUTANTS

_HOUR = 3600.0
_BALANCES = "onex.state.node_balance_reducer.v1"


class Loss:
    """A node that has done three records of 100 is stopped, something is lost, and it is started with one more."""

    def __init__(self, node: type[Node]) -> None:
        NodeUnrulyEffect.done.clear()
        folders = {
            NodeBalanceReducer: ORDERS / "node_balance_reducer" / "v1_0_0",
            NodeUnrulyEffect: NODES / "node_unruly_effect" / "v1_0_0",
        }
        self.node = node
        self.mesh = MeshDriver([folders[node]])
        for number in range(3):
            self.send(number)
        self.mesh.remove_instance(self.mesh.instances[0])
        (self.group,) = [group for group in self.mesh.broker.groups.values() if group.positions]

    def send(self, number: int) -> None:
        message: Message = Act(entity="c-1", number=number)
        if self.node is NodeBalanceReducer:
            message = MoneyMoved(order_id=f"o-{number}", customer="c-1", amount=100.0)
        self.mesh.send(message)

    def log(self, topic: str) -> Partition:
        """The partition of a topic that holds anything."""
        (found,) = [p for p, log in self.mesh.broker.logs.items() if p.topic == topic and log.records]
        return found

    def after(self) -> list[float]:
        """What the node publishes when it is started: nothing while it waits for an operator."""
        before = len(self._published())
        self.send(3)
        with patch("onex.wire.positions._PERHAPS_MARKERS", 1):
            self.mesh.add_instance(self.node)
            self.mesh.run_until_idle()
        found = self._published()[before:]
        self.mesh.close()
        return found

    def _published(self) -> list[float]:
        totals = [balance.total for balance in self.mesh.published(CustomerBalance)]
        return totals if self.node is NodeBalanceReducer else [float(a.number) for a in self.mesh.published(Acted)]


def _positions(_: Path) -> list[float]:
    loss = Loss(NodeBalanceReducer)
    loss.group.positions.clear()
    return loss.after()


def _made_again(_: Path) -> list[float]:
    loss = Loss(NodeBalanceReducer)
    number = loss.log(_BALANCES).partition
    loss.mesh.bus.admin.remake(_BALANCES)
    others = [Outgoing(_BALANCES, b"of another customer", b"s%d" % n, [], number) for n in range(9)]
    loss.mesh.bus.publish_batch(others)  # it is as long as it was
    return loss.after()


def _cut(_: Path) -> list[float]:
    loss = Loss(NodeBalanceReducer)
    del loss.mesh.broker.logs[loss.log(_BALANCES)].records[1:]
    return loss.after()


def _emptied(_: Path) -> list[float]:
    loss = Loss(NodeBalanceReducer)
    log = loss.mesh.broker.logs[loss.log(_BALANCES)]
    log.truncate(len(log.records))
    return loss.after()


def _retention(node: type[Node]) -> Callable[[Path], list[float]]:
    def passes_by(_: Path) -> list[float]:
        loss = Loss(node)
        topic = loss.mesh.topic_of(MoneyMoved if node is NodeBalanceReducer else Act)
        for number in range(4, 8):
            loss.send(number)
        loss.mesh.broker.logs[loss.log(topic)].truncate(6)
        return loss.after()

    return passes_by


def _one_partition() -> ResolvedNode:
    alarm = resolve_node(NODES / "node_alarm_orchestrator" / "v1_0_0")
    bus = alarm.contract.event_bus
    one = bus.model_copy(update={"topic_config": bus.topic_config.model_copy(update={"partitions": 1})})
    return replace(alarm, contract=alarm.contract.model_copy(update={"event_bus": one}))


class Machines:
    """An alarm is set on one machine, and cancelled on another; the copy on the first one lags behind for days."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._memory, self._machine = folder, StateMemory(16_000_000), "first"
        self.mesh = MeshDriver([_one_partition()], open_backend=self.opened)
        self.mesh.send(SetAlarm(entity="a", after=72 * _HOUR))
        self.stop()
        self._machine = "second"
        self.mesh.add_instance(NodeAlarmOrchestrator)
        self.mesh.send(SetAlarm(entity="a", after=0, times=0))
        self.stop()
        self._machine = "first"

    def opened(self, number: int, identity: str) -> ProtocolBackend:
        place = self._folder / self._machine / str(number)
        return RocksBackend(place, identity, self._memory, clock=self.mesh.clock)

    def stop(self) -> None:
        self.mesh.remove_instance(self.mesh.instances[0])

    def open_unread_store(self) -> None:
        """An instance is stopped before it has restored anything."""
        with patch.object(PurePartitions, "restore", lambda _: None):
            self.mesh.add_instance(NodeAlarmOrchestrator).step()
            self.stop()

    def open_unread_copy(self) -> None:
        """So is one that follows the partitions of others."""
        standby = Standby(self.mesh.bus, "onex.state.node_alarm_orchestrator.v1", self.opened)
        standby.follow_all_but(())
        standby.close()

    def rings(self, opens: Callable[["Machines"], None]) -> list[float]:
        """Numbers of the alarms that ring after three days."""
        for _ in range(3):
            self.mesh.broker.clean()
            self.mesh.advance(10 * _HOUR)
            opens(self)
        self.mesh.broker.clean()
        self.mesh.add_instance(NodeAlarmOrchestrator)
        self.mesh.advance(72 * _HOUR)
        self.mesh.close()
        return [float(rang.number) for rang in self.mesh.published(Rang)]


_CASES: dict[str, tuple[Callable[[Path], list[float]], str, list[float], list[float]]] = {
    "positions": (_positions, "state_without_a_position_is_believed", [], [400, 500, 600, 700]),
    "changelog made again": (_made_again, "a_changelog_that_was_made_again_is_believed", [], [100]),
    "changelog cut": (_cut, "a_changelog_that_was_cut_is_believed", [], [200]),
    "changelog emptied": (_emptied, "a_changelog_that_was_emptied_is_believed", [], [100]),
    "retention, reducer": (_retention(NodeBalanceReducer), "records_below_the_start_are_passed_over", [], [400, 500]),
    "retention, effect": (_retention(NodeUnrulyEffect), "records_below_the_start_are_passed_over", [], [7, 3]),
    "store unread": (
        lambda folder: Machines(folder).rings(Machines.open_unread_store),
        "an_unread_store_counts_as_complete",
        [],
        [1],
    ),
    "copy unread": (
        lambda folder: Machines(folder).rings(Machines.open_unread_copy),
        "an_unread_copy_counts_as_complete",
        [],
        [1],
    ),
}
"""What happens, the bug that it shows, what is published, and what the bug would publish."""


@pytest.mark.parametrize("case", _CASES)
def test_a_loss_is_not_silent(case: str, tmp_path: Path) -> None:
    happens, mutant, right, wrong = _CASES[case]
    assert happens(tmp_path / "right") == right
    with LOSS_MUTANTS[mutant]():
        assert happens(tmp_path / "wrong") == wrong


def test_every_bug_has_a_case() -> None:
    assert {mutant for _, mutant, _, _ in _CASES.values()} == LOSS_MUTANTS.keys()
