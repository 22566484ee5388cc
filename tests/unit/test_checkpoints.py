"""Checkpoints of keyed state, made and restored on the in-memory bus."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_tally_reducer.v1_0_0.models import Amount, Tallied, Tally
from node_tally_reducer.v1_0_0.node import NodeTallyReducer
from node_trip_orchestrator.v1_0_0.models import ApproveTrip, BookTrip, Pay

from onex.bus.memory.transaction import MemoryTransaction
from onex.bus.protocols import Outgoing, Partition, Position, ProtocolConsumer
from onex.checkpoint import CheckpointSource, CheckpointStore, EnumKeyChange, Making, Manifest, Retention
from onex.checkpoint.manifest import decoded, encoded
from onex.checkpoint.records import copy_place, manifest_key, read_part
from onex.contract import ResolvedNode, resolve_node
from onex.dlq import Audit, Author, CheckpointManager, OffsetManager, StateManager
from onex.errors import (
    BusError,
    BusUnavailableError,
    ConfigurationError,
    MissingTopicError,
    PoisonError,
    RejectedError,
    SchemaMismatchError,
    TransientError,
)
from onex.mesh import StateReader
from onex.model.mesh import EnumDeadLetterAction
from onex.model.message import Message
from onex.node import Node
from onex.provisioning.declared import declare
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from onex.wire.changelog import COMPACTION_LAG, COMPACTION_LAG_MS, STATE, TIMERS
from onex.wire.partitioner import partition_of
from onex.wire.positions import Mark, mark_of
from tests.conftest import NODES
from tests.mixins.helpers import contract_file

NAME = "node_tally_reducer"
LOG = "onex.state.node_tally_reducer.v1"
TOPIC = "onex.checkpoint.node_tally_reducer.v1"
ADA = Author("ada", "wrong sums")


def with_checkpoints(folder: str, config: str = "{}") -> ResolvedNode:
    place = NODES / folder / "v1_0_0"
    mixins = f"\nmixins:\n  - {{name: MixinCheckpointManagement, config: {config}}}\n"
    with contract_file(place, (place / "contract.yaml").read_text() + mixins) as file:
        return resolve_node(file)


@pytest.fixture(scope="module")
def tally() -> ResolvedNode:
    return with_checkpoints(NAME)


@pytest.fixture
def mesh(tally: ResolvedNode) -> Iterator[MeshDriver]:
    driver = MeshDriver([tally])
    for entity in "abc":
        driver.send(Amount(entity=entity, value=1))
    yield driver
    driver.close()


def desk(mesh: MeshDriver, node: ResolvedNode | None = None) -> CheckpointManager:
    return CheckpointManager(mesh.bus, TopicCatalogue(mesh.bus), node or mesh.nodes[0], ADA, "test", mesh.clock)


def store(mesh: MeshDriver) -> CheckpointStore:
    source = CheckpointSource.of(NAME, "1.0.0", "test", "")
    return CheckpointStore(mesh.bus, TopicCatalogue(mesh.bus), source, mesh.clock)


def stop(mesh: MeshDriver, node: type[Node] = NodeTallyReducer) -> None:
    for instance in mesh.instances_of(node):
        mesh.remove_instance(instance)


def start(mesh: MeshDriver) -> dict[str, str]:
    """Reasons why a new instance is not ready."""
    instance = mesh.add_instance(mesh.nodes[0].node_class)
    mesh.run_until_idle()
    return dict(instance.health.reasons)


def totals(mesh: MeshDriver, node: ResolvedNode | None = None) -> dict[str, float]:
    reader = StateReader(mesh.bus, TopicCatalogue(mesh.bus), node or mesh.nodes[0])
    return {key: state.total for key, state in reader.scan() if isinstance(state, Tally)}


def counts(changes: object) -> dict[str, int]:
    return {change.value: count for change, count in vars(changes)["counts"].items() if count}


def number_of(key: str) -> int:
    return partition_of(key.encode(), 4)


def positions(mesh: MeshDriver, node: str = "tally") -> dict[Partition, Position]:
    return next(group for name, group in mesh.broker.groups.items() if node in name).positions


# -- make and list


def test_a_checkpoint_says_what_it_holds(mesh: MeshDriver) -> None:
    made = desk(mesh).make("first")
    assert (made.name, made.node, made.version, made.key) == ("first", NAME, "1.0.0", None)
    assert (made.keys, made.records, made.who, made.reason) == (3, 3, "ada", "wrong sums")
    assert made.size_bytes == sum(len(r.key() or b"") + len(r.value() or b"") for r in mesh.records(LOG))
    assert made.made_at_ms == mesh.clock.now_ms()
    assert not made.at_rest, "an instance runs"
    assert list(made.schemas.values()) == [made.fingerprint]
    assert desk(mesh).all() == [made]
    mesh.advance("1s")
    stop(mesh)
    again = desk(mesh).make("second")
    assert again.at_rest
    assert again.checksum == made.checksum, "the same state"
    assert [each.name for each in desk(mesh).all()] == ["second", "first"]
    start(mesh)
    mesh.send(Amount(entity="a", value=1))
    assert desk(mesh).make("third").checksum != made.checksum


def test_a_deleted_key_and_foreign_records_are_in_no_checkpoint(mesh: MeshDriver) -> None:
    mesh.send(Amount(entity="a", value=0))
    mesh.bus.publish(Outgoing(LOG, b"junk", b"", [], 0))
    mesh.bus.publish(Outgoing(LOG, b"junk", b"x", [], 0))
    assert desk(mesh).make("first").keys == 2


def test_state_that_is_not_committed_is_in_no_checkpoint(mesh: MeshDriver) -> None:
    writing = mesh.bus.transaction("another")
    writing.begin()
    writing.produce(LOG, b"new", STATE + b"a", [], number_of("a"))
    made = desk(mesh).make("first")
    assert made.keys == 3
    cut = next(cut for cut in made.cuts if cut.number == number_of("a"))
    assert dict(store(mesh).copies(made, cut))[STATE + b"a"] != b"new"
    stop(mesh)
    assert not desk(mesh).make("second").at_rest, "a transaction is open"
    with pytest.raises(RejectedError, match="a transaction of node_tally_reducer is open; stop all of its instances"):
        desk(mesh).restore(desk(mesh).plan_restore("first"))
    writing.abort()


def test_one_key_alone(mesh: MeshDriver) -> None:
    made = desk(mesh).make("a", key="a")
    assert (made.keys, made.records, made.key, len(made.cuts)) == (1, 1, "a", 1)
    with pytest.raises(RejectedError, match="checkpoint 'a' was made of the key 'a' only"):
        desk(mesh).plan_restore("a", key="b")


@pytest.mark.parametrize("name", ["", "a b", "-a", "a" * 101, "a/b", "\x1b[31m"])
def test_a_text_that_is_no_name_is_refused(mesh: MeshDriver, name: str) -> None:
    with pytest.raises(RejectedError, match="is no name of a checkpoint; use letters"):
        desk(mesh).make(name)


def test_names_are_used_once(mesh: MeshDriver) -> None:
    desk(mesh).make("first")
    with pytest.raises(RejectedError, match="has a checkpoint 'first' already; use another name"):
        desk(mesh).make("first")
    with pytest.raises(RejectedError, match="names with 'auto-' belong to checkpoints that agents make"):
        desk(mesh).make("auto-1")
    with pytest.raises(RejectedError, match="has no checkpoint 'other'; there are: first"):
        desk(mesh).plan_restore("other")


def test_large_states_are_written_in_many_transactions(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[int] = []
    commit = MemoryTransaction.commit

    def counted(transaction: MemoryTransaction, *rest: object) -> None:
        commits.append(1)
        commit(transaction, *rest)  # type: ignore[arg-type]  # passed on

    number = number_of("a")
    record = next(r for r in mesh.records(LOG) if r.key() == STATE + b"a")
    for at in range(2_500):
        mesh.bus.publish(Outgoing(LOG, record.value(), STATE + b"a-%d" % at, [], number))
    monkeypatch.setattr(MemoryTransaction, "commit", counted)
    made = desk(mesh).make("first")
    assert made.keys == 2_503
    assert 4 <= len(commits) <= 8, "begun, a thousand records each, complete"
    monkeypatch.undo()
    stop(mesh)
    assert counts(desk(mesh).plan_restore("first").changes) == {"same": 2_503}


# -- retention


def test_the_oldest_are_deleted_with_their_records(mesh: MeshDriver) -> None:
    kept = with_checkpoints(NAME, "{keep_count: 2}")
    for at in range(4):
        mesh.advance("1s")
        desk(mesh, kept).make(f"c{at}")
    assert [each.name for each in desk(mesh).all()] == ["c3", "c2"]
    live: dict[bytes, bytes | None] = {record.key() or b"": record.value() for record in mesh.records(TOPIC)}
    assert len([key for key, value in live.items() if value]) == 2 + 2 * 3, "two manifests, and three copies of each"


def test_old_ones_are_deleted_by_a_new_one(mesh: MeshDriver) -> None:
    desk(mesh).make("old")
    mesh.advance("2m")
    desk(mesh, with_checkpoints(NAME, "{max_age_seconds: 60}")).make("new")
    assert [each.name for each in desk(mesh).all()] == ["new"]


def test_automatic_ones_do_not_push_out_those_with_a_name(mesh: MeshDriver) -> None:
    shelf = store(mesh)
    shelf.make(Making("mine"), Retention(1))
    for at in range(3):
        mesh.advance("1s")
        shelf.make(Making(f"auto-{at}", automatic=True), Retention(1))
    assert [each.name for each in shelf.all()] == ["auto-2", "mine"]


def test_one_is_deleted_by_its_name(mesh: MeshDriver) -> None:
    desk(mesh).make("first")
    assert desk(mesh).delete("first").name == "first"
    assert desk(mesh).all() == []
    with pytest.raises(RejectedError, match="there are: none"):
        desk(mesh).delete("first")
    (entry,) = Audit(mesh.bus, TopicCatalogue(mesh.bus)).entries()
    assert (entry.action, entry.node, entry.letter, entry.who, entry.why, entry.detail) == (
        EnumDeadLetterAction.CHECKPOINT_DELETED,
        NAME,
        LOG,
        "ada",
        "wrong sums",
        "checkpoint first of 3 keys",
    )


def test_a_deletion_that_is_interrupted_is_ended_by_the_next_checkpoint(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk(mesh).make("first")
    commit, commits = MemoryTransaction.commit, list[int]()

    def dies(
        transaction: MemoryTransaction, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]
    ) -> None:
        commits.append(1)
        if len(commits) == 2:
            raise BusUnavailableError("away")
        commit(transaction, consumer, positions)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryTransaction, "commit", dies)
        with pytest.raises(BusUnavailableError, match="away"):
            desk(mesh).delete("first")
    assert desk(mesh).all() == []
    assert len([*Audit(mesh.bus, TopicCatalogue(mesh.bus)).entries()]) == 1, "it is listed no longer"
    made = desk(mesh).make("second")
    assert store(mesh).all() == [made]
    live = {record.key(): record.value() for record in mesh.records(TOPIC)}
    assert len([value for value in live.values() if value]) == 1 + 3, "no copies of the first one"


def test_an_end_beyond_the_topic_is_not_awaited(mesh: MeshDriver) -> None:
    manifest = desk(mesh).make("first")
    for cut in manifest.cuts:
        far = cut.model_copy(update={"end": 2**62})
        assert len([*store(mesh).copies(manifest, far)]) == cut.records


# -- restore


def test_a_restore_is_planned_and_then_made(mesh: MeshDriver) -> None:
    desk(mesh).make("first")
    mesh.send(Amount(entity="a", value=5))
    mesh.send(Amount(entity="b", value=0))
    mesh.send(Amount(entity="new", value=7))
    stop(mesh)
    before, records = dict(positions(mesh)), len(mesh.records(LOG))
    plan = desk(mesh).plan_restore("first")
    assert counts(plan.changes) == {"same": 1, "changed": 1, "added": 1, "removed": 1}
    assert plan.changes.examples == {
        EnumKeyChange.CHANGED: ["a"],
        EnumKeyChange.ADDED: ["b"],
        EnumKeyChange.REMOVED: ["new"],
    }
    assert (plan.changes.total, plan.other_schema) == (3, 0)
    assert (dict(positions(mesh)), len(mesh.records(LOG))) == (before, records), "a plan writes nothing"
    assert counts(desk(mesh).restore(plan)) == counts(plan.changes)
    assert totals(mesh) == {"a": 1, "b": 1, "c": 1}
    assert len(mesh.records(LOG)) == records + 3, "only what differs is written"
    after = positions(mesh)
    assert {p: at.offset for p, at in after.items() if p in before} == {p: at.offset for p, at in before.items()}
    assert start(mesh) == {}
    mesh.send(Amount(entity="a", value=10))
    mesh.send(Amount(entity="new", value=1))
    assert totals(mesh) == {"a": 11, "b": 1, "c": 1, "new": 1}
    assert {"a": 11, "new": 1}.items() <= {each.entity: each.total for each in mesh.published(Tallied)}.items()
    (entry,) = Audit(mesh.bus, TopicCatalogue(mesh.bus)).entries()
    assert (entry.action, entry.letter, entry.who, entry.why) == (
        EnumDeadLetterAction.STATE_RESTORED,
        LOG,
        "ada",
        "wrong sums",
    )
    assert entry.detail == "checkpoint first, 3 of 4 keys changed"


def test_one_key_of_a_checkpoint_is_restored(mesh: MeshDriver) -> None:
    desk(mesh).make("first")
    for entity in ("a", "b", "new"):
        mesh.send(Amount(entity=entity, value=5))
    stop(mesh)
    plan = desk(mesh).plan_restore("first", key="a")
    assert counts(plan.changes) == {"changed": 1}
    desk(mesh).restore(plan)
    assert totals(mesh) == {"a": 1, "b": 6, "c": 1, "new": 5}
    assert start(mesh) == {}
    with pytest.raises(RejectedError, match=f"neither checkpoint 'first' nor {LOG} has the key 'absent'"):
        desk(mesh).plan_restore("first", key="absent")
    stop(mesh)
    desk(mesh).restore(desk(mesh).plan_restore("first", key="new"))
    assert totals(mesh) == {"a": 1, "b": 6, "c": 1}, "the checkpoint has no such key"


def test_a_restore_needs_a_stopped_node(mesh: MeshDriver) -> None:
    desk(mesh).make("first")
    mesh.send(Amount(entity="a", value=5))
    before = dict(positions(mesh))
    with pytest.raises(RejectedError, match="node_tally_reducer cannot be set; stop all of its instances first"):
        desk(mesh).restore(desk(mesh).plan_restore("first"))
    assert (dict(positions(mesh)), totals(mesh)["a"]) == (before, 6)


def interrupted(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch, key: str | None = None) -> None:
    """Let a restore of ``first`` die before its records are committed."""

    def dies(*_: object) -> None:
        raise BusUnavailableError("away")

    plan = desk(mesh).plan_restore("first", key)
    with monkeypatch.context() as patched:
        patched.setattr(MemoryTransaction, "commit", dies)
        with pytest.raises(BusUnavailableError, match="away"):
            desk(mesh).restore(plan)


def test_an_interrupted_restore_blocks_the_node_until_it_is_run_again(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk(mesh).make("first")
    mesh.send(Amount(entity="a", value=5))
    stop(mesh)
    interrupted(mesh, monkeypatch)
    reasons = start(mesh)
    assert len(reasons) == 8, "every input partition"
    assert all(
        f"restoring a checkpoint of the state in {LOG} was begun and has not ended" in r for r in reasons.values()
    )
    offsets = OffsetManager(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0], ADA, "test")
    problems = {at.problem for at in offsets.positions()}
    assert problems == {
        "restoring a checkpoint of the state was begun and has not ended: run `onex state checkpoint restore` again"
    }
    stop(mesh)
    with pytest.raises(RejectedError, match="has not ended: run `onex state checkpoint restore` again, for all keys"):
        desk(mesh).plan_restore("first", key="b")
    with pytest.raises(RejectedError, match="was begun and has not ended"):
        desk(mesh).make("half of it")
    desk(mesh).restore(desk(mesh).plan_restore("first"))
    assert start(mesh) == {}
    assert totals(mesh) == {"a": 1, "b": 1, "c": 1}


def test_an_interrupted_restore_of_a_key_is_run_again(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    desk(mesh).make("first")
    mesh.send(Amount(entity="a", value=5))
    stop(mesh)
    interrupted(mesh, monkeypatch, key="a")
    with pytest.raises(RejectedError, match="was begun and has not ended"):
        desk(mesh).plan_restore("first", key="b")
    desk(mesh).restore(desk(mesh).plan_restore("first", key="a"))
    assert start(mesh) == {}
    assert totals(mesh)["a"] == 1


def test_a_changelog_that_was_lost_is_filled_from_a_checkpoint(mesh: MeshDriver) -> None:
    desk(mesh).make("first")
    stop(mesh)
    mesh.bus.admin.remake(LOG)
    plan = desk(mesh).plan_restore("first")
    assert counts(plan.changes) == {"added": 3}
    desk(mesh).restore(plan)
    assert start(mesh) == {}
    mesh.send(Amount(entity="a", value=1))
    assert totals(mesh) == {"a": 2, "b": 1, "c": 1}


def test_a_state_without_positions_is_refused(mesh: MeshDriver) -> None:
    """The records of the inputs would be applied to a state that has them already."""
    desk(mesh).make("first")
    stop(mesh)
    positions(mesh).clear()
    with pytest.raises(RejectedError, match="set positions with `onex offsets reset` first"):
        desk(mesh).plan_restore("first")


def test_positions_after_a_restore_have_marks_of_the_changelog(mesh: MeshDriver) -> None:
    desk(mesh).make("first")
    mesh.send(Amount(entity="a", value=5))
    stop(mesh)
    desk(mesh).restore(desk(mesh).plan_restore("first"))
    identity = mesh.broker.topics[LOG].identity
    for partition, position in positions(mesh).items():
        end = len(mesh.broker.logs[Partition(LOG, partition.partition)].records)
        assert mark_of(position) == Mark(identity, end)


# -- timers and runs of workflows


def test_timers_belong_to_the_state(tmp_path: Path) -> None:
    mesh = MeshDriver([with_checkpoints("node_alarm_orchestrator")])
    mesh.send(SetAlarm(entity="a", after=60.0))
    made = desk(mesh).make("first")
    assert (made.keys, made.records) == (1, 2), "a state and its timers"
    mesh.advance("2m")
    assert len(mesh.published(Rang)) == 1
    stop(mesh, NodeAlarmOrchestrator)
    desk(mesh).restore(desk(mesh).plan_restore("first"))
    assert start(mesh) == {}
    mesh.run_until_idle()
    assert len(mesh.published(Rang)) == 2, "a timer that was due meanwhile fires when the node starts"
    mesh.close()


def test_a_run_of_a_workflow_goes_on_from_a_checkpoint() -> None:
    mesh = MeshDriver([with_checkpoints("node_trip_orchestrator")])
    mesh.send(BookTrip(trip="t", nights=0, car=False))
    desk(mesh).make("asked", key="t")
    mesh.send(ApproveTrip(trip="t"))
    assert len(mesh.messages(Pay)) == 1
    stop(mesh, mesh.nodes[0].node_class)
    desk(mesh).restore(desk(mesh).plan_restore("asked"))
    assert start(mesh) == {}
    mesh.send(ApproveTrip(trip="t"))
    assert len(mesh.messages(Pay)) == 2, "the run waited for the approval again"
    unknown = replace(
        mesh.nodes[0],
        contract=mesh.nodes[0].contract.model_copy(
            update={"contract_version": mesh.nodes[0].contract.contract_version.model_copy(update={"minor": 9})}
        ),
        folder=Path("nowhere"),
    )
    with pytest.raises(RejectedError, match=r"the run began with version 1\.\d\.0 of node_trip_orchestrator"):
        desk(mesh, unknown).plan_restore("asked")
    mesh.close()


# -- what does not fit


class Other(Message):
    """A state with a field that the stored one lacks."""

    total: float
    count: int
    limit: int


class Larger(Message):
    """A state with one more field that has a default."""

    total: float = 0.0
    count: int = 0
    limit: int = 3


def evolved(mesh: MeshDriver, model: type[Message]) -> ResolvedNode:
    """Return the node with another state model, whose schema is registered."""
    model.__name__ = "Tally"
    node = replace(mesh.nodes[0], state_model=model)
    declared = declare([node], 1)
    TopicCatalogue(mesh.bus).register({f"{LOG}-value": declared.schemas[f"{LOG}-value"].schema})
    return node


def test_a_checkpoint_of_an_older_schema_is_read_with_defaults(mesh: MeshDriver) -> None:
    desk(mesh).make("first")
    mesh.send(Amount(entity="a", value=5))
    stop(mesh)
    plan = desk(mesh, evolved(mesh, Larger)).plan_restore("first")
    assert (counts(plan.changes), plan.other_schema) == ({"changed": 1, "same": 2}, 1)


def test_a_checkpoint_that_the_node_cannot_read_is_refused(mesh: MeshDriver) -> None:
    desk(mesh).make("first")
    mesh.send(Amount(entity="a", value=5))
    stop(mesh)
    with pytest.raises(RejectedError) as refused:
        desk(mesh, evolved(mesh, Other)).plan_restore("first")
    assert "checkpoint 'first' does not fit this version of node_tally_reducer: key b'a'" in str(refused.value)
    assert "restore it with version 1.0.0 of the node" in str(refused.value)


def test_another_catalogue_is_noticed(mesh: MeshDriver) -> None:
    made = desk(mesh).make("first")
    ids = dict.fromkeys(made.schemas, "0" * 64)
    mesh.bus.publish(Outgoing(TOPIC, encoded(made.model_copy(update={"schemas": ids})), manifest_key("first"), [], 0))
    with pytest.raises(RejectedError, match="which the catalogue does not have, or has as another one"):
        desk(mesh).plan_restore("first")


def test_another_number_of_partitions_is_refused(mesh: MeshDriver) -> None:
    made = desk(mesh).make("first")
    for update, words in (
        ({"partitions": 9}, "has 9 partitions and onex.state.node_tally_reducer.v1 has 4"),
        ({"cuts": made.cuts[1:]}, "lacks partition 0; use another one"),
    ):
        changed = made.model_copy(update=update)
        mesh.bus.publish(Outgoing(TOPIC, encoded(changed), manifest_key("first"), [], 0))
        with pytest.raises(RejectedError, match=words):
            desk(mesh).plan_restore("first")


@pytest.mark.parametrize("value", [b"other", None])
def test_a_damaged_checkpoint_is_refused(mesh: MeshDriver, value: bytes | None) -> None:
    made = desk(mesh).make("first")
    place = copy_place(TOPIC, number_of("a"))
    log = mesh.broker.logs[place].records
    at = next(at for at, record in enumerate(log) if (record.key() or b"").endswith(b"sa"))
    log[at] = replace(log[at], _value=value)
    stop(mesh)
    with pytest.raises(PoisonError, match="is damaged: partition . has . of . records, or other contents"):
        list(store(mesh).copies(made, made.cuts[number_of("a")]))
    with pytest.raises((PoisonError, RejectedError)):
        desk(mesh).plan_restore("first")


def test_foreign_records_are_no_checkpoints(mesh: MeshDriver) -> None:
    made = desk(mesh).make("first")
    for key, value in (
        (None, None),
        (b"m", b"x" * 2_000_000),
        (b"junk", encoded(made)),
        (manifest_key("other"), encoded(made)),
        (manifest_key("bad"), b"{}"),
        (manifest_key("stolen"), encoded(made.model_copy(update={"name": "stolen", "node": "node_x_reducer"}))),
    ):
        mesh.broker.append(TOPIC, value, key, [], 0)
    shelf = store(mesh)
    assert [each.name for each in shelf.all()] == ["first"]
    assert shelf.skipped.counts == {TOPIC: 6}
    with pytest.raises(PoisonError, match="no manifest of a checkpoint: 0 bytes"):
        decoded(None)


def test_an_interrupted_attempt_is_not_listed_and_is_deleted_by_the_next_one(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> str:
        raise BusUnavailableError("away")

    with monkeypatch.context() as patched:
        patched.setattr("onex.checkpoint.copying.Copier._fingerprints", fails)
        with pytest.raises(BusUnavailableError):
            desk(mesh).make("first")
    shelf = store(mesh)
    assert (shelf.all(), shelf.is_begun("first")) == ([], True)
    made = desk(mesh).make("first")
    assert shelf.all() == [made]
    live = {record.key(): record.value() for record in mesh.records(TOPIC)}
    assert len([value for value in live.values() if value]) == 1 + 3


def test_a_copy_that_takes_too_long_is_no_checkpoint(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compaction may have removed values meanwhile, whose successors are behind the cut."""

    def slow(*_: object) -> dict[bytes, int]:
        mesh.clock.move_to(mesh.clock.monotonic() + COMPACTION_LAG_MS / 2_000 + 1)
        return {}

    monkeypatch.setattr("onex.checkpoint.copying.latest_offsets", slow)
    with pytest.raises(BusError, match="took 1801 s and found 0 of 0 values; all of them stay for 1800 s"):
        desk(mesh).make("first")
    assert desk(mesh).all() == []


