"""State, retries and replays of nodes that read topics of others, whose records have other keys or none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onex.agent.failure.memory_shortages import MEMORY_TRIES
from onex.agent.message.adopting_decoder import AdoptingDecoder
from onex.agent.message.decoding import DecodedInput
from onex.agent.message.envelope import Envelope
from onex.bus.protocols import Outgoing, ProtocolRecord
from onex.dlq import Author, DeadLetterManager
from onex.dlq.state_manager import StateManager
from onex.errors import RejectedError, SchemaPendingError
from onex.mesh.states import StateReader
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from onex.testing.effect_runner import MemoryEffectRunner
from onex.wire import dead_letter as d
from onex.wire import headers as h
from tests.unit.test_existing_topics import make

TOPIC = "shop.payments"
REDUCER = """\
name: node_NAME_reducer
node_type: REDUCER
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [shop.payments]
  publish_topics: [shop.totals]
  topics:
    shop.payments: {message: Payment, format: json, key: customer}
    shop.totals: {message: Total, format: json}
handler_routing:
  handlers:
    - {event_model: Payment, handler: reduce, output_events: [Total]}
"""
EFFECT = """\
name: node_NAME_effect
node_type: EFFECT
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [shop.payments]
  publish_topics: [shop.totals]
  topics:
    shop.payments: {message: Payment, format: json, key: customer, correlation: {header: x-trace}}
    shop.totals: {message: Total, format: json}
input_model: Payment
output_model: Total
delivery: {keep_answers: 1h}
error_handling:
  retry_policy: {max_attempts: 3, base_delay: 10s, max_delay: 60s, jitter: 0, in_memory: 1s}
"""
MODELS = '''\
from onex.node import Message


class Payment(Message, key="customer"):
    """A payment."""

    customer: str
    amount: int = 0


class Total(Message, key="customer"):
    """The sum so far."""

    customer: str
    amount: int
    count: int = 0
'''
REDUCE = """\
from node_NAME_reducer.v1_0_0.models import Payment, Total
from onex.node import Context, NodeReducer, Reduction


class NodeTotal(NodeReducer[Total]):
    def reduce(self, state: Total | None, event: Payment, context: Context) -> Reduction[Total]:
        old = state or Total(customer=event.customer, amount=0)
        new = Total(customer=event.customer, amount=old.amount + event.amount, count=old.count + 1)
        return Reduction(new, intents=[new])
"""
EXECUTE = """\
from node_NAME_effect.v1_0_0.models import Payment, Total
from onex.node import Context, NodeEffect, TransientError


class NodePay(NodeEffect):
    calls = []
    down = False

    async def execute(self, request: Payment, context: Context) -> Total:
        self.calls.append((request.customer, context.message_id, context.correlation_id, context.key))
        if self.down:
            raise TransientError("the bank is away")
        return Total(customer=request.customer, amount=request.amount)
