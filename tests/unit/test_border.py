"""The border of an agent: what a sender may write, and what only the engine may."""

import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
import structlog
from node_alarm_orchestrator.v1_0_0.models import Rang
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_tally_reducer.v1_0_0.models import Amount
from node_unruly_compute.v1_0_0.models import Ask, Reply
from node_unruly_compute.v1_0_0.node import NodeUnrulyCompute
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.failure.classify import Failure
from onex.agent.failure.dead_letter import DeadLetterBuilder
from onex.agent.message.envelope import read_envelopes
from onex.agent.process.logs import configure_logs
from onex.agent.topic_limits import TopicLimits
from onex.bus.kafka.unreadable import UnreadableRecord, with_readable_headers
from onex.bus.memory.log import MemoryRecord
from onex.bus.protocols import Partition, TopicState
from onex.dlq import Author, DeadLetter, DeadLetterManager
from onex.dlq.replay import outgoing
from onex.errors import PoisonError
from onex.model.enums import EnumFailureClass, EnumStage
from onex.node import CancelTimer, SetTimer
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from onex.testing import ManualClock, MeshDriver
from onex.wire import dead_letter as d
from onex.wire import headers as h
from onex.wire.envelope_rules import is_deadline, is_trace_parent, is_trace_state
from onex.wire.ids import MADE_UP, clean_id
from onex.wire.sizes import record_bytes
from tests.conftest import NODES
from tests.unit.hostile_world import TARGETS, TRAP, HostileWorld, UnspeakableError, hostile

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UUID_BYTES = UUID("6ba7b810-9dad-41d1-80b4-00c04fd430c8").bytes


@pytest.fixture
def world() -> Iterator[HostileWorld]:
    NodeUnrulyEffect.done.clear()
    with hostile():
        made = HostileWorld()
        yield made
        made.close()


def facts_of(record: Any) -> dict[str, bytes]:
    return dict(record.headers() or [])


# -- every row of the table of triggers, and two more of its kind ---------------------------------------

TRIGGERS: list[tuple[str, list[bytes | None]]] = [
    (h.ORIGINAL_OFFSET, [b"x", b"1" + b"0" * 30, b"9" * 5000, None]),
    (h.ORIGINAL_TIME, [b"x", b"-", b"\xff", b"9" * 18]),
    (h.TRACE_PARENT, [b"x", b"00", b"abc", b"\xff", PARENT[:-1], b"00-" + b"0" * 32 + PARENT[35:]]),
    (h.CORRELATION, [b"\xff", b"\xff\xfe", UUID_BYTES, b"a\x00b", b"x" * 5000]),
    (h.ID, [b"\xff", b"\xff\xfe", UUID_BYTES, b"\x1b[31m", "\u2028\x85".encode()]),
    (h.REPLY_KEY, [b"\xff", UUID_BYTES, b"\x00"]),
    (h.CAUSATION, [b"\xff", b"\xed\xa0\x80", None]),
    (h.IDEMPOTENCY_KEY, [b"\xff", UUID_BYTES[::-1], b""]),
    (h.DEADLINE, [b"x", b"9" * 5000, b"-1"]),
    (h.TYPE, [b"\xff", None]),
]
CASES = [(name, raw) for name, raws in TRIGGERS for raw in raws]


@pytest.mark.parametrize("kind", TARGETS)
def test_no_header_of_a_sender_ends_or_blocks_a_node(world: HostileWorld, kind: str) -> None:
    target = TARGETS[kind]
    for name, raw in CASES:
        before = world.ends()
        good, junk = world.entity(), world.entity()
        world.append(target.topic, target.good(good).model_dump_json().encode(), good.encode(), [(name, raw)])
        world.append(target.topic, b"junk", junk.encode(), [(name, raw)])
        world.mesh.run_until_idle()
        outputs, letters = world.since(before, target.output_topic), world.since(before, "onex.dlq.")
        refused = name == h.TYPE and raw is not None
        assert (len(outputs), len(letters)) == ((0, 2) if refused else (1, 1)), (name, raw)
    world.mesh.advance("900h")  # what the timers of the orchestrator carry on
    assert all(instance.health.ready for instance in world.mesh.instances)
    if kind == "orchestrator":
        assert len(world.mesh.messages(Rang)) == 2 * sum(name != h.TYPE or raw is None for name, raw in CASES)


