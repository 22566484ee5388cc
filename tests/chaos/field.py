"""The mesh under fault: one instance of every node, a steady load, and the ledger of what must come out."""

import asyncio
import signal
import subprocess
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlparse

import asyncpg
from node_balance_reducer.v1_0_0.models import CustomerBalance
from node_order_orchestrator.v1_0_0.models import ChargeCard, OrderCompleted, OrderFailed, PlaceOrder, RefundCard
from node_payment_effect.v1_0_0.models import CardCharged, CardDeclined, MoneyMoved
from node_till_effect.v1_0_0.models import MoneyTaken, TakeMoney, TillChanged

from onex.bus import headers as h
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Outgoing
from onex.bus.schema import Codec
from onex.local import LocalPostgres
from onex.model.errors import BusError
from tests.chaos.cluster import Cluster
from tests.chaos.proxy import TcpProxy
from tests.conftest import NODES, ORDERS, eventually
from tests.integration.agents import Mesh

_ORDERS = "onex.cmd.orders.place-order.v1"
_TILLS = "onex.cmd.till.take-money.v1"
_INSTANCES = 1
_PAUSE = 0.05


class Field:
    """Everything that a fault can reach."""

    def __init__(self, cluster: Cluster, bus: KafkaEventBusAdapter, postgres: LocalPostgres, folder: Path) -> None:
        self.cluster = cluster
        self.bus = bus
        url = urlparse(postgres.start())
        self.database = TcpProxy(f"{parse_qs(url.query)['host'][0]}/.s.PGSQL.5432")
        self.database.start()
        self.url = f"postgresql://postgres@127.0.0.1:{self.database.port}/postgres"
        folders = [*sorted(ORDERS.glob("*/v1_0_0")), NODES / "node_till_effect" / "v1_0_0"]
        self.mesh = Mesh(bus, folders, folder, {"DATABASE_URL": self.url}, replication=3)
        self.agents: dict[str, list[subprocess.Popen[bytes]]] = {}
        self.orders: dict[str, PlaceOrder] = {}
        self.tills: Counter[str] = Counter()
        self.poisoned = 0
        self._stop = threading.Event()
        self._load = threading.Thread(target=self._send, daemon=True, name="load")

    def start(self) -> None:
        """Agents, then load."""
        for node in self.mesh.nodes:
            name = node.contract.name
            self.agents[name] = [self.mesh.start(name) for _ in range(_INSTANCES)]
        self._load.start()

    def stop_load(self) -> None:
        """No more commands."""
        self._stop.set()
        self._load.join(120)

    def close(self) -> None:
        """Release what outlives a test."""
        self._stop.set()
        self.mesh.__exit__(None, None, None)
        self.database.stop()

    # -- what faults do -------------------------------------------------------------------------

    def restart(self, name: str, how: signal.Signals) -> None:
        """End one instance and start another, as a supervisor would."""
        self.mesh.stop(self.agents[name].pop(0), how)
        self.agents[name].append(self.mesh.start(name, ready=False))

    def whole(self) -> None:
        """Wait until every broker answers again."""
        eventually(lambda: all(b.listening() for b in self.cluster.brokers) and self.bus.health().ok, 60, "brokers")

    def poison(self, count: int) -> str:
        """Publish junk to the orders."""
        records = [Outgoing(_ORDERS, b"\x00junk", b"poison", [])] * count
        self.bus.publish_batch(records)
        self.poisoned += count
        return f"{count} messages"

    def repeat(self, random: Random) -> str:
        """Publish orders again under their ids."""
        chosen = random.sample(sorted(self.orders), min(10, len(self.orders)))
        self._surely(partial(self._publish, [self.orders[name] for name in chosen]))
        return f"{len(chosen)} orders"

    def _send(self) -> None:
        number = 0
        while not self._stop.wait(_PAUSE):
            batch = [_order(number + n) for n in range(3)]
            self.orders |= {order.order_id: order for order in batch}
            self._surely(partial(self._publish, batch))
            taken = [TakeMoney(till=f"t-{number + n}", amount=n) for n in range(2)]
            self.tills.update({command.till: 1 for command in taken})
            self._surely(partial(self._publish_tills, taken))
            number += 3

    def _surely(self, publish: Callable[[], None]) -> None:
        """A client tries again, with the same ids, until the brokers have acknowledged."""
        while True:
            try:
                publish()
            except BusError:
                continue
            return

    def _publish(self, orders: list[PlaceOrder]) -> None:
        codec = Codec.of_topic(
            self.mesh.node("node_order_orchestrator").routes[_ORDERS].model, _ORDERS, self.mesh.catalogue
        )
        self.bus.publish_batch(
            [
                Outgoing(_ORDERS, codec.encode(o), o.order_id.encode(), [(h.ID, o.order_id.encode())], -1)
                for o in orders
            ]
        )

    def _publish_tills(self, commands: list[TakeMoney]) -> None:
        codec = Codec.of_topic(TakeMoney, _TILLS, self.mesh.catalogue)
        self.bus.publish_batch(
            [Outgoing(_TILLS, codec.encode(c), c.till.encode(), [(h.ID, c.till.encode())]) for c in commands]
        )

    # -- what must come out ---------------------------------------------------------------------

    def settle(self) -> None:
        """Every order and till answered, no lag, every agent ready, without hands."""

        def answered() -> bool:
            done = {m.order_id for m in self.mesh.messages(OrderCompleted)}
            ended = len(done | {m.order_id for m in self.mesh.messages(OrderFailed)})
            tills = len({m.till for m in self.mesh.messages(MoneyTaken)})
            told = len({m.till for m in self.mesh.messages(TillChanged)})
            return (ended, tills, told) == (len(self.orders), len(self.tills), len(self.tills))

        names = list(self.agents)
        _calmly(answered, 180, "every answer")
        _calmly(lambda: all(self.mesh.lag(name) == 0 for name in names), 60, "no lag")
        for processes in self.agents.values():
            for process in processes:
                eventually(self.mesh.ready(process), 60, "an agent that is ready without hands")

    def check(self) -> list[tuple[str, int, int]]:
        """Rows of the ledger: what, expected, found."""
        mesh = self.mesh
        ends: dict[str, set[bytes]] = defaultdict(set)
        for model, topic in ((OrderCompleted, "order-completed"), (OrderFailed, "order-failed")):
            codec = Codec.of_topic(model, f"onex.evt.orders.{topic}.v1", mesh.catalogue)
            for record in mesh.records(f"onex.evt.orders.{topic}.v1"):
                message = codec.decode(record.value())
                assert isinstance(message, OrderCompleted | OrderFailed)
                ends[message.order_id].add(dict(record.headers() or [])[h.ID])
        asked = Counter(m.order_id for m in mesh.messages(ChargeCard))
        replied = Counter(m.order_id for m in mesh.messages(CardCharged))
        replied.update(m.order_id for m in mesh.messages(CardDeclined))
        moved = list(mesh.messages(MoneyMoved))
        totals: dict[str, float] = defaultdict(float)
        for m in moved:
            totals[m.customer] += m.amount
        shown: dict[str, CustomerBalance] = {}
        for balance in mesh.messages(CustomerBalance):
            if balance.customer not in shown or balance.movements > shown[balance.customer].movements:
                shown[balance.customer] = balance
        right = sum(round(shown[c].total, 6) == round(total, 6) for c, total in totals.items())
        letters = Counter(letter["onex-dlq-class"] for name in self.agents for letter in mesh.dead_letters(name))
        return [
            ("orders with exactly one completion", len(self.orders), sum(len(ids) == 1 for ids in ends.values())),
            ("charges with exactly one answer", sum(asked.values()), sum((asked & replied).values())),
            ("answers to charges", sum(asked.values()), sum(replied.values())),
            ("refunds carried out", len(mesh.messages(RefundCard)), sum(m.amount < 0 for m in moved)),
            ("balances that are exact", len(totals), right),
            ("movements in balances", len(moved), sum(balance.movements for balance in shown.values())),
            ("rows of tills", len(self.tills), sum(self._rows().values())),
            ("tills paid once", len(self.tills), sum(self._rows()[till] == 1 for till in self.tills)),
            ("events of tills", len(self.tills), len(mesh.messages(TillChanged))),
            ("dead letters of poison", self.poisoned, letters["poison"] + letters["schema"]),
            ("other dead letters", 0, letters.total() - letters["poison"] - letters["schema"]),
        ]

    def _rows(self) -> Counter[str]:
        async def rows() -> Counter[str]:
            connection = await asyncpg.connect(self.url)
            try:
                return Counter(row["name"] for row in await connection.fetch("SELECT name FROM till"))
            finally:
                await connection.close()

        return asyncio.run(rows())


def _calmly(condition: Callable[[], bool], within: float, what: str) -> None:
    """As ``eventually``, for conditions that read whole topics: the agents need the processor more."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
        time.sleep(1.0)  # between looks at a condition, not instead of one


def _order(number: int) -> PlaceOrder:
    """Every tenth cannot be shipped, every tenth cannot be paid."""
    return PlaceOrder(
        order_id=f"o-{number}",
        customer=f"c-{number % 7}",
        quantity=150 if number % 10 == 3 else 1 + number % 5,
        unit_price=5000.0 if number % 10 == 7 else 1.0 + number % 3,
    )