"""
CUSTOMERS = [f"c-{number}" for number in range(12)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("foreignstate")
    make(root, "foreigntotal", REDUCER, MODELS, REDUCE)
    make(root, "foreignpay", EFFECT, MODELS, EXECUTE)
    return root


@pytest.fixture
def reducer(root: Path) -> Iterator[MeshDriver]:
    driver = MeshDriver([root / "node_foreigntotal_reducer" / "v1_0_0"])
    yield driver
    driver.close()


@pytest.fixture
def effect(root: Path) -> Iterator[MeshDriver]:
    driver = MeshDriver([root / "node_foreignpay_effect" / "v1_0_0"])
    yield driver
    driver.close()


def pay(mesh: MeshDriver, customer: str, amount: int, key: bytes | None, partition: int = -1) -> None:
    value = b'{"customer": "%b", "amount": %d, "theirs": null}' % (customer.encode(), amount)
    mesh.bus.publish(Outgoing(TOPIC, value, key, [("x-trace", b"t-%d" % amount)], partition))


def totals(mesh: MeshDriver) -> dict[str, tuple[int, int]]:
    states = StateReader(mesh.bus, mesh.catalogue, mesh.nodes[0]).scan()
    return {key: (state.amount, state.count) for key, state in states}  # type: ignore[attr-defined]  # of a Total


@pytest.mark.parametrize("key", [b"payment-1", b"\xff\xfe", None])
def test_a_state_follows_the_field_whatever_the_key(reducer: MeshDriver, key: bytes | None) -> None:
    for amount in (1, 2, 3):
        for number, customer in enumerate(CUSTOMERS):
            pay(reducer, customer, amount, key, (number + amount) % 4)
        reducer.run_until_idle()
    assert totals(reducer) == dict.fromkeys(CUSTOMERS, (6, 3))
    states = reducer.records(reducer.nodes[0].contract.changelog_topic)
    partitions = {(record.key(), record.partition()) for record in states}
    assert len(partitions) == len({key for key, _ in partitions}) == len(CUSTOMERS)
    assert reducer.dead_letters() == []
    assert len(reducer.records("shop.totals")) == 3 * len(CUSTOMERS)


def test_a_forwarded_record_has_the_ids_of_its_first_place(reducer: MeshDriver) -> None:
    for partition in range(4):
        pay(reducer, "c-1", 1, b"k", partition)
    reducer.run_until_idle()
    caused = {dict(record.headers() or [])[h.CAUSATION] for record in reducer.records("shop.totals")}
    assert caused == {f"onex-record:shop.payments-{partition}-0".encode() for partition in range(4)}
    assert {record.value() for record in reducer.records(reducer.nodes[0].contract.retry_topic)} == {
        b'{"customer": "c-1", "amount": 1, "theirs": null}'
    }


def test_a_replayed_letter_that_was_edited_goes_to_the_partition_of_its_field(reducer: MeshDriver) -> None:
    for number, customer in enumerate(CUSTOMERS):
        pay(reducer, customer, 1, None)
        reducer.publish(TOPIC, b'{"customer": "%b", "amount": "x"}' % customer.encode(), b"k-%d" % number, [])
    manager = DeadLetterManager(
        reducer.bus, TopicCatalogue(reducer.bus), reducer.nodes[0], Author("me", "wrong amount"), "test"
    )
    letters = [letter for letter, _ in manager.find()]
    assert len(letters) == len(CUSTOMERS)
    for letter in letters:
        manager.edit(manager.prepare_edit(letter, {"amount": "5"}))
    manager.replay([letter for letter, _ in manager.find()])
    reducer.run_until_idle()
    assert totals(reducer) == dict.fromkeys(CUSTOMERS, (6, 2))


def test_a_record_without_a_key_needs_the_field_for_a_state(root: Path) -> None:
    text = REDUCER.replace(", key: customer", "")
    driver = MeshDriver([make(root, "foreignkeyless", text, MODELS, REDUCE)])
    pay(driver, "c-1", 1, None)
    pay(driver, "c-1", 1, b"other")
    pay(driver, "c-1", 1, b"c-1")
    driver.run_until_idle()
    reasons = [dict(record.headers() or [])[d.MESSAGE] for record in driver.dead_letters()]
    assert [b"no key" in reason for reason in sorted(reasons)] == [False, True]
    assert totals(driver) == {"c-1": (1, 1)}
    driver.close()


def test_a_retried_record_is_the_same_message(effect: MeshDriver) -> None:
    node = effect.nodes[0].node_class
    node.calls.clear()  # type: ignore[attr-defined]  # of NodePay
    node.down = True  # type: ignore[attr-defined]  # as above
    pay(effect, "c-1", 7, b"payment-7", 2)
    effect.advance("5s")
    (moved,) = effect.records(effect.nodes[0].contract.retry_topic)
    assert (moved.key(), moved.value(), moved.partition()) == (
        b"c-1",
        b'{"customer": "c-1", "amount": 7, "theirs": null}',
        2,
    )
    node.down = False  # type: ignore[attr-defined]  # as above
    effect.advance("1m")
    calls = node.calls  # type: ignore[attr-defined]  # as above
    assert len(calls) == 2
    assert set(calls) == {("c-1", "onex-record:shop.payments-2-0", "t-7", "c-1")}
    (record,) = effect.records("shop.totals")
    assert dict(record.headers() or [])[h.CORRELATION] == b"t-7"


def test_a_record_whose_schema_comes_later_is_adopted_then(
    effect: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no adopted key before it can be decoded."""
    node, known = effect.nodes[0].node_class, AdoptingDecoder._adopted
    node.down = True  # type: ignore[attr-defined]  # of NodePay
    tries: list[ProtocolRecord] = []

    def unknown_at_first(
        decoder: AdoptingDecoder, record: ProtocolRecord, envelope: Envelope
    ) -> tuple[ProtocolRecord, DecodedInput | BaseException]:
        tries.append(record)
        return (record, SchemaPendingError("not read yet")) if len(tries) == 1 else known(decoder, record, envelope)

    monkeypatch.setattr(AdoptingDecoder, "_adopted", unknown_at_first)
    pay(effect, "c-1", 7, b"payment-7", 2)
    effect.advance("5s")
    moved = effect.records(effect.nodes[0].contract.retry_topic)[0]
    assert (moved.key(), dict(moved.headers() or [])[h.CORRELATION]) == (b"c-1", b"t-7")
    node.down = False  # type: ignore[attr-defined]  # as above
    effect.advance("10m")
    (record,) = effect.records("shop.totals")
    assert dict(record.headers() or [])[h.CORRELATION] == b"t-7"


