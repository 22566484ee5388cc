"""Look-ups of unknown schema ids: few, bounded, and never on the caller's thread."""

from collections.abc import Callable, Collection, Mapping

import pytest

from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import Outgoing, TopicState
from onex.errors import BusUnavailableError, SchemaMismatchError, SchemaPendingError
from onex.model.message import Message
from onex.schema import avro_schema
from onex.schema import lookups as module
from onex.schema.avro_schema import Schema
from onex.schema.lookups import UNKNOWN_FOR, SchemaLookups
from onex.schema.topic_catalogue import SCHEMAS_TOPIC, TopicCatalogue
from onex.testing.clock import ManualClock


class Sample(Message):
    """A message."""

    text: str


class Scene(TopicCatalogue):
    """Look-ups that run when the test starts them, and the number of calls of the catalogue."""

    def __init__(self) -> None:
        self.bus = MemoryEventBus(MemoryBroker(lambda: 0))
        self.bus.admin.create([TopicState(SCHEMAS_TOPIC, 1, 1, {})])
        super().__init__(self.bus)
        self.clock = ManualClock()
        self.requested: list[frozenset[int]] = []
        self.failure: Exception | None = None
        self.work: list[Callable[[], None]] = []
        self.lookups = SchemaLookups(self, self.clock, 0.0, 0.0, self.work.append)

    def schemas_of(self, schema_ids: Collection[int]) -> Mapping[int, Schema]:
        self.requested.append(frozenset(schema_ids))
        if self.failure is not None:
            raise self.failure
        return super().schemas_of(schema_ids)

    def run(self) -> None:
        while self.work:
            self.work.pop()()


def test_a_flood_of_unknown_ids_is_one_look_up_and_is_remembered() -> None:
    scene = Scene()
    for schema_id in [*range(100, 600), *range(100, 600)]:
        with pytest.raises(SchemaPendingError):
            scene.lookups.schema_of(schema_id)
    assert (len(scene.work), scene.requested) == (1, []), "no call on this thread"
    scene.run()
    assert scene.requested == [frozenset(range(100, 600))]
    for schema_id in range(100, 600):
        with pytest.raises(SchemaMismatchError, match="is unknown"):
            scene.lookups.schema_of(schema_id)
    assert (len(scene.requested), scene.work) == (1, [])


def test_an_unknown_id_is_looked_up_again_after_a_while() -> None:
    scene = Scene()
    with pytest.raises(SchemaPendingError):
        scene.lookups.schema_of(1)
    scene.run()
    scene.lookups.register({"late-value": avro_schema(Sample)})
    with pytest.raises(SchemaMismatchError):
        scene.lookups.schema_of(1)
    scene.clock.move_to(scene.clock.monotonic() + UNKNOWN_FOR)
    with pytest.raises(SchemaPendingError):
        scene.lookups.schema_of(1)
    scene.run()
    assert scene.lookups.schema_of(1) == avro_schema(Sample)


def test_unknown_ids_and_pending_look_ups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_UNKNOWN", 10)
    monkeypatch.setattr(module, "MOST_PENDING", 20)
    scene = Scene()
    for schema_id in range(1000):
        with pytest.raises(SchemaPendingError):
            scene.lookups.schema_of(schema_id)
    scene.run()
    assert len(scene.requested[0]) == 20
    assert len(scene.lookups._unknown) == 10


@pytest.mark.parametrize("failure", [BusUnavailableError("registry: 503"), KeyError("schema")], ids=repr)
def test_a_failed_look_up_makes_no_id_unknown_and_is_not_repeated_for_every_message(failure: Exception) -> None:
    scene = Scene()
    scene.failure = failure
    with pytest.raises(SchemaPendingError):
        scene.lookups.schema_of(7)
    scene.run()
    for _ in range(100):
        with pytest.raises(BusUnavailableError, match="schemas cannot be looked up"):
            scene.lookups.schema_of(7)
    assert len(scene.requested) == 1
    scene.failure = None
    scene.clock.move_to(scene.clock.monotonic() + 1.0)
    with pytest.raises(SchemaPendingError):
        scene.lookups.schema_of(7)
    scene.run()
    with pytest.raises(SchemaMismatchError):
        scene.lookups.schema_of(7)


def test_a_caller_with_patience_gets_the_schema() -> None:
    scene = Scene()
    scene.register({"a-value": avro_schema(Sample)})
    lookups = SchemaLookups(scene, scene.clock, 30.0, 0.0)
    assert lookups.schema_of(1) == avro_schema(Sample)
    with pytest.raises(SchemaMismatchError):
        lookups.schema_of(2)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"\xff", b"{}"),
        (b"[]", b"{}"),
        (b'{"keytype":"SCHEMA"}', b"[]"),
        (b'{"keytype":"SCHEMA"}', b'{"subject":"s","version":1,"id":5}'),
        (b'{"keytype":"SCHEMA"}', b'{"subject":"s","version":1,"id":2147483648,"schema":"\\"long\\""}'),
        (b'{"keytype":"SCHEMA"}', b'{"subject":"s","version":1,"id":0,"schema":"\\"long\\""}'),
        (
            b'{"keytype":"SCHEMA"}',
            b'{"subject":"a-value","version":4,"id":40,"schemaType":"PROTOBUF","schema":"syntax"}',
        ),
    ],
    ids=["no UTF-8", "no object", "no fields", "no schema", "id of five bytes", "no id", "Protobuf"],
)
def test_records_of_others_in_the_schema_topic_are_skipped_and_counted(key: bytes, value: bytes) -> None:
    scene = Scene()
    scene.bus.publish(Outgoing(SCHEMAS_TOPIC, value, key, []))
    found = scene.register({"a-value": avro_schema(Sample)})["a-value"]
    assert scene.skipped.counts == {SCHEMAS_TOPIC: 1}
    assert TopicCatalogue(scene.bus).id_of("a-value", avro_schema(Sample)) == found.id < 100
    if b"PROTOBUF" in value:
        assert (found.id, found.version) == (41, 5), "ids and versions of others are not given again"
