"""How many messages get spans, and which."""

import random

from hypothesis import given
from hypothesis import strategies as st

from onex.agent.message.envelope import Envelope, read_envelope
from onex.agent.telemetry.sampling import TraceSampling
from onex.bus.memory.log import MemoryRecord
from onex.wire import headers as h

SECOND = 1_000_000_000


def message(trace_id: int | None, flags: str = "01") -> Envelope:
    parent = b"" if trace_id is None else f"00-{trace_id:032x}-b7ad6b7169203331-{flags}".encode()
    return read_envelope(MemoryRecord("t", 0, 0, b"k", b"v", ((h.TRACE_PARENT, parent),) if parent else (), 0))


def ids(count: int) -> list[int]:
    made = random.Random(count)
    return [made.getrandbits(128) for _ in range(count)]


def settled(most: float, rate: int) -> TraceSampling:
    """A share that has seen a second at this rate."""
    share = TraceSampling(most)
    share.polled(SECOND)
    for trace_id in ids(rate):
        share.takes(message(trace_id))
    share.polled(2 * SECOND)
    return share


def test_without_a_limit_everything_that_was_sampled_is_taken() -> None:
    share = TraceSampling(0)
    share.polled(SECOND)
    assert all(share.takes(message(trace_id)) for trace_id in [*ids(5000), None])
    assert not share.takes(message(1, "00"))


def test_below_the_limit_everything_is_taken() -> None:
    share = settled(100, 99)
    assert all(share.takes(message(trace_id)) for trace_id in [*ids(99), None])


def test_a_burst_gets_no_more_than_the_limit() -> None:
    share = settled(100, 0)
    assert sum(share.takes(message(trace_id)) for trace_id in ids(5000)) == 100


def test_under_load_spans_are_spread_over_the_second() -> None:
    share, load = settled(100, 5000), ids(5000)
    half = sum(share.takes(message(trace_id)) for trace_id in load[:2500])
    assert 25 <= half <= 75
    assert 75 <= half + sum(share.takes(message(trace_id)) for trace_id in load[2500:]) <= 100


def test_when_the_load_is_gone_everything_is_taken_again() -> None:
    share = settled(100, 5000)
    share.polled(3 * SECOND)
    assert all(share.takes(message(trace_id)) for trace_id in ids(100))


@given(st.integers(50, 2000), st.integers(50, 2000))
def test_a_busier_agent_takes_some_of_the_traces_that_a_calmer_one_takes(one: int, other: int) -> None:
    calm, busy = settled(50, min(one, other)), settled(50, max(one, other))
    offered = ids(40)
    taken = {trace_id for trace_id in offered if calm.takes(message(trace_id))}
    assert {trace_id for trace_id in offered if busy.takes(message(trace_id))} <= taken


def test_what_is_left_out_passes_its_context_on() -> None:
    share = settled(1, 5000)
    left_out = [one for one in map(message, ids(50)) if not share.takes(one)]
    assert {one.trace_parent[-2:] for one in left_out if one.trace_parent} == {b"01"}


def test_where_no_trace_began_none_begins_behind() -> None:
    share = settled(1, 5000)
    roots = [message(None) for _ in range(50)]
    left_out = [root for root in roots if not share.takes(root)]
    assert len({root.trace_parent for root in left_out}) == len(left_out) >= 49
    assert not any(TraceSampling(0).takes(root) for root in left_out)