def test_a_record_whose_schema_comes_later_keeps_its_place_in_the_order_of_its_key(
    effect: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key of the record is another one than that of its message: any later record may have the same key."""
    node, known = effect.nodes[0].node_class, AdoptingDecoder._adopted
    node.down = False  # type: ignore[attr-defined]  # of NodePay
    node.calls.clear()  # type: ignore[attr-defined]  # as above
    pending = 3

    def unknown_at_first(
        decoder: AdoptingDecoder, record: ProtocolRecord, envelope: Envelope
    ) -> tuple[ProtocolRecord, DecodedInput | BaseException]:
        nonlocal pending
        if b'"amount": 2,' in (record.value() or b"") and pending:
            pending -= 1
            return record, SchemaPendingError("not read yet")
        return known(decoder, record, envelope)

    monkeypatch.setattr(AdoptingDecoder, "_adopted", unknown_at_first)
    for amount, (customer, partition) in enumerate([("c-1", 2), ("c-1", 2), ("c-1", 2), ("c-2", 2), ("c-3", 1)], 1):
        pay(effect, customer, amount, b"payment-%d" % amount, partition)
    effect.run_until_idle()
    effect.advance("1m")
    calls = node.calls  # type: ignore[attr-defined]  # as above
    assert [trace for customer, _, trace, _ in calls if customer == "c-1"] == ["t-1", "t-2", "t-3"]
    assert sorted(trace for *_, trace, _ in calls) == ["t-1", "t-2", "t-3", "t-4", "t-5"]
    assert [trace for *_, trace, _ in calls].index("t-5") < 2, "other partitions do not wait"
    runner = effect.instances[0]._effect_runner
    assert runner is not None
    assert runner.engine.idle


@pytest.mark.parametrize(("comes", "timeout"), [(True, 10.0), (False, 0.0)])
def test_no_handler_starts_when_the_schema_of_a_record_is_read_during_a_drain(
    comes: bool, timeout: float, effect: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is left to the next owner of its partition: a handler would be cancelled, and start there again."""
    node, adopted = effect.nodes[0].node_class, AdoptingDecoder._adopted
    node.calls.clear()  # type: ignore[attr-defined]  # of NodePay
    is_known = False

    def unknown_at_first(
        decoder: AdoptingDecoder, record: ProtocolRecord, envelope: Envelope
    ) -> tuple[ProtocolRecord, DecodedInput | BaseException]:
        return adopted(decoder, record, envelope) if is_known else (record, SchemaPendingError("not read yet"))

    monkeypatch.setattr(AdoptingDecoder, "_adopted", unknown_at_first)
    host = effect.instances[0]._runner
    assert isinstance(host, MemoryEffectRunner)
    effect.run_until_idle()
    for amount in range(3):
        pay(effect, f"c-{amount}", amount, b"payment", 2)

    async def take_and_drain() -> None:
        nonlocal is_known
        host.engine.take(host.consumer.batch(10, 0.0))
        is_known = comes
        await host.engine.drain(host.consumer.assignment(), timeout)

    host._loop.run_until_complete(take_and_drain())
    assert node.calls == []  # type: ignore[attr-defined]  # as above
    assert host.engine.in_flight == 0
    assert host.engine.committer.snapshot() is None


def test_records_that_waited_for_one_schema_are_decoded_together_when_it_is_read(
    effect: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait once, and not each: a registry that was away has left many."""
    node, adopted = effect.nodes[0].node_class, AdoptingDecoder._adopted
    node.down = False  # type: ignore[attr-defined]  # of NodePay
    node.calls.clear()  # type: ignore[attr-defined]  # as above
    is_known = False

    def unknown_at_first(
        decoder: AdoptingDecoder, record: ProtocolRecord, envelope: Envelope
    ) -> tuple[ProtocolRecord, DecodedInput | BaseException]:
        return adopted(decoder, record, envelope) if is_known else (record, SchemaPendingError("not read yet"))

    monkeypatch.setattr(AdoptingDecoder, "_adopted", unknown_at_first)
    for amount in range(40):
        pay(effect, f"c-{amount}", amount, b"payment", 2)
    effect.run_until_idle()
    is_known = True
    effect.advance("100ms")
    assert len(node.calls) == 40  # type: ignore[attr-defined]  # as above


def test_a_record_that_memory_is_short_for_is_decoded_as_often_in_any_lane(
    effect: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    def too_large(
        _: AdoptingDecoder, record: ProtocolRecord, __: Envelope
    ) -> tuple[ProtocolRecord, DecodedInput | BaseException]:
        nonlocal tries
        tries += 1
        return record, MemoryError()

    monkeypatch.setattr(AdoptingDecoder, "_adopted", too_large)
    pay(effect, "c-1", 1, b"payment", 2)
    effect.advance("10m")
    assert len(effect.dead_letters()) == 1
    assert tries == 1 + MEMORY_TRIES


def test_a_record_that_is_read_again_is_done_once(effect: MeshDriver) -> None:
    node = effect.nodes[0].node_class
    node.down = False  # type: ignore[attr-defined]  # of NodePay
    node.calls.clear()  # type: ignore[attr-defined]  # as above
    pay(effect, "c-1", 7, b"k", 1)
    effect.run_until_idle()
    (instance,) = effect.instances
    effect.crash(instance)
    effect.add_instance(node)
    pay(effect, "c-1", 8, b"k", 1)
    effect.run_until_idle()
    assert [call[1] for call in node.calls] == [  # type: ignore[attr-defined]  # as above
        "onex-record:shop.payments-1-0",
        "onex-record:shop.payments-1-1",
    ]
    assert len(effect.records("shop.totals")) == 2


def test_an_effect_replays_an_edited_letter_with_the_key_of_its_field(effect: MeshDriver) -> None:
    node = effect.nodes[0].node_class
    effect.publish(TOPIC, b'{"customer": "c-1", "amount": "x"}', b"k", [])
    manager = DeadLetterManager(
        effect.bus, TopicCatalogue(effect.bus), effect.nodes[0], Author("me", "wrong amount"), "test"
    )
    ((letter, _),) = manager.find()
    manager.edit(manager.prepare_edit(letter, {"amount": "5"}))
    node.down = True  # type: ignore[attr-defined]  # of NodePay
    manager.replay([letter for letter, _ in manager.find()])
    effect.advance("10m")
    node.down = False  # type: ignore[attr-defined]  # as above
    again = effect.dead_letters()[-1]
    assert (again.key(), dict(again.headers() or [])[h.RECORD_KEY]) == (b"c-1", b"k")
    assert dict(again.headers() or [])[d.CLASS] == b"transient"


def test_a_state_is_rebuilt_only_when_outputs_may_come_again(reducer: MeshDriver) -> None:
    manager = StateManager(reducer.bus, TopicCatalogue(reducer.bus), reducer.nodes[0], Author("me", "sums"), "test")
    with pytest.raises(RejectedError, match="would publish a second time to shop.totals"):
        manager.plan_rebuild()
    assert manager.plan_rebuild(publish_again=True).is_rebuild
