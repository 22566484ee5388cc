"""What `onex plan`, `onex apply` and `onex schedules` read and write, on the in-memory bus."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from node_digest_compute.v1_0_0.models import DigestMade
from typer.testing import CliRunner

from node_scheduler_orchestrator.v1_0_0.node import NodeSchedulerOrchestrator
from onex.bus.memory.transaction import MemoryTransaction
from onex.cli.main import app
from onex.cli.node_lookup import resolve_all, scheduler_node
from onex.cli.output import CommandError
from onex.cli.schedules.book import ScheduleBook, shown
from onex.cli.schedules.commands import full_names
from onex.cli.schedules.listing import rows_of
from onex.contract import ResolvedNode, resolve_node
from onex.dlq import Audit, Author
from onex.errors import BusError, ConfigurationError
from onex.schedules import ChangeSchedule, EnumScheduleAction
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from onex.testing import MeshDriver
from tests.conftest import NODES, SERVICES

SCHEDULER, DIGEST = SERVICES / "node_scheduler_orchestrator" / "v1_0_0", NODES / "node_digest_compute" / "v1_0_0"
ALL = [f"node_digest_compute.v1.{name}" for name in ("morning", "on-time", "quarters")]
START = datetime.fromtimestamp(1_700_000_000, UTC)


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([SCHEDULER, DIGEST])
    yield driver
    driver.close()


@pytest.fixture
def book(mesh: MeshDriver) -> ScheduleBook:
    return ScheduleBook(mesh.bus, mesh.catalogue, scheduler_node(Settings(), mesh.nodes))


def without(node: ResolvedNode, *names: str) -> ResolvedNode:
    left = tuple(schedule for schedule in node.contract.schedules if schedule.name not in names)
    return replace(node, contract=node.contract.model_copy(update={"schedules": left}))


def test_a_second_apply_changes_nothing_and_a_schedule_that_is_gone_is_removed(
    mesh: MeshDriver, book: ScheduleBook
) -> None:
    scheduler, digest = mesh.nodes
    assert book.states() == {}
    changes = book.changes(mesh.nodes)
    assert sorted(shown(change).subject for change in changes) == ALL
    assert {shown(change).action for change in changes} == {"schedule"}
    book.write(changes)
    mesh.run_until_idle()
    assert sorted(book.states()) == ALL
    assert book.changes(mesh.nodes) == []
    assert book.changes([scheduler]) == []  # another project declares them
    (gone,) = book.changes([scheduler, without(digest, "morning")])
    assert (shown(gone).action, shown(gone).subject) == ("unschedule", ALL[0])
    book.write([gone])
    mesh.run_until_idle()
    assert sorted(book.states()) == ALL[1:]
    assert [change.schedule for change in book.changes(mesh.nodes)] == [ALL[0]]


def test_schedules_are_listed_with_what_is_wrong_with_them(mesh: MeshDriver, book: ScheduleBook) -> None:
    declared = {change.schedule: change.definition for change in book.changes(mesh.nodes) if change.definition}
    assert {row["state"] for row in rows_of({}, declared, START)} == {"not taken yet"}
    book.write(book.changes(mesh.nodes))
    mesh.run_until_idle()
    book.write([ChangeSchedule(schedule=ALL[1], action=EnumScheduleAction.PAUSE)])
    mesh.advance("20m")
    morning, on_time, quarters = rows_of(book.states(), declared, START + timedelta(minutes=20))
    assert (morning["state"], morning["times"], morning["zone"]) == ("active", "0 6 * * *", "Europe/Berlin")
    assert (morning["next"], morning["last"]) == ("2023-11-15T05:00:00+00:00", None)
    assert (on_time["state"], on_time["next"]) == ("paused", None)
    assert (quarters["last"], quarters["next"]) == ("2023-11-14T22:30:00+00:00", "2023-11-14T22:45:00+00:00")
    assert quarters["last_id"]
    mesh.mute(NodeSchedulerOrchestrator)
    assert rows_of(book.states(), {}, START + timedelta(minutes=35))[2]["state"] == "overdue"


def test_an_operator_names_schedules_by_the_last_part(mesh: MeshDriver, book: ScheduleBook) -> None:
    book.write(book.changes(mesh.nodes))
    mesh.run_until_idle()
    states = book.states()
    names = full_names(["morning", ALL[2], "quarters"], states)
    assert names == [ALL[0], ALL[2]]
    book.order(EnumScheduleAction.RUN, names, Author("ada"), "e")
    mesh.run_until_idle()
    assert sorted(digest.digest_id for digest in mesh.published(DigestMade)) == ["day-2023-11-14", "quarters"]
    with pytest.raises(CommandError, match=r"'evening' is no schedule; there are: node_digest_compute.v1.morning, "):
        full_names(["evening"], states)
    with pytest.raises(CommandError, match="is the name of several schedules"):
        full_names(["morning"], {**states, "node_other_effect.v1.morning": states[ALL[0]]})


def test_each_change_of_an_operator_has_an_audit_entry(
    mesh: MeshDriver, book: ScheduleBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.write(book.changes(mesh.nodes))
    mesh.run_until_idle()
    monkeypatch.setenv("ONEX_HOME", str(tmp_path))
    for module in ("schedules.commands", "dlq.managers"):
        monkeypatch.setattr(f"onex.cli.{module}.open_own_bus", lambda _: mesh.bus)
        monkeypatch.setattr(f"onex.cli.{module}.open_catalogue", lambda *_: TopicCatalogue(mesh.bus))

    def onex(*arguments: str) -> list[dict[str, str]]:
        done = CliRunner().invoke(app, [*arguments, "--json", "--services", str(DIGEST.parent)])
        assert done.exit_code == 0, (done.output, done.exception)
        return cast(list[dict[str, str]], json.loads(done.stdout))

    wanted: set[tuple[str, ...]] = set()
    for action in ("pause", "resume", "run", "remove"):
        (order,) = onex("schedules", action, "morning", "--why", f"to {action}", "--as", "ada")
        past = {"pause": "paused", "resume": "resumed", "remove": "removed"}.get(action, action)
        wanted.add((f"schedule_{past}", "node_digest_compute", ALL[0], "ada", f"to {action}", order["id"]))
        mesh.run_until_idle()
    assert ALL[0] not in book.states()
    assert len(mesh.published(DigestMade)) == 1
    entries = onex("dlq", "audit")
    facts = ("action", "node", "letter", "who", "why", "message_id")
    assert {tuple(entry[fact] for fact in facts) for entry in entries} == wanted


def test_an_order_and_its_audit_entry_come_together_or_not(
    mesh: MeshDriver, book: ScheduleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.write(book.changes(mesh.nodes))
    mesh.run_until_idle()

    def fails(*_: object) -> None:
        raise BusError("away")

    with monkeypatch.context() as patched:
        patched.setattr(MemoryTransaction, "commit", fails)
        with pytest.raises(BusError, match="away"):
            book.order(EnumScheduleAction.PAUSE, ALL[:1], Author("ada"), "e")
    mesh.run_until_idle()
    assert not book.states()[ALL[0]].paused
    assert not [*Audit(mesh.bus, mesh.catalogue).entries()]


def test_nodes_with_schedules_bring_the_installed_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.cli.installed_nodes.installed_roots", lambda: [SERVICES])
    of_digest = resolve_all(Settings(services=[DIGEST.parent], topic_prefix="staging."))
    assert [node.contract.name for node in of_digest] == ["node_digest_compute", "node_scheduler_orchestrator"]
    assert of_digest[1].contract.topic_prefix == "staging."
    both = resolve_all(Settings(services=[DIGEST.parent, SCHEDULER.parent]))
    assert len(both) == 2  # the project's own is used
    plain = resolve_all(Settings(services=[NODES / "node_gate_compute"]))
    assert [node.contract.name for node in plain] == ["node_gate_compute"]
    monkeypatch.setattr("onex.cli.installed_nodes.installed_roots", list)
    with pytest.raises(ConfigurationError, match="install onex again"):
        scheduler_node(Settings(), [resolve_node(DIGEST)])
