"""Schemas in a real Confluent-compatible registry instead of the topic ``_schemas``."""

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import fastavro
import httpx
import pytest
from node_unruly_compute.v1_0_0.models import Ask, Reply
from pydantic import JsonValue

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Outgoing, TopicState
from onex.errors import BusUnavailableError, SchemaMismatchError
from onex.provisioning.declared import Declared, DeclaredSchema, declare
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema import avro_schema
from onex.schema.registry import RegistryCatalogue
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh
from tests.integration.registry import Registry
from tests.unit.test_adopt import onex


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    server = Registry(tmp_path_factory.mktemp("registry"))
    server.start()
    yield server
    server.stop()


def test_versions_ids_and_schemas(registry: Registry) -> None:
    catalogue = RegistryCatalogue(registry.url)
    with pytest.raises(SchemaMismatchError, match="onex apply"):
        catalogue.id_of("ask-value", avro_schema(Ask))
    assert catalogue.versions(["ask-value"]) == {"ask-value": []}
    first = catalogue.register({"ask-value": avro_schema(Ask)})["ask-value"]
    assert catalogue.register({"ask-value": avro_schema(Ask)}) == {"ask-value": first}
    assert catalogue.id_of("ask-value", avro_schema(Ask)) == first.id
    assert catalogue.schema_of(first.id) == avro_schema(Ask)
    assert [version.version for version in catalogue.versions(["ask-value"])["ask-value"]] == [1]
    with pytest.raises(SchemaMismatchError, match="4711"):
        catalogue.schema_of(4711)


def test_an_agent_runs_on_it_and_incompatible_schemas_are_refused(
    registry: Registry, kafka_bus: KafkaEventBusAdapter, tmp_path: Path
) -> None:
    catalogue = RegistryCatalogue(registry.url)
    env = {"SCHEMA_REGISTRY_URL": registry.url}
    with Mesh(kafka_bus, [NODES / "node_unruly_compute" / "v1_0_0"], tmp_path, env) as mesh:
        declared = declare(mesh.nodes, 1)
        apply_plan(make_plan(declared, kafka_bus, catalogue), declared, kafka_bus, catalogue)
        assert make_plan(declared, kafka_bus, catalogue).changes == []
        mesh.catalogue = catalogue
        mesh.start("node_unruly_compute")
        mesh.send([Ask(entity="e")])
        eventually(lambda: mesh.messages(Reply) == [Reply(entity="e", text="")], 30)
        changed = json.loads(json.dumps(avro_schema(Ask)))
        changed["fields"].append({"name": "required", "type": "string"})
        subject = "onex.cmd.unruly.ask.v1-value"
        wanted = Declared(declared.topics, {subject: DeclaredSchema(subject, changed, "test")})
        assert "required" in make_plan(wanted, kafka_bus, catalogue).refused[0].detail


PARCELS = "registry.parcels"
ADDRESS: JsonValue = {
    "type": "record",
    "name": "Address",
    "namespace": "com.shop",
    "fields": [{"name": "city", "type": "string"}],
}
PARCEL: JsonValue = {
    "type": "record",
    "name": "Parcel",
    "namespace": "com.shop",
    "fields": [
        {"name": "parcel_id", "type": "string"},
        {"name": "class", "type": {"type": "enum", "name": "Class", "symbols": ["SMALL", "LARGE"]}},
        {"name": "to", "type": "com.shop.Address"},
        {"name": "from", "type": ["null", "com.shop.Address"], "default": None},
        {"name": "parent", "type": ["null", "Parcel"], "default": None},
    ],
}


def registered(registry: Registry, subject: str, schema: JsonValue, references: Sequence[JsonValue] = ()) -> int:
    body = {"schema": json.dumps(schema), "schemaType": "AVRO", "references": list(references)}
    done = httpx.post(f"{registry.url}/subjects/{subject}/versions", json=body, timeout=30)
    return int(done.raise_for_status().json()["id"])


def test_a_topic_of_the_registry_is_adopted_and_an_agent_reads_it(
    registry: Registry, kafka_bus: KafkaEventBusAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(registry, "addresses", ADDRESS)
    reference: JsonValue = {"name": "com.shop.Address", "subject": "addresses", "version": 1}
    schema_id = registered(registry, "com.shop.Parcel", PARCEL, [reference])
    schema = RegistryCatalogue(registry.url).schema_of(schema_id)
    whole = fastavro.parse_schema(schema)  # type: ignore[arg-type]  # any JSON
    records = []
    for number in range(12):
        place = {"city": "Chur"}
        parcel = {"parcel_id": f"p-{number}", "class": "LARGE", "to": place, "from": place if number % 2 else None}
        body = io.BytesIO()
        fastavro.schemaless_writer(body, whole, {**parcel, "parent": {**parcel, "parent": None}})
        value = b"\x00" + schema_id.to_bytes(4, "big") + body.getvalue()
        records.append(Outgoing(PARCELS, value, b"p-%d" % number, []))
    kafka_bus.admin.create([TopicState(PARCELS, 4, 1, {})])
    kafka_bus.publish_batch(records)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bus.config.bootstrap_servers)
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", registry.url)
    code, out, err = onex("adopt", PARCELS, "--json", "-o", str(tmp_path))
    assert code == 0, err
    facts = json.loads(out)
    assert facts["avro"] == {"record": "com.shop.Parcel", "subject": "com.shop.Parcel", "schemas": [schema_id]}
    assert (facts["records"], facts["key"]["field"]) == (12, "parcel_id")
    others = "all records are of one type, but the schemas allow others on the topic. The node passes over those"
    assert set(facts["notes"]) == {"parent: left out: a Parcel within itself", others}

    catalogue = RegistryCatalogue(registry.url)
    with Mesh(kafka_bus, [Path(facts["folder"])], tmp_path, {"SCHEMA_REGISTRY_URL": registry.url}) as mesh:
        declared = declare(mesh.nodes, 1)
        apply_plan(make_plan(declared, kafka_bus, catalogue), declared, kafka_bus, catalogue)
        mesh.catalogue = catalogue
        kafka_bus.publish_batch(records)
        mesh.start(facts["node"])
        model = mesh.nodes[0].models["Parcel"]
        eventually(lambda: len(mesh.messages(model)) == 12, 30, "all parcels passed on")
        parcels = {message.parcel_id: message for message in mesh.messages(model)}  # type: ignore[attr-defined]  # a Parcel
        assert parcels["p-3"].model_dump(by_alias=True) == {
            "parcel_id": "p-3",
            "class": "LARGE",
            "to": {"city": "Chur"},
            "from": {"city": "Chur"},
        }
        assert mesh.dead_letters(facts["node"]) == []


def test_a_registry_that_is_away_is_named() -> None:
    with pytest.raises(BusUnavailableError, match="127.0.0.1:9"):
        RegistryCatalogue("http://127.0.0.1:9").versions(["x"])
