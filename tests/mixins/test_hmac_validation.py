"""MixinHMACValidation: messages, HTTP requests, keys over time, and repetitions that outlive a restart."""

import asyncio
import base64
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_gate_compute.v1_0_0.models import Enter, Entered
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_vault_effect.v1_0_0.models import Fetch, Fetched
from node_vault_effect.v1_0_0.node import NodeVaultEffect
from pydantic import ValidationError

from onex.agent.message.current import CURRENT, Current
from onex.agent.message.current_record import CurrentRecord
from onex.agent.message.envelope import CauseEnvelope, read_envelope
from onex.bus.memory.log import MemoryRecord
from onex.bus.protocols import Headers
from onex.capability import AgentEnvironment, Event, HealthChecks, ProtocolEventSink, Subcontract
from onex.capability.current_record import NoCurrentRecord, ProtocolCurrentRecord, RecordFacts
from onex.contract import resolve_node
from onex.errors import AccessDeniedError, CompositionError, OutageError, RejectedError, TransientError
from onex.mixins.hmac_validation import (
    MessageSigner,
    MixinHMACValidation,
    ModelHMACValidationSubcontract,
    sign,
)
from onex.mixins.hmac_validation.engine import HMACValidationEngine
from onex.mixins.hmac_validation.keys import KeyRing
from onex.mixins.hmac_validation.signature import MESSAGE, REQUEST, Signature, code_of
from onex.mixins.replay_window import ReplayWindow
from onex.mixins.service import with_mixins
from onex.model.message import Message
from onex.node import Node, NodeEffect
from onex.schema import Codec
from onex.testing import MeshDriver
from onex.testing.clock import ManualClock
from onex.wire import headers as h
from tests.conftest import NODES
from tests.mixins.helpers import FakeCurrentMessage, Note, container

