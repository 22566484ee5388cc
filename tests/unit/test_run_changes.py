"""Operators cancel workflow runs and run their commands again: one or by filter, once each, with an audit entry."""

import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from node_order_orchestrator.v1_0_0.models import PlaceOrder
from node_order_pricing_compute.v1_0_0.models import OrderPriced, PriceOrder
from node_payment_effect.v1_0_0.models import CardCharged, CardDeclined, ChargeCard
from node_shipping_effect.v1_0_0.models import OrderShipped, ShipmentRefused, ShipOrder
from node_trip_orchestrator.v1_0_0.models import (
    ApproveTrip,
    BookCar,
    BookHotel,
    BookTrip,
    CarBooked,
    HotelBooked,
    Paid,
    Pay,
    TripBooked,
    TripFailed,
)
from typer.testing import CliRunner, Result

from onex.cli.main import app
from onex.cli.workflow_selection import RunsOfNode, oldest
from onex.dlq import Audit, Author, DeadLetterManager
from onex.dlq.run_changes import RunChanger, RunFilter, SelectedRun, at_step, at_the_failed_step
from onex.errors import RejectedError
from onex.mesh import StateReader
from onex.model.cancel import CancelWorkflow
from onex.model.message import Message
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from onex.wire import headers as h
from onex.workflow import WorkflowState
from onex.workflow.resuming import repeated_steps, resumed_steps
from tests.conftest import NODES, ORDERS

TRIP = NODES / "node_trip_orchestrator"
NAME = "node_trip_orchestrator"


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([TRIP / "v1_0_0"])
    yield driver
    driver.close()


@pytest.fixture
def onex(mesh: MeshDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Onex":
    monkeypatch.setenv("ONEX_HOME", str(tmp_path))
    monkeypatch.setenv("ONEX_ENV", "test")
    monkeypatch.setattr("onex.cli.workflow_runs.open_own_bus", lambda _: mesh.bus)
    monkeypatch.setattr("onex.cli.workflow_runs.open_catalogue", lambda *_: TopicCatalogue(mesh.bus))
    monkeypatch.setattr("onex.cli.workflow_cancel.time.sleep", lambda _: mesh.run_until_idle())
    return Onex()


class Onex:
    """Runs ``onex workflows``."""

    def __call__(self, *arguments: str, code: int = 0) -> Result:
        found = CliRunner().invoke(app, ["workflows", *arguments, "--services", str(TRIP / "v1_0_0")])
        assert found.exit_code == code, (found.output, found.exception)
        return found

    def json(self, *arguments: str, code: int = 0) -> dict[str, object]:
        document: dict[str, object] = json.loads(self(*arguments, "--json", code=code).stdout)
        return document


def begin(mesh: MeshDriver, *trips: str, approve: bool = False) -> None:
    for trip in trips:
        mesh.send(
            BookTrip(trip=trip), id=f"start-{trip}", correlation_id=f"of-{trip}", headers=[(h.REPLY_KEY, b"me")]
        )
        if approve:
            mesh.send(ApproveTrip(trip=trip))


def answer(mesh: MeshDriver, to: type[Message], event: Message, which: int = -1) -> None:
    record, _ = mesh.messages(to)[which]
    found = dict(record.headers() or [])
    mesh.send(event, key=(record.key() or b"").decode(), headers=[(h.CAUSATION, found[h.ID])])


def book(mesh: MeshDriver) -> None:
    for night in range(2):
        answer(mesh, BookHotel, HotelBooked(night=night), which=night)
    answer(mesh, BookCar, CarBooked(plate="p"))


def runs(mesh: MeshDriver) -> dict[str, WorkflowState]:
    found = StateReader(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0]).scan()
    return {key: state for key, state in found if type(state) is WorkflowState}


def audited(mesh: MeshDriver) -> list[tuple[str, str, str, str]]:
    entries = Audit(mesh.bus, TopicCatalogue(mesh.bus)).entries()
    return sorted((e.action, e.letter, e.who, e.why) for e in entries)


def changer(mesh: MeshDriver) -> RunChanger:
    return RunChanger(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0], Author("me"), "test")


def test_all_runs_that_wait_for_a_step_are_cancelled_and_no_other(mesh: MeshDriver, onex: Onex) -> None:
    begin(mesh, "a", approve=True)
    begin(mesh, "b", "c")
    plan = onex("cancel", "--step", "approve", "--dry-run")
    assert "2 workflows would be cancelled" in plan.output
    mesh.run_until_idle()
    assert {state.phase for state in runs(mesh).values()} == {"running"}
    assert onex.json("cancel", "--step", "approve", "--max", "1", "--dry-run")["matching"] == 1
    done = onex("cancel", "--step", "approve", "--reason", "strike", "--as", "me")
    assert "2 of 2 workflows have ended" in done.output
    found = runs(mesh)
    assert {key: state.phase for key, state in found.items()} == {"a": "running", "b": "failed", "c": "failed"}
    assert found["b"].reason == "strike"
    assert audited(mesh) == [
        ("workflow_cancelled", f"{NAME}/b", "me", "strike"),
        ("workflow_cancelled", f"{NAME}/c", "me", "strike"),
    ]
    assert onex.json("cancel", "--step", "approve") == {"matching": 0, "ended": 0, "left": 0}


