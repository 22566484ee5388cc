"""Good orders at a steady rate, and hostile records between them."""

import itertools
import json
import time
from collections import Counter
from threading import Event, Thread

from tests.hostile_corpus import PLACE_ORDER, hostile_records
from tests.raw_producer import RawProducer

_CHUNK = 1_000


class Sender:
    """A thread; ``stop`` ends it and raises what it met."""

    def __init__(self, bootstrap: str, orders_per_second: float, hostile_per_second: float) -> None:
        self._producer = RawProducer(bootstrap)
        self._orders = orders_per_second
        self._hostile = hostile_per_second
        self._stop = Event()
        self._failure: Exception | None = None
        self.orders: set[str] = set()
        """Ids of what must complete; those of good orders with odd headers are among them."""
        self.hostile: Counter[str] = Counter()
        """Records sent by what must come of them: ``dead letter`` or ``carried``."""
        self._thread = Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._send()
        except Exception as error:  # noqa: BLE001 - raised by ``stop``
            self._failure = error

    def _send(self) -> None:
        corpus = itertools.chain.from_iterable(hostile_records(seed, _CHUNK) for seed in itertools.count(1))
        began, good, odd = time.monotonic(), 0, 0
        while not self._stop.wait(0.05):
            passed = time.monotonic() - began
            while good < passed * self._orders:
                good += 1
                self._order(f"good-{good}")
            while odd < passed * self._hostile:
                odd += 1
                record = next(corpus)
                self._producer.send(record.topic, record.key, record.value, record.headers)
                self.hostile["dead letter" if record.is_dead_letter else "carried"] += 1
                if record.order_id:
                    self.orders.add(record.order_id)

    def _order(self, order_id: str) -> None:
        body = {"order_id": order_id, "customer": f"c-{len(self.orders) % 50}", "quantity": 2, "unit_price": 9.5}
        self._producer.send(PLACE_ORDER, order_id.encode(), json.dumps(body).encode())
        self.orders.add(order_id)

    def check(self) -> None:
        """Raise what ended the sending."""
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Send no more, and see everything written."""
        self._stop.set()
        self._thread.join()
        self._producer.flush()
        self._producer.close()
        self.check()