CLAIM = b"onex-record:onex.cmd.tests.x.v1-0-7"


@pytest.mark.parametrize("name", [h.ID, h.IDEMPOTENCY_KEY])
@pytest.mark.parametrize("claimed", [CLAIM, MADE_UP, b"onex-record:x"])
def test_an_id_that_engines_make_up_cannot_be_claimed(name: str, claimed: bytes) -> None:
    record = MemoryRecord("onex.cmd.tests.x.v1", 0, 3, b"k", b"", ((name, claimed),), 0)
    (envelope,), _ = read_envelopes([record])
    assert envelope.id == envelope.idempotency_key == b"onex-record:onex.cmd.tests.x.v1-0-3"


def test_a_made_up_id_is_carried_on_as_correlation_and_by_the_retry_topic() -> None:
    replayed = MemoryRecord("onex.retry.tests.effect.v1", 0, 3, b"k", b"", ((h.ID, CLAIM),), 0)
    caused = MemoryRecord("onex.evt.tests.x.v1", 0, 3, b"k", b"", ((h.ID, b"i"), (h.CORRELATION, CLAIM)), 0)
    envelopes, _ = read_envelopes([replayed, caused])
    assert [e.id for e in envelopes] == [CLAIM, b"i"]
    assert envelopes[0].idempotency_key == envelopes[1].correlation == CLAIM


@pytest.mark.parametrize("own", [b"onex.cmd.tests.x.v1-0-7", b"order-12-3", b"2026-01-02"])
def test_ids_that_only_look_like_a_place_stay(own: bytes) -> None:
    assert read_envelopes([MemoryRecord("t", 0, 3, b"k", b"", ((h.ID, own),), 0)])[0][0].id == own


def test_the_key_of_a_record_may_be_any_bytes_also_for_timers_and_replies(world: HostileWorld) -> None:
    target, key = TARGETS["orchestrator"], b"\xff\x00\xfe"
    world.append(target.topic, target.good("").model_dump_json().encode(), key, [(h.REPLY_KEY, b"\xfe\xff")])
    world.mesh.advance("900h")
    rang = [facts_of(record) for record in world.mesh.records("onex.evt.alarm.rang.v1")]
    assert [facts[h.REPLY_KEY] for facts in rang] == [b"\xfe\xff"] * 2
    assert any(facts[h.CAUSATION].startswith(b"ff00fe/alarm/") for facts in rang)


