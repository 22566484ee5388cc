"""Whatever a sender writes and a handler raises: one outcome a record, and the next good record goes through.

``python -m tests.unit.hostile_records --count 20000`` draws more cases than the tests do.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import tests.conftest  # noqa: F401 - puts the test nodes on the path
from onex.bus.protocols import Partition
from onex.wire import dead_letter as d
from onex.wire import headers as h
from tests.unit.hostile_world import BOMBS, FENCED, KINDS, LATE, TARGETS, TRAP, HostileWorld, Target, hostile
from tests.unit.unreadable_record import check_asked_once

_KNOWN = sorted({value for name, value in vars(h).items() if name.isupper() and isinstance(value, str)} | h.ENGINE)
_ODD = [
    b"",
    b"x",
    b"\xff",
    b"\xff\xfe",
    b"0",
    b"-1",
    b"10" * 50,
    b"9" * 5000,
    b"\x00",
    b"a\nb",
    b"\xc2\x85",
    bytes(range(16)),
]
_TRACES = [
    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    b"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01",
    b"abc",
    b"00",
]
_TIMES = [-1, 0, 1, 2**62, -(2**62)]


@dataclass(frozen=True, slots=True)
class Sent:
    """One record of a hostile sender."""

    value: bytes | None
    """None with ``valid`` False: no value."""
    valid: bool
    """The body is a good message, whatever the headers are."""
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp: int | None
    readable: bool
    bomb: str
    """What the handler does with a good message; empty: what it should."""


def records() -> SearchStrategy[Sent]:
    """One record."""
    names = st.one_of(st.sampled_from(_KNOWN), st.text(max_size=5))
    values = st.one_of(st.sampled_from([*_ODD, *_TRACES]), st.binary(max_size=20), st.none())
    return st.builds(
        Sent,
        value=st.one_of(
            st.none(), st.binary(max_size=30), st.sampled_from([b"{}", b"[1]", b"\x00\x00\x00\x00\x01\xff"])
        ),
        valid=st.booleans(),
        key=st.one_of(st.none(), st.binary(max_size=8)),
        headers=st.lists(st.tuples(names, values), max_size=4).map(tuple),
        timestamp=st.one_of(st.none(), st.sampled_from(_TIMES)),
        readable=st.sampled_from([True] * 9 + [False]),
        bomb=st.one_of(st.just(""), st.sampled_from(sorted(BOMBS))),
    )


cases = st.tuples(st.sampled_from(KINDS), st.lists(records(), min_size=1, max_size=3))


class Checker:
    """Keeps one world over many cases, and a new one after a failure."""

    def __init__(self) -> None:
        self._worlds: dict[bool, HostileWorld] = {}
        self.checked = 0

    def check(self, kind: str, sent: list[Sent]) -> None:
        """Send the records to the node of a kind and look at what came of each."""
        self._checked(_check, kind, sent)

    def check_retry_topic(self, kind: str, sent: list[Sent]) -> None:
        """As ``check``, by way of the node's own retry topic: it may skip a record, and must not end by it."""
        self._checked(_check_retry_topic, kind, sent)

    def _checked(self, check: Callable[[HostileWorld, str, list[Sent]], None], kind: str, sent: list[Sent]) -> None:
        fenced = kind == FENCED
        world = self._worlds.pop(fenced, None) or HostileWorld(fenced=fenced)
        check(world, kind, sent)
        check_asked_once()
        self.checked += 1
        self._worlds[fenced] = world

    def close(self) -> None:
        """Stop the worlds. Messages that still wait in them are dropped first."""
        for world in self._worlds.values():
            for instance in list(world.mesh.instances):
                world.mesh.remove_instance(instance)
            world.close()