def test_a_failed_run_begins_again_once_and_answers_who_asked(mesh: MeshDriver, onex: Onex) -> None:
    begin(mesh, "a")
    onex("cancel", "a")
    failed = runs(mesh)["a"]
    refused = onex("rerun", "a", "--from", "car", code=5)
    assert "step approve of the earlier run is failed; begin at it, or at a step before it" in refused.output
    first = onex.json("rerun", "a", "--from", "approve", "--why", "strike is over", "--as", "me")
    onex("rerun", "a")
    mesh.run_until_idle()
    state = runs(mesh)["a"]
    assert (state.phase, state.start_id) == ("running", first["ids"]["a"])  # type: ignore[index]  # a JSON object
    assert state.start_id != failed.start_id
    assert (state.reply_key, state.correlation_id, state.command) == ("me", "of-a", failed.command)
    assert ("workflow_rerun", f"{NAME}/a", "me", "strike is over") in audited(mesh)
    mesh.send(ApproveTrip(trip="a"))
    book(mesh)
    answer(mesh, Pay, Paid(amount=3))
    assert [trip.trip for trip in mesh.published(TripBooked)] == ["a"]
    assert len(mesh.published(TripFailed)) == 1
    assert not mesh.dead_letters()


def test_what_would_be_done_a_second_time_is_refused_until_the_operator_wants_it(
    mesh: MeshDriver, onex: Onex
) -> None:
    begin(mesh, "a", approve=True)
    assert "it is still running; cancel it first" in onex("rerun", "a", code=5).output
    book(mesh)
    answer(mesh, Pay, Paid(amount=3))
    refused = "it completed; `onex workflows rerun --completed` repeats everything that it did"
    assert all(refused in onex(again, "a", code=5).output for again in ("rerun", "retry"))
    assert onex.json("rerun", "--all") == {"matching": 0, "rerun": 0, "refused": {}, "ids": {}, "stopped": ""}
    assert onex.json("rerun", "--all", "--completed", "--dry-run")["matching"] == 1


def test_a_run_whose_steps_could_not_be_undone_is_repeated_only_on_request(mesh: MeshDriver, onex: Onex) -> None:
    begin(mesh, "a", approve=True)
    book(mesh)
    begin(mesh, "b")
    onex("cancel", "b")
    onex("cancel", "a", "--timeout", "0.1", code=6)
    mesh.advance("1h")  # no reply says that the car is returned
    assert runs(mesh)["a"].steps["car"].status == "not compensated"
    refused = onex.json("rerun", "--failure", "cancelled", code=1)
    assert (refused["rerun"], list(refused["refused"])) == (1, ["a"])  # type: ignore[call-overload]  # a JSON object
    assert "car" in refused["refused"]["a"]  # type: ignore[index]  # a JSON object
    mesh.run_until_idle()
    assert runs(mesh)["b"].phase == "running"
    assert "1 workflows run again" in onex("rerun", "--failure", "cancelled", "--repeat-steps").output
    mesh.run_until_idle()
    assert {state.phase for state in runs(mesh).values()} == {"running"}