def test_a_copy_is_stopped_with_its_process(mesh: MeshDriver) -> None:
    with pytest.raises(TransientError, match=r"reading onex\.state\.node_tally_reducer\.v1\[\d\] was stopped"):
        store(mesh).make(Making("first"), Retention(1), lambda: True)
    assert desk(mesh).all() == []


def test_a_value_that_is_gone_is_noticed(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.checkpoint.copying.latest_offsets", lambda *_: {b"sa": 1_000})
    with pytest.raises(BusError, match="found 0 of 1 values"):
        desk(mesh).make("first")


# -- what must be there


def test_the_topics_of_a_node_with_checkpoints(tally: ResolvedNode) -> None:
    declared = declare([tally], 1).topics
    assert declared[TOPIC].state.partitions == declared[LOG].state.partitions + 1
    assert declared[TOPIC].state.config["cleanup.policy"] == "compact"
    assert int(declared[TOPIC].state.config["max.message.bytes"]) > 1_100_000
    assert declared[LOG].state.config[COMPACTION_LAG] == str(COMPACTION_LAG_MS)
    plain = declare([resolve_node(NODES / NAME / "v1_0_0")], 1).topics
    assert TOPIC not in plain
    assert COMPACTION_LAG not in plain[LOG].state.config


def test_a_topic_that_is_missing_or_set_in_another_way_is_named(mesh: MeshDriver) -> None:
    mesh.bus.admin.alter(LOG, {COMPACTION_LAG: "0"})
    with pytest.raises(RejectedError, match=f"{COMPACTION_LAG} of {LOG} is 0, and checkpoints need 3600000"):
        desk(mesh).make("first")
    mesh.bus.admin.alter(LOG, {COMPACTION_LAG: str(COMPACTION_LAG_MS)})
    mesh.bus.admin.grow(TOPIC, 12)
    with pytest.raises(RejectedError, match=f"{TOPIC} has 12 partitions and needs 5"):
        desk(mesh).make("first")
    mesh.bus.admin.delete(TOPIC)
    with pytest.raises(MissingTopicError, match="run `onex apply`"):
        desk(mesh).make("first")
    with pytest.raises(MissingTopicError, match=TOPIC):
        start(mesh)


def test_a_node_without_state_or_without_the_capability_is_refused(mesh: MeshDriver) -> None:
    for folder, words in (
        ("node_unruly_effect", "node_unruly_effect has no state: it is of the kind EFFECT"),
        (NAME, "node_tally_reducer has no checkpoints; add MixinCheckpointManagement to `mixins`"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            desk(mesh, resolve_node(NODES / folder / "v1_0_0"))


def test_schemas_that_are_not_registered_are_named(mesh: MeshDriver) -> None:
    number = number_of("x")
    mesh.bus.publish(Outgoing(LOG, b"{}", STATE + b"x", [], number))
    assert desk(mesh).make("json").keys == 4, "a state that is JSON has no id"
    mesh.bus.publish(Outgoing(LOG, b"\x00\x00\x00\xff\xffabc", STATE + b"x", [], number))
    with pytest.raises(SchemaMismatchError, match="have the schema 65535, which is not registered"):
        desk(mesh).make("first")
    with ExitStack() as patched:
        patch = patched.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(TopicCatalogue, "versions", lambda _, subjects: {subject: [] for subject in subjects})
        with pytest.raises(SchemaMismatchError, match="has no schema; run `onex apply`"):
            desk(mesh).make("first")


def test_timers_that_cannot_be_read_are_refused(mesh: MeshDriver) -> None:
    number = number_of("x")
    mesh.bus.publish(Outgoing(LOG, b"junk", TIMERS + b"x", [], number))
    desk(mesh).make("first")
    mesh.bus.publish(Outgoing(LOG, None, TIMERS + b"x", [], number))
    stop(mesh)
    with pytest.raises(RejectedError, match="no timers"):
        desk(mesh).plan_restore("first")


def test_a_restore_after_an_interrupted_drop_is_one_of_all_keys(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk(mesh).make("first")
    stop(mesh)
    manager = StateManager(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0], ADA, "test")

    def away(_: str) -> str:
        raise BusUnavailableError("away")

    change = manager.plan_drop()
    with monkeypatch.context() as patched:
        patched.setattr(mesh.bus.admin, "remake", away)
        with pytest.raises(BusUnavailableError):
            manager.apply(change)
    with pytest.raises(RejectedError, match="deleting the state was begun and has not ended"):
        desk(mesh).plan_restore("first", key="a")
    desk(mesh).restore(desk(mesh).plan_restore("first"))
    assert start(mesh) == {}


def test_a_manifest_is_read_as_it_was_written(mesh: MeshDriver) -> None:
    made = desk(mesh).make("first", key="a")
    assert decoded(encoded(made)) == made
    assert isinstance(made, Manifest)


def test_records_that_are_written_after_the_cut_are_in_no_checkpoint(mesh: MeshDriver) -> None:
    partition = Partition(LOG, number_of("a"))
    cut = mesh.bus.admin.stable_ends([partition])[partition]
    mesh.send(Amount(entity="a", value=5))
    assert mesh.bus.admin.stable_ends([partition])[partition] == cut + 1
    assert [record.offset() for record in read_part(mesh.bus, partition, 0, cut)] == list(range(cut))
