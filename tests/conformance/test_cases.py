"""``cases.yaml`` of every node, on the hosts ``memory``, ``native`` and ``faust``."""

import json
import uuid
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest
from pydantic import ValidationError

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Outgoing, Partition
from onex.contract import ResolvedNode, find_contracts, load_contract, resolve_node
from onex.local import LocalPostgres
from onex.model.enums import EnumNodeKind
from onex.schema import Codec
from onex.testing import Case, load_cases, mismatch, run_case
from onex.testing.cases import Named
from onex.testing.run_case import case_bytes, case_key, header_pairs
from onex.wire import dead_letter as d
from onex.wire import headers as h
from onex.wire.partitioner import partition_of
from tests.conftest import FAUST, ORDERS, SERVICES, eventually
from tests.integration.agents import Mesh

FOLDERS = [file.parent for file in find_contracts([SERVICES, ORDERS, FAUST])]
CASES = [(folder, case) for folder in FOLDERS for case in load_cases(folder)]


def name_of(folder: Path) -> str:
    return folder.parent.name


@pytest.fixture
def outside(postgres: LocalPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Set the environment variables that effects need, and return them."""
    env = {"DATABASE_URL": postgres.start(), "ONEX_EXPORT_FOLDER": str(tmp_path / "generated")}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return env


@pytest.mark.parametrize(("folder", "case"), CASES, ids=[f"{name_of(f)}: {c.name}" for f, c in CASES])
def test_on_the_memory_host(folder: Path, case: Case, outside: dict[str, str]) -> None:
    virtual = load_contract(folder).node_type is not EnumNodeKind.EFFECT
    assert run_case(folder, case, virtual_time=virtual) == ""


@pytest.fixture(params=FOLDERS, ids=name_of)
def mesh(
    request: pytest.FixtureRequest, kafka_bus: KafkaEventBusAdapter, tmp_path: Path, outside: dict[str, str]
) -> Iterator[Mesh]:
    with Mesh(kafka_bus, [request.param], tmp_path, outside) as made:
        made.start(made.nodes[0].contract.name)
        yield made


def test_on_the_native_host(mesh: Mesh) -> None:
    node = mesh.nodes[0]
    for case in _cases(node.folder):
        assert _run(mesh, case) == "", case.name
    (process,) = mesh.processes
    assert mesh.stop(process) == 0


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_on_the_faust_host(
    folder: Path, kafka_bus: KafkaEventBusAdapter, tmp_path: Path, outside: dict[str, str]
) -> None:
    with Mesh(kafka_bus, [folder], tmp_path, outside) as mesh:
        process = mesh.start(mesh.nodes[0].contract.name, faust=True)
        for case in _cases(folder):
            assert _run(mesh, case) == "", case.name
        assert mesh.stop(process) == 0


def _cases(folder: Path) -> Iterator[Case]:
    """Yield the cases of a node, each with different keys: the cases share a mesh, and so the state of a key."""
    node = resolve_node(folder)
    for number, case in enumerate(load_cases(folder)):
        if not node.contract.node_type.is_stateful:
            yield case
            continue
        keys = {case_key(node, case, named) for named in (*case.given, case.when)}
        names = {name for key in keys for name in (key, key.rpartition("/")[2])}
        whole = {
            "name": case.name,
            "given": [_whole(node, named) for named in case.given],
            "given_headers": case.given_headers,
            "headers": case.headers,
            "when": _whole(node, case.when),
            "then": case.then.model_dump(exclude_none=True),
        }
        renamed = Case.model_validate(_renamed(whole, names, f"-{number}"))
        try:
            for named in (*renamed.given, renamed.when):
                _whole(node, named)
        except ValidationError:  # the key is a member of an enum
            renamed = case
        yield renamed


def _whole(node: ResolvedNode, named: Mapping[str, object]) -> dict[str, object]:
    """Return the message with its defaults, which may be a part of its key."""
    (name, payload), *_ = named.items()
    if name not in node.models:
        return {name: payload}
    return {name: node.models[name].model_validate_json(json.dumps(payload)).model_dump(mode="json")}


def _renamed(value: object, names: AbstractSet[str], suffix: str) -> object:
    """Return the value with a suffix after each text that is one of the names."""
    match value:
        case str():
            return value + suffix if value in names else value
        case dict():
            return {name: _renamed(part, names, suffix) for name, part in value.items()}
        case list() | tuple():
            return [_renamed(part, names, suffix) for part in value]
        case _:
            return value


def _run(mesh: Mesh, case: Case) -> str:
    node, other, correlation = mesh.nodes[0], f"case-{uuid.uuid4().hex}", uuid.uuid4().hex.encode()
    group = node.contract.group(mesh.prefix)
    identity = b""
    sent = [*((named, case.given_headers) for named in case.given), (case.when, case.headers)]
    for named, own in sent:
        name, payload = next(iter(named.items()))
        key = (case_key(node, case, named) or other).encode()
        identity = uuid.uuid4().hex.encode()
        topics = [t for t, r in node.routes.items() if r.model.__name__ == name]
        topic = topics[0] if topics else node.contract.event_bus.subscribe_topics[0]
        headers = [(h.ID, identity), (h.CORRELATION, correlation), *header_pairs(own)]
        mesh.bus.publish(Outgoing(topic, case_bytes(name, payload), key, headers))
        number = partition_of(key, node.contract.event_bus.topic_config.partitions)
        partition = Partition(topic, number)
        end = mesh.bus.admin.ends([partition])[partition][1]

        def handled(partition: Partition = partition, end: int = end) -> bool:
            position = mesh.bus.admin.group_positions(group, [partition]).get(partition)
            return position is not None and position.offset >= end

        eventually(handled, 90, f"{name} handled by {group}")
    return mismatch(case, _published(mesh, identity), _dead_letter(mesh, identity))


def _published(mesh: Mesh, identity: bytes) -> list[Named]:
    published: list[Named] = []
    for model, topic in mesh.nodes[0].outputs.items():
        codec = Codec.of_topic(model, topic, mesh.catalogue)
        for record in mesh.records(topic):
            if dict(record.headers() or []).get(h.CAUSATION) == identity:
                published.append({model.__name__: codec.decode(record.value()).model_dump(mode="json")})
    return published


def _dead_letter(mesh: Mesh, identity: bytes) -> dict[str, str] | None:
    for headers in mesh.dead_letters(mesh.nodes[0].contract.name):
        if headers.get(d.MESSAGE_ID) == identity.decode():
            return {name.removeprefix(d.PREFIX): value for name, value in headers.items()}
    return None
