"""Dead letters as a product, on the in-memory bus: filters, replay, parking, edits, audit."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect
from pydantic import JsonValue

from onex.contract import resolve_node
from onex.dlq import (
    Author,
    DeadLetter,
    DeadLetterManager,
    EnumLetterState,
    LetterFilter,
    ReplayOptions,
    exported,
    group_letters,
)
from onex.dlq.edit import patched
from onex.dlq.filters import value_at
from onex.dlq.replay import Replayer, ReplayReport
from onex.dlq.stats import histogram
from onex.errors import BusError, FencedError, RejectedError
from onex.model.mesh import EnumDeadLetterAction
from onex.node import Context
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from onex.wire import dead_letter as d
from onex.wire import headers as h
from tests.conftest import NODES

TOPIC = "onex.cmd.unruly.act.v1"
RETRY = "onex.retry.unruly.effect.v1"


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    NodeUnrulyEffect.done.clear()
    NodeUnrulyEffect.down.clear()
    driver = MeshDriver([NODES / "node_unruly_effect" / "v1_0_0"])
    yield driver
    NodeUnrulyEffect.down.clear()
    driver.close()


def desk_of(mesh: MeshDriver, who: str = "me", why: str = "") -> DeadLetterManager:
    return DeadLetterManager(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0], Author(who, why), "test")


def letters(desk: DeadLetterManager, **wanted: object) -> list[DeadLetter]:
    return [letter for letter, _ in desk.find(LetterFilter(**wanted))]  # type: ignore[arg-type]  # as given


def dead_letter(mesh: MeshDriver, count: int, entity: str = "e") -> None:
    """Dead letters whose cause is fixed afterwards."""
    NodeUnrulyEffect.down.add(entity)
    for number in range(count):
        mesh.send(Act(entity=entity, number=number), id=f"{entity}/{number}")
    mesh.advance("30s")
    NodeUnrulyEffect.down.clear()


def test_a_dead_letter_speaks_connects_and_springs_dialects(mesh: MeshDriver) -> None:
    mesh.send(Act(entity="e", mood="raise"), headers=[("mine", b"x")])
    (record,) = mesh.dead_letters()
    found = dict(record.headers() or [])
    assert found["__connect.errors.topic"] == found["kafka_dlt-original-topic"] == TOPIC.encode()
    assert found["__connect.errors.exception.class.name"] == b"builtins.KeyError"
    assert int.from_bytes(found["kafka_dlt-original-offset"], "big") == int(found["__connect.errors.offset"]) == 0
    assert len(found["kafka_dlt-original-partition"]) == 4
    assert int.from_bytes(found["kafka_dlt-original-timestamp"], "big") == int(found["onex-dlq-timestamp"])
    (letter,) = letters(desk_of(mesh))
    assert ("mine", b"x") in letter.original_headers
    assert not [
        name for name, _ in letter.original_headers if name.startswith(("__connect", "kafka_dlt", "onex-dlq"))
    ]


def test_filters_find_what_is_meant_and_nothing_else(mesh: MeshDriver) -> None:
    mesh.send(Act(entity="a", number=1, mood="raise"), headers=[("tenant", b"t1")])
    at = mesh.clock.now_ms()
    mesh.advance("10s")
    mesh.send(Act(entity="b", number=2, mood="raise"))
    mesh.publish(TOPIC, b"\x00junk", b"c", [])
    desk = desk_of(mesh)
    every = letters(desk)
    assert len(every) == 3
    fingerprint = next(letter.facts["fingerprint"] for letter in every if letter.key == "a")

    def keys(**wanted: object) -> str:
        return "".join(sorted(letter.key for letter in letters(desk, **wanted)))

    assert keys(failure_class="bug") == "ab"
    assert keys(stage="decode") == "c"
    assert keys(fingerprint=fingerprint[:6]) == "ab"
    assert keys(key="b") == "b"
    assert keys(topic=TOPIC) == "abc"
    assert keys(topic="other") == ""
    assert keys(until_ms=at + 1) == "a"
    assert keys(since_ms=at + 1) == "bc"
    assert keys(headers={"tenant": "t1"}) == "a"
    assert keys(payload={"number": "2"}) == "b"
    assert keys(payload={"no.such": "2"}) == ""
    assert keys(offsets=(0, 0), key="a") == "a"
    assert keys(offsets=(7, 9)) == ""
    assert keys(places=frozenset({every[0].place})) == every[0].key
    assert keys(states=frozenset({EnumLetterState.PARKED})) == ""


def test_values_at_paths() -> None:
    message: JsonValue = {"a": [{"b": True}, None], "c": 1.5}
    found = [value_at(message, path) for path in ("a.0.b", "a.1", "c", "a.9", "a.x", "c.d")]
    assert found == ["true", "null", "1.5", None, None, None]


def test_letters_are_grouped_by_cause_with_a_histogram(mesh: MeshDriver) -> None:
    dead_letter(mesh, 3)
    mesh.send(Act(entity="x", mood="raise"))
    large, small = group_letters(letters(desk_of(mesh)))
    assert (large.failure_class, large.count, large.keys) == ("transient", 3, 1)
    assert (small.failure_class, small.count) == ("bug", 1)
    assert large.first_ms <= large.last_ms <= small.last_ms
    assert histogram([0, 0, 9], 0, 9, 2) == "█▄"
    assert group_letters([]) == []


def test_a_replay_is_in_order_audited_and_never_repeated(mesh: MeshDriver) -> None:
    dead_letter(mesh, 5)
    desk = desk_of(mesh, "ada", "the bank is back")
    report = desk.replay(letters(desk))
    assert (report.matching, report.replayed, report.stopped) == (5, 5, "")
    mesh.run_until_idle()
    assert [acted.number for acted in mesh.published(Acted)] == [0, 1, 2, 3, 4]
    assert letters(desk) == []
    assert desk.replay(letters(desk)).replayed == 0
    assert {state for _, state in desk.find()} == {EnumLetterState.REPLAYED}
    entries = desk.audited()
    assert {(e.who, e.why, e.action) for e in entries} == {("ada", "the bank is back", EnumDeadLetterAction.REPLAYED)}
    ids = [dict(record.headers() or [])[h.REPLAY_ID].decode() for record in mesh.records(RETRY)]
    assert sorted(entry.detail for entry in entries) == sorted(ids)


def test_an_interrupted_replay_goes_on_where_it_stopped(mesh: MeshDriver) -> None:
    dead_letter(mesh, 5)
    desk = desk_of(mesh)
    stops = iter([False, False, True])
    report = desk.replay(letters(desk), ReplayOptions(rate=1000), lambda: next(stops))
    assert report.replayed == 5, "a batch is never torn"
    dead_letter(mesh, 5, "f")
    steps = iter([False, False, True])
    slow = ReplayOptions(rate=2)
    waits = list[float]()
    replayer = _replayer(mesh, waits)
    report = replayer.run(letters(desk), slow, lambda: next(steps))
    assert (report.replayed, report.stopped) == (4, "interrupted; run it again to continue")
    assert len(waits) == 2
    rest = letters(desk)
    assert [letter.original_offset for letter in rest] == [letter.original_offset for letter in rest[-1:]]
    assert replayer.run(rest, slow).replayed == 1
    mesh.run_until_idle()
    assert sorted((a.entity, a.number) for a in mesh.published(Acted)) == [(e, n) for e in "ef" for n in range(5)]


def _replayer(mesh: MeshDriver, waits: list[float]) -> Replayer:
    desk, node = desk_of(mesh), mesh.nodes[0]
    group = node.contract.group("test")

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        mesh.run_until_idle()

    return Replayer(
        mesh.bus, node.contract, desk._audit, Author("me"), group, f"{group}.dlq", mesh.clock.monotonic, sleep
    )


def test_a_commit_that_fails_replays_nothing_and_can_be_repeated(mesh: MeshDriver) -> None:
    dead_letter(mesh, 3)
    desk = desk_of(mesh)
    mesh.broker.denied.add(RETRY)
    with pytest.raises(BusError):
        desk.replay(letters(desk))
    assert len(letters(desk)) == 3, "the audit says nothing that did not happen"
    mesh.broker.denied.clear()
    assert desk.replay(letters(desk)).replayed == 3
    mesh.run_until_idle()
    assert len(mesh.published(Acted)) == 3


def test_two_replays_at_once_fence_each_other(mesh: MeshDriver) -> None:
    dead_letter(mesh, 3)
    desk = desk_of(mesh)

    def second(_: ReplayReport) -> None:
        mesh.bus.transaction(f"{mesh.nodes[0].contract.group('test')}.dlq")

    with pytest.raises(FencedError):
        desk.replay(letters(desk), ReplayOptions(rate=1), progress=second)


def test_a_replay_stops_when_too_much_fails_again(mesh: MeshDriver) -> None:
    for number in range(20):
        mesh.send(Act(entity=f"e{number}", mood="raise"))
    report = _replayer(mesh, []).run(letters(desk_of(mesh)), ReplayOptions(rate=5, abort_above=0.5))
    assert (report.replayed, report.failed_again) == (5, 5)
    assert report.stopped == "5 of 5 failed again"


def test_what_was_replayed_too_often_is_parked(mesh: MeshDriver) -> None:
    mesh.send(Act(entity="e", mood="raise"))
    desk = desk_of(mesh)
    for _ in range(3):
        assert desk.replay(letters(desk)).replayed == 1
        mesh.run_until_idle()
    report = desk.replay(letters(desk))
    assert (report.replayed, report.parked) == (0, 1)
    assert letters(desk) == []
    (parked,) = letters(desk, states=frozenset({EnumLetterState.PARKED}))
    assert parked.replays == 3
    assert parked.facts["parent"].startswith(parked.record.topic())


def test_letters_are_parked_reopened_and_dropped(mesh: MeshDriver) -> None:
    dead_letter(mesh, 2)
    desk = desk_of(mesh)
    assert desk.mark(letters(desk), EnumDeadLetterAction.PARKED) == 2
    assert letters(desk) == []
    assert desk.mark(letters(desk, states=frozenset({EnumLetterState.PARKED})), EnumDeadLetterAction.REOPENED) == 2
    assert len(letters(desk)) == 2
    assert desk.mark(letters(desk), EnumDeadLetterAction.DROPPED) == 2
    assert [state for _, state in desk.find()] == [EnumLetterState.DROPPED] * 2
    assert len(desk.audited()) == 6


def test_an_edit_is_checked_shown_and_keeps_the_original(mesh: MeshDriver) -> None:
    sent = mesh.send(Act(entity="e", number=7, mood="raise"))
    desk = desk_of(mesh, "ada", "wrong mood")
    (letter,) = letters(desk)
    with pytest.raises(RejectedError, match="number"):
        desk.prepare_edit(letter, {"number": '"many"'})
    with pytest.raises(RejectedError, match=r"mood\.deep: there is no 'deep'; what is there is no object"):
        desk.prepare_edit(letter, {"mood.deep": "x"})
    edit = desk.prepare_edit(letter, {"mood": "good"})
    assert '-  "mood": "raise"' in edit.difference
    assert '+  "mood": "good"' in edit.difference
    assert len(mesh.dead_letters()) == 1, "nothing is written before the edit is made"
    place = desk.edit(edit)
    (copy,) = letters(desk)
    assert copy.place == place
    assert copy.facts["edited-from"] == letter.identity
    assert desk.replay([copy]).replayed == 1
    mesh.run_until_idle()
    assert mesh.published(Acted, sent) == [Acted(entity="e", number=7, attempt=1)]
    states = {found.place: state for found, state in desk.find()}
    assert states[letter.place] is EnumLetterState.EDITED


def test_an_edit_removes_a_field_that_the_schema_does_not_have(mesh: MeshDriver) -> None:
    mesh.publish(TOPIC, b'{"entity": "e", "number": 1, "gift.note": "x", "tags": []}', b"e", [])
    desk = desk_of(mesh)
    (letter,) = letters(desk)
    with pytest.raises(RejectedError, match="does not fit: .*tags"):
        desk.prepare_edit(letter, {}, removed=[r"gift\.note"])
    with pytest.raises(RejectedError, match="does not fit: .*entity"):
        desk.prepare_edit(letter, {}, removed=[r"gift\.note", "tags", "entity"])
    edit = desk.prepare_edit(letter, {"number": "2"}, removed=[r".gift\.note", "tags"])
    assert '-  "gift.note": "x"' in edit.difference
    desk.edit(edit)
    desk.replay(letters(desk))
    mesh.run_until_idle()
    assert mesh.published(Acted) == [Acted(entity="e", number=2, attempt=1)]


ORDER: JsonValue = {"id": "o", "lines": [{"sku": "a"}, {"sku": "b"}, {"sku": "c"}], "to": {"city": "x", "zip": None}}


@pytest.mark.parametrize(
    ("changes", "removed", "left"),
    [
        ({}, ["to.zip"], {"id": "o", "lines": [{"sku": "a"}, {"sku": "b"}, {"sku": "c"}], "to": {"city": "x"}}),
        ({}, ["lines.0", "lines.2", "to"], {"id": "o", "lines": [{"sku": "b"}]}),
        ({}, ["lines.1.sku", "lines.0", "to", "to"], {"id": "o", "lines": [{}, {"sku": "c"}]}),
        ({}, ["lines", "lines.0.sku", "to.city", "to"], {"id": "o"}),
        ({"lines.2.sku": "z", "to": '{"a": 1, "b": 2}'}, ["lines.0", "lines.1", "to.a"],
         {"id": "o", "lines": [{"sku": "z"}], "to": {"b": 2}}),
    ],
)  # fmt: skip
def test_removed_paths_are_those_of_the_message_as_it_was(
    changes: dict[str, str], removed: list[str], left: JsonValue
) -> None:
    before = json.dumps(ORDER)
    assert patched(ORDER, changes, removed) == left
    assert json.dumps(ORDER) == before


@pytest.mark.parametrize(
    ("changes", "removed", "problem"),
    [
        ({}, ["note"], "note: there is no 'note'; the names there are id, lines, to"),
        ({}, ["lines.3"], "lines.3: there is no '3'; that list has the indices 0 to 2"),
        ({}, ["lines.-1"], "lines.-1: there is no '-1'; that list"),
        ({}, ["lines.²"], "there is no '²'"),
        ({}, [f"lines.{'9' * 5000}"], "that list has the indices 0 to 2"),
        ({}, ["id.x"], "id.x: there is no 'x'; what is there is no object and no list"),
        ({}, ["to.city.x.y"], "there is no 'x'"),
        ({}, [""], "there is no ''"),
        ({"lines.3": "1"}, [], "lines.3: there is no '3'"),
        ({"to.city": "y"}, ["to"], "to.city: it is set, and to is removed; do one of the two"),
        ({"to": "{}"}, ["to.city"], "to.city: there is no 'city'; that object is empty"),
    ],
)
def test_paths_that_lead_nowhere_are_refused(changes: dict[str, str], removed: list[str], problem: str) -> None:
    with pytest.raises(RejectedError) as refused:
        patched(ORDER, changes, removed)
    assert problem in str(refused.value)


def test_a_payload_that_cannot_be_read_is_replaced_by_a_whole_new_one(mesh: MeshDriver) -> None:
    mesh.publish(TOPIC, b"\x00junk", b"e", [])
    desk = desk_of(mesh)
    (letter,) = letters(desk)
    with pytest.raises(RejectedError, match="whole new one"):
        desk.prepare_edit(letter, {"mood": "good"})
    desk.edit(desk.prepare_edit(letter, {}, {"entity": "e", "number": 1}))
    desk.replay(letters(desk))
    mesh.run_until_idle()
    assert mesh.published(Acted) == [Acted(entity="e", number=1, attempt=1)]


def test_an_export_loses_nothing(mesh: MeshDriver) -> None:
    import base64

    mesh.publish(TOPIC, b"\x00\xffjunk", b"\xfe", [("x", b"\xfd")])
    ((letter, state),) = desk_of(mesh).find()
    facts = exported(letter, state)
    assert base64.b64decode(str(facts["value_base64"])) == b"\x00\xffjunk"
    assert base64.b64decode(str(facts["key_base64"])) == b"\xfe"
    assert facts["message_decoded"] is None
    assert facts["state"] == "open"


def test_the_dead_letter_of_a_timer_fires_again_when_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = MeshDriver([NODES / "node_alarm_orchestrator" / "v1_0_0"])
    decide = NodeAlarmOrchestrator.decide

    def fails(self: NodeAlarmOrchestrator, state: object, event: object, context: Context) -> object:
        if not isinstance(event, SetAlarm):
            raise KeyError("no bell")
        return decide(self, state, event, context)  # type: ignore[arg-type]  # as the engine calls it

    monkeypatch.setattr(NodeAlarmOrchestrator, "decide", fails)
    driver.crash(driver.instances[0])
    driver.add_instance(NodeAlarmOrchestrator)
    driver.send(SetAlarm(entity="e", after=1.0))
    driver.advance("2s")
    desk = desk_of(driver)
    (letter,) = letters(desk)
    monkeypatch.undo()
    driver.crash(driver.instances[0])
    driver.add_instance(NodeAlarmOrchestrator)
    assert desk.replay([letter]).replayed == 1
    driver.run_until_idle()
    assert driver.published(Rang) == [Rang(entity="e", number=1)]
    assert dict(driver.records("onex.retry.alarm.orchestrator.v1")[0].headers() or [])[d.REPLAYS] == b"1"
    driver.close()


def test_retention_and_threshold_come_from_the_contract() -> None:
    from onex.codegen.observability import observability_files
    from onex.model.contract import ModelErrorHandling
    from onex.provisioning.declared import declare

    resolved = resolve_node(NODES / "node_unruly_effect" / "v1_0_0")
    handling = ModelErrorHandling.model_validate({"dead_letter": {"retention": "7d", "alert_threshold": 5}})
    node = replace(resolved, contract=resolved.contract.model_copy(update={"error_handling": handling}))
    topic = declare([node], 1).topics["onex.dlq.unruly.effect.v1"]
    assert topic.state.config["retention.ms"] == str(7 * 86_400_000)
    assert 'node="node_unruly_effect"}[1d])) > 5' in observability_files([node])["deploy/prometheus/alerts.yml"]
