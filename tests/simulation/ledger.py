"""What must hold when a schedule is over and the world is whole: the guarantees, one by one."""

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from node_alarm_orchestrator.v1_0_0.models import Rang
from node_balance_reducer.v1_0_0.models import CustomerBalance
from node_order_orchestrator.v1_0_0.models import ChargeCard, OrderCompleted, OrderFailed, RefundCard
from node_payment_effect.v1_0_0.models import CardCharged, CardDeclined, MoneyMoved
from node_unruly_effect.v1_0_0.models import Acted

from onex.bus.protocols import Partition, ProtocolRecord
from onex.errors import PoisonError
from onex.model.repeated import CompletionRepeated
from onex.testing import MeshDriver
from onex.wire import dead_letter as d
from onex.wire import headers as h
from tests.simulation import world

if TYPE_CHECKING:
    from tests.simulation.simulator import Simulation


def check(simulation: "Simulation") -> None:
    """Raise AssertionError for the first promise that does not hold."""
    mesh = simulation.mesh
    _everything_is_read(mesh)
    _nothing_is_written_twice(mesh)
    _orders(simulation)
    _money(simulation)
    _acts(simulation)
    _hostile(simulation)
    rang = Counter(message.entity for message in mesh.published(Rang))
    assert rang == {f"a-{n + 1}": 1 for n in range(simulation.alarms)}, "each alarm rings once"
    for instance in mesh.instances:
        assert instance.health.ready, f"{instance.resolved.contract.name}: {instance.health.reasons}"


def _everything_is_read(mesh: MeshDriver) -> None:
    for node in mesh.nodes:
        topics = {topic: mesh.broker.topic(topic) for topic in (*node.routes, node.contract.retry_topic)}
        inputs = [Partition(name, number) for name, topic in topics.items() for number in range(topic.partitions)]
        positions = mesh.bus.admin.group_positions(node.contract.group("test"), inputs)
        for partition in inputs:
            _, end = mesh.broker.ends([partition])[partition]
            visible, _ = mesh.broker.logs[partition].visible(0, end)
            position = positions.get(partition)
            at = position.offset if position else 0
            left = [record.offset() for record in visible if record.offset() >= at]
            assert not left, f"{node.contract.name} has not finished {partition} from {left[0]}"


def _nothing_is_written_twice(mesh: MeshDriver) -> None:
    """Ids are derived from inputs: the same id again is the same work again."""
    for node in mesh.nodes:
        for model, topic in node.outputs.items():
            if model is CompletionRepeated:
                continue
            ids = Counter(filter(None, map(_id, mesh.records(topic))))
            twice = [identity for identity, n in ids.items() if n > 1]
            assert not twice, f"{topic}: written twice: {twice[0]!r}"


def _orders(simulation: "Simulation") -> None:
    mesh = simulation.mesh
    ends: dict[str, set[bytes]] = defaultdict(set)
    for record, completed in mesh.messages(OrderCompleted):
        ends[completed.order_id].add(_id(record))
    for record, failed in mesh.messages(OrderFailed):
        ends[failed.order_id].add(_id(record))
        assert failed.reason != "workflow timed out", f"{failed.order_id}: the timer of a step was lost"
    for order_id in simulation.orders:
        assert len(ends[order_id]) == 1, f"{order_id} has {len(ends[order_id])} completions"
    asked = {_id(record) for record, _ in mesh.messages(ChargeCard)}
    answered = Counter(_cause(r) for model in (CardCharged, CardDeclined) for r, _ in mesh.messages(model))
    dead = Counter(_dead_id(record) for record in mesh.dead_letters())
    for identity in asked:
        count = answered[identity] + dead[identity]
        assert count == 1, f"charge {identity!r} has {count} outcomes"