@pytest.mark.parametrize(
    ("raw", "carried"),
    [
        (b"c-1", b"c-1"),
        ("straße".encode(), "straße".encode()),
        (UUID_BYTES, b"6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
        (b"\xff\xfe", None),
        (b"a\nb", None),
        (b"\x7f", None),
        ("\x85".encode(), None),
        (b"", None),
        (None, None),
        (b"x" * 512, b"x" * 512),
        (b"x" * 513, None),
    ],
)
def test_an_id_is_short_text_or_absent(world: HostileWorld, raw: bytes | None, carried: bytes | None) -> None:
    assert clean_id(raw) == carried
    target = TARGETS["compute"]
    world.append(
        target.topic, target.good("e").model_dump_json().encode(), b"e", [(h.CORRELATION, raw), (h.ID, b"i")]
    )
    world.mesh.run_until_idle()
    (record,) = world.mesh.records(target.output_topic)
    assert facts_of(record)[h.CORRELATION] == (carried or b"i")


@pytest.mark.parametrize(
    ("raw", "valid"),
    [
        (PARENT, True),
        (b"01" + PARENT[2:] + b"-what.comes.later", True),
        (PARENT + b"-more", False),
        (b"ff" + PARENT[2:], False),
        (PARENT.upper(), False),
        (PARENT[:36] + b"0" * 16 + PARENT[52:], False),
        (PARENT.replace(b"-", b"_"), False),
        (b"", False),
    ],
)
def test_a_trace_parent_is_valid_as_w3c_has_it(raw: bytes, valid: bool) -> None:
    assert is_trace_parent(raw) == valid


@pytest.mark.parametrize(
    "parents",
    [
        [PARENT, None, PARENT],
        [PARENT[:-1], PARENT + b"0"],  # joined they would be two valid ones
        [PARENT + b" " + PARENT, b""],
        [PARENT, b" "],
        [PARENT + b" ", PARENT],
        [PARENT, PARENT.replace(b"a", b"h")],
        [PARENT, b"ff" + PARENT[2:]],
        [PARENT, b"01" + PARENT[2:] + b"-later"],
        [b"00-" + b"0" * 32 + PARENT[35:], PARENT],
        [PARENT, PARENT[:36] + b"0" * 16 + PARENT[52:]],
    ],
)
def test_trace_parents_checked_together_are_those_that_are_valid_alone(parents: list[bytes | None]) -> None:
    headers = [[] if parent is None else [(h.TRACE_PARENT, parent)] for parent in parents]
    records = [
        MemoryRecord("onex.cmd.tests.x.v1", 0, n, b"k", b"", ((h.ID, b"i"), *own), 0) for n, own in enumerate(headers)
    ]
    envelopes, _ = read_envelopes([*records])
    expected = [parent if parent is not None and is_trace_parent(parent) else None for parent in parents]
    assert [envelope.trace_parent for envelope in envelopes] == expected


def test_a_trace_that_is_not_valid_is_dropped_whole() -> None:
    assert is_trace_state(b"v=1")
    assert not is_trace_state(b"v=\xff")
    assert not is_trace_state(b"x" * 513)
    assert is_deadline(b"1700000000000")
    assert not is_deadline(b"1" * 16)
    mesh = MeshDriver([NODES / "node_unruly_compute" / "v1_0_0"])
    for parent, state in ((b"abc", b"v=1"), (PARENT, b"\xff"), (PARENT, b"v=1")):
        mesh.send(Ask(entity="e"), headers=[(h.TRACE_PARENT, parent), (h.TRACE_STATE, state)])
    found = [facts_of(record) for record, _ in mesh.messages(Reply)]
    traces = [(one.get(h.TRACE_PARENT), one.get(h.TRACE_STATE)) for one in found]
    assert traces == [(None, None), (PARENT, None), (PARENT, b"v=1")]
    mesh.close()


@pytest.mark.parametrize(
    ("raw", "carried"), [(b"9999999999999", b"9999999999999"), (b"9" * 5000, None), (b"-1", None), (b"\xb2", None)]
)
def test_a_deadline_is_a_time_or_absent(raw: bytes, carried: bytes | None) -> None:
    mesh = MeshDriver([NODES / "node_unruly_compute" / "v1_0_0"])
    mesh.send(Ask(entity="e"), headers=[(h.DEADLINE, raw)])
    ((record, _),) = mesh.messages(Reply)
    assert facts_of(record).get(h.DEADLINE) == carried
    mesh.close()


# -- senders are not trusted ----------------------------------------------------------------------------

FORGED = [
    (h.ORIGINAL_TOPIC, b"onex.cmd.treasury.pay.v1"),
    (h.ORIGINAL_OFFSET, b"7"),
    (h.ORIGINAL_TIME, b"1"),
    (h.HOLD, b"x"),
    (h.RELEASE, b"x"),
    (h.REPLAY_ID, b"x"),
    (h.RETRY_DUE, b"9999999999999"),
    (h.RETRY_OF, b"0"),
    (h.ATTEMPT, b"99"),
    (h.FIRST_FAILED, b"1"),
    (h.REPLAYS, b"5"),
    (h.PARENT, b"somebody's"),
]


def test_engine_headers_of_a_sender_do_not_exist_in_dead_letters_and_replays() -> None:
    mesh = MeshDriver([NODES / "node_unruly_compute" / "v1_0_0"])
    sent = mesh.send(Ask(entity="e", mood="raise"), headers=FORGED)
    facts = mesh.dead_letter_of(sent)
    assert (facts[d.TOPIC], facts[d.OFFSET], facts[d.REPLAYS]) == ("onex.cmd.unruly.ask.v1", "0", "0")
    assert not h.ENGINE.intersection(facts) - {h.REPLAYS}
    desk = DeadLetterManager(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0], Author("me"), "test")
    with patch.object(NodeUnrulyCompute, "compute", lambda self, request: Reply(entity=request.entity, text="")):
        desk.replay([letter for letter, _ in desk.find()])
        (replay,) = mesh.records("onex.retry.unruly.compute.v1")
    written = facts_of(replay)
    assert written[h.ORIGINAL_TOPIC] == b"onex.cmd.unruly.ask.v1"
    assert written[h.REPLAYS] == b"1"
    assert not {h.HOLD, h.RELEASE, h.RETRY_DUE, h.RETRY_OF, h.ATTEMPT}.intersection(written)
    mesh.run_until_idle()
    again = facts_of(mesh.dead_letters()[-1])
    assert (again[d.TOPIC], again[d.REPLAYS]) == (b"onex.cmd.unruly.ask.v1", b"1")
    mesh.close()


