"""What must have come out, whatever happened: rows of (what, expected, found)."""

import asyncio
from collections import Counter, defaultdict

import asyncpg
from node_balance_reducer.v1_0_0.models import CustomerBalance
from node_order_orchestrator.v1_0_0.models import OrderCompleted, OrderFailed
from node_order_pricing_compute.v1_0_0.models import OrderPriced, PriceOrder
from node_payment_effect.v1_0_0.models import CardCharged, CardDeclined, ChargeCard, MoneyMoved, RefundCard
from node_shipping_effect.v1_0_0.models import OrderShipped, ShipmentRefused, ShipOrder
from node_till_effect.v1_0_0.models import MoneyTaken, TillChanged

from onex.bus.protocols import ProtocolRecord
from onex.model.message import Message
from onex.schema import Codec
from onex.wire import dead_letter as d
from onex.wire import headers as h
from tests.chaos.hostile import COMMANDS, is_hostile
from tests.chaos.load import ORDERS, Load
from tests.integration.agents import Mesh

Row = tuple[str, int, int]
_Place = tuple[str, int, int]
"""Topic, partition, offset."""


def unanswered(mesh: Mesh, load: Load) -> list[str]:
    """Commands that have not led to what they must lead to."""
    ended = {m.order_id for m in mesh.messages(OrderCompleted)} | {m.order_id for m in mesh.messages(OrderFailed)}
    taken = {(m.till, m.amount) for m in mesh.messages(MoneyTaken)}
    told = {(m.till, m.amount) for m in mesh.messages(TillChanged)}
    asked = {(till, amount) for till, count in load.money.items() for amount in range(count)}
    left = [*sorted(load.orders.keys() - ended), *(f"{amount} of {till}" for till, amount in sorted(asked - taken))]
    return [*left, *(f"change of {till} by {amount}" for till, amount in sorted(taken - told))]


def rows(mesh: Mesh, load: Load, database: str) -> list[Row]:
    """The whole ledger."""
    return [*_orders(mesh, load), *_balances(mesh), *_tills(mesh, load, database), *_letters(mesh)]


def _orders(mesh: Mesh, load: Load) -> list[Row]:
    ends: dict[str, set[bytes]] = defaultdict(set)
    for model, topic in ((OrderCompleted, "order-completed"), (OrderFailed, "order-failed")):
        codec = Codec.of_topic(model, f"onex.evt.orders.{topic}.v1", mesh.catalogue)
        for record in mesh.records(f"onex.evt.orders.{topic}.v1"):
            message = codec.decode(record.value())
            assert isinstance(message, OrderCompleted | OrderFailed)
            ends[message.order_id].add(dict(record.headers() or [])[h.ID])
    return [
        ("orders with exactly one completion", len(load.orders), sum(len(ids) == 1 for ids in ends.values())),
        *_answers(mesh, "prices", PriceOrder, OrderPriced),
        *_answers(mesh, "charges", ChargeCard, CardCharged, CardDeclined),
        *_answers(mesh, "shipments", ShipOrder, OrderShipped, ShipmentRefused),
    ]


def _answers(mesh: Mesh, what: str, command: type[Message], *results: type[Message]) -> list[Row]:
    """A step whose answer is lost ends with its run's timeout, and the order still has one completion."""
    late = mesh.too_late()
    asked: Counter[str] = Counter()
    for record, message in mesh.told(command, lambda record: not is_hostile(record)):
        if (dict(record.headers() or []).get(h.ID) or b"").decode() not in late:
            asked[_order(message)] += 1
    replied = Counter(_order(message) for result in results for message in mesh.messages(result))
    for order in sorted(name for name in asked | replied if asked[name] != replied[name])[:10]:
        print(f"    {what} of {order}: asked {asked[order]} times, answered {replied[order]} times")
    return [
        (f"{what} with exactly one answer", asked.total(), (asked & replied).total()),
        (f"answers to {what}", asked.total(), replied.total()),
    ]


def _order(message: Message) -> str:
    return str(message.model_dump()["order_id"])