def _money(simulation: "Simulation") -> None:
    mesh = simulation.mesh
    moved: dict[str, float] = defaultdict(float)
    by_customer: dict[str, float] = defaultdict(float)
    for message in mesh.published(MoneyMoved):
        moved[message.order_id] += message.amount
        by_customer[message.customer] += message.amount
    for command in _charges_without_a_word(mesh):
        moved[command.order_id] += command.amount
    done = {m.order_id: m.total for m in mesh.published(OrderCompleted)}
    for order_id in simulation.orders:
        expected = done.get(order_id, 0.0)
        assert moved[order_id] == expected, f"{order_id}: {moved[order_id]} moved, {expected} is right"
    shown: dict[str, CustomerBalance] = {}
    for balance in mesh.published(CustomerBalance):
        if balance.customer not in shown or balance.movements > shown[balance.customer].movements:
            shown[balance.customer] = balance
    for customer, total in by_customer.items():
        assert shown[customer].total == total, f"{customer}: balance {shown[customer].total}, {total} is right"
    assert sum(balance.movements for balance in shown.values()) == len(mesh.published(MoneyMoved))
    refunds = len(mesh.messages(RefundCard))
    assert sum(m.amount < 0 for m in mesh.published(MoneyMoved)) <= refunds


def _charges_without_a_word(mesh: MeshDriver) -> list[ChargeCard]:
    """Charges whose process ended before it could say so, and which were too late to be tried again.

    A bank that must not lose that word writes it to an outbox.
    """
    late = {
        _dead_id(record).decode()
        for record in mesh.dead_letters()
        if _header(record, d.EXCEPTION).endswith(b"DeadlineError")
    }
    silent = late & set(world.WORLD.charged.values())
    asked = [command for record, command in mesh.messages(ChargeCard) if _id(record).decode() in silent]
    return [command for command in asked if command.order_id in world.WORLD.paid]  # the others were declined


def _acts(simulation: "Simulation") -> None:
    mesh = simulation.mesh
    dead = Counter(_dead_id(record).decode() for record in mesh.dead_letters())
    done: dict[str, list[int]] = defaultdict(list)
    for acted in mesh.published(Acted):
        done[acted.entity].append(acted.number)
    for entity, acts in simulation.acts.items():
        assert done[entity] == sorted(done[entity]), f"{entity}: order broken: {done[entity]}"
        for act in acts:
            count = done[entity].count(act.number) + dead[f"{entity}/{act.number}"]
            assert count == 1, f"{entity} act {act.number} has {count} outcomes"


def _hostile(simulation: "Simulation") -> None:
    mesh = simulation.mesh
    letters = mesh.dead_letters()
    twice = [place for place, count in Counter(map(_place, letters)).items() if count > 1]
    assert not twice, f"more than one dead letter of {twice[0]}"
    dead = Counter(_dead_id(record).decode() for record in letters)
    for identity in simulation.large:
        assert dead[identity] == 1, f"{identity} has {dead[identity]} dead letters"
    missing = simulation.junk - set(map(_place, letters))
    assert not missing, f"no dead letter of {min(missing)}"
    unreadable = {_place(letter) for letter in letters if _header(letter, d.CLASS) in (b"poison", b"schema")}
    assert unreadable <= simulation.junk, f"a dead letter of a good record: {min(unreadable - simulation.junk)}"


def _header(record: ProtocolRecord, name: str) -> bytes:
    try:
        headers = record.headers()
    except PoisonError:  # as a hostile sender made it
        return b""
    return dict(headers or []).get(name, b"")


def _id(record: ProtocolRecord) -> bytes:
    return _header(record, h.ID)


def _cause(record: ProtocolRecord) -> bytes:
    return _header(record, h.CAUSATION)


def _dead_id(record: ProtocolRecord) -> bytes:
    return _header(record, d.MESSAGE_ID)


def _place(record: ProtocolRecord) -> tuple[bytes, ...]:
    return tuple(_header(record, name) for name in (d.TOPIC, d.PARTITION, d.OFFSET))