def test_a_letter_of_an_earlier_version_is_replayed_without_forged_headers() -> None:
    record = _record(b"v", headers=[*FORGED, ("mine", b"x")])
    letter = DeadLetter(record, {"message-id": "m", "topic": "t", "offset": "3", "timestamp": "4"})
    written = dict(outgoing(_office().contract, letter)[3])
    assert not {h.HOLD, h.RELEASE, h.RETRY_DUE, h.RETRY_OF, h.ATTEMPT, h.FIRST_FAILED}.intersection(written)
    assert (written[h.ORIGINAL_TOPIC], written[h.REPLAYS], written["mine"]) == (b"t", b"1", b"x")


@pytest.mark.parametrize("forged", FORGED, ids=lambda pair: pair[0])
def test_a_forged_header_changes_nothing_on_the_way_over_the_retry_topic(forged: tuple[str, bytes]) -> None:
    NodeUnrulyEffect.down.add("e")
    mesh = MeshDriver([_queueing()])
    mesh.send(Act(entity="e", number=1), headers=[forged])
    mesh.send(Act(entity="e", number=2))
    mesh.advance("0.5s")
    NodeUnrulyEffect.down.clear()
    mesh.advance("60s")
    moved = facts_of(mesh.records("onex.retry.unruly.effect.v1")[0])
    assert moved[h.ORIGINAL_TOPIC] == b"onex.cmd.unruly.act.v1"
    assert h.HOLD not in moved
    assert h.REPLAYS not in moved
    assert [acted.number for acted in mesh.published(Acted)] == [1, 2]
    assert mesh.dead_letters() == []
    mesh.close()


def _queueing() -> Any:
    from dataclasses import replace

    from onex.contract import resolve_node
    from onex.model.contract import ModelErrorHandling

    resolved = resolve_node(NODES / "node_unruly_effect" / "v1_0_0")
    policy = {"max_attempts": 9, "base_delay": "1s", "jitter": 0.0, "in_memory": "100ms"}
    handling = ModelErrorHandling.model_validate({"retry_policy": policy})
    return replace(resolved, contract=resolved.contract.model_copy(update={"error_handling": handling}))


@pytest.mark.parametrize("raw", [b"9" * 5000, b"9" * 18, b"-" * 9, b"x", b"\xb2", None])
def test_no_number_on_the_retry_topic_ends_an_agent(world: HostileWorld, raw: bytes | None) -> None:
    assert h.number_in(raw, 7) in (7, 10**18 - 1)
    world.mesh.crash(world.mesh.instances_of(NodeUnrulyEffect)[0])
    history = [(name, raw) for name in (h.ATTEMPT, h.FIRST_FAILED, h.ORIGINAL_OFFSET, h.ORIGINAL_TIME, h.REPLAYS)]
    for own in ([(h.RETRY_OF, raw), (h.RETRY_DUE, b"1")], [(h.RETRY_OF, raw)], [(h.RETRY_DUE, raw)]):
        world.append("onex.retry.unruly.effect.v1", b"{}", b"k", [*history, *own])
    new = world.mesh.add_instance(NodeUnrulyEffect)
    world.mesh.send(Act(entity="good"))
    world.mesh.advance("60s")
    assert len(world.mesh.published(Acted)) == 1
    assert len(world.mesh.dead_letters()) == 2
    assert new.health.ready


