"""MixinEncryption."""

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from onex.capability import HealthCheck, HealthChecks
from onex.capability.health import Probe
from onex.errors import CompositionError, OutageError, RejectedError
from onex.mixins.encryption import MixinEncryption, ModelEncryptionSubcontract
from onex.mixins.encryption.engine import EncryptionEngine
from onex.node import NodeCompute
from onex.testing.clock import ManualClock
from onex.util.clock import to_datetime
from tests.mixins.helpers import Note, container


def key(number: int) -> dict[str, str]:
    return {"id": f"key-{number}", "value": base64.b64encode(bytes([number]) * 32).decode()}


def made(*numbers: int, **settings: object) -> EncryptionEngine:
    keys = [key(number) for number in numbers]
    return EncryptionEngine(ModelEncryptionSubcontract.model_validate({"keys": keys, **settings}))


@given(st.binary(max_size=2000), st.text(max_size=20))
def test_values_round_trip(data: bytes, purpose: str) -> None:
    engine = made(1)
    envelope = engine.encrypt(data, purpose=purpose)
    assert len(data) < 8 or data not in envelope
    assert engine.decrypt(envelope, purpose=purpose) == data
    assert engine.encrypt(data, purpose=purpose) != envelope, "never the same twice"


@given(st.data())
def test_whatever_is_altered_is_refused(data: st.DataObject) -> None:
    engine = made(1)
    envelope = bytearray(engine.encrypt(b"four words of text", purpose="p"))
    place = data.draw(st.integers(0, len(envelope) - 1))
    envelope[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(RejectedError):
        engine.decrypt(bytes(envelope), purpose="p")
    with pytest.raises(RejectedError):
        engine.decrypt(bytes(envelope[:place]), purpose="p")


def test_an_envelope_is_for_one_purpose() -> None:
    engine = made(1)
    with pytest.raises(RejectedError, match="has another purpose"):
        engine.decrypt(engine.encrypt(b"x", purpose="card"), purpose="note")


@pytest.mark.enforces("encryption.keys", "encryption.keys.id", "encryption.keys.value", "encryption.active_key")
def test_keys_can_be_changed_without_touching_the_data() -> None:
    old = made(1)
    envelope = old.encrypt(b"data", purpose="p")
    assert old.key_of(envelope) == "key-1"
    both = made(1, 2, active_key="key-2")
    assert both.key_of(both.encrypt(b"new")) == "key-2"
    assert both.decrypt(envelope, purpose="p") == b"data"
    anew = both.rewrap(envelope)
    assert both.key_of(anew) == "key-2"
    assert anew.endswith(envelope[-32:]), "the data is as it was"
    new = made(2)
    assert new.decrypt(anew, purpose="p") == b"data"
    with pytest.raises(RejectedError, match="'key-1' of this envelope is not configured"):
        new.decrypt(envelope, purpose="p")


@pytest.mark.enforces("encryption.max_bytes")
def test_too_much_is_refused() -> None:
    engine = made(1, max_bytes=4)
    engine.encrypt(b"1234")
    with pytest.raises(RejectedError, match="5 bytes are too many"):
        engine.encrypt(b"12345")


def test_keys_are_keys() -> None:
    for wrong, said in (
        ({"keys": [{"id": "a", "value": "not base64!"}]}, "it is not base64"),
        ({"keys": [{"id": "a", "value": "c2hvcnQ="}]}, "it has 5 bytes; 32 are needed"),
        ({"keys": [key(1), key(1)]}, "two keys have the same id"),
        ({"keys": [key(1)], "active_key": "gone"}, "active_key 'gone' is none of key-1"),
        ({"active_key": "gone"}, "none of no keys"),
    ):
        with pytest.raises(ValidationError, match=said):
            ModelEncryptionSubcontract.model_validate(wrong)
    shown = repr(ModelEncryptionSubcontract.model_validate({"keys": [key(1)]}))
    assert key(1)["value"] not in shown


def test_no_envelope() -> None:
    for wrong in (b"", b"ONX1", b"something else"):
        with pytest.raises(RejectedError, match="not an encrypted envelope"):
            made(1).decrypt(wrong)
    with pytest.raises(RejectedError, match="is truncated"):
        made(1).decrypt(b"ONX1\x05key-1")


def test_a_node_without_keys_raises() -> None:
    class Node(MixinEncryption, NodeCompute[Note, Note]):
        pass

    node = Node()
    with pytest.raises(CompositionError, match="no key to encrypt with"):
        node.encryption.encrypt(b"x")
    keyed = Node()
    keyed.container = container(ModelEncryptionSubcontract.model_validate({"keys": [key(1)]}))
    assert keyed.encryption.decrypt(keyed.encryption.encrypt(b"x")) == b"x"


def ending(seconds: float, **settings: object) -> tuple[EncryptionEngine, ManualClock]:
    clock = ManualClock()
    until = to_datetime(clock.now_ms() + round(seconds * 1000)).isoformat()
    keys = [{**key(1), "until": until}, key(2)]
    return EncryptionEngine(ModelEncryptionSubcontract.model_validate({"keys": keys, **settings}), clock), clock


def problem(probe: Probe) -> str:
    return asyncio.run(HealthCheck("c", probe).problem(5))


@pytest.mark.enforces("encryption.keys.until", "encryption.warn_before_end_seconds")
def test_a_key_that_ends_is_reported_before_and_encrypts_nothing_after() -> None:
    engine, clock = ending(100, warn_before_end_seconds=60)
    envelope = engine.encrypt(b"data")
    assert problem(engine.probe_keys) == problem(engine.probe_end) == ""
    clock.move_to(clock.monotonic() + 41)
    assert problem(engine.probe_keys) == ""
    assert "the key key-1 ends soon" in problem(engine.probe_end)
    clock.move_to(clock.monotonic() + 60)
    assert "the key key-1 has ended" in problem(engine.probe_keys)
    with pytest.raises(OutageError, match="the key key-1 has ended; add another one"):
        engine.encrypt(b"data")
    assert engine.decrypt(envelope) == b"data", "it still decrypts"
    successor, _ = ending(-1, active_key="key-2")
    assert problem(successor.probe_keys) == problem(successor.probe_end) == ""


def test_health_reports_a_missing_key_and_one_that_does_not_decrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no key to encrypt with" in problem(made().probe_keys)
    broken = made(1)
    monkeypatch.setattr(broken, "decrypt", lambda *_, **__: b"other")
    assert "the key key-1 does not decrypt what it encrypts" in problem(broken.probe_keys)


def test_a_node_adds_checks_of_its_keys() -> None:
    class Node(MixinEncryption, NodeCompute[Note, Note]):
        pass

    node = Node()
    node.container = container(ModelEncryptionSubcontract.model_validate({"keys": [key(1)]}))
    node.encryption.encrypt(b"")
    checks = node.container.get(HealthChecks).all
    assert {name: check.critical for name, check in checks.items()} == {
        "encryption_keys": True,
        "encryption_key_end": False,
    }