SECRET = base64.b64encode(b"s" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()


def configured(**settings: object) -> ModelHMACValidationSubcontract:
    return ModelHMACValidationSubcontract.model_validate({"keys": [{"id": "k1", "value": SECRET}], **settings})


SETTINGS = configured()
HEADER = SETTINGS.header


# -- signatures and keys ------------------------------------------------------------------------


@pytest.mark.enforces("hmac_validation.keys.id", "hmac_validation.keys.value")
def test_a_signature_covers_every_part_and_its_purpose() -> None:
    ring = KeyRing(SETTINGS.keys, "sha256")
    parts = (b"topic", b"key", b"id", b"value")
    signature = ring.sign(MESSAGE, parts, 1000)
    assert Signature.parse(signature.text) == signature
    ring.check(MESSAGE, parts, signature)
    for number in range(len(parts)):
        changed = [*parts]
        changed[number] += b"x"
        with pytest.raises(RejectedError, match="the signature is wrong"):
            ring.check(MESSAGE, changed, signature)
    for purpose, other in (
        (REQUEST, signature),
        (MESSAGE, replace(signature, at_ms=1001)),
        (MESSAGE, replace(signature, nonce="0" * 32)),
    ):
        with pytest.raises(RejectedError, match="the signature is wrong"):
            ring.check(purpose, parts, other)
    with pytest.raises(RejectedError, match="a key that is not configured"):
        ring.check(MESSAGE, parts, replace(signature, key_id="k2"))


@given(
    st.lists(st.none() | st.binary(max_size=6), max_size=4), st.lists(st.none() | st.binary(max_size=6), max_size=4)
)
def test_no_two_lists_of_parts_have_one_code(one: list[bytes | None], other: list[bytes | None]) -> None:
    unsigned = Signature("k", 0, "0" * 32)
    codes = [code_of(b"k" * 32, "sha256", MESSAGE, unsigned, parts) for parts in (one, other)]
    assert (codes[0] == codes[1]) == (one == other)


@given(st.text(max_size=200))
def test_no_other_text_is_a_signature(text: str) -> None:
    with pytest.raises(RejectedError, match="not of the form"):
        Signature.parse(text)


@pytest.mark.enforces("hmac_validation.algorithm")
def test_the_algorithm_is_that_of_the_configuration() -> None:
    keys = SETTINGS.keys
    signed = KeyRing(keys, "sha512").sign(MESSAGE, (), 0)
    assert len(signed.code) == 64
    assert Signature.parse(signed.text) == signed
    with pytest.raises(RejectedError, match="wrong"):
        KeyRing(keys, "sha256").check(MESSAGE, (), signed)


def at(seconds: float) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()


@pytest.mark.enforces("hmac_validation.keys", "hmac_validation.keys.since", "hmac_validation.keys.until")
def test_the_newest_key_signs_and_an_older_one_is_accepted_until_its_end() -> None:
    keys = configured(
        keys=[
            {"id": "old", "value": SECRET, "until": at(200)},
            {"id": "new", "value": OTHER, "since": at(100), "until": at(300)},
        ]
    ).keys
    ring = KeyRing(keys, "sha256")
    assert [ring.signer(ms).id for ms in (0, 99_999, 100_000, 250_000, 50_000)] == ["old", "old", "new", "new", "old"]
    old = KeyRing(keys[:1], "sha256")
    ring.check(MESSAGE, (), old.sign(MESSAGE, (), 150_000))
    late = Signature("old", 200_000, "0" * 32)
    with pytest.raises(RejectedError, match="later than the end of its key old"):
        ring.check(MESSAGE, (), replace(late, code=code_of(b"s" * 32, "sha256", MESSAGE, late, ())))
    with pytest.raises(OutageError, match="no key signs; add one to `keys`"):
        ring.signer(300_000)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"keys": [{"id": "a", "value": "no base64!"}]}, "it is not base64"),
        ({"keys": [{"id": "a", "value": "ä"}]}, "it is not base64"),
        ({"keys": [{"id": "a", "value": "c2hvcnQ="}]}, "it has 5 bytes; 32 to 1024 are needed"),
        ({"keys": [{"id": "a", "value": SECRET, "since": at(2), "until": at(2)}]}, "`until` must be later"),
        ({"keys": [{"id": "a", "value": SECRET}, {"id": "a", "value": OTHER, "since": at(1)}]}, "the same id"),
        ({"keys": [{"id": "a", "value": SECRET}, {"id": "b", "value": OTHER}]}, "the same `since`, or none"),
        ({"remember_seconds": 60}, "remember_seconds must be at least"),
    ],
)
def test_wrong_configurations_are_refused_without_their_secrets(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as refused:
        ModelHMACValidationSubcontract.model_validate(settings)
    assert SECRET not in str(refused.value.errors(include_input=False))


# -- the replay window --------------------------------------------------------------------------


def test_a_window_outlives_its_process_and_is_shared(tmp_path: Path) -> None:
    clock, file = ManualClock(), tmp_path / "replay" / "a.sqlite3"
    one, two = (ReplayWindow(file, 10, clock) for _ in range(2))
    one.open()
    one.open()
    until = clock.now_ms() + 1000
    assert one.first(b"t", "topic-0-1", until)
    assert one.first(b"t", "topic-0-1", until), "the record itself, delivered again"
    assert not two.first(b"t", "topic-0-2", until), "another process of the machine"
    one.close()
    one.close()
    again = ReplayWindow(file, 10, clock)
    assert not again.first(b"t", "topic-0-2", until)
    assert again.count == 1
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_full_window_waits_until_tokens_expire(tmp_path: Path) -> None:
    clock = ManualClock()
    window = ReplayWindow(tmp_path / "a", 2, clock)
    until = clock.now_ms() + 1000
    assert window.first(b"1", "a", until)
    assert window.first(b"2", "b", until)
    with pytest.raises(OutageError, match="is full with 2 tokens"):
        window.first(b"3", "c", until)
    clock.move_to(clock.monotonic() + 2)
    assert window.first(b"3", "c", clock.now_ms() + 1000)
    assert window.count == 1


def test_expired_tokens_are_removed_now_and_then(tmp_path: Path) -> None:
    clock = ManualClock()
    window = ReplayWindow(tmp_path / "a", 1_000_000, clock)
    for number in range(1_000):
        assert window.first(b"%d" % number, "a", clock.now_ms() - 1)
    assert window.count == 1_000
    assert window.first(b"last", "a", clock.now_ms())
    assert window.count == 1


def test_a_window_that_cannot_be_opened_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no database, but long enough to be read as one" * 100)
    (tmp_path / "folder").mkdir()
    for name in ("file", "folder", "file/below"):
        with pytest.raises(TransientError, match="cannot be opened: .*; free the disk or fix the rights"):
            ReplayWindow(tmp_path / name, 1, ManualClock()).open()


def test_a_window_that_cannot_be_written_is_an_outage(tmp_path: Path) -> None:
    window = ReplayWindow(tmp_path / "a", 10, ManualClock())
    window.open()
    with sqlite3.connect(tmp_path / "a") as other:
        other.execute("DROP TABLE seen")
    other.close()
    with pytest.raises(OutageError, match="cannot be used: no such table"):
        window.first(b"1", "a", 0)


# -- messages -----------------------------------------------------------------------------------


class Mesh:
    """One node with signatures on the memory host."""

    def __init__(self, name: str, home: Path, settings: ModelHMACValidationSubcontract = SETTINGS) -> None:
        resolved = resolve_node(NODES / name / "v1_0_0")
        self.node: type[Node] = with_mixins(resolved.node_class, [MixinHMACValidation])
        subcontracts: dict[type[Subcontract], Subcontract] = {
            **resolved.subcontracts,
            ModelHMACValidationSubcontract: settings,
        }
        self.driver = MeshDriver(
            [replace(resolved, node_class=self.node, subcontracts=subcontracts)],
            environment=AgentEnvironment(home=home),
        )
        self.signer = MessageSigner(settings, self.driver.clock)

    def record(self, message: Message, identity: str = "m-1") -> tuple[str, bytes, bytes | None, Headers]:
        """Return a signed record of a sender."""
        topic = self.driver.topic_of(type(message))
        value, key = (
            Codec.of_topic(type(message), topic, self.driver.catalogue).encode(message),
            message.partition_key(),
        )
        headers = [(h.ID, identity.encode()), *self.signer(topic, key, identity.encode(), value)]
        return topic, value, key, headers

    def reasons(self) -> list[str]:
        """Return the reasons of all dead letters."""
        letters = [dict(letter.headers() or []) for letter in self.driver.dead_letters()]
        assert {letter["onex-dlq-class"] for letter in letters} <= {b"rejected"}
        return [letter["onex-dlq-message"].decode() for letter in letters]

    def restart(self) -> None:
        """Kill the process of the node, and start another."""
        (instance,) = self.driver.instances
        self.driver.crash(instance)
        self.driver.add_instance(self.node)

    def publish_twice(self, message: Message) -> None:
        record = self.record(message)
        self.driver.publish(*record)
        self.restart()
        self.driver.publish(*record)


MESSAGES: dict[str, tuple[Message, type[Message]]] = {
    "node_gate_compute": (Enter(name="ann", age=30), Entered),
    "node_tally_reducer": (Amount(entity="e", value=1), Tallied),
    "node_vault_effect": (Fetch(name="gold"), Fetched),
}


@pytest.fixture(params=MESSAGES)
def mesh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mesh]:
    made = Mesh(request.param, tmp_path)
    yield made
    made.driver.close()


