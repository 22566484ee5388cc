"""MixinAuditLog."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from node_gate_compute.v1_0_0.models import Enter, Entered
from node_gate_compute.v1_0_0.node import NodeGateCompute
from node_tally_reducer.v1_0_0.models import Amount

from onex.capability import Event, ProtocolEventSink
from onex.capability.current_record import ProtocolCurrentRecord, RecordFacts
from onex.capability.sender import SENDER
from onex.contract import resolve_node
from onex.errors import CircuitOpenError, NodeUseError, RejectedError, TransientError
from onex.mixins.audit_log import MixinAuditLog, ModelAuditLogSubcontract, problems_of
from onex.mixins.audit_log.chain import sealed
from onex.mixins.audit_log.engine import AuditLogEngine
from onex.mixins.audit_log.protocol_audit_log import ProtocolAuditLog
from onex.mixins.service import with_mixins
from onex.model.context import Context
from onex.model.enums import EnumNodeKind
from onex.model.mesh import AUDIT_TOPICS, AuditRecorded
from onex.model.message import Message
from onex.node import Node, NodeEffect
from onex.testing import MeshDriver
from onex.testing.clock import ManualClock
from tests.conftest import NODES
from tests.mixins.helpers import CURRENT_MESSAGE, IDENTITY, Sink, container, context
from tests.mixins.virtual import play

AWAY = TransientError("no broker")


class Pay(Message):
    order: str
    card_token: str = "hush"


class Log:
    def __init__(self, sink: Sink | None = None, **settings: object) -> None:
        self.sink = sink or Sink()
        model = ModelAuditLogSubcontract.model_validate(settings)
        self.engine = AuditLogEngine(model, IDENTITY, CURRENT_MESSAGE, self.sink, ManualClock())

    @property
    def entries(self) -> list[AuditRecorded]:
        return [event.message for event in self.sink.sent if isinstance(event.message, AuditRecorded)]

    def handle(self, failure: Exception | None = None) -> object:
        SENDER.set("bob")

        async def handler(message: Message, context: Context) -> str:
            SENDER.set("ann")
            if failure:
                raise failure
            return "paid"

        return play(self.engine.around(Pay(order="o-1"), context(), handler))


def test_a_message_is_recorded_before_its_handler_and_its_outcome_after() -> None:
    log = Log()
    assert log.handle() == "paid"
    before, after = log.entries
    assert (before.what, before.outcome, after.outcome, after.who) == ("Pay", "received", "done", "ann")
    assert before.who == "", "nobody has looked at it yet, whoever sent the message before"
    assert (before.number, after.number, after.previous) == (1, 2, before.seal)
    assert (before.message_id, before.correlation_id, before.node) == ("m-1", "c-1", IDENTITY.name)
    assert [event.key for event in log.sink.sent] == [before.chain, before.chain]
    assert list(problems_of(log.entries)) == []


@pytest.mark.parametrize(
    ("failure", "outcomes"),
    [
        (RejectedError("too much"), [("received", ""), ("refused", "too much")]),
        (KeyError("gone"), [("received", ""), ("failed", "'gone'")]),
        (CircuitOpenError("bank", 5), [("received", "")]),
    ],
)
def test_the_outcome_is_recorded(failure: Exception, outcomes: list[tuple[str, str]]) -> None:
    log = Log()
    with pytest.raises(type(failure)):
        log.handle(failure)
    assert [(entry.outcome, entry.detail) for entry in log.entries] == outcomes


@pytest.mark.enforces("audit_log.record_messages")
def test_the_node_may_do_it_itself() -> None:
    log = Log(record_messages=False)
    log.handle()
    assert log.entries == []
    play(log.engine.record("refund approved", detail="by phone", order="o-1"))
    (entry,) = log.entries
    assert (entry.what, entry.outcome, entry.detail) == ("refund approved", "recorded", "by phone")
    assert json.loads(entry.facts) == {"order": "o-1"}


@pytest.mark.enforces("audit_log.include_fields", "audit_log.sensitive_field_patterns")
def test_facts_hold_no_secrets() -> None:
    plain, named = Log(), Log(include_fields=["order", "card_token", "missing"])
    plain.handle()
    named.handle()
    assert json.loads(plain.entries[0].facts) == {}
    assert json.loads(named.entries[0].facts) == {"order": "o-1", "card_token": "[redacted]", "missing": None}
    other = Log(include_fields=["order", "card_token"], sensitive_field_patterns=["order"])
    other.handle()
    assert json.loads(other.entries[0].facts) == {"order": "[redacted]", "card_token": "hush"}


@pytest.mark.enforces("audit_log.max_detail")
def test_details_have_an_end() -> None:
    log = Log(max_detail=10)
    play(log.engine.record("a", detail="x" * 20))
    assert log.entries[0].detail == "x" * 10


@pytest.mark.enforces("audit_log.fail_closed")
def test_no_work_is_done_without_a_record() -> None:
    closed = Log(Sink(AWAY))
    with pytest.raises(TransientError, match="the audit log cannot be written: no broker"):
        closed.handle()
    assert closed.handle() == "paid"
    assert [entry.number for entry in closed.entries] == [1, 2, 3], "what was not written goes out again"
    assert list(problems_of(closed.entries)) == []
    careless = Log(Sink(AWAY), fail_closed=False)
    with structlog.testing.capture_logs() as logs:
        assert careless.handle() == "paid"
    assert [entry["event"] for entry in logs] == ["the audit log cannot be written"]
    assert [entry.number for entry in careless.entries] == [1, 2]


class Slow(Sink):
    """A slow sink."""

    async def send(self, events: Sequence[Event]) -> None:
        await asyncio.sleep(1)
        await super().send(events)


def test_concurrent_entries_are_sent_together() -> None:
    log = Log(Slow())

    async def live() -> None:
        await asyncio.gather(*(log.engine.record(f"what {number}") for number in range(5)))

    play(live())
    assert [len(call) for call in log.sink.calls] == [1, 4]
    assert list(problems_of(log.entries)) == []


@pytest.mark.enforces("audit_log.max_unsent")
def test_waiting_entries_are_bounded() -> None:
    careless = Log(Sink(*[AWAY] * 500), fail_closed=False, max_unsent=10)
    with structlog.testing.capture_logs() as logs:
        for _ in range(250):
            assert careless.handle() == "paid"
    assert [entry["event"] for entry in logs] == ["the audit log cannot be written"], "once for the outage"
    assert careless.engine.reported_metrics() == {"unsent": 10.0, "dropped": 490.0}
    assert careless.handle() == "paid"
    assert [entry.number for entry in careless.entries] == [*range(492, 503)]
    assert careless.engine.reported_metrics() == {"unsent": 0.0, "dropped": 491.0}
    assert [problem.partition(": ")[2] for problem in problems_of(careless.entries)] == [
        "entries 1 to 491 are missing"
    ]


def test_work_that_is_not_done_has_no_entries() -> None:
    closed = Log(Sink(*[AWAY] * 100), max_unsent=5)
    for _ in range(100):
        with pytest.raises(TransientError, match="no broker"):
            closed.handle()
    assert closed.engine.reported_metrics() == {"unsent": 5.0, "dropped": 0.0}
    assert closed.handle() == "paid"
    assert [entry.number for entry in closed.entries] == [*range(1, 8)]
    assert list(problems_of(closed.entries)) == []


def test_entries_are_bounded_in_characters_too() -> None:
    careless = Log(Sink(*[AWAY] * 500), fail_closed=False, max_unsent=100_000, max_detail=100_000)
    for _ in range(400):
        play(careless.engine.record("a", detail="x" * 100_000))
    assert careless.engine.reported_metrics()["unsent"] < 180


def test_not_all_waiting_entries_are_sent_with_each_message() -> None:
    class Counting(Sink):
        lengths: list[int] = []

        async def send(self, events: Sequence[Event]) -> None:
            self.lengths.append(len(events))
            await super().send(events)

    careless = Log(Counting(*[AWAY] * 999), fail_closed=False)
    for _ in range(1000):
        play(careless.engine.record("a"))
    assert max(Counting.lengths) == 100
    assert len(careless.entries) == 1000
    assert list(problems_of(careless.entries)) == []


class Small(Sink):
    """A sink with a maximum length of records."""

    async def send(self, events: Sequence[Event]) -> None:
        await asyncio.sleep(0.1)
        if any("large" in event.message.model_dump_json() for event in events):
            raise RejectedError("too large")
        await super().send(events)


@pytest.mark.parametrize("fail_closed", [True, False])
def test_an_entry_that_no_record_can_hold_does_not_keep_the_others_back(fail_closed: bool) -> None:
    log = Log(Small(), fail_closed=fail_closed)

    async def live() -> list[object]:
        texts = ("first", "one", "large", "two")
        return await asyncio.gather(*(log.engine.record(text) for text in texts), return_exceptions=True)

    first, one, large, two = play(live())
    assert (first, one, two) == (None, None, None)
    assert isinstance(large, RejectedError) == fail_closed
    assert [entry.what for entry in log.entries] == ["first", "one", "two"]
    assert log.engine.reported_metrics() == {"unsent": 0.0, "dropped": 1.0}


def test_an_old_entry_that_is_too_large_is_dropped() -> None:
    log = Log(Small(), fail_closed=False)

    async def live() -> None:
        log.engine._unsent.add(log.engine._sealed("large", "done", "", {}))
        await log.engine.record("one")

    play(live())
    assert [entry.what for entry in log.entries] == ["one"]


def test_facts_that_are_too_long_are_left_out() -> None:
    log = Log()
    play(log.engine.record("a", order="o-1", text="x" * 2_000_000))
    assert json.loads(log.entries[0].facts) == {"order": "o-1", "text": "[2000002 characters]"}


def chain(count: int, key: bytes = b"") -> list[AuditRecorded]:
    log = Log(seal_key=key.decode())
    for number in range(count):
        play(log.engine.record(f"what {number}"))
    return log.entries


@pytest.mark.enforces("audit_log.seal_key")
def test_only_the_key_allows_a_new_chain() -> None:
    ours = chain(3, b"hush")
    assert list(problems_of(ours, b"hush")) == []
    assert len(list(problems_of(ours))) == 3
    forged = [sealed(entry.model_copy(update={"what": "nothing"})) for entry in ours]
    assert any("was changed" in problem for problem in problems_of(forged, b"hush"))


@pytest.mark.parametrize("deed", ["change", "reseal", "remove", "replace"])
@given(place=st.integers(0, 4), field=st.sampled_from(["what", "who", "detail", "facts", "outcome"]), data=st.data())
def test_whatever_is_done_to_a_chain_shows(deed: str, place: int, field: str, data: st.DataObject) -> None:
    entries = chain(6)
    entry = entries[place]
    match deed:
        case "change":
            tampered = [*entries[:place], entry.model_copy(update={field: "other"}), *entries[place + 1 :]]
        case "reseal":
            other = sealed(entry.model_copy(update={"what": "other"}))
            tampered = [*entries[:place], other, *entries[place + 1 :]]
        case "remove":
            tampered = entries[:place] + entries[place + 1 :]
        case _:
            tampered = [*entries, entry.model_copy(update={"what": "other"})]
    assert list(problems_of(tampered))
    order = data.draw(st.permutations(entries))
    assert list(problems_of([*order, *order])) == [], "order and repetition do no harm"


def test_a_node_records_through_its_agent() -> None:
    class Node(MixinAuditLog, NodeEffect):
        pass

    node, sink = Node(), Sink()
    node.container = container()
    node.container.registry.value(ProtocolEventSink, sink)
    play(node.audit.record("hello"))
    assert len(sink.sent) == 1


# -- COMPUTE, REDUCER and ORCHESTRATOR: entries in the transaction of the message ------------------


class Noting(NodeGateCompute):
    """Notes whom it lets through."""

    audit: ProtocolAuditLog

    def compute(self, request: Enter) -> Entered:
        self.audit.note("let through", detail="by age", name=request.name, password="hush")
        if request.name == "boom":
            raise ValueError("boom \ud800")
        return super().compute(request)


def audited(name: str, node_class: type[Node] | None = None, **settings: object) -> MeshDriver:
    resolved = resolve_node(NODES / name / "v1_0_0")
    model = ModelAuditLogSubcontract.model_validate(settings)
    made = with_mixins(node_class or resolved.node_class, [MixinAuditLog])
    return MeshDriver(
        [replace(resolved, node_class=made, subcontracts={**resolved.subcontracts, ModelAuditLogSubcontract: model})]
    )


def entries_of(mesh: MeshDriver) -> list[AuditRecorded]:
    """Return the entries in the topic, which are chains without a problem."""
    entries = [entry for _, entry in mesh.messages(AuditRecorded, AUDIT_TOPICS[AuditRecorded])]
    assert list(problems_of(entries)) == []
    return sorted(entries, key=lambda entry: (entry.at, entry.chain, entry.number))


def test_entries_of_a_pure_node_are_committed_with_its_results() -> None:
    mesh = audited("node_gate_compute", Noting, include_fields=["age"])
    for name, age in (("ann", 30), ("kid", 3), ("boom", 30)):
        mesh.send(Enter(name=name, age=age), run=False, id=name, correlation_id=f"c-{name}")
    mesh.run_until_idle()
    facts = {(entry.message_id, entry.what, entry.outcome, entry.detail, entry.facts) for entry in entries_of(mesh)}
    assert facts == {
        ("ann", "let through", "recorded", "by age", '{"name": "ann", "password": "[redacted]"}'),
        ("ann", "Enter", "done", "", '{"age": 30}'),
        ("kid", "Enter", "refused", "Enter: is of age", '{"age": 3}'),
        ("boom", "Enter", "failed", "boom ?", '{"age": 30}'),
    }
    assert {entry.correlation_id for entry in entries_of(mesh)} == {"c-ann", "c-kid", "c-boom"}
    assert len(mesh.published(Entered)) == 1
    mesh.close()


def test_an_undone_batch_leaves_no_entry_and_no_gap() -> None:
    mesh = audited("node_tally_reducer")
    mesh.send(Amount(entity="e", value=1))
    (instance,) = mesh.instances
    instance.fail_next_commit()
    mesh.send(Amount(entity="e", value=2), run=False)
    mesh.advance(60)
    mesh.send(Amount(entity="e", value=3))
    assert [entry.outcome for entry in entries_of(mesh)] == ["done"] * 3
    assert [entry.number for entry in entries_of(mesh)] == [1, 2, 3]
    mesh.close()


def test_results_that_cannot_be_encoded_together_are_recorded_once() -> None:
    mesh = audited("node_tally_reducer")
    for value in (1, 667, 2):
        mesh.send(Amount(entity="e", value=value), run=False)
    mesh.run_until_idle()
    assert sorted(entry.outcome for entry in entries_of(mesh)) == ["done", "done", "refused"]
    mesh.close()


def test_undecodable_records_are_recorded() -> None:
    mesh = audited("node_alarm_orchestrator")
    topic = next(iter(mesh.nodes[0].routes))
    mesh.publish(topic, b"\x00garbage", b"k", [])
    (entry,) = entries_of(mesh)
    assert (entry.what, entry.outcome) == ("a record that cannot be decoded", "refused")
    mesh.close()


def test_a_pure_node_may_record_by_notes_only() -> None:
    mesh = audited("node_gate_compute", Noting, record_messages=False)
    mesh.send(Enter(name="ann", age=30))
    assert [entry.what for entry in entries_of(mesh)] == ["let through"]
    mesh.close()


def test_the_sender_is_that_of_the_message() -> None:
    record = RecordFacts("t", 0, 1, None, None, b"m", 0, is_repeated=False)

    class Current(ProtocolCurrentRecord):
        facts_now: RecordFacts | None = record

        def facts(self) -> RecordFacts | None:
            return self.facts_now

    current = Current()
    engine = AuditLogEngine(
        ModelAuditLogSubcontract(), IDENTITY, CURRENT_MESSAGE, Sink(), ManualClock(), current, EnumNodeKind.COMPUTE
    )
    engine.began()
    for offset, sender in enumerate(("ann", "")):
        current.facts_now = replace(record, offset=offset)
        engine.check(Pay(order="o-1"))
        SENDER.set(sender)
        engine.after()
    entries: list[Message] = []
    for offset in range(2):
        current.facts_now = replace(record, offset=offset)
        entries += engine.entries(Pay(order="o-1"), None)
    current.facts_now = None
    entries += engine.entries(Pay(order="o-1"), None)
    assert [entry.who for entry in entries if isinstance(entry, AuditRecorded)] == ["ann", "", ""]


def test_each_kind_has_its_own_way_to_record() -> None:
    effect = Log().engine
    with pytest.raises(NodeUseError, match="await self.audit.record"):
        effect.note("a")
    effect.check(Pay(order="o-1"))
    pure = AuditLogEngine(
        ModelAuditLogSubcontract(), IDENTITY, CURRENT_MESSAGE, Sink(), ManualClock(), kind=EnumNodeKind.REDUCER
    )
    with pytest.raises(NodeUseError, match="a REDUCER cannot wait for the audit log; call `note`"):
        asyncio.run(pure.record("a"))
