"""Schedules on the in-memory host, in virtual time: each due time once, through outages, pauses and failures."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from node_digest_compute.v1_0_0.models import DigestMade

from node_scheduler_orchestrator.v1_0_0.node import NodeSchedulerOrchestrator
from onex.agent.message.any_command import AnyCommandWriter
from onex.agent.message.encoding import Encoder
from onex.agent.message.envelope import CauseEnvelope
from onex.agent.topic_limits import TopicLimits
from onex.bus.memory.adapter import MemoryAdmin
from onex.contract import parse_contract, resolve_node
from onex.contract.schedules import definitions_of
from onex.errors import BusUnavailableError, ContractError, WrongOutputError
from onex.node import Addressed
from onex.schedules import (
    ChangeSchedule,
    CommandText,
    EnumAfterOutage,
    EnumScheduleAction,
    ScheduleDefinition,
    ScheduleFired,
)
from onex.testing import MeshDriver, Sent
from onex.wire import headers as h
from tests.conftest import NODES, SERVICES

SCHEDULER, DIGEST = SERVICES / "node_scheduler_orchestrator" / "v1_0_0", NODES / "node_digest_compute" / "v1_0_0"
DECLARED = definitions_of(resolve_node(DIGEST))
MORNING, QUARTERS, ON_TIME = (f"node_digest_compute.v1.{name}" for name in ("morning", "quarters", "on-time"))
SET, RUN = EnumScheduleAction.SET, EnumScheduleAction.RUN
# The driver's clock starts on 2023-11-14 at 22:13:20 UTC.


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([SCHEDULER, DIGEST])
    yield driver
    driver.close()


def change(mesh: MeshDriver, name: str, action: EnumScheduleAction = SET, **changes: object) -> Sent:
    definition = None if action is not SET else DECLARED[name].model_copy(update=changes)
    return mesh.send(ChangeSchedule(schedule=name, action=action, definition=definition))


def made(mesh: MeshDriver) -> list[str]:
    """Return the times for which digests were made."""
    return sorted(f"{digest.made_for.astimezone(UTC):%dT%H:%M}" for digest in mesh.published(DigestMade))


def test_a_command_is_sent_at_each_due_time_as_if_a_client_had_sent_it(mesh: MeshDriver) -> None:
    change(mesh, MORNING)
    mesh.advance("2d")
    assert made(mesh) == ["15T05:00", "16T05:00"]  # six o'clock in Berlin
    assert {digest.digest_id for digest in mesh.published(DigestMade)} == {"day-2023-11-15", "day-2023-11-16"}
    first, second = sorted(mesh.records("onex.cmd.digest.make-digest.v1"), key=lambda record: record.key() or b"")
    headers, fired = dict(first.headers() or []), mesh.published(ScheduleFired)[0]
    assert first.key() == b"day-2023-11-15"
    assert headers[h.ID].decode() == fired.command_id
    assert headers[h.CORRELATION] == headers[h.ID] != dict(second.headers() or [])[h.ID]
    assert h.REPLY_KEY not in headers
    assert fired.due == fired.sent_at == datetime(2023, 11, 15, 5, tzinfo=UTC)
    assert mesh.dead_letters() == []


def test_a_definition_that_comes_again_changes_nothing(mesh: MeshDriver) -> None:
    change(mesh, MORNING)
    mesh.advance("3h")
    change(mesh, MORNING)
    mesh.advance("1d")
    change(mesh, MORNING, payload=json.dumps({"digest_id": "x", "made_for": "{due}", "pages": 1}), key="x")
    mesh.advance("1d")
    assert made(mesh) == ["15T05:00", "16T05:00"]
    change(mesh, MORNING, cron="0 7 * * *")
    mesh.advance("1d")
    assert made(mesh) == ["15T05:00", "16T05:00", "17T06:00"]


def outage(mesh: MeshDriver, duration: str) -> None:
    """End the scheduler as SIGKILL does, and start it again after the duration."""
    (instance,) = mesh.instances_of(NodeSchedulerOrchestrator)
    mesh.crash(instance)
    mesh.advance(duration)
    mesh.add_instance(instance.resolved.node_class)
    mesh.run_until_idle()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (EnumAfterOutage.RUN_ONCE, ["14T23:00"]),
        (EnumAfterOutage.RUN_ALL, ["14T22:15", "14T22:30", "14T22:45", "14T23:00"]),
        (EnumAfterOutage.SKIP, []),
    ],
)
def test_due_times_of_an_outage_are_carried_out_as_declared(
    mesh: MeshDriver, policy: EnumAfterOutage, expected: list[str]
) -> None:
    change(mesh, QUARTERS, after_outage=policy)
    outage(mesh, "50m")  # until 23:03:20
    assert made(mesh) == expected
    mesh.advance("15m")
    assert made(mesh) == [*expected, "14T23:15"]


def test_a_definition_that_comes_after_an_outage_loses_no_due_time(mesh: MeshDriver) -> None:
    change(mesh, QUARTERS)
    (instance,) = mesh.instances_of(NodeSchedulerOrchestrator)
    mesh.crash(instance)
    mesh.advance("20m")
    change(mesh, QUARTERS, late_after=1.0)
    mesh.add_instance(instance.resolved.node_class)
    mesh.run_until_idle()
    assert made(mesh) == ["14T22:15", "14T22:30"]


def test_of_a_long_outage_the_latest_hundred_due_times_are_carried_out(mesh: MeshDriver) -> None:
    change(mesh, QUARTERS)
    outage(mesh, "2d")
    assert len(set(made(mesh))) == len(made(mesh)) == 100
    assert made(mesh)[-1] == "16T22:00"
    skipped = {fired.due for fired in mesh.published(ScheduleFired)}
    assert min(skipped) == datetime(2023, 11, 16, 22, tzinfo=UTC) - timedelta(minutes=15 * 99)


@pytest.mark.parametrize(("minutes", "expected"), [(18, ["14T22:30"]), (20, [])])
def test_a_command_within_late_after_is_punctual(mesh: MeshDriver, minutes: int, expected: list[str]) -> None:
    change(mesh, ON_TIME)
    outage(mesh, f"{minutes}m")
    assert made(mesh) == expected


def test_a_paused_schedule_sends_nothing_and_goes_on_with_the_next_due_time(mesh: MeshDriver) -> None:
    change(mesh, QUARTERS)
    change(mesh, QUARTERS, EnumScheduleAction.PAUSE)
    change(mesh, QUARTERS)  # `onex apply` does not end a pause
    mesh.advance("30m")
    change(mesh, QUARTERS, EnumScheduleAction.RESUME)
    change(mesh, QUARTERS, EnumScheduleAction.RESUME)
    mesh.advance("15m")
    assert made(mesh) == ["14T22:45"]


def test_an_operator_carries_a_schedule_out_also_while_it_is_paused(mesh: MeshDriver) -> None:
    change(mesh, MORNING)
    change(mesh, MORNING, EnumScheduleAction.PAUSE)
    sent = change(mesh, MORNING, RUN)
    change(mesh, MORNING, RUN)
    assert made(mesh) == ["14T22:13", "14T22:13"]
    assert len(mesh.published(DigestMade, sent)) == 1  # `onex watch` follows the id of the request
    mesh.publish(
        "onex.cmd.scheduler.change-schedule.v1",
        ChangeSchedule(schedule=MORNING, action=RUN).to_stored_json().encode(),
        MORNING.encode(),
        [(h.ID, sent.id.encode())],
    )
    ids = [fired.command_id for fired in mesh.published(ScheduleFired)]
    assert len(ids) == 3
    assert len(set(ids)) == 2  # a request that comes twice is one command, by its id


def test_a_removed_schedule_sends_nothing(mesh: MeshDriver) -> None:
    change(mesh, MORNING)
    change(mesh, MORNING, EnumScheduleAction.REMOVE)
    mesh.advance("2d")
    assert made(mesh) == []
    refused = change(mesh, MORNING, RUN)
    assert "no schedule" in mesh.dead_letter_of(refused)["onex-dlq-message"]


def test_a_command_that_cannot_be_sent_does_not_end_its_schedule(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no command")

    change(mesh, QUARTERS)
    with monkeypatch.context() as failing:
        failing.setattr("node_scheduler_orchestrator.v1_0_0.node.command_of", broken)
        mesh.advance("10m")
    (letter,) = mesh.dead_letters(NodeSchedulerOrchestrator)
    assert dict(letter.headers() or [])["onex-dlq-message"] == b"no command"
    mesh.advance("15m")
    assert made(mesh) == ["14T22:30"]


def test_a_topic_that_was_deleted_stops_no_other_schedule(mesh: MeshDriver) -> None:
    for number in range(20):  # some of them are in the same partition
        definition = DECLARED[QUARTERS]
        if number % 2:
            definition = definition.model_copy(update={"topic": "onex.cmd.gone.make-digest.v1"})
        mesh.send(ChangeSchedule(schedule=f"s.{number}", action=SET, definition=definition), run=False)
    mesh.advance("20m")
    assert len(mesh.published(DigestMade)) == 20
    letters = mesh.dead_letters(NodeSchedulerOrchestrator)
    assert len(letters) == 20
    assert b"there is no topic onex.cmd.gone.make-digest.v1" in dict(letters[0].headers() or [])["onex-dlq-message"]


def test_brokers_that_are_away_make_no_dead_letter_of_a_command(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise BusUnavailableError("away")

    change(mesh, QUARTERS)
    with monkeypatch.context() as failing:
        failing.setattr(MemoryAdmin, "topics", away)
        mesh.advance("10m")
    assert (made(mesh), mesh.dead_letters()) == (["14T22:15"], [])


def test_each_due_time_is_carried_out_once_when_instances_come_and_go(mesh: MeshDriver) -> None:
    for name in (MORNING, QUARTERS, ON_TIME):
        change(mesh, name)
    (first,) = mesh.instances_of(NodeSchedulerOrchestrator)
    second = mesh.add_instance(first.resolved.node_class)
    mesh.advance("1h")
    mesh.crash(first)
    mesh.advance("1h")
    mesh.add_instance(first.resolved.node_class)
    mesh.remove_instance(second)
    mesh.advance("1d")
    fired = [(each.schedule, each.due) for each in mesh.published(ScheduleFired)]
    assert len(fired) == len(set(fired)) == 104 + 1 + 2
    assert len(mesh.published(DigestMade)) == len(fired)


def test_a_zone_that_an_update_lacks_stops_a_schedule_until_it_is_back(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(mesh, MORNING)

    def missing(name: str) -> None:
        raise ValueError(f"no time zone {name}")

    with monkeypatch.context() as lacking:
        lacking.setattr("onex.schedules.recurrence.zone_of", missing)
        mesh.advance("8h")
        assert made(mesh) == []
    mesh.advance("5m")
    assert made(mesh) == ["15T05:00"]
    assert mesh.dead_letters() == []


_HOSTILE: list[tuple[dict[str, object], str]] = [
    ({"cron": "* * * * * *"}, "6 fields"),
    ({"zone": "Mars/Olympus"}, "no time zone"),
    ({"late_after": 1e300}, "late_after"),
    ({"topic": "onex.evt.digest.digest-made.v1"}, "carries no commands"),
    ({"topic": "staging.onex.cmd.digest.make-digest.v1"}, "carries no commands"),
    ({"topic": "shop.orders"}, "is not of the form"),
    ({"payload": "[1]"}, "no JSON object"),
    ({"payload": "{"}, "Expecting property name"),
    ({"payload": "[" * 30_000}, "nested too deeply"),
    ({"payload": '{"a": "{now}"}'}, "{now} is no placeholder"),
    ({"payload": '{"a": "\\ud800"}'}, "half of a surrogate pair"),
    ({"key": "{__class__}"}, "{__class__} is no placeholder"),
]


@pytest.mark.parametrize(("changes", "problem"), _HOSTILE, ids=[problem for _, problem in _HOSTILE])
def test_a_definition_that_cannot_be_carried_out_is_a_dead_letter(
    mesh: MeshDriver, changes: dict[str, object], problem: str
) -> None:
    definition = DECLARED[MORNING].model_copy(update=changes)
    sent = mesh.send(ChangeSchedule(schedule=MORNING, action=SET, definition=definition))
    assert problem in mesh.dead_letter_of(sent)["onex-dlq-message"]
    assert mesh.dead_letter_of(sent)["onex-dlq-class"] == "rejected"


@pytest.fixture
def contract_with(tmp_path: Path) -> Callable[..., list[str]]:
    """Return the problems of the digest's contract with one schedule."""

    def problems(**schedule: object) -> list[str]:
        contract = yaml.safe_load((DIGEST / "contract.yaml").read_text())
        contract |= {
            "name": "node_daily_compute",
            "schedules": [{"name": "one", "schedule": "0 6 * * *", **schedule}],
        }
        folder = tmp_path / "node_daily_compute" / "v1_0_0"
        (folder / "models").mkdir(parents=True, exist_ok=True)
        (folder / "contract.yaml").write_text(yaml.safe_dump(contract))
        for name in ("models/__init__.py", "node.py"):
            text = (DIGEST / name).read_text()
            (folder / name).write_text(text.replace("node_digest", "node_daily").replace("NodeDigest", "NodeDaily"))
        try:
            resolve_node(folder)
        except ContractError as error:
            return [f"{problem.field}: {problem.message}" for problem in error.problems]
        return []

    return problems


