"""Records without a value on topics of others: dead letters, or done as they are read."""

import asyncio
from pathlib import Path

import pytest

from onex.bus.memory.log import MemoryRecord
from onex.contract import parse_contract
from onex.errors import ContractError
from onex.mesh.connection import Connection
from onex.provisioning.sample import sample_warnings
from onex.settings import Settings
from onex.testing import MeshDriver
from onex.wire.retry import UNTRIED, moved_record
from tests.unit.test_existing_forms import AVRO, AVRO_MODELS, AVRO_NODE, BLOB, BLOB_MODELS, BLOB_NODE
from tests.unit.test_existing_topics import CONTRACT, make
from tests.unit.test_existing_types import EFFECT, EXECUTE, MODELS, REDUCE, REDUCER


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tombstones")
    ignore = ("format:", "tombstones: ignore, format:")
    effect = EFFECT.replace("KIND", "effect").replace("UPPER", "EFFECT")
    make(root, "tombjson", CONTRACT.replace("      format: json\n", "      format: json\n      tombstones: ignore\n"))
    make(root, "tombavro", AVRO.replace(*ignore, 1), AVRO_MODELS, AVRO_NODE)
    make(root, "tombblob", BLOB.replace(*ignore, 1), BLOB_MODELS, BLOB_NODE)
    strict = REDUCER.replace("      other_types: ignore\n", "      tombstones: ignore\n")
    make(root, "tombbook", strict, MODELS, REDUCE)
    make(
        root,
        "tombnews",
        effect.replace("other_types: ignore", "tombstones: ignore"),
        MODELS,
        EXECUTE.replace("KIND", "effect"),
    )
    return root


NODES = ["tombjson_compute", "tombavro_compute", "tombblob_compute", "tombbook_reducer", "tombnews_effect"]


@pytest.mark.parametrize("name", NODES)
def test_a_tombstone_is_done_as_it_is_read_and_an_empty_value_is_not(root: Path, name: str) -> None:
    mesh = MeshDriver([root / f"node_{name}" / "v1_0_0"])
    (topic,) = mesh.nodes[0].routes
    mesh.publish(topic, None, b"a", [])
    mesh.publish(topic, None, None, [])
    assert mesh.dead_letters() == []
    assert [*sample_warnings(mesh.nodes, mesh.bus, mesh.catalogue)] == []
    letter = MemoryRecord(topic, 0, 0, b"a", None, (), 0)
    mesh.publish(*moved_record(mesh.nodes[0].contract.retry_topic, letter, b"m-1", UNTRIED))
    assert mesh.dead_letters() == []
    (instance,) = mesh.instances
    mesh.crash(instance)
    mesh.add_instance(mesh.nodes[0].node_class)
    mesh.publish(topic, b"", b"a", [])
    assert len(mesh.dead_letters()) == (0 if name == "tombblob_compute" else 1)
    assert sum(len(mesh.records(output)) for output in mesh.nodes[0].outputs.values()) == (name == "tombblob_compute")
    mesh.close()


@pytest.mark.parametrize("name", ["tombjson_compute", "tombbook_reducer"])
def test_a_client_reads_over_a_tombstone(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = MeshDriver([root / f"node_{name}" / "v1_0_0"])

    class Bus:
        async def start(self) -> None: ...

    monkeypatch.setattr("onex.mesh.connection.open_bus", lambda _: mesh.bus)
    monkeypatch.setattr("onex.mesh.connection.open_async_bus", lambda _: Bus())
    monkeypatch.setattr("onex.mesh.connection.open_catalogue", lambda *_: mesh.catalogue)
    monkeypatch.setattr("onex.mesh.connection.require_environment", lambda *_: None)
    monkeypatch.setattr(Connection, "_contracts", lambda _: mesh.nodes)
    connection = Connection(Settings(bootstrap_servers="none:1"), [])
    asyncio.run(connection.open())
    (topic,) = mesh.nodes[0].routes
    model = mesh.nodes[0].all_routes[0].model
    assert not connection.is_of(model, MemoryRecord(topic, 0, 0, b"a", None, (), 0))
    other = MemoryRecord("onex.evt.a.other.v1", 0, 0, b"a", None, (), 0)
    assert connection.is_of(model, other)  # its codec refuses it
    mesh.close()


def test_tombstones_belong_to_inputs(root: Path) -> None:
    text = BLOB.replace("Copy, format: bytes", "Copy, tombstones: ignore, format: bytes").replace("NAME", "tombbad")
    with pytest.raises(ContractError, match=r"topics.shop.copies.tombstones belongs to a topic in subscribe_topics"):
        parse_contract(text)
    own = text.replace(
        "shop.scans: {message: Scan, format: bytes}", "onex.evt.a.scan.v1: {message: Scan, tombstones: ignore}"
    )
    with pytest.raises(ContractError, match="tombstones needs format"):
        parse_contract(own.replace("[shop.scans]", "[onex.evt.a.scan.v1]"))
