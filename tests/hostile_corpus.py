"""What a hostile sender writes to the topics of the order workflow: the same records for the same seed.

Header names are bytes here, because librdkafka's protocol allows any and not every client can send them:
:mod:`tests.raw_producer` can.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

PLACE_ORDER = "onex.cmd.orders.place-order.v1"
TOPICS = (
    PLACE_ORDER,
    "onex.cmd.order-pricing.price-order.v1",
    "onex.cmd.payment.charge-card.v1",
    "onex.cmd.shipping.ship-order.v1",
    "onex.evt.payment.money-moved.v1",
)
"""One reader each, and all four kinds of nodes among them: a junk record is one dead letter."""
Header = tuple[bytes, bytes | None]
_LARGE = 900_000


@dataclass(frozen=True, slots=True)
class HostileRecord:
    """One record, and what must come of it."""

    name: str
    """Which idea it is of."""
    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    is_dead_letter: bool
    """True: it is exactly one dead letter of the topic's reader. False: it is a good order with odd headers."""
    order_id: str = ""
    """Of a good order."""

    @property
    def has_plain_names(self) -> bool:
        """Whether clients that know header names as text only can send it."""
        return all(_is_utf8(name) for name, _ in self.headers)


def hostile_records(seed: int, count: int, topics: tuple[str, ...] = TOPICS) -> Iterator[HostileRecord]:
    """Return ``count`` records, each idea in turn. The topics must belong to the order workflow."""
    rng = random.Random(seed)
    for number in range(count):
        order_id = f"odd-{seed}-{number}"
        name, body = _BODIES[number % len(_BODIES)]
        value: bytes | None
        key: bytes | None
        with_headers, headers = _HEADERS[rng.randrange(len(_HEADERS))]
        if name == "good order":
            with_headers, headers = _HEADERS[number // len(_BODIES) % len(_HEADERS)]
            value, topic, key = _order(order_id), PLACE_ORDER, order_id.encode()
            dead = with_headers in _DEADLY
        else:
            topic, key, dead = topics[rng.randrange(len(topics))], _key(rng), True
            value = body(rng)
            if name in _LARGE_BODIES and with_headers in _LARGE_HEADERS:
                with_headers, headers = _HEADERS[0]
        name = f"{name}, {with_headers}"
        yield HostileRecord(name, topic, key, value, headers(rng), dead, "" if dead else order_id)


def _order(order_id: str) -> bytes:
    return json.dumps({"order_id": order_id, "customer": "eve", "quantity": 1, "unit_price": 2.5}).encode()


def _key(rng: random.Random) -> bytes | None:
    return rng.choice([None, b"", b"\xff\xfe", rng.randbytes(12), rng.randbytes(3000), b"ann", b"a\nb\x00"])


def _junk(rng: random.Random) -> bytes:
    return b"\xff" + rng.randbytes(rng.choice([0, 3, 40, 2000]))


def _unknown_schema(rng: random.Random) -> bytes:
    return b"\x00" + rng.choice([900_000_000, 2**32 - 1, rng.randrange(2**31, 2**32)]).to_bytes(4, "big") + _junk(rng)


_BODIES: tuple[tuple[str, Callable[[random.Random], bytes | None]], ...] = (
    ("good order", lambda rng: b""),
    ("random bytes", _junk),
    ("no value", lambda rng: None),
    ("empty value", lambda rng: b""),
    ("unknown schema id", _unknown_schema),
    ("schema id cut off", lambda rng: b"\x00\x00\x01"),
    ("deep JSON list", lambda rng: b'{"order_id": ' + b"[" * 100_000),
    ("deep JSON object", lambda rng: b'{"a":' * 50_000),
    ("JSON cut off", lambda rng: b'{"order_id": "x", "quanti'),
    ("JSON of no message", lambda rng: b'{"order_id": {"a": 1}, "amount": [], "customer": null, "reference": 7}'),
    ("JSON with a huge number", lambda rng: b'{"order_id": "x", "amount": ' + b"9" * 20_000 + b"}"),
    ("JSON with NaN", lambda rng: b'{"order_id": "x", "quantity": NaN, "amount": Infinity}'),
    ("JSON that is no UTF-8", lambda rng: b'{"order_id": "\xff\xfe", "quantity": 1}'),
    ("JSON with a lone surrogate", lambda rng: b'{"order_id": "\\ud800", "quantity": 0}'),
    ("large junk", lambda rng: b"\xff" + rng.randbytes(_LARGE)),
    ("large JSON", lambda rng: b'{"order_id": "' + b"<" * _LARGE + b'"}'),
)
_LARGE_BODIES = {"large junk", "large JSON"}


def _engine_headers(rng: random.Random) -> tuple[Header, ...]:
    names = (
        b"onex-attempt",
        b"onex-retry-due",
        b"onex-first-failed",
        b"onex-retry-of",
        b"onex-original-topic",
        b"onex-original-offset",
        b"onex-original-timestamp",
        b"onex-hold",
        b"onex-release",
        b"onex-replay-id",
    )
    values = (b"\xff", b"9" * 5000, b"-1", b"abc", None, b"onex.retry.orders.v1", b"1")
    return tuple((name, rng.choice(values)) for name in rng.sample(names, rng.randint(1, len(names))))


_HEADERS: tuple[tuple[str, Callable[[random.Random], tuple[Header, ...]]], ...] = (
    ("no headers", lambda rng: ()),
    ("correlation id that is no UTF-8", lambda rng: ((b"onex-correlation-id", b"\xff\xfe"),)),
    ("message id that is no UTF-8", lambda rng: ((b"ce_id", b"\xff\xfe" + rng.randbytes(8)),)),
    ("malformed traceparent", lambda rng: ((b"traceparent", rng.choice([b"abc", b"00", b"", b"\xff", b"-" * 55])),)),
    ("malformed tracestate", lambda rng: ((b"tracestate", b"\x00=\xff," * 100),)),
    ("forged engine headers", _engine_headers),
    ("malformed deadline", lambda rng: ((b"onex-deadline", rng.choice([b"soon", b"\xff", b"1e999", b""])),)),
    ("headers without value", lambda rng: ((b"ce_id", None), (b"onex-reply-key", None), (b"traceparent", None))),
    ("repeated header", lambda rng: tuple((b"onex-causation-id", rng.randbytes(4)) for _ in range(50))),
    ("empty name", lambda rng: ((b"", b"x"),)),
    ("huge header", lambda rng: ((b"x-large", b"h" * 200_000),)),
    ("many headers", lambda rng: tuple((b"x-%d" % n, b"v") for n in range(5000))),
    ("name with markup", lambda rng: ((b"[bold]\x1b[2J\n", b"{}%s"),)),
    ("event type of another topic", lambda rng: ((b"ce_type", rng.choice([b"shop.Nothing", b"\xff", b"x" * 5000])),)),
    ("name that is no UTF-8", lambda rng: ((b"\xff\xfe", b"x"), (b"x-\xc3", None))),
)
_DEADLY = {"event type of another topic", "name that is no UTF-8"}
_LARGE_HEADERS = {"huge header", "many headers"}


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