def _check(world: HostileWorld, kind: str, sent: list[Sent]) -> None:
    target = TARGETS[kind]
    before = world.ends()
    late = False
    for one in sent:
        entity, value, key = world.entity(), one.value, one.key
        if one.valid:
            value, key = target.good(entity).model_dump_json().encode(), one.key or entity.encode()
            TRAP.plan[entity] = one.bomb
            late = late or one.bomb in LATE
        if kind == FENCED and key:
            key += (
                entity.encode()
            )  # nothing that comes for the key of a dead letter has an outcome before it is replayed
        world.append(target.topic, value, key, one.headers, timestamp=one.timestamp, readable=one.readable)
    world.mesh.run_until_idle()
    for _ in range(6 * len(sent) if late else 0):
        if len(world.since(before, target.output_topic)) + len(world.since(before, "onex.dlq.")) >= len(sent):
            break
        world.mesh.advance("31s")
    places = Counter(_place(record) for record in world.since(before, "onex.dlq."))
    outcomes = len(world.since(before, target.output_topic)) + places.total()
    first = before[Partition(target.topic, 0)]
    expected = {(target.topic, 0, offset) for offset in range(first, first + len(sent))}
    assert set(places) <= expected, f"dead letters of other records: {set(places) - expected}"
    assert all(count == 1 for count in places.values()), f"more than one dead letter: {places}"
    assert outcomes == len(sent), f"{outcomes} outcomes of {len(sent)} records: {places}"
    _send_a_good_one(world, target)
    for instance in world.mesh.instances:
        assert instance.health.ready, instance.health.reasons


def _check_retry_topic(world: HostileWorld, kind: str, sent: list[Sent]) -> None:
    target = TARGETS[kind]
    node = next(n for n in world.mesh.nodes if n.contract.retry_topic == target.retry)
    for one in sent:
        value = target.good(world.entity()).model_dump_json().encode() if one.valid else one.value
        world.append(target.retry, value, one.key, one.headers, timestamp=one.timestamp, readable=one.readable)
    world.mesh.run_until_idle()
    (old,) = world.mesh.instances_of(node.node_class)
    world.mesh.crash(old)
    world.mesh.add_instance(node.node_class)
    _send_a_good_one(world, target)


def _send_a_good_one(world: HostileWorld, target: Target) -> None:
    before = world.ends()
    world.mesh.send(target.good(world.entity()))
    assert len(world.since(before, target.output_topic)) == 1, "the next good record did not go through"


def _place(record: object) -> tuple[str, int, int]:
    found = dict(record.headers() or [])  # type: ignore[attr-defined]  # a record
    return found[d.TOPIC].decode(), int(found[d.PARTITION]), int(found[d.OFFSET])


def run(checker: Checker, count: int, number: int, *, retry_topic: bool = False) -> None:
    """Draw cases from a seed; raises at the first that does not hold, cut down to what matters."""
    check = checker.check_retry_topic if retry_topic else checker.check
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

    @seed(number)
    @settings(max_examples=count, database=None, deadline=None, suppress_health_check=quiet)
    @given(cases)
    def hold(case: tuple[str, list[Sent]]) -> None:
        check(*case)

    hold()


def main() -> int:
    """Return the exit code: 0 when every case passes."""
    parser = argparse.ArgumentParser(prog="python -m tests.unit.hostile_records", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first block of cases")
    wanted = parser.parse_args()
    started, checker, block, number = time.monotonic(), Checker(), 500, wanted.seed
    while checker.checked < wanted.count:
        checker = Checker() if checker.checked == 0 else checker
        done = checker.checked
        try:
            with hostile():
                run(checker, min(block, wanted.count - done), number, retry_topic=number % 5 == 4)
        except BaseException:
            print(f"\nfails with --seed {number} --count {block}", file=sys.stderr)
            raise
        fresh = Checker()
        fresh.checked = checker.checked
        checker, number = fresh, number + 1
        rate = checker.checked / (time.monotonic() - started)
        print(f"\r{checker.checked} cases, {rate:,.0f} a second, all hold", end="", flush=True)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
