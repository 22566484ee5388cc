"""MixinEncryption."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from onex.errors import CompositionError, RejectedError
from onex.mixins.encryption import MixinEncryption, ModelEncryptionSubcontract
from onex.mixins.encryption.engine import EncryptionEngine
from onex.node import NodeCompute
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
