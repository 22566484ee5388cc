"""Everything a declared workflow can have: signals, conditions, fan-out, retries, sagas, deadlines, versions."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeVar

import pytest
from node_trip_orchestrator.v1_0_0.models import (
    ApproveTrip,
    BookCar,
    BookHotel,
    BookTrip,
    CarBooked,
    CarRefused,
    CarReturned,
    FreeHotel,
    HotelBooked,
    HotelFull,
    Paid,
    Pay,
    PayRefused,
    PayReturned,
    ReturnCar,
    ReturnPay,
    TripBooked,
    TripFailed,
    TripMoved,
)
from node_trip_orchestrator.v1_0_0.node import NodeTripOrchestrator

from onex.contract import resolve_node
from onex.model.cancel import CancelWorkflow
from onex.model.contract import ModelStepRetry, ModelWorkflowStep
from onex.model.enums import EnumBackoff
from onex.model.message import Message
from onex.model.repeated import CompletionRepeated
from onex.testing import MeshDriver
from onex.wire import headers as h
from tests.conftest import NODES

TRIP = NODES / "node_trip_orchestrator"
M = TypeVar("M", bound=Message)


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([TRIP / "v1_0_0"])
    yield driver
    driver.close()


def answer(mesh: MeshDriver, to: type[Message], event: Message, which: int = -1) -> None:
    """Answer the nth command of a type, as the effect that takes it would."""
    record, _ = mesh.messages(to)[which]
    found = dict(record.headers() or [])
    mesh.send(event, key=(record.key() or b"").decode(), headers=[(h.CAUSATION, found[h.ID])])


def begin(mesh: MeshDriver, trip: BookTrip | None = None, approve: bool = True) -> None:
    mesh.send(trip or BookTrip(trip="t"), id="start")
    if approve:
        mesh.send(ApproveTrip(trip="t"))


def book_all(mesh: MeshDriver) -> None:
    for night in range(2):
        answer(mesh, BookHotel, HotelBooked(night=night), which=night)
    answer(mesh, BookCar, CarBooked(plate="p"))


def moves(mesh: MeshDriver) -> list[str]:
    return [f"{moved.step} {moved.status}".strip() for moved in mesh.published(TripMoved)]


def test_a_trip_waits_for_a_signal_fans_out_and_comes_together(mesh: MeshDriver) -> None:
    begin(mesh, approve=False)
    assert mesh.published(BookHotel) == []
    mesh.send(ApproveTrip(trip="t"))
    assert [command.night for command in mesh.published(BookHotel)] == [0, 1]
    answer(mesh, BookHotel, HotelBooked(night=1), which=1)
    answer(mesh, BookCar, CarBooked(plate="p"))
    assert mesh.published(Pay) == []
    answer(mesh, BookHotel, HotelBooked(night=0), which=0)
    answer(mesh, Pay, Paid(amount=1.0))
    assert mesh.published(TripBooked) == [TripBooked(trip="t", nights=[0, 1], car="p")]
    assert moves(mesh) == ["started", "approve done", "car done", "hotels done", "pay done", "completed"]


def test_a_signal_may_come_before_its_step_and_only_once(mesh: MeshDriver) -> None:
    mesh.send(ApproveTrip(trip="t"))
    begin(mesh, approve=False)
    assert mesh.published(BookHotel) == [], "a signal for a run that does not exist is nothing"
    mesh.send(ApproveTrip(trip="t"))
    mesh.send(ApproveTrip(trip="t"))
    assert len(mesh.published(BookHotel)) == 2


def test_a_signal_that_does_not_come_in_time_fails_the_run(mesh: MeshDriver) -> None:
    begin(mesh, approve=False)
    mesh.advance("8d")
    assert mesh.published(TripFailed) == [TripFailed(trip="t", reason="approve timed out", left=[])]


def test_a_step_that_is_not_needed_is_skipped(mesh: MeshDriver) -> None:
    begin(mesh, BookTrip(trip="t", car=False, nights=0))
    assert mesh.published(BookCar) == []
    answer(mesh, Pay, Paid(amount=1.0))
    assert mesh.published(TripBooked) == [TripBooked(trip="t", nights=[], car="")]
    assert "car skipped" in moves(mesh)


def test_of_a_fan_out_only_what_is_missing_is_sent_again(mesh: MeshDriver) -> None:
    begin(mesh)
    answer(mesh, BookHotel, HotelBooked(night=0), which=0)
    mesh.advance("11s")
    assert [command.night for command in mesh.published(BookHotel)] == [0, 1, 1]
    first, second = (dict(r.headers() or [])[h.IDEMPOTENCY_KEY] for r, c in mesh.messages(BookHotel) if c.night == 1)
    assert first == second
    answer(mesh, BookHotel, HotelBooked(night=1), which=1)
    answer(mesh, BookCar, CarBooked(plate="p"))
    assert len(mesh.published(Pay)) == 1, "an answer to the first attempt counts"


def test_a_refused_step_is_tried_again_with_growing_delays(mesh: MeshDriver) -> None:
    begin(mesh)
    answer(mesh, BookCar, CarRefused(reason="none left"))
    assert len(mesh.published(BookCar)) == 1
    mesh.advance("1s")
    answer(mesh, BookCar, CarRefused(reason="none left"))
    mesh.advance("1s")
    assert len(mesh.published(BookCar)) == 2
    mesh.advance("1s")
    assert len(mesh.published(BookCar)) == 3
    answer(mesh, BookCar, CarRefused(reason="none left"))
    assert mesh.published(TripFailed) == [], "the hotels are under way: they are waited for"
    mesh.advance("10s")
    assert mesh.published(TripFailed) == [TripFailed(trip="t", reason="none left", left=["hotels"])], (
        "they may be booked"
    )


def test_compensation_goes_backwards_one_after_another(mesh: MeshDriver) -> None:
    begin(mesh)
    book_all(mesh)
    answer(mesh, Pay, PayRefused(reason="no money"))
    assert len(mesh.published(ReturnCar)) == 1
    assert mesh.published(FreeHotel) == [], "the hotels wait for the car"
    assert mesh.published(TripFailed) == []
    answer(mesh, ReturnCar, CarReturned(plate="p"))
    assert [command.night for command in mesh.published(FreeHotel)] == [0, 1]
    assert mesh.published(TripFailed) == [TripFailed(trip="t", reason="no money", left=[])]
    assert mesh.published(ReturnPay) == []


def test_compensation_is_tried_again_and_what_cannot_be_undone_is_told(mesh: MeshDriver) -> None:
    begin(mesh)
    book_all(mesh)
    answer(mesh, Pay, PayRefused(reason="no money"))
    mesh.advance("6s")
    assert len(mesh.published(ReturnCar)) == 2
    keys = {dict(r.headers() or [])[h.IDEMPOTENCY_KEY] for r, _ in mesh.messages(ReturnCar)}
    assert len(keys) == 1
    mesh.advance("20s")
    assert len(mesh.published(ReturnCar)) == 3
    assert mesh.published(TripFailed) == [TripFailed(trip="t", reason="no money", left=["car"])]
    assert len(mesh.published(FreeHotel)) == 2


def test_a_cancelled_trip_undoes_what_may_have_happened_and_waits_for_it(mesh: MeshDriver) -> None:
    begin(mesh)
    book_all(mesh)
    mesh.send(CancelWorkflow(workflow_id="t", reason="ill"))
    assert len(mesh.published(ReturnPay)) == 1
    mesh.send(CancelWorkflow(workflow_id="t", reason="twice"))
    answer(mesh, ReturnPay, PayReturned(amount=1.0))
    answer(mesh, ReturnCar, CarReturned(plate="p"))
    assert mesh.published(TripFailed) == [TripFailed(trip="t", reason="ill", left=[])]


def test_a_step_that_ends_while_the_run_goes_back_is_undone_too(mesh: MeshDriver) -> None:
    begin(mesh)
    answer(mesh, BookCar, CarBooked(plate="p"))
    answer(mesh, BookHotel, HotelFull(reason="full"))
    assert len(mesh.published(ReturnCar)) == 1
    answer(mesh, BookHotel, HotelBooked(night=0), which=0)
    answer(mesh, ReturnCar, CarReturned(plate="p"))
    assert mesh.published(TripFailed) == [TripFailed(trip="t", reason="full", left=[])]


def test_a_deadline_ends_the_run(mesh: MeshDriver) -> None:
    until = datetime.fromtimestamp(mesh.clock.now_ms() / 1000 + 60, UTC)
    begin(mesh, BookTrip(trip="t", nights=0, until=until))
    mesh.advance("59s")
    assert mesh.published(ReturnCar) == []
    mesh.advance("2s")
    answer(mesh, ReturnCar, CarReturned(plate="p"))
    assert mesh.published(TripFailed) == [TripFailed(trip="t", reason="workflow timed out", left=[])]


def test_a_run_waits_for_months(mesh: MeshDriver) -> None:
    begin(mesh, BookTrip(trip="t", nights=0))
    mesh.advance("89d")
    assert mesh.published(TripFailed) == []
    mesh.advance("2d")
    assert mesh.published(TripFailed) == [TripFailed(trip="t", reason="workflow timed out", left=["car"])]


def test_a_run_continues_as_new_without_its_history(mesh: MeshDriver) -> None:
    begin(mesh, BookTrip(trip="t", nights=0, car=False, again=2), approve=False)
    for _ in range(3):
        mesh.send(ApproveTrip(trip="t"))
        answer(mesh, Pay, Paid(amount=1.0))
    (done,) = mesh.messages(TripBooked)
    ids = [dict(record.headers() or [])[h.ID] for record, _ in mesh.messages(Pay)]
    assert len(set(ids)) == 3
    mesh.send(BookTrip(trip="t", nights=0, car=False, again=2), id="start")
    assert mesh.messages(TripBooked) == [done], "the completion is published once"
    ((_, again),) = mesh.messages(CompletionRepeated)
    assert TripBooked.from_stored_json(again.content) == done[1], "the sender gets the same completion"


def test_a_crash_in_the_middle_of_going_back_changes_nothing(mesh: MeshDriver) -> None:
    begin(mesh)
    book_all(mesh)
    answer(mesh, Pay, PayRefused(reason="no money"))
    mesh.crash(mesh.instances[0])
    mesh.add_instance(NodeTripOrchestrator)
    mesh.advance("6s")
    answer(mesh, ReturnCar, CarReturned(plate="p"), which=0)
    assert mesh.published(TripFailed) == [TripFailed(trip="t", reason="no money", left=[])]
    assert len(mesh.published(ReturnCar)) == 2


def test_a_running_workflow_ends_on_the_version_it_began_with() -> None:
    old = MeshDriver([TRIP / "v1_0_0"])
    begin(old, BookTrip(trip="t", nights=0))
    new_node = resolve_node(TRIP / "v1_1_0")
    declared_by_both = MeshDriver([new_node])
    # The same cluster, rolled to the next minor version.
    old.nodes = [new_node]
    from onex.provisioning.declared import declare
    from onex.provisioning.provision import apply_plan, make_plan

    declared = declare([new_node], 1)
    apply_plan(make_plan(declared, old.bus, old.catalogue), declared, old.bus, old.catalogue)
    old.crash(old.instances[0])
    old.instances.append(old._instance(new_node))
    old.run_until_idle()
    models = new_node.models
    old.send(models["BookTrip"].model_validate({"trip": "u", "nights": 0, "car": False}))
    old.send(models["ApproveTrip"].model_validate({"trip": "u"}))
    assert [m.model_dump() for m in old.published(models["Insure"])] == [{"trip": "u"}], "a new run has the new step"
    insured = models["Insured"].model_validate({"policy": "p"})
    letter = old.dead_letter_of(old.send(insured, key="t"))
    assert letter["onex-dlq-class"] == "rejected"
    assert letter["onex-dlq-message"] == "the run began with version 1.0.0, in which no step takes Insured"
    answer(old, models["BookCar"], models["CarBooked"].model_validate({"plate": "p"}))
    assert [m.model_dump() for m in old.published(models["Pay"])] == [{"trip": "t"}], "the old run goes its old way"
    answer(old, models["Pay"], models["Paid"].model_validate({"amount": 1.0}))
    booked = [m.model_dump() for m in old.published(models["TripBooked"])]
    assert booked == [{"trip": "t", "nights": [], "car": "p"}]
    declared_by_both.close()
    old.close()


def test_a_run_whose_version_is_gone_says_so(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(mesh, approve=False)
    new_node = resolve_node(TRIP / "v1_1_0")
    monkeypatch.setattr("onex.workflow.compile.earlier_versions", lambda resolved: [])
    mesh.nodes = [new_node]
    from onex.provisioning.declared import declare
    from onex.provisioning.provision import apply_plan, make_plan

    declared = declare([new_node], 1)
    apply_plan(make_plan(declared, mesh.bus, mesh.catalogue), declared, mesh.bus, mesh.catalogue)
    mesh.crash(mesh.instances[0])
    mesh.instances.append(mesh._instance(new_node))
    mesh.send(new_node.models["ApproveTrip"].model_validate({"trip": "t"}))
    (letter,) = mesh.dead_letters()
    assert b"began with version 1.0.0" in dict(letter.headers() or [])["onex-dlq-message"]


def test_delays_of_steps() -> None:
    exponential = ModelStepRetry(max_attempts=5, delay=1.0, max_delay=5.0)
    assert [exponential.delay_after(n) for n in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 5.0]
    linear = ModelStepRetry(max_attempts=5, delay=1.0, backoff=EnumBackoff.LINEAR)
    assert [linear.delay_after(n) for n in (1, 2, 3)] == [1.0, 2.0, 3.0]
    assert ModelStepRetry(max_attempts=5).delay_after(3) == 0.0


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ({"id": "x"}, "write command and result, or signal"),
        ({"id": "x", "signal": "S", "command": "C", "result": "R"}, "has no command"),
        ({"id": "x", "command": "C", "result": "R", "compensated": "U"}, "needs compensate"),
        ({"id": "x", "command": "C", "result": "R", "error_action": "retry"}, "max_attempts above 1"),
    ],
)
def test_steps_that_make_no_sense_are_refused(step: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ModelWorkflowStep.model_validate(step)


def test_a_workflow_is_drawn_and_a_run_says_what_it_waits_for(mesh: MeshDriver) -> None:
    from onex.cli.workflow_drawing import draw, mermaid, waits_for
    from onex.mesh import StateReader
    from onex.schema.topic_catalogue import TopicCatalogue
    from onex.workflow import WorkflowState

    contract = mesh.nodes[0].contract
    assert contract.workflow_coordination is not None
    drawn = "\n".join(draw(contract.workflow_coordination))
    for part in ("[approve] waits for ApproveTrip", "many BookHotel", "only when_car", "awaited as CarReturned"):
        assert part in drawn
    chart = mermaid(contract.workflow_coordination)
    assert "hotels --> pay" in chart
    assert "car -.-> undo_car" in chart

    def waiting() -> dict[str, str]:
        state, timers = StateReader(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0]).get("t")
        assert isinstance(state, WorkflowState)
        return waits_for(contract, state, timers)

    begin(mesh, approve=False)
    assert waiting()["approve"].startswith("for signal ApproveTrip, until 2023-")
    assert waiting()["pay"] == "for hotels, car"
    mesh.send(ApproveTrip(trip="t"))
    answer(mesh, BookHotel, HotelBooked(night=0), which=0)
    assert waiting()["hotels"].startswith("for HotelBooked or HotelFull (1 of 2 are here), attempt 1 of 2, until")
    answer(mesh, BookCar, CarRefused(reason="x"))
    assert waiting()["car"].startswith("for its next attempt at")
    mesh.advance("2s")
    answer(mesh, BookCar, CarBooked(plate="p"))
    answer(mesh, BookHotel, HotelFull(reason="full"))
    assert waiting()["car"].startswith("for CarReturned (0 of 1 are here), attempt 1 of 3, until")
    answer(mesh, ReturnCar, CarReturned(plate="p"))
    assert waiting() == {}


@pytest.fixture
def tour() -> Iterator[MeshDriver]:
    driver = MeshDriver([TRIP / "v1_0_0", NODES / "node_tour_orchestrator" / "v1_0_0"])
    yield driver
    driver.close()


def test_child_workflows_answer_their_parent(tour: MeshDriver) -> None:
    from node_tour_orchestrator.v1_0_0.models import BookTour, TourBooked

    sent = tour.send(BookTour(tour="x", trips=2))
    for number in range(2):
        tour.send(ApproveTrip(trip=f"x-{number}"))
    for number in range(2):
        answer(tour, Pay, Paid(amount=1.0), which=number)
    assert tour.published(TourBooked, sent) == [TourBooked(tour="x", trips=["x-0", "x-1"])]


def test_a_cancelled_parent_cancels_its_children(tour: MeshDriver) -> None:
    from node_tour_orchestrator.v1_0_0.models import BookTour, TourFailed

    tour.send(BookTour(tour="x", trips=2))
    tour.send(ApproveTrip(trip="x-0"))
    topic = tour.nodes[1].contract.cancel_topic
    value = CancelWorkflow(workflow_id="x", reason="rain").model_dump_json().encode()
    tour.publish(topic, value, b"x", [])
    assert tour.published(TourFailed) == [TourFailed(tour="x", reason="rain")]
    assert len(tour.published(ReturnPay)) == 1, "what the child had sent is undone"
    answer(tour, ReturnPay, PayReturned(amount=1.0))
    assert {(f.trip, f.reason) for f in tour.published(TripFailed)} == {
        ("x-0", "the tour is off"),
        ("x-1", "the tour is off"),
    }


def test_a_child_that_fails_ends_the_others_without_waiting_for_them(tour: MeshDriver) -> None:
    from node_tour_orchestrator.v1_0_0.models import BookTour, TourFailed

    tour.send(BookTour(tour="x", trips=2))
    tour.send(CancelWorkflow(workflow_id="x-0", reason="no ship"))
    assert tour.published(TourFailed) == [TourFailed(tour="x", reason="no ship")]
    assert {(f.trip, f.reason) for f in tour.published(TripFailed)} == {
        ("x-0", "no ship"),
        ("x-1", "the tour is off"),
    }