PAYLOAD = {"digest_id": "d", "made_for": "{due}", "pages": 1}


def test_a_contract_with_a_schedule_is_checked(contract_with: Callable[..., list[str]]) -> None:
    assert contract_with(payload=PAYLOAD) == []
    assert contract_with(payload=PAYLOAD, command="MakeDigest") == []
    wrong: list[tuple[dict[str, object], str]] = [
        ({"schedule": "0 6 * *"}, "schedules[0].schedule: "),
        ({"zone": "Europe/Bonn"}, "schedules[0].zone: "),
        ({"zone": "../../etc/passwd"}, "schedules[0].zone: "),
        ({"command": "DigestMade"}, "schedules[0].command: DigestMade is no command that the node takes"),
        ({"payload": {}}, "schedules[0].payload: "),
        ({"payload": {**PAYLOAD, "pages": "many"}}, "schedules[0].payload: "),
        ({"payload": {**PAYLOAD, "pages": 2**63}}, "schedules[0].payload: "),
        ({"payload": {**PAYLOAD, "more": 1}}, "schedules[0].payload: "),
        ({"payload": {**PAYLOAD, "digest_id": "{hour}"}}, "schedules[0].payload: {hour} is no placeholder"),
        ({"payload": {**PAYLOAD, "digest_id": "${HOME}"}}, "schedules[0].payload: {HOME} is no placeholder"),
        ({"payload": {**PAYLOAD, "digest_id": "x" * 70_000}}, "schedules[0].payload: "),
        ({"after_outage": "never"}, "schedules[0].after_outage: "),
        ({"late_after": "-1s"}, "schedules[0].late_after: "),
        ({"name": "../x"}, "schedules[0].name: "),
    ]
    for changes, problem in wrong:
        assert [found[: len(problem)] for found in contract_with(**{"payload": PAYLOAD, **changes})] == [problem]