def of(mesh: Mesh) -> tuple[Message, type[Message]]:
    (resolved,) = mesh.driver.nodes
    return MESSAGES[resolved.contract.name]


@pytest.mark.enforces("hmac_validation.validate_messages", "hmac_validation.header")
def test_unsigned_and_changed_messages_are_refused(mesh: Mesh) -> None:
    message, output = of(mesh)
    topic, value, key, headers = mesh.record(message)
    mesh.driver.publish(topic, value, key, headers[:1])
    mesh.driver.publish(topic, value, key, [(h.ID, b"m-2"), headers[1]])
    assert mesh.driver.published(output) == []
    assert mesh.reasons() == [
        f"{type(message).__name__} has no signature in the header onex-signature",
        "the signature is wrong",
    ]
    mesh.driver.publish(topic, value, key, headers)
    assert len(mesh.driver.published(output)) == 1


@pytest.mark.enforces("hmac_validation.sign_outputs")
def test_outputs_are_signed_so_that_the_next_node_accepts_them(mesh: Mesh) -> None:
    message, output = of(mesh)
    mesh.driver.publish(*mesh.record(message))
    ((record, _),) = mesh.driver.messages(output)
    headers = dict(record.headers() or [])
    signature = Signature.parse(headers[HEADER].decode())
    parts = (record.topic().encode(), record.key(), headers[h.ID], record.value())
    KeyRing(SETTINGS.keys, "sha256").check(MESSAGE, parts, signature)


def test_a_repeated_record_is_refused_also_after_a_restart(mesh: Mesh) -> None:
    message, output = of(mesh)
    mesh.publish_twice(message)
    assert len(mesh.driver.published(output)) == 1
    assert mesh.reasons() == ["the signature was used before"]


