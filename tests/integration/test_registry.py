"""Schemas in a real Confluent-compatible registry instead of the topic ``_schemas``."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_unruly_compute.v1_0_0.models import Ask, Reply

from onex.bus.kafka import KafkaEventBusAdapter
from onex.errors import BusUnavailableError, SchemaMismatchError
from onex.provisioning.declared import Declared, DeclaredSchema, declare
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema import avro_schema
from onex.schema.registry import RegistryCatalogue
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh
from tests.integration.registry import Registry


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


def test_a_registry_that_is_away_is_named() -> None:
    with pytest.raises(BusUnavailableError, match="127.0.0.1:9"):
        RegistryCatalogue("http://127.0.0.1:9").versions(["x"])