def test_names_of_schedules_are_unique_and_any_command_is_for_orchestrators() -> None:
    contract = yaml.safe_load((DIGEST / "contract.yaml").read_text())
    contract["schedules"] = [{"name": "one", "schedule": text} for text in ("0 6 * * *", "0 7 * * *")]
    contract["event_bus"]["sends_any_command"] = True
    with pytest.raises(ContractError, match="schedules has one twice") as refused:
        parse_contract(yaml.safe_dump(contract))
    assert "sends_any_command belongs to an ORCHESTRATOR in code" in str(refused.value)


def test_only_commands_with_key_and_id_are_sent_and_only_by_nodes_that_may() -> None:
    writer, envelope = (
        AnyCommandWriter(resolve_node(SCHEDULER, "staging.").contract, TopicLimits.usual()),
        CauseEnvelope("m", "c"),
    )
    command = CommandText(topic="onex.cmd.digest.make-digest.v1", text="{}")
    allowed, time = Addressed(command, key="k", id="i"), (h.TIME, b"t")
    topic, value, key, headers = writer.write(command, allowed, envelope, time)
    assert (topic, value, key) == ("staging.onex.cmd.digest.make-digest.v1", b"{}", b"k")
    assert (h.ID, b"i") in headers
    for name in ("onex.evt.digest.digest-made.v1", "prod.onex.cmd.digest.make-digest.v1", "shop.orders", ""):
        with pytest.raises(WrongOutputError):
            writer.write(command.model_copy(update={"topic": name}), allowed, envelope, time)
    for incomplete in (Addressed(command, id="i"), Addressed(command, key="k")):
        with pytest.raises(WrongOutputError, match="needs a key and an id"):
            writer.write(command, incomplete, envelope, time)
    with pytest.raises(WrongOutputError, match="is no output of this node's contract"):
        Encoder({}, "node_other_orchestrator").encode_all([allowed], envelope, None)


def test_a_definition_holds_all_that_the_scheduler_needs() -> None:
    assert DECLARED[MORNING] == ScheduleDefinition(
        node="node_digest_compute.v1",
        cron="0 6 * * *",
        zone="Europe/Berlin",
        after_outage=EnumAfterOutage.RUN_ONCE,
        late_after=60.0,
        topic="onex.cmd.digest.make-digest.v1",
        key="day-{date}",
        payload='{"digest_id": "day-{date}", "made_for": "{due}", "pages": 3}',
    )
    assert DECLARED[QUARTERS].key == "quarters"
    prefixed = definitions_of(resolve_node(DIGEST, "staging."))
    assert prefixed == DECLARED  # the scheduler of an environment adds its prefix