def test_a_sender_may_send_the_same_id_again(mesh: Mesh) -> None:
    """It signs again, so that nothing is repeated but the work, which the id makes idempotent."""
    message, _ = of(mesh)
    for _ in range(2):
        mesh.driver.publish(*mesh.record(message))
    assert mesh.reasons() == []


def test_a_record_that_is_delivered_again_is_no_repetition(tmp_path: Path) -> None:
    mesh = Mesh("node_gate_compute", tmp_path)
    (instance,) = mesh.driver.instances
    instance.fail_next_commit()
    mesh.driver.publish(*mesh.record(Enter(name="ann", age=30)), run=False)
    mesh.driver.advance(60)
    assert mesh.driver.published(Entered) == [Entered(name="ann")]
    assert mesh.reasons() == []
    mesh.driver.close()


def test_retries_and_replays_are_no_repetitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = Mesh("node_vault_effect", tmp_path, configured(max_age_seconds=10))
    monkeypatch.setattr(NodeVaultEffect, "closed", True)
    record = mesh.record(Fetch(name="gold"))
    mesh.driver.publish(*record)
    mesh.driver.advance("1h")
    (letter,) = mesh.driver.dead_letters()
    facts = dict(letter.headers() or [])
    assert facts["onex-dlq-class"] == b"transient", "the last of five attempts"
    monkeypatch.setattr(NodeVaultEffect, "closed", False)
    (resolved,) = mesh.driver.nodes
    replayed = [
        *((name, value) for name, value in record[3]),
        (h.ORIGINAL_TOPIC, facts["onex-dlq-topic"]),
        (h.ORIGINAL_PARTITION, facts["onex-dlq-partition"]),
        (h.ORIGINAL_OFFSET, facts["onex-dlq-offset"]),
        (h.REPLAY_ID, b"r-1"),
        (h.PARENT, b"a parent"),
    ]
    mesh.driver.publish(resolved.contract.retry_topic, record[1], record[2], replayed)
    mesh.driver.advance("1m")
    assert mesh.driver.published(Fetched) == [Fetched(name="gold", attempt=1)]
    mesh.driver.close()


@pytest.mark.enforces("hmac_validation.unsigned_topics")
def test_topics_without_signatures(tmp_path: Path) -> None:
    mesh = Mesh("node_gate_compute", tmp_path, configured(unsigned_topics=["onex.cmd.gate.enter.v1"]))
    mesh.driver.send(Enter(name="ann", age=30))
    assert len(mesh.driver.published(Entered)) == 1
    mesh.driver.close()
    other = Mesh("node_gate_compute", tmp_path, configured(validate_messages=False, sign_outputs=False))
    other.driver.send(Enter(name="ann", age=30))
    ((record, _),) = other.driver.messages(Entered)
    assert HEADER not in dict(record.headers() or [])
    other.driver.close()


def test_a_full_window_makes_the_node_wait_and_no_dead_letter(tmp_path: Path) -> None:
    settings = configured(remembered=1, max_age_seconds=5, clock_skew_seconds=0, remember_seconds=5)
    mesh = Mesh("node_gate_compute", tmp_path, settings)
    mesh.driver.publish(*mesh.record(Enter(name="ann", age=30)))
    mesh.driver.publish(*mesh.record(Enter(name="bob", age=30), "m-2"))
    assert len(mesh.driver.published(Entered)) == 1
    (instance,) = mesh.driver.instances
    assert any("is full with 1 tokens" in reason for reason in instance.health.snapshot().values())
    mesh.driver.advance(4)
    assert len(mesh.driver.published(Entered)) == 1
    assert mesh.reasons() == []
    mesh.driver.close()


def test_addressed_outputs_and_events_are_signed(tmp_path: Path) -> None:
    mesh = Mesh("node_vault_effect", tmp_path)
    (instance,) = mesh.driver.instances
    sink = instance.node.container.get(ProtocolEventSink)
    asyncio.run(sink.send([Event(Fetched(name="gold", attempt=1), "k")]))
    ((record, _),) = mesh.driver.messages(Fetched)
    headers = dict(record.headers() or [])
    parts = (record.topic().encode(), record.key(), headers[h.ID], record.value())
    KeyRing(SETTINGS.keys, "sha256").check(MESSAGE, parts, Signature.parse(headers[HEADER].decode()))
    mesh.driver.close()


# -- the engine ---------------------------------------------------------------------------------


