"""kill -9 of an agent of each kind under load, then the ledger: nothing lost, nothing twice."""

import signal
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path

from node_balance_reducer.v1_0_0.models import CustomerBalance
from node_order_orchestrator.v1_0_0.models import (
    ChargeCard,
    OrderCompleted,
    OrderFailed,
    PlaceOrder,
    RefundCard,
)
from node_payment_effect.v1_0_0.models import CardCharged, CardDeclined, MoneyMoved
from node_tally_reducer.v1_0_0.models import Amount, Tallied

from onex.bus.kafka import KafkaEventBusAdapter
from tests.conftest import NODES, ORDERS, eventually
from tests.integration.agents import Mesh

ORDER_NODES = sorted(ORDERS.glob("*/v1_0_0"))
COUNT = 400


def orders(start: int, count: int) -> list[PlaceOrder]:
    """Every tenth cannot be shipped, every tenth cannot be paid."""
    return [
        PlaceOrder(
            order_id=f"o-{number}",
            customer=f"c-{number % 7}",
            quantity=150 if number % 10 == 3 else 1 + number % 5,
            unit_price=5000.0 if number % 10 == 7 else 1.0 + number % 3,
        )
        for number in range(start, start + count)
    ]


def test_every_command_has_one_completion_and_every_balance_is_right(
    kafka_bus: KafkaEventBusAdapter, tmp_path: Path
) -> None:
    with Mesh(kafka_bus, ORDER_NODES, tmp_path) as mesh:
        names = [node.contract.name for node in mesh.nodes]
        running = {name: mesh.start(name) for name in names}
        sent = orders(0, COUNT)
        for victim in (
            "node_order_pricing_compute",
            "node_payment_effect",
            "node_order_orchestrator",
            "node_balance_reducer",
        ):
            quarter, sent = sent[: COUNT // 4], sent[COUNT // 4 :]
            before = len(mesh.messages(OrderCompleted))
            mesh.send(quarter)
            eventually(partial(_more_than, mesh, before), 60, "work under way")
            mesh.stop(running[victim], signal.SIGKILL)
            running[victim] = mesh.start(victim)

        def finished() -> bool:
            return len(mesh.messages(OrderCompleted)) + len(mesh.messages(OrderFailed)) >= COUNT

        eventually(finished, 100, "every completion")
        eventually(lambda: sum(mesh.lag(name) for name in names) == 0, 30, "no lag")
        for process in running.values():
            assert mesh.stop(process) == 0
        _check(mesh)


def _more_than(mesh: Mesh, before: int) -> bool:
    return len(mesh.messages(OrderCompleted)) > before


def _check(mesh: Mesh) -> None:
    completions = Counter(m.order_id for m in mesh.messages(OrderCompleted))
    completions.update(m.order_id for m in mesh.messages(OrderFailed))
    assert completions == Counter({f"o-{number}": 1 for number in range(COUNT)})
    failed = {m.order_id for m in mesh.messages(OrderFailed)}
    assert {f"o-{n}" for n in range(COUNT) if n % 10 in (3, 7)} <= failed
    asked = Counter(m.order_id for m in mesh.in_time(ChargeCard))
    answered = Counter(m.order_id for m in mesh.messages(CardCharged))
    answered.update(m.order_id for m in mesh.messages(CardDeclined))
    assert answered == asked, "each charge command has exactly one answer"
    moved = [m for m in mesh.messages(MoneyMoved) if isinstance(m, MoneyMoved)]
    assert sum(m.amount < 0 for m in moved) == len(mesh.messages(RefundCard))
    totals: dict[str, float] = defaultdict(float)
    for m in moved:
        totals[m.customer] += m.amount
    shown: dict[str, CustomerBalance] = {}
    for balance in mesh.messages(CustomerBalance):
        assert isinstance(balance, CustomerBalance)
        if balance.customer not in shown or balance.movements > shown[balance.customer].movements:
            shown[balance.customer] = balance
    assert {c: round(b.total, 6) for c, b in shown.items()} == {c: round(t, 6) for c, t in totals.items()}
    assert sum(b.movements for b in shown.values()) == len(moved)
    letters = [letter for node in mesh.nodes for letter in mesh.dead_letters(node.contract.name)]
    assert len(letters) == len(mesh.too_late()), "nothing is a dead letter but what came too late"


def test_adding_and_removing_instances_under_load(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    name = "node_tally_reducer"
    with Mesh(kafka_bus, [NODES / name / "v1_0_0"], tmp_path) as mesh:
        expected: Counter[str] = Counter()

        def load(rounds: int) -> None:
            amounts = [Amount(entity=f"e{n % 40}", value=1 + n % 5) for n in range(rounds)]
            expected.update({a.entity: 0 for a in amounts})
            for amount in amounts:
                expected[amount.entity] += amount.value
            mesh.send(amounts)

        first = mesh.start(name)
        load(1000)
        second, third = mesh.start(name), mesh.start(name)
        load(1000)
        assert mesh.stop(second) == 0
        load(1000)
        mesh.stop(third, signal.SIGKILL)
        load(1000)
        eventually(lambda: mesh.lag(name) == 0, 60, "no lag")
        totals: dict[str, Tallied] = {}
        tallied = [m for m in mesh.messages(Tallied) if isinstance(m, Tallied)]
        for m in tallied:
            assert m.entity not in totals or m.count == totals[m.entity].count + 1
            totals[m.entity] = m
        assert len(tallied) == 4000
        assert {entity: m.total for entity, m in totals.items()} == dict(expected)
        assert mesh.stop(first) == 0