def _balances(mesh: Mesh) -> list[Row]:
    moved = mesh.messages(MoneyMoved)
    totals: dict[str, float] = defaultdict(float)
    for movement in moved:
        totals[movement.customer] += movement.amount
    told: dict[str, list[CustomerBalance]] = defaultdict(list)
    places: dict[str, list[str]] = defaultdict(list)
    for record, balance in mesh.told(CustomerBalance):
        told[balance.customer].append(balance)
        places[balance.customer].append(_where(record))
    for customer, some in told.items():
        _print_missteps(customer, [balance.movements for balance in some], places[customer])
    exact = sum(round(told[customer][-1].total, 6) == round(total, 6) for customer, total in totals.items())
    in_order = sum([b.movements for b in some] == list(range(1, len(some) + 1)) for some in told.values())
    return [
        ("refunds carried out", len(mesh.messages(RefundCard)), sum(m.amount < 0 for m in moved)),
        ("balances that are exact", len(totals), exact),
        ("balances told in order, step by step", len(totals), in_order),
        ("movements in balances", len(moved), sum(some[-1].movements for some in told.values())),
    ]


def _print_missteps(customer: str, steps: list[int], places: list[str]) -> None:
    for number in range(1, len(steps)):
        if steps[number] != steps[number - 1] + 1:
            around = range(max(0, number - 2), min(len(steps), number + 2))
            print(f"    {customer}: " + ", ".join(f"{steps[n]} at {places[n]}" for n in around))


def _where(record: ProtocolRecord) -> str:
    headers = dict(record.headers() or [])
    cause = (headers.get(h.CAUSATION) or b"").decode(errors="replace")
    return f"{record.partition()}/{record.offset()} of {record.timestamp()[1]} caused by {cause}"


def _tills(mesh: Mesh, load: Load, database: str) -> list[Row]:
    stored = asyncio.run(_stored(database))
    answers: dict[str, list[int]] = defaultdict(list)
    for answer in mesh.messages(MoneyTaken):
        answers[answer.till].append(answer.amount)
    in_order = sum(amounts == sorted(amounts) for amounts in answers.values())
    return [
        ("rows of tills", load.money.total(), stored.total()),
        ("payments made exactly once", load.money.total(), sum(count == 1 for count in stored.values())),
        ("tills answered in order", len(load.money), in_order),
        ("events of tills", load.money.total(), len(mesh.messages(TillChanged))),
    ]


def _letters(mesh: Mesh) -> list[Row]:
    written: dict[_Place, list[str]] = defaultdict(list)
    for node in mesh.nodes:
        for letter, record in mesh.letters(node.contract.name):
            place = letter[d.TOPIC], int(letter[d.PARTITION]), int(letter[d.OFFSET])
            written[place].append(f"{record.topic()} {_where(record)}")
    letters = Counter({place: len(found) for place, found in written.items()})
    late = mesh.too_late()  # while agents are down, steps of workflows time out
    sent = {topic: mesh.records(topic) for topic in {ORDERS, *COMMANDS}}
    hostile = [_place(record) for records in sent.values() for record in records if is_hostile(record)]
    poison = [_place(record) for record in sent[ORDERS] if record.value() == b"\x00junk" and not is_hostile(record)]
    for place in hostile:
        if letters[place] != 1:
            print(f"    {place} has {letters[place]} dead letters: {', '.join(written[place])}")
    return [
        ("dead letters of poison", len(poison), sum(letters[place] for place in poison)),
        ("hostile records, one dead letter each", len(hostile), sum(letters[place] == 1 for place in hostile)),
        ("other dead letters", len(late), sum((letters - Counter(poison) - Counter(hostile)).values())),
    ]


def _place(record: ProtocolRecord) -> _Place:
    return record.topic(), record.partition(), record.offset()


async def _stored(database: str) -> Counter[tuple[str, int]]:
    connection = await asyncpg.connect(database)
    try:
        return Counter(
            (row["name"], row["amount"]) for row in await connection.fetch("SELECT name, amount FROM till")
        )
    finally:
        await connection.close()