class Record(ProtocolCurrentRecord):
    """A current record with a value, which changes."""

    def __init__(self) -> None:
        self.now: RecordFacts | None = RecordFacts("t", 0, 1, b"k", b"v", b"m", 0, is_repeated=False)

    def facts(self) -> RecordFacts | None:
        return self.now


class Bench:
    """An engine, the record that it sees, and a sender."""

    def __init__(self, home: Path, **settings: object) -> None:
        self.clock, self.record, self.message = ManualClock(), Record(), FakeCurrentMessage()
        model = configured(**settings)
        window = ReplayWindow(home / "w", model.remembered, self.clock)
        self.engine = HMACValidationEngine(model, self.message, self.record, window, self.clock)
        self.signer = MessageSigner(model, self.clock)

    def check(self, **record: object) -> None:
        """Sign a record and check it."""
        self.sign()
        assert self.record.now is not None
        self.record.now = replace(self.record.now, **record)  # type: ignore[arg-type]  # fields of the record
        self.engine.check(Note(text="a"))

    def sign(self) -> None:
        record = self.record.now
        assert record is not None
        ((name, value),) = self.signer(record.topic, record.key, record.message_id, record.value or b"")
        self.message.headers = {name: value.decode()}


@pytest.mark.enforces("hmac_validation.max_age_seconds", "hmac_validation.clock_skew_seconds")
def test_the_age_counts_from_the_signature_to_the_arrival(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_age_seconds=60, clock_skew_seconds=5)
    start = bench.clock.now_ms()
    bench.sign()
    bench.clock.move_to(bench.clock.monotonic() + 61)
    with pytest.raises(AccessDeniedError, match="the signature is 61 s old"):
        bench.engine.check(Note(text="a"))
    facts = bench.record.now
    assert facts is not None
    bench.record.now = replace(facts, arrived_ms=start + 59_000)
    bench.engine.check(Note(text="a"))
    assert bench.engine.key_id == "k1"
    with pytest.raises(AccessDeniedError, match="the signature is 66 s in the future"):
        bench.check(arrived_ms=bench.clock.now_ms() - 66_000)
    with pytest.raises(AccessDeniedError, match="this message is not signed"):
        _ = bench.engine.key_id
    bench.check(arrived_ms=1, is_repeated=True, offset=3)
    assert bench.engine.reported_metrics() == {"accepted": 2, "refused": 2, "repeated": 0, "remembered": 2}


@pytest.mark.enforces("hmac_validation.remember_seconds", "hmac_validation.remembered")
def test_a_signature_is_remembered_for_its_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_age_seconds=1, clock_skew_seconds=1, remember_seconds=100, remembered=1)
    arrived = bench.clock.now_ms()
    bench.check(arrived_ms=arrived)
    facts = bench.record.now
    assert facts is not None
    bench.record.now = replace(facts, offset=2)
    for seconds in (0, 99):
        bench.clock.move_to(seconds)
        with pytest.raises(OutageError, match="is full"):
            bench.engine.check(Note(text="a"))
    with pytest.raises(OutageError, match="is full"):
        bench.check(offset=3, arrived_ms=0)
    bench.clock.move_to(bench.clock.monotonic() + 101)
    bench.check(offset=4)


def test_no_handler_starts_while_no_key_can_sign_its_result(tmp_path: Path) -> None:
    bench = Bench(tmp_path, keys=[{"id": "a", "value": SECRET, "until": "2030-01-01T00:00:00Z"}])
    bench.clock.move_to(bench.clock.monotonic() + 30 * 366 * 86_400)
    with pytest.raises(OutageError, match="no key signs"):
        bench.engine.check(Note(text="a"))