def test_an_interrupted_command_goes_on_where_it_stopped(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.dlq.run_changes._BATCH", 2)
    begin(mesh, "a", "b", "c")
    done = list[int]()

    def selected() -> list[SelectedRun]:
        return [SelectedRun(key, state) for key, state in runs(mesh).items() if state.phase == "running"]

    assert changer(mesh).cancel(selected(), "x", lambda: bool(done), done.append) == 2
    mesh.run_until_idle()
    assert [run.key for run in selected()] == ["c"]
    assert changer(mesh).cancel(selected(), "x") == 1
    mesh.run_until_idle()
    done.clear()
    over = [SelectedRun(key, state) for key, state in runs(mesh).items()]
    assert changer(mesh).rerun(over, lambda: bool(done), done.append) == 2
    assert changer(mesh).rerun(over) == 3
    mesh.run_until_idle()
    assert {state.phase for state in runs(mesh).values()} == {"running"}
    assert not mesh.dead_letters(), "what came twice is ignored"


def test_an_interrupted_wait_says_how_many_have_not_ended(
    mesh: MeshDriver, onex: Onex, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(mesh, "a", "b")
    monkeypatch.setattr("onex.cli.workflow_cancel.time.sleep", lambda _: os.kill(os.getpid(), signal.SIGINT))
    interrupted = onex("cancel", "--all", code=1)
    assert "interrupted: 2 of 2 workflows have not ended; run it again to continue" in interrupted.output
    mesh.run_until_idle()
    assert onex.json("cancel", "--all")["matching"] == 0


@pytest.fixture
def orders() -> Iterator[MeshDriver]:
    driver = MeshDriver([ORDERS / "node_order_orchestrator" / "v1_0_0"])
    yield driver
    driver.close()


def declined(orders: MeshDriver) -> SelectedRun:
    """A run whose price is known and whose charge has failed."""
    orders.send(PlaceOrder(order_id="o", customer="eve", quantity=2, unit_price=5.0), id="start")
    answer(orders, PriceOrder, OrderPriced(order_id="o", total=9.5))
    answer(orders, ChargeCard, CardDeclined(order_id="o", reason="no money"))
    (run,) = [SelectedRun(key, state) for key, state in runs(orders).items()]
    assert (run.state.phase, run.state.failed_step) == ("failed", "charge")
    return run


def test_a_run_begins_again_at_a_step_with_the_results_of_the_steps_before_it(orders: MeshDriver) -> None:
    run = declined(orders)
    workflow = orders.nodes[0].contract.workflow_coordination
    assert workflow is not None
    assert repeated_steps(workflow, "charge") == {"charge", "ship"}
    assert not changer(orders).refusal(run, begin_at=at_step("charge"))
    assert changer(orders).rerun([run], begin_at=at_step("charge")) == 1
    orders.run_until_idle()
    assert len(orders.published(PriceOrder)) == 1, "the price is known"
    assert [charge.amount for charge in orders.published(ChargeCard)] == [9.5, 9.5]
    keys = {dict(record.headers() or [])[h.IDEMPOTENCY_KEY] for record, _ in orders.messages(ChargeCard)}
    assert len(keys) == 2, "it is another charge"
    answer(orders, ChargeCard, CardCharged(order_id="o"))
    answer(orders, ShipOrder, OrderShipped(order_id="o"))
    assert runs(orders)["o"].phase == "completed"
    assert not orders.dead_letters()


def test_what_failed_is_tried_again_where_it_failed(orders: MeshDriver) -> None:
    run = declined(orders)
    assert not changer(orders).refusal(run, begin_at=at_the_failed_step)
    assert changer(orders).rerun([run], begin_at=at_the_failed_step) == 1
    orders.run_until_idle()
    assert len(orders.published(PriceOrder)) == 1, "the price is known"
    assert len(orders.published(ChargeCard)) == 2
    state = run.state.model_copy(update={"failed_step": ""})
    refusal = changer(orders).refusal(SelectedRun("o", state), begin_at=at_the_failed_step)
    assert refusal == "no step of it failed; `onex workflows rerun` begins it again"


def test_workflows_are_retried_by_a_command(mesh: MeshDriver, onex: Onex) -> None:
    begin(mesh, "c")
    onex("cancel", "c")
    assert "no step of it failed" in onex("retry", "c", code=5).output
    begin(mesh, "a", "b")
    mesh.advance("7d")  # no approval comes
    planned = onex("retry", "--all", "--dry-run").output
    assert "2 workflows would be tried again" in planned
    ids = onex.json("retry", "--step", "approve", "--why", "strike is over", "--as", "me")["ids"]
    mesh.run_until_idle()
    assert {key: state.start_id for key, state in runs(mesh).items() if key != "c"} == ids
    assert {runs(mesh)[key].phase for key in ("a", "b")} == {"running"}
    assert ("workflow_rerun", f"{NAME}/a", "me", "strike is over") in audited(mesh)
    assert "it is still running" in onex("retry", "a", code=5).output


def test_a_run_does_not_begin_at_a_step_that_needs_what_was_undone(orders: MeshDriver) -> None:
    run = declined(orders)
    refusals = {
        "ship": "step charge of the earlier run is failed; begin at it, or at a step before it",
        "pack": "the workflow has no step 'pack'; it has price, charge, ship",
    }
    for step, refusal in refusals.items():
        assert changer(orders).refusal(run, begin_at=at_step(step)) == refusal
    changer(orders).rerun([run])
    orders.run_until_idle()
    answer(orders, PriceOrder, OrderPriced(order_id="o", total=9.5))
    answer(orders, ChargeCard, CardCharged(order_id="o"))
    answer(orders, ShipOrder, ShipmentRefused(order_id="o", reason="no van"))
    state = runs(orders)["o"]
    assert state.phase == "failed"
    undone = changer(orders).refusal(SelectedRun("o", state), begin_at=at_step("ship"))
    assert undone == "step charge of the earlier run is undone; begin at it, or at a step before it"
    running = state.model_copy(update={"phase": "running"})
    with pytest.raises(RejectedError, match="there is no failed run"):
        resumed_steps(changer(orders)._workflow, running, "ship")


def test_a_dead_letter_of_such_a_command_still_begins_at_the_step_when_it_is_replayed(orders: MeshDriver) -> None:
    run = declined(orders)
    changer(orders).rerun([run])
    orders.run_until_idle()
    other = SelectedRun("o", run.state.model_copy(update={"start_id": "other"}))
    changer(orders).rerun([other], begin_at=at_step("charge"))
    orders.run_until_idle()
    (letter,) = orders.dead_letters()
    assert dict(letter.headers() or [])[h.FROM_STEP] == b"charge"
    orders.send(CancelWorkflow(workflow_id="o"))
    answer(orders, PriceOrder, OrderPriced(order_id="o", total=9.5))
    desk = DeadLetterManager(orders.bus, TopicCatalogue(orders.bus), orders.nodes[0], Author("me"), "test")
    before = len(orders.published(PriceOrder))
    desk.replay([found for found, _ in desk.find()])
    orders.run_until_idle()
    assert len(orders.published(PriceOrder)) == before, "the run of the replay does not begin at its first step"


def test_no_sender_decides_where_a_run_begins(orders: MeshDriver) -> None:
    declined(orders)
    order = PlaceOrder(order_id="o", customer="eve", quantity=2, unit_price=5.0)
    orders.send(order, id="again", headers=[(h.FROM_STEP, b"ship")])
    assert len(orders.published(PriceOrder)) == 2
    assert not orders.published(ShipOrder)


def test_filters_of_runs(mesh: MeshDriver) -> None:
    begin(mesh, "a")
    state = runs(mesh)["a"]
    at = state.started_ms
    for wanted, matches in (
        (RunFilter(), True),
        (RunFilter(step="approve"), True),
        (RunFilter(step="car"), False),
        (RunFilter(step="none"), False),
        (RunFilter(reason="x"), False),
        (RunFilter(version="1.0.0"), True),
        (RunFilter(version="1.1.0"), False),
        (RunFilter(since_ms=at, until_ms=at + 1), True),
        (RunFilter(since_ms=at + 1), False),
        (RunFilter(until_ms=at), False),
    ):
        assert wanted.matches(state) is matches, wanted
    failed = state.model_copy(update={"phase": "failed", "failed_step": "car", "reason": "no car"})
    assert RunFilter(step="car", reason="car").matches(failed)
    assert not RunFilter(step="approve").matches(failed)


def test_a_number_of_runs_are_the_oldest_of_all_orchestrators_that_can_be_changed(mesh: MeshDriver) -> None:
    def found(*started: int) -> RunsOfNode:
        run = partial(WorkflowState, start_id="", command="{}", reply_key="", phase="failed", steps={})
        states = [SelectedRun(str(at), run(started_ms=at)) for at in started]
        return RunsOfNode(mesh.nodes[0], changer(mesh), states)

    def names(most: int, *refused: str) -> tuple[list[list[str]], dict[str, str]]:
        of_both = [found(5, 1, 7), found(2, 6)]
        chosen, reasons = oldest(of_both, most, lambda _, run: "no" if run.key in refused else "")
        return [[run.key for run in of.runs] for of in chosen], reasons

    assert names(9) == ([["1", "5", "7"], ["2", "6"]], {})
    assert names(2) == ([["1"], ["2"]], {})
    assert names(1) == ([["1"]], {})
    assert names(2, "1", "2", "7") == ([["5"], ["6"]], {"1": "no", "2": "no"})


def test_a_command_without_key_and_filter_changes_nothing(mesh: MeshDriver, onex: Onex) -> None:
    begin(mesh, "a")
    for command in ("cancel", "rerun"):
        assert "pass a key, a filter, or --all" in onex(command, code=2).output
        assert "pass a key or filters, not both" in onex(command, "a", "--all", code=2).output
        assert "no workflow 'none'" in onex(command, "none", code=1).output
    assert "no declared workflow 'x'" in onex("cancel", "a", "--node", "x", code=4).output


def test_a_command_that_its_message_refuses_now_stays(mesh: MeshDriver) -> None:
    begin(mesh, "a")
    state = runs(mesh)["a"].model_copy(update={"phase": "failed", "command": '{"trip": 5}'})
    assert changer(mesh).refusal(SelectedRun("a", state)).startswith("its command is no BookTrip any more: ")