def test_a_release_that_was_moved_is_no_release(world: HostileWorld) -> None:
    world.append("onex.retry.unruly.effect.v1", None, b"k", [(h.RETRY_DUE, b"1"), (h.RELEASE, b"x")])
    world.append("onex.retry.unruly.effect.v1", None, b"k", [(h.RETRY_DUE, b"1"), (h.RETRY_OF, b"9" * 5000)])
    world.append("onex.retry.unruly.effect.v1", b"{}", b"k", [(h.RETRY_DUE, b"9" * 18), (h.ATTEMPT, b"9" * 18)])
    world.mesh.run_until_idle()
    world.mesh.crash(world.mesh.instances_of(NodeUnrulyEffect)[0])
    again = world.mesh.add_instance(NodeUnrulyEffect)
    world.mesh.send(Act(entity="k"))
    assert len(world.mesh.published(Acted)) == 1
    assert len(world.mesh.dead_letters()) == 2
    assert again.health.ready


# -- dead letters cannot fail ---------------------------------------------------------------------------


_LETTERS = 1_179_660


def _office() -> DeadLetterBuilder:
    mesh = MeshDriver([NODES / "node_unruly_compute" / "v1_0_0"])
    contract = mesh.nodes[0].contract
    mesh.close()
    topic = contract.dead_letter_topic
    limits = TopicLimits(None, {topic: TopicState(topic, 1, 1, {}, "", _LETTERS)}, ManualClock())
    return DeadLetterBuilder(contract, "group", limits)


def _record(value: bytes | None, key: bytes | None = b"k", headers: Any = ()) -> MemoryRecord:
    return MemoryRecord("onex.cmd.unruly.ask.v1", 1, 5, key, value, tuple(headers), -1)


def _failure(error: BaseException) -> Failure:
    return Failure(EnumFailureClass.BUG, EnumStage.HANDLER, error)


def test_a_letter_that_is_too_large_keeps_what_fits_and_says_so() -> None:
    record = _record(b"v" * 3_000_000, b"k" * 100_000, [("mine", b"h" * 500_000)])
    topic, value, key, headers = _office().letter(record, _failure(ValueError("x")))
    facts = dict(headers)
    assert topic == "onex.dlq.unruly.compute.v1"
    assert _LETTERS - 200 < record_bytes(value, key, headers) <= _LETTERS
    assert len(key or b"") == 65_536
    assert facts[d.TRUNCATED] == b"3000000"
    assert (facts["onex-dlq-truncated-key"], facts[d.OFFSET], facts[d.CLASS]) == (b"100000", b"5", b"bug")
    assert int(facts["onex-dlq-truncated-headers"]) > 500_000


def test_a_letter_whose_full_form_cannot_be_made_is_short_and_keeps_the_record() -> None:
    record = _record(b"body", headers=[(h.CORRELATION, b"c")])
    with patch("onex.agent.failure.dead_letter.traceback_text", side_effect=RecursionError):
        _, value, key, headers = _office().letter(record, _failure(UnspeakableError()))
    facts = dict(headers)
    assert (value, key, facts[h.CORRELATION]) == (b"body", b"k", b"c")
    assert facts["onex-dlq-exception"] == b"UnspeakableError"
    assert b"cannot be made: SystemExit" in facts["onex-dlq-message"]


def test_a_truncated_letter_is_parked_instead_of_replayed() -> None:
    mesh = MeshDriver([NODES / "node_unruly_compute" / "v1_0_0"])
    mesh.broker.max_message_bytes = 4_000_000
    mesh.publish("onex.cmd.unruly.ask.v1", b"v" * 2_000_000, b"k", [])
    desk = DeadLetterManager(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0], Author("me"), "test")
    report = desk.replay([letter for letter, _ in desk.find()])
    assert (report.replayed, report.parked) == (0, 1)
    assert "only a part of the record" in desk.audited()[0].detail
    mesh.close()


# -- headers that cannot be read ------------------------------------------------------------------------


class _Message:
    """Behaves as confluent-kafka's: raises once, then hands out a list that must not be touched."""

    def __init__(self, *, bad: bool) -> None:
        self.bad = bad
        self.reads = 0

    def headers(self) -> object:
        self.reads += 1
        assert self.reads == 1 or not self.bad, "a null pointer"
        if self.bad:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
        return None

    def topic(self) -> str:
        return "t"


def test_headers_of_a_batch_are_read_once_and_unreadable_ones_are_poison() -> None:
    messages = [_Message(bad=bad) for bad in (False, True, True, False, True)]
    with patch("onex.bus.kafka.unreadable.Message", _Message):
        read: list[Any] = with_readable_headers(list(messages))  # type: ignore[arg-type]  # a stand-in
    assert [isinstance(one, UnreadableRecord) for one in read] == [False, True, True, False, True]
    assert read[1].topic() == "t"
    for _ in range(2):
        with pytest.raises(PoisonError, match="not UTF-8"):
            read[1].headers()