def test_without_a_record_nothing_is_checked(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.record.now = None
    bench.engine.check(Note(text="a"))
    assert NoCurrentRecord().facts() is None


@pytest.mark.enforces("hmac_validation.max_body_bytes")
def test_requests_are_signed_verified_and_not_taken_twice(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_body_bytes=5)
    verify = bench.engine.verify_request
    headers = {"Onex-Signature": bench.engine.sign_request("post", "/orders?a=1", b"body")[HEADER]}
    for method, target, body, problem in (
        ("PUT", "/orders?a=1", b"body", "the signature is wrong"),
        ("POST", "/orders?a=2", b"body", "the signature is wrong"),
        ("POST", "/orders?a=1", b"buddy", "the signature is wrong"),
        ("POST", "/orders?a=1", b"longer", "the request is too large"),
    ):
        with pytest.raises(AccessDeniedError, match=problem):
            verify(method, target, headers, body)
    assert verify("POST", "/orders?a=1", headers, b"body") == "k1"
    with pytest.raises(AccessDeniedError, match="used before"):
        verify("POST", "/orders?a=1", headers, b"body")
    with pytest.raises(AccessDeniedError, match="the request has no signature"):
        verify("POST", "/", {}, b"")
    by_function = sign(configured(), "GET", "/", clock=bench.clock)
    assert verify("GET", "/", by_function, b"") == "k1"


def test_a_node_without_keys_does_not_start(tmp_path: Path) -> None:
    bench = Bench(tmp_path, keys=[])
    with pytest.raises(CompositionError, match="MixinHMACValidation has no key; set `keys` in the contract"):
        asyncio.run(bench.engine.open())
    late = Bench(tmp_path, keys=[{"id": "a", "value": SECRET, "since": "2100-01-01T00:00:00Z"}])
    with pytest.raises(OutageError, match="no key signs"):
        asyncio.run(late.engine.open())
    only_checks = Bench(tmp_path, sign_outputs=False)
    asyncio.run(only_checks.engine.open())
    assert only_checks.engine.headers_of("t", None, b"", b"") == ()
    asyncio.run(only_checks.engine.close())


@pytest.mark.enforces("hmac_validation.warn_before_end_seconds")
def test_health_reports_keys_that_end(tmp_path: Path) -> None:
    class Shop(MixinHMACValidation, NodeEffect):
        pass

    clock = ManualClock()
    end = datetime.fromtimestamp(clock.now_ms() / 1000 + 86_400, UTC)
    node = Shop()
    model = configured(keys=[{"id": "a", "value": SECRET, "until": end}], warn_before_end_seconds=2 * 86_400)
    node.container = container(AgentEnvironment(home=tmp_path), model, clock=clock)
    assert node.hmac is node.hmac
    checks = node.container.get(HealthChecks).all
    asyncio.run(_probe(checks["hmac_keys"]))
    assert checks["hmac_keys"].critical
    assert not checks["hmac_key_end"].critical
    with pytest.raises(OutageError, match="no key signs"):
        asyncio.run(_probe(checks["hmac_key_end"]))
    clock.move_to(clock.monotonic() + 86_400)
    with pytest.raises(OutageError, match="no key signs"):
        asyncio.run(_probe(checks["hmac_keys"]))


async def _probe(check: object) -> None:
    await check.probe()  # type: ignore[attr-defined]  # a HealthCheck


# -- the record that the agent shows -------------------------------------------------------------


def shown(topic: str, partition: int, offset: int, headers: Headers) -> MemoryRecord:
    return MemoryRecord(topic, partition, offset, b"k", b"v", tuple(headers), 5)


def facts_of(record: MemoryRecord) -> RecordFacts:
    CURRENT.set(Current(read_envelope(record)))
    facts = CurrentRecord("retry").facts()
    assert facts is not None
    return facts


def test_the_place_of_a_record_is_that_of_its_first_topic() -> None:
    first = facts_of(shown("in", 1, 7, [(h.ID, b"m")]))
    assert (first.place, first.arrived_ms, first.is_repeated) == ("in-1-7", 0, False)
    moved = [
        (h.ID, b"m"),
        (h.ORIGINAL_TOPIC, b"in"),
        (h.ORIGINAL_OFFSET, b"7"),
        (h.RETRY_DUE, b"0"),
        (h.ATTEMPT, b"0"),
    ]
    waiting = facts_of(shown("retry", 1, 0, moved))
    assert (waiting.place, waiting.is_repeated) == ("in-1-7", False)
    elsewhere = [*moved, (h.ORIGINAL_PARTITION, b"3")]
    assert facts_of(shown("retry", 1, 0, elsewhere)).place == "in-3-7"
    for more in ([(h.ATTEMPT, b"2")], [(h.PARENT, b"p")]):
        assert facts_of(shown("retry", 1, 0, [*moved, *more])).is_repeated
    replayed = [(h.ID, b"m"), (h.ORIGINAL_TOPIC, b"in"), (h.ORIGINAL_OFFSET, b"7"), (h.REPLAY_ID, b"r")]
    assert facts_of(shown("retry", 1, 9, replayed)).place == "in-1-7"
    CURRENT.set(Current(CauseEnvelope("m", "c")))
    assert CurrentRecord("retry").facts() is None
    CURRENT.set(Current())
    assert CurrentRecord("retry").facts() is None
