"""What a message costs an agent on the memory bus, in bytecode instructions: counted, not timed.

A limit that is passed says that something is done once a message that was not done before. When that is meant,
measure it (docs/performance.md) and raise the limit with it.
"""

import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import pytest
from node_tally_reducer.v1_0_0.models import Amount
from node_unruly_compute.v1_0_0.models import Ask
from node_unruly_effect.v1_0_0.models import Act

from onex.bus.memory import MemoryBroker
from onex.node import Message
from onex.testing import MeshDriver
from tests.conftest import NODES

if TYPE_CHECKING:
    from _typeshed import TraceFunction

_FEW, _MANY = 200, 1200
_BUS = "/bus/memory/"


class _Counter:
    """Counts the instructions of what runs inside of it, but for those of the memory bus."""

    def __init__(self) -> None:
        self.instructions = 0

    def __enter__(self) -> "_Counter":
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, _: str, __: object) -> "TraceFunction | None":
        if _BUS in frame.f_code.co_filename or _in_c_on_kafka(frame):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._step

    def _step(self, _: FrameType, event: str, __: object) -> "TraceFunction | None":
        if event == "opcode":
            self.instructions += 1
        return self._step


def _in_c_on_kafka(frame: FrameType) -> bool:
    """The bus is asked where keys belong: librdkafka hashes them."""
    callers = [f.f_code.co_name for f in (frame.f_back, frame.f_back and frame.f_back.f_back) if f]
    return "/bus/murmur2" in frame.f_code.co_filename and "partitions_of" in callers


def _instructions(node: str, messages: Callable[[int], Message], count: int) -> int:
    """Of one batch with ``count`` messages, each with a different key."""
    mesh = MeshDriver([NODES / node / "v1_0_0"])
    mesh.send(messages(count))  # restores what there is, fills what is filled once
    for number in range(count):
        mesh.send(messages(number), run=False)
    (instance,) = mesh.instances
    assert isinstance(mesh.broker, MemoryBroker)
    with _Counter() as counter:
        assert instance.step()
    mesh.run_until_idle()
    assert not mesh.dead_letters()
    mesh.close()
    return counter.instructions


@pytest.mark.parametrize(
    ("node", "messages", "limit"),
    [
        ("node_unruly_compute", lambda n: Ask(entity=f"e{n}"), 945),
        ("node_tally_reducer", lambda n: Amount(entity=f"e{n}", value=n + 1000), 1405),
        ("node_unruly_effect", lambda n: Act(entity=f"e{n}"), 2450),
    ],
    ids=["compute", "reducer", "effect"],
)
def test_a_message_costs_no_more_instructions_than_it_did(
    node: str, messages: Callable[[int], Message], limit: int
) -> None:
    few, many = _instructions(node, messages, _FEW), _instructions(node, messages, _MANY)
    cost = (many - few) / (_MANY - _FEW)
    assert cost <= limit, f"{cost:.0f} instructions a message, {limit} were enough"
