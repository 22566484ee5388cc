"""What a hostile sender adds to a schedule: good messages with odd headers, and records that must be dead letters."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from node_alarm_orchestrator.v1_0_0.models import SetAlarm
from node_order_orchestrator.v1_0_0.models import PlaceOrder
from node_order_pricing_compute.v1_0_0.models import PriceOrder
from node_unruly_effect.v1_0_0.models import Act

from onex.bus.memory.log import MemoryRecord
from onex.bus.protocols import Headers, Outgoing, Partition
from onex.errors import PoisonError
from onex.testing.simulation.schedule import Action
from onex.wire import headers as h
from onex.wire.partitioner import partition_of

if TYPE_CHECKING:
    from tests.simulation.simulator import Simulation

ACTED, LIMIT = "onex.evt.unruly.acted.v1", 20_000
"""The topic with a small limit."""
_FORGED: Headers = [
    ("onex-attempt", b"999"),
    ("onex-retry-due", b"9" * 30),
    ("onex-retry-of", b"0"),
    ("onex-original-topic", b"onex.cmd.payment.charge-card.v1"),
    ("onex-original-offset", b"x"),
    ("onex-hold", b"1"),
    ("onex-release", b"1"),
    ("onex-replay-id", b"\xff"),
]
_ODD: Headers = [(h.CORRELATION, b"\xff\xfe"), (h.CAUSATION, b"\x00"), (h.REPLY_KEY, b"\xff"), ("traceparent", b"00")]


class UnreadableRecord(MemoryRecord):
    """A record with a header name that is no UTF-8."""

    def headers(self) -> Headers | None:
        raise PoisonError("a header name is not UTF-8")


def send(simulation: "Simulation", action: Action) -> str:
    """Send one record of the kind that the action draws; return what it is."""
    return _KINDS[action.amount % len(_KINDS)](simulation, action)


def _forged(simulation: "Simulation", action: Action) -> str:
    """A good order with headers of the engine: they count on a retry topic only."""
    return f"forged {simulation.order(action, _FORGED)}"


def _odd_ids(simulation: "Simulation", action: Action) -> str:
    """An alarm whose ids are no text."""
    alarm = simulation.new_alarm(action)
    topic = simulation.mesh.topic_of(SetAlarm)
    given = [(h.ID, b"\xff" + alarm.entity.encode()), *_ODD[: 1 + action.pick % len(_ODD)]]
    simulation.mesh.publish(topic, alarm.model_dump_json().encode(), alarm.partition_key(), given, run=False)
    return f"odd ids {alarm.entity}"


def _misrouted(simulation: "Simulation", action: Action) -> str:
    """An alarm on a partition that its key does not belong to."""
    alarm = simulation.new_alarm(action)
    topic, key = simulation.mesh.topic_of(SetAlarm), alarm.entity.encode()
    count = simulation.mesh.broker.topic(topic).partitions
    wrong = (partition_of(key, count) + 1 + action.pick % max(1, count - 1)) % count
    headers = [(h.ID, b"misrouted-" + key)]
    simulation.mesh.bus.publish(Outgoing(topic, alarm.model_dump_json().encode(), key, headers, wrong))
    return f"misrouted {alarm.entity} to {wrong}"


def _undecodable(simulation: "Simulation", action: Action) -> str:
    """Bytes that are no message, with a key that a message may have."""
    topic = simulation.mesh.topic_of((PlaceOrder, Act, SetAlarm, PriceOrder)[action.pick % 4])
    value = (None, b"", b"\x00junk", b'{"entity": ', b"[" * 2000, b"\xff" * 40)[action.pick // 4 % 6]
    key = (None, b"", b"\xff\xfe", b"e-1", b"a-1")[action.pick // 24 % 5]
    simulation.send_junk(topic, value, key, _FORGED[: action.pick % 3])
    return f"undecodable to {topic}"


def _unreadable(simulation: "Simulation", action: Action) -> str:
    """A good body behind headers that cannot be read."""
    topic = simulation.mesh.topic_of((PlaceOrder, Act, SetAlarm, PriceOrder)[action.pick % 4])
    partition = Partition(topic, action.pick // 4 % simulation.mesh.broker.topic(topic).partitions)
    records = simulation.mesh.broker.logs[partition].records
    simulation.expect_letter(partition, len(records))
    body = Act(entity="e-1", number=-1).model_dump_json().encode()
    now = simulation.mesh.clock.now_ms()
    records.append(UnreadableRecord(topic, partition.partition, len(records), b"e-1", body, (), now))
    return f"unreadable headers to {topic}[{partition.partition}]"


def _too_large(simulation: "Simulation", action: Action) -> str:
    """An act whose result is larger than its topic takes."""
    identity = f"large-{len(simulation.large)}"
    simulation.large.add(identity)
    act = Act(entity=identity + "x" * LIMIT, number=action.pick % 3)
    simulation.mesh.send(act, id=identity, run=False)
    return identity


_KINDS: tuple[Callable[["Simulation", Action], str], ...] = (
    _forged,
    _odd_ids,
    _misrouted,
    _undecodable,
    _unreadable,
    _too_large,
)