def test_headers_of_a_shape_that_is_unheard_of_are_poison() -> None:
    for headers in ([("a",)], [5], [(h.TRACE_PARENT, "text")], [(h.ID, 5)]):
        mesh = MeshDriver([NODES / "node_unruly_compute" / "v1_0_0"])
        log = mesh.broker.logs[Partition("onex.cmd.unruly.ask.v1", 0)]
        for number, one in enumerate((headers, [])):
            value = b'{"entity": "e"}'
            log.records.append(MemoryRecord("onex.cmd.unruly.ask.v1", 0, number, b"e", value, tuple(one), 1))  # type: ignore[arg-type]  # what the test is about
        mesh.run_until_idle()
        assert facts_of(mesh.dead_letters()[0])[d.CLASS] == b"poison"
        assert (len(mesh.dead_letters()), len(mesh.published(Reply))) == (1, 1)
        mesh.close()


# -- logs -----------------------------------------------------------------------------------------------


class _NoRepr:
    def __repr__(self) -> str:
        raise SystemError


def test_a_log_line_that_cannot_be_made_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    try:
        for form in ("json", "console"):
            configure_logs(Settings(log_format=form), node="n", instance="i")
            structlog.get_logger().warning("what happened", value=_NoRepr())
    finally:
        structlog.configure(**before)
    for line in capsys.readouterr().err.splitlines():
        assert json.loads(line)["event"] == "what happened"
        assert json.loads(line)["level"] == "warning"


# -- timers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "after", [float("inf"), float("-inf"), float("nan"), 1e17, -1e17, 1e308, 10**400, 3.2e9, "soon", None]
)
def test_a_delay_is_a_finite_number_of_at_most_a_hundred_years(after: Any) -> None:
    with pytest.raises(ValueError, match="at most 100 years"):
        SetTimer("x", after)


def test_a_timer_has_a_name_that_can_be_written() -> None:
    from enum import StrEnum

    class Name(StrEnum):
        ALARM = "alarm"

    assert type(SetTimer(Name.ALARM, 5).name) is str
    assert SetTimer("x", -1).after == -1.0
    assert SetTimer("x", 3.1e9).after == 3.1e9
    for name in (5, None, "\ud800"):
        with pytest.raises(ValueError, match="name of a timer"):
            SetTimer(name, 1.0)  # type: ignore[arg-type]  # what the test is about
        with pytest.raises(ValueError, match="name of a timer"):
            CancelTimer(name)  # type: ignore[arg-type]  # what the test is about


@pytest.mark.parametrize("after", ["Infinity", "-Infinity", "NaN", "1e17", "1e308"])
def test_a_message_whose_value_becomes_an_impossible_delay_is_a_dead_letter(after: str) -> None:
    mesh = MeshDriver([NODES / "node_alarm_orchestrator" / "v1_0_0"])
    mesh.publish("onex.cmd.alarm.set-alarm.v1", b'{"entity": "e", "after": %b}' % after.encode(), b"e", [])
    assert len(mesh.dead_letters(NodeAlarmOrchestrator)) == 1
    assert mesh.instances[0].health.ready
    mesh.close()


def test_records_in_work_with_what_fails_are_not_held_up(world: HostileWorld) -> None:
    bad = world.entity()
    TRAP.plan[bad] = "timer inf"
    world.mesh.send(TARGETS["orchestrator"].good(bad), run=False)
    world.mesh.send(TARGETS["orchestrator"].good("good"))
    assert [rang.entity for rang in world.mesh.published(Rang)] == ["good"]
    assert world.mesh.published(Amount) == []


class SizedError(Exception):
    """An error whose author gave it a length, which cannot be read."""

    def __len__(self) -> int:
        raise RuntimeError("no length")


def test_only_bytes_count_for_the_size_of_a_group() -> None:
    limits = TopicLimits.usual()
    large = b"x" * (limits.smallest - 20_000)
    assert limits.surely_fit([large, None, SizedError()])
    assert limits.surely_fit([])
    assert not limits.surely_fit([large, SizedError(), large])
