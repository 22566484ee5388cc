"""Environments on one cluster: they share no names, and tools use only the names of their own environment."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

import onex
from onex.bus.protocols import Partition
from onex.cli.messages.follower import Follower
from onex.contract import ResolvedNode, find_contracts, parse_contract, resolve_node
from onex.dlq import Author, DeadLetterManager, LetterFilter, OffsetManager, OffsetSkipper
from onex.dlq.audit import Audit
from onex.errors import ConfigurationError, ContractError, RejectedError
from onex.mesh import Survey
from onex.mesh.states import StateReader
from onex.model.enums import EnumTopicCategory
from onex.model.topic import TopicName, environment_of_group, is_retry_topic
from onex.provisioning.declared import declare
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from onex.testing import MeshDriver
from onex.wire import headers as h
from tests.conftest import NODES, ORDERS, SERVICES

PACKAGE = Path(onex.__file__).parent
FOLDERS = [
    NODES / name / "v1_0_0" for name in ("node_tally_reducer", "node_unruly_effect", "node_alarm_orchestrator")
]
PREFIX = "b."
PREFIXES = ["staging.", "shop.staging.", "onex.", "onex.cmd.", "onex.retry.", "9-a."]


@pytest.fixture
def pair() -> Iterator[tuple[MeshDriver, MeshDriver]]:
    """The same nodes twice on one broker, with the same environment name: the prefix alone separates them."""
    NodeUnrulyEffect.done.clear()
    NodeUnrulyEffect.down.clear()
    plain = MeshDriver(FOLDERS)
    other = MeshDriver(FOLDERS, topic_prefix=PREFIX, shared=plain)
    yield plain, other
    NodeUnrulyEffect.down.clear()
    other.close()
    plain.close()


def seen_by(mesh: MeshDriver, prefix: str) -> dict[str, object]:
    """Return the logs, positions and transactional ids of names that begin with the prefix, or with none."""
    mine = (lambda name: name.startswith(PREFIX)) if prefix else (lambda name: not name.startswith(PREFIX))
    broker = mesh.broker
    return {
        "logs": {where: len(log.records) for where, log in broker.logs.items() if mine(where.topic)},
        "positions": {name: dict(group.positions) for name, group in broker.groups.items() if mine(name)},
        "transactional ids": {name: epoch for name, epoch in broker.epochs.items() if mine(name)},
    }


def work(mesh: MeshDriver) -> None:
    """Write results, state, a retry, a dead letter, its replay and positions: each kind of write."""
    mesh.send(Amount(entity="e", value=7))
    mesh.send(Act(entity="good", number=1))
    mesh.send(Act(entity="again", number=1, mood="recovers"))
    mesh.send(Act(entity="bad", number=1, mood="raise"), id="bad")
    NodeUnrulyEffect.down.add("down")
    mesh.send(Act(entity="down", number=1))
    mesh.advance("10m")
    NodeUnrulyEffect.down.clear()
    desk = desk_of(mesh)
    desk.replay([letter for letter, _ in desk.find(LetterFilter())])
    mesh.run_until_idle()


def desk_of(mesh: MeshDriver) -> DeadLetterManager:
    effect = mesh.nodes[1]
    return DeadLetterManager(mesh.bus, catalogue_of(mesh), effect, Author("ada", "why"), "test")


def catalogue_of(mesh: MeshDriver) -> TopicCatalogue:
    return TopicCatalogue(mesh.bus, mesh.nodes[0].contract.topic_prefix)


@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_the_work_of_an_environment_changes_nothing_in_another(
    pair: tuple[MeshDriver, MeshDriver], prefix: str
) -> None:
    plain, other = pair
    idle, busy = (other, plain) if prefix else (plain, other)
    before = seen_by(idle, prefix)
    work(busy)
    assert seen_by(idle, prefix) == before
    assert len(busy.published(Acted)) == 3, "one at first, one after a retry, one by a replay"
    assert len(busy.published(Tallied)) == 1
    assert len(busy.dead_letters()) == 3, "two, and one again by a replay"
    idle.run_until_idle()
    assert seen_by(idle, prefix) == before, "the agents of the other environment found nothing to do"


def test_every_name_that_an_environment_uses_has_its_prefix() -> None:
    mesh = MeshDriver(FOLDERS, topic_prefix=PREFIX)
    try:
        work(mesh)
        broker = mesh.broker
        for used in (broker.topics, broker.groups, broker.epochs):
            assert used
            assert [name for name in used if not name.startswith(PREFIX)] == []
    finally:
        NodeUnrulyEffect.down.clear()
        mesh.close()


def test_tools_see_their_environment_alone(pair: tuple[MeshDriver, MeshDriver]) -> None:
    plain, other = pair
    work(other)
    plain.send(Amount(entity="e", value=1))
    for mesh, dead, total in ((plain, 0, 1), (other, 3, 7)):
        tally, effect, _ = mesh.nodes
        catalogue, prefix = catalogue_of(mesh), tally.contract.topic_prefix
        assert len([*desk_of(mesh).find(LetterFilter(states=frozenset()))]) == dead
        assert len([*Audit(mesh.bus, catalogue, prefix).entries()]) == bool(dead) * 2
        state, _ = StateReader(mesh.bus, catalogue, tally).get("e")
        assert state is not None
        assert json.loads(state.to_stored_json())["total"] == total
        views = Survey(mesh.bus, catalogue, mesh.nodes, "test", prefix).look()
        assert {view.name: view.lag for view in views} == dict.fromkeys((n.contract.name for n in mesh.nodes), 0)
        desk = OffsetManager(mesh.bus, catalogue, effect, Author("ada", "why"), "test")
        assert {at.partition.topic.startswith(PREFIX) for at in desk.positions()} == {bool(prefix)}
        follower = Follower(mesh.bus, catalogue, mesh.nodes, from_beginning=True)
        assert {seen.record.topic().startswith(PREFIX) for seen in follower.present()} == {bool(prefix)}


@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_a_survey_names_the_registry_nodes_that_do_not_run(prefix: str) -> None:
    names = ["node_registry_orchestrator", "node_registry_reducer"]
    folders = [NODES / "node_tally_reducer" / "v1_0_0", *(SERVICES / name / "v1_0_0" for name in names)]
    for running in range(3):
        mesh = MeshDriver(folders[: 1 + running], topic_prefix=prefix)
        try:
            survey = Survey(mesh.bus, catalogue_of(mesh), mesh.nodes, "test", prefix)
            assert survey.missing_registry_nodes() == names[running:]
            other = Survey(mesh.bus, catalogue_of(mesh), mesh.nodes, "other", prefix)
            assert other.missing_registry_nodes() == names
        finally:
            mesh.close()


def test_a_command_for_another_environments_topic_is_refused(pair: tuple[MeshDriver, MeshDriver]) -> None:
    plain, other = pair
    skipper = OffsetSkipper(other.bus, catalogue_of(other), other.nodes[1], Author("ada", "why"), "test")
    with pytest.raises(RejectedError, match=r"reads b\.onex\.cmd\.unruly\.act\.v1"):
        skipper.find(Partition(next(iter(plain.nodes[1].routes)), 0), 0)


def test_a_schema_is_registered_for_one_environment(pair: tuple[MeshDriver, MeshDriver]) -> None:
    plain, other = pair
    subjects = [f"{topic}-value" for mesh in pair for node in mesh.nodes for topic in node.routes]
    own, others = catalogue_of(plain).versions(subjects), catalogue_of(other).versions(subjects)
    for subject in subjects:
        prefixed = subject.startswith(PREFIX)
        assert bool(own[subject]) is not prefixed
        assert bool(others[subject]) is prefixed


def test_types_of_messages_are_the_same_in_every_environment(pair: tuple[MeshDriver, MeshDriver]) -> None:
    for mesh in pair:
        mesh.send(Act(entity="good", number=1))
        ((record, _),) = mesh.messages(Acted)
        assert dict(record.headers() or [])[h.TYPE] == b"onex.evt.unruly.acted.v1"


@pytest.fixture(scope="module")
def nodes() -> list[ResolvedNode]:
    return [resolve_node(file) for file in find_contracts([SERVICES, ORDERS])]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_declared_name_has_the_prefix_and_is_else_the_same(prefix: str, nodes: list[ResolvedNode]) -> None:
    plain, other = declare(nodes, 1), declare([node.with_prefix(prefix) for node in nodes], 1, prefix=prefix)
    assert list(other.topics) == sorted(prefix + name for name in plain.topics)
    assert list(other.schemas) == sorted(prefix + subject for subject in plain.schemas)
    assert not plain.topics.keys() & other.topics.keys()
    for name, topic in plain.topics.items():
        found = other.topics[prefix + name]
        assert (
            found.state.name,
            found.state.config,
            found.state.partitions,
            found.declared_by,
            found.keyed_state,
        ) == (
            prefix + name,
            topic.state.config,
            topic.state.partitions,
            topic.declared_by,
            topic.keyed_state,
        )
        assert found.inputs == {prefix + source for source in topic.inputs}
    for subject, schema in plain.schemas.items():
        assert other.schemas[prefix + subject].schema == schema.schema


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_node_may_change_its_environment(prefix: str, nodes: list[ResolvedNode]) -> None:
    for node in nodes:
        moved = node.with_prefix("a.").with_prefix(prefix)
        assert (moved.routes, moved.outputs) == (node.with_prefix(prefix).routes, node.with_prefix(prefix).outputs)
        assert moved.contract == node.with_prefix(prefix).contract
        assert moved.with_prefix("").contract == node.contract
        assert moved.contract != node.contract


def test_names_of_existing_clusters_stay() -> None:
    contract = resolve_node(NODES / "node_tally_reducer" / "v1_0_0").contract
    assert contract.group("dev") == "dev.node_tally_reducer.consume.v1"
    assert (contract.retry_topic, contract.changelog_topic, contract.dead_letter_topic) == (
        "onex.retry.tally.reducer.v1",
        "onex.state.node_tally_reducer.v1",
        "onex.dlq.tally.reducer.v1",
    )


@pytest.mark.parametrize("prefix", ["", *PREFIXES])
def test_a_prefix_is_read_from_a_name_as_it_was_written(prefix: str) -> None:
    for category in EnumTopicCategory:
        name = TopicName(category, "onex", "retry", 2, prefix)
        assert TopicName.parse(str(name)) == name
        assert name.message_type == f"onex.{category}.onex.retry.v2"
        assert is_retry_topic(str(name)) is (category is EnumTopicCategory.RETRY)
    contract = resolve_node(NODES / "node_tally_reducer" / "v1_0_0", prefix).contract
    assert environment_of_group(contract.group("dev"), prefix) == ("dev", "node_tally_reducer")
    assert environment_of_group(contract.group("dev"), f"{prefix}x.") is None
    assert environment_of_group(f"y.{contract.group('dev')}", prefix) is None
    assert environment_of_group(f"{contract.group('dev')}.outbox", prefix) is None


_TAKE_THE_PREFIX = {"resolve_node": 2, "TopicCatalogue": 2, "Discovery": 3, "Audit": 3, "Survey": 5}
"""Number of arguments of a call that passes the prefix."""
_KEYWORD = ("declare", "dead_letter_topic", "retry_topic", "changelog_topic", "cancel_topic")
_CONSTANTS = {"MESH_TOPICS", "SNAPSHOT_TOPICS", "AUDIT_TOPICS"}
_OF_CONTRACTS_ALONE = {
    "cli/contract.py",
    "cli/contract_checks.py",
    "contract/reader.py",
    "testing/driver.py",
    "testing/instance.py",
}
"""They check contracts, whose names have no prefix; the driver is the subject of the tests above."""


def test_no_tool_forgets_the_prefix() -> None:
    """Each of these names topics: without the prefix it would use those of another environment."""
    seen, names = set(), (*_TAKE_THE_PREFIX, *_KEYWORD)
    for file in sorted(PACKAGE.rglob("*.py")):
        text = file.read_text()
        if str(file.relative_to(PACKAGE)) in _OF_CONTRACTS_ALONE or not any(f"{name}(" in text for name in names):
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if (wanted := _TAKE_THE_PREFIX.get(node.func.id)) is not None:
                assert len(node.args) == wanted, f"{file.name}:{node.lineno} calls {node.func.id} without a prefix"
                seen.add(node.func.id)
            if node.func.id in _KEYWORD:
                named = {keyword.arg for keyword in node.keywords}
                given = "prefix" in named or len(node.args) == 3
                assert given or file.name == "declarations.py", f"{file.name}:{node.lineno} passes no prefix"
    assert seen == _TAKE_THE_PREFIX.keys()


def test_commands_with_an_author_check_the_owner_first() -> None:
    """They change something: ``open_bus`` alone does not refuse another environment. ``onex env`` is the remedy."""
    texts = {file: file.read_text() for file in sorted((PACKAGE / "cli").rglob("*.py"))}
    changing = {file.name: text for file, text in texts.items() if "author_of(" in text and file.name != "env.py"}
    assert changing.keys() >= {"offsets.py", "offsets_skip.py", "managers.py", "state_changes.py"}
    assert [name for name, text in changing.items() if " open_bus(" in text] == []


def test_topics_of_the_mesh_are_used_with_the_prefix() -> None:
    """Only ``with_prefix(X, ...)`` and ``prefix + X[...]`` are allowed."""
    seen = set()
    for file in sorted(PACKAGE.rglob("*.py")):
        text = file.read_text()
        if file.parent.name == "mesh" and file.parent.parent.name == "model":
            continue
        if not any(name in text for name in _CONSTANTS):
            continue
        tree = ast.parse(text)
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Name) or node.id not in _CONSTANTS:
                continue
            seen.add(node.id)
            outer = parents[node]
            while isinstance(outer, ast.Subscript | ast.Dict):
                outer = parents[outer]
            is_call = isinstance(outer, ast.Call) and getattr(outer.func, "id", "") == "with_prefix"
            is_sum = isinstance(outer, ast.BinOp) and isinstance(outer.op, ast.Add)
            asks_for_models = isinstance(outer, ast.Compare)
            assert is_call or is_sum or asks_for_models, f"{file.name}:{node.lineno} uses {node.id} without a prefix"
    assert seen == _CONSTANTS


@pytest.mark.parametrize("prefix", ["staging", "Staging.", "a_b.", "a..", ".", "-a.", "a b.", "a.\n", "a." * 33])
def test_a_wrong_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="topic_prefix"):
        Settings.load(topic_prefix=prefix)


@pytest.mark.parametrize("prefix", ["", "staging.", "shop.staging.", "a." * 32])
def test_a_right_prefix_is_taken_from_the_environment(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEX_TOPIC_PREFIX", prefix)
    assert Settings.load().topic_prefix == prefix


def test_a_contract_does_not_name_an_environment() -> None:
    text = (NODES / "node_tally_reducer" / "v1_0_0" / "contract.yaml").read_text()
    with pytest.raises(ContractError, match=r"write onex\.evt\.tally\.amount\.v1, and set ONEX_TOPIC_PREFIX=b\."):
        parse_contract(text.replace("onex.evt.tally.amount.v1", "b.onex.evt.tally.amount.v1"))
