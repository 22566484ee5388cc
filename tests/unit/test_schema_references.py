"""Schemas that use types of other subjects are read, from a registry and from the topic."""

import json
from decimal import Decimal

import httpx
import pytest

from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import Partition, TopicState
from onex.errors import SchemaMismatchError
from onex.schema import Codec
from onex.schema.avro_schema import Schema
from onex.schema.catalogue import ProtocolSchemaCatalogue
from onex.schema.references import Reference, Referring, with_references
from onex.schema.registry import RegistryCatalogue
from onex.schema.topic_catalogue import SCHEMAS_TOPIC, TopicCatalogue
from tests.unit.test_codec import FakeCatalogue
from tests.unit.test_evolution import FIXED, OLD, Pair, Payment, Town, field, record

TOWN = record("Town", field("name", "string"), namespace="de.places")
ROAD = record("Road", field("end", "de.places.Town"), namespace="de.roads")
PAIR = record("Pair", field("one", "Town"), field("two", "de.places.Town"), namespace="de.places")
REFERENCES = [{"name": "de.places.Town", "subject": "town", "version": 1}]


def pair_bytes() -> bytes:
    return OLD + b"\x02a\x02b"


def served(monkeypatch: pytest.MonkeyPatch, bodies: dict[str, dict[str, object]]) -> RegistryCatalogue:
    def respond(request: httpx.Request) -> httpx.Response:
        body = bodies.get(request.url.path)
        return httpx.Response(200, json=body) if body else httpx.Response(404)

    client = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **more: client(transport=httpx.MockTransport(respond), **more))
    return RegistryCatalogue("http://registry")


def in_a_registry(monkeypatch: pytest.MonkeyPatch) -> ProtocolSchemaCatalogue:
    return served(
        monkeypatch,
        {
            "/schemas/ids/3": {"schema": json.dumps(PAIR), "references": REFERENCES},
            "/subjects/town/versions/1": {"schema": json.dumps(TOWN), "id": 1, "version": 1},
        },
    )


def in_the_topic(_monkeypatch: pytest.MonkeyPatch) -> ProtocolSchemaCatalogue:
    bus = MemoryEventBus(MemoryBroker(lambda: 0))
    bus.admin.create([TopicState(SCHEMAS_TOPIC, 1, 1, {})])
    for subject, number, schema, references in (("town", 1, TOWN, []), ("pair", 3, PAIR, REFERENCES)):
        key = {"keytype": "SCHEMA", "subject": subject, "version": 1, "magic": 1}
        value = {"subject": subject, "version": 1, "id": number, "schema": json.dumps(schema), "deleted": False}
        transaction = bus.transaction("registry")
        transaction.begin()
        transaction.produce(
            SCHEMAS_TOPIC, json.dumps({**value, "references": references}).encode(), json.dumps(key).encode(), []
        )
        transaction.commit(None, {})
        transaction.close()
    assert bus.broker.ends([Partition(SCHEMAS_TOPIC, 0)])
    return TopicCatalogue(bus)


@pytest.mark.parametrize("open_catalogue", [in_a_registry, in_the_topic])
def test_a_schema_with_references_is_read(monkeypatch: pytest.MonkeyPatch, open_catalogue) -> None:  # type: ignore[no-untyped-def]  # two functions
    codec = Codec(Pair, 7, open_catalogue(monkeypatch))
    assert codec.decode(pair_bytes()) == Pair(one=Town(name="a"), two=Town(name="b"))


def test_a_reference_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = served(monkeypatch, {"/schemas/ids/3": {"schema": json.dumps(PAIR), "references": REFERENCES}})
    with pytest.raises(SchemaMismatchError, match=r"de.places.Town: version 1 of town is unknown"):
        catalogue.schema_of(3)


def test_references_of_references_are_defined_once() -> None:
    top = record("Trip", field("road", "de.roads.Road"), field("back", ["null", "de.places.Town"]))
    town, road = Reference("de.places.Town", "town", 1), Reference("de.roads.Road", "road", 1)
    schemas: dict[Reference, Referring] = {town: Referring(TOWN), road: Referring(ROAD, [town])}
    whole = with_references(Referring(top, [road, town]), schemas.__getitem__)
    assert json.dumps(whole).count('"fields"') == 3
    fields: Schema = whole["fields"] if isinstance(whole, dict) else None
    assert isinstance(fields, list)
    assert fields[1] == field("back", ["null", "de.places.Town"])


def test_a_fixed_decimal_may_be_a_reference() -> None:
    payment = record("Payment", field("amount", "shop.Sum"))
    assert isinstance(FIXED, dict)
    whole = with_references(
        Referring(payment, [Reference("shop.Sum", "sum", 1)]), lambda _: Referring({**FIXED, "namespace": "shop"})
    )
    found = Codec(Payment, 7, FakeCatalogue({3: whole})).decode(OLD + (250).to_bytes(16, "big", signed=True))
    assert found == Payment(amount=Decimal("2.50"))
