"""The steady load of a run, and what it has asked for."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from node_order_orchestrator.v1_0_0.models import PlaceOrder
from node_till_effect.v1_0_0.models import TakeMoney
from node_till_effect.v1_1_0.models import TakeMoney as TakeMoneyWithNote

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Outgoing
from onex.errors import BusError
from onex.model.message import Message
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.wire import headers as h

ORDERS = "onex.cmd.orders.place-order.v1"
TILLS = "onex.cmd.till.take-money.v1"
_PAUSE = 0.05
_TILLS = 12


class Load:
    """Sends orders and money until it is stopped, and each command again until the brokers acknowledge it."""

    def __init__(self, bus: KafkaEventBusAdapter, catalogue: ProtocolSchemaCatalogue) -> None:
        self._bus = bus
        self._catalogue = catalogue
        self.orders: dict[str, PlaceOrder] = {}
        self.money: Counter[str] = Counter()
        """Commands by till; the amounts of one till are 0, 1, 2 ... in the order that they were sent in."""
        self.poisoned = 0
        self.with_notes = False
        """Whether clients use the newer schema already."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True, name="load")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, patience: float = 120.0) -> None:
        """No more commands."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(patience)

    def poison(self, count: int) -> str:
        """Junk among the orders."""
        self._surely([Outgoing(ORDERS, b"\x00junk", b"poison", [])] * count)
        self.poisoned += count
        return f"{count} messages"

    def repeat(self, random: Random) -> str:
        """Orders again, under their ids."""
        chosen = random.sample(sorted(self.orders), min(10, len(self.orders)))
        self._surely(self._records(ORDERS, {name: self.orders[name] for name in chosen}))
        return f"{len(chosen)} orders"

    def _send(self) -> None:
        number = 0
        while not self._stop.wait(_PAUSE):
            orders = {order.order_id: order for order in map(_order, range(number, number + 3))}
            self.orders |= orders
            self._surely(self._records(ORDERS, orders))
            taken = [f"t-{(number + step) % _TILLS}" for step in range(2)]
            self._surely(self._records(TILLS, {f"{till}/{self.money[till]}": self._take(till) for till in taken}))
            self.money.update(taken)
            number += 3

    def _take(self, till: str) -> Message:
        amount = self.money[till]
        return (
            TakeMoneyWithNote(till=till, amount=amount, note="n")
            if self.with_notes
            else TakeMoney(till=till, amount=amount)
        )

    def _records(self, topic: str, messages: dict[str, PlaceOrder] | dict[str, Message]) -> Sequence[Outgoing]:
        model = type(next(iter(messages.values())))
        encode = Codec.of_topic(model, topic, self._catalogue).encode
        return [
            Outgoing(topic, encode(message), message.partition_key(), [(h.ID, identity.encode())])
            for identity, message in messages.items()
        ]

    def _surely(self, records: Sequence[Outgoing]) -> None:
        _until_done(partial(self._bus.publish_batch, records))


def _until_done(publish: Callable[[], None]) -> None:
    """A client tries again, with the same ids, until the brokers have acknowledged."""
    while True:
        try:
            publish()
        except BusError:
            continue
        return


def _order(number: int) -> PlaceOrder:
    """Every tenth cannot be shipped, every tenth cannot be paid."""
    return PlaceOrder(
        order_id=f"o-{number}",
        customer=f"c-{number % 7}",
        quantity=150 if number % 10 == 3 else 1 + number % 5,
        unit_price=5000.0 if number % 10 == 7 else 1.0 + number % 3,
    )
