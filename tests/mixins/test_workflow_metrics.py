"""Metrics of workflows on /metrics: durations, outcomes, retries, compensations and open runs, in virtual time."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from node_trip_orchestrator.v1_0_0.models import (
    ApproveTrip,
    BookCar,
    BookHotel,
    BookTrip,
    CarBooked,
    CarRefused,
    CarReturned,
    HotelBooked,
    Paid,
    Pay,
    PayRefused,
    PayReturned,
    ReturnCar,
    ReturnPay,
)
from node_trip_orchestrator.v1_0_0.node import NodeTripOrchestrator

from onex.capability.feature import Features
from onex.contract import resolve_node
from onex.errors import ContractError
from onex.mixins.workflow_metrics import ModelWorkflowMetricsSubcontract
from onex.model.cancel import CancelWorkflow
from onex.model.message import Message
from onex.testing import MeshDriver
from onex.wire import headers as h
from tests.conftest import NODES
from tests.mixins.helpers import contract_file

TRIP = NODES / "node_trip_orchestrator" / "v1_0_0"
NODE = "node_trip_orchestrator"


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([TRIP])
    yield driver
    driver.close()


def answer(mesh: MeshDriver, to: type[Message], event: Message, which: int = -1) -> None:
    """Reply to the nth command of a type, as the effect that takes it would."""
    record, _ = mesh.messages(to)[which]
    found = dict(record.headers() or [])
    mesh.send(event, key=(record.key() or b"").decode(), headers=[(h.CAUSATION, found[h.ID])])


def value(mesh: MeshDriver, name: str, **labels: str) -> float | None:
    (instance,) = mesh.instances_of(NodeTripOrchestrator)
    return instance.metrics.registry.get_sample_value(f"onex_workflow_{name}", {"node": NODE, **labels})


def book_all(mesh: MeshDriver, trip: str) -> None:
    """Bring a run to its last step, ``pay``; the hotels take 3 s and the car 4 s."""
    mesh.send(BookTrip(trip=trip))
    mesh.advance("60s")
    mesh.send(ApproveTrip(trip=trip))
    mesh.advance("3s")
    for night, which in ((0, -2), (1, -1)):
        answer(mesh, BookHotel, HotelBooked(night=night), which)
    mesh.advance("1s")
    answer(mesh, BookCar, CarBooked(plate="p"))


def test_a_completed_run_is_measured_step_by_step(mesh: MeshDriver) -> None:
    assert value(mesh, "runs_started_total") == 0, "a rate needs the value before the first increase"
    assert value(mesh, "run_seconds_count", outcome="completed") == 0
    book_all(mesh, "t")
    mesh.advance("2s")
    assert value(mesh, "open_runs") == 1
    answer(mesh, Pay, Paid(amount=1.0))
    mesh.advance("2s")
    assert value(mesh, "open_runs") == 0, "the state of the finished run is still there"
    assert value(mesh, "runs_started_total") == 1
    assert value(mesh, "run_seconds_count", outcome="completed") == 1
    assert value(mesh, "run_seconds_sum", outcome="completed") == pytest.approx(66.0)
    seconds = {"approve": 60.0, "hotels": 3.0, "car": 4.0, "pay": 2.0}
    for step, expected in seconds.items():
        assert value(mesh, "step_seconds_sum", step=step, outcome="done") == pytest.approx(expected), step
        assert value(mesh, "step_retries_total", step=step) == 0


def test_a_failed_run_counts_its_retries_and_compensations(mesh: MeshDriver) -> None:
    book_all(mesh, "t")
    mesh.advance("2s")
    answer(mesh, Pay, PayRefused(reason="no money"))
    assert value(mesh, "step_seconds_count", step="pay", outcome="failed") == 1
    assert value(mesh, "run_seconds_count", outcome="failed") == 0, "it waits for the car"
    answer(mesh, ReturnCar, CarReturned(plate="p"))
    assert value(mesh, "run_seconds_count", outcome="failed") == 1
    assert value(mesh, "run_seconds_count", outcome="completed") == 0
    assert value(mesh, "compensations_total", step="car", outcome="compensated") == 1
    assert value(mesh, "compensations_total", step="hotels", outcome="sent") == 1, "it has no reply to wait for"
    assert value(mesh, "compensations_total", step="hotels", outcome="compensated") == 0


def test_attempts_after_the_first_are_retries(mesh: MeshDriver) -> None:
    mesh.send(BookTrip(trip="t", nights=0))
    mesh.send(ApproveTrip(trip="t"))
    answer(mesh, BookCar, CarRefused(reason="none left"))
    mesh.advance("2s")
    answer(mesh, BookCar, CarBooked(plate="p"))
    assert value(mesh, "step_retries_total", step="car") == 1
    assert value(mesh, "step_seconds_sum", step="car", outcome="done") == pytest.approx(2.0), "with all attempts"


def test_a_compensation_without_a_reply_is_given_up(mesh: MeshDriver) -> None:
    book_all(mesh, "t")
    mesh.send(CancelWorkflow(workflow_id="t", reason="late"))
    answer(mesh, ReturnPay, PayReturned(amount=1.0))
    mesh.advance("60s")
    assert value(mesh, "compensations_total", step="car", outcome="not_compensated") == 1
    assert value(mesh, "step_seconds_count", step="pay", outcome="failed") == 1


def test_a_step_that_is_not_needed_is_skipped(mesh: MeshDriver) -> None:
    mesh.send(BookTrip(trip="t", car=False))
    mesh.send(ApproveTrip(trip="t"))
    assert value(mesh, "step_seconds_count", step="car", outcome="skipped") == 1
    assert value(mesh, "step_seconds_count", step="car", outcome="done") is None


def test_a_repeated_command_starts_no_run(mesh: MeshDriver) -> None:
    for _ in range(2):
        mesh.send(BookTrip(trip="t"), id="same")
    assert value(mesh, "runs_started_total") == 1


def test_without_metrics_of_steps_the_workflow_is_counted_as_a_whole() -> None:
    settings = ModelWorkflowMetricsSubcontract(per_step=False, buckets=(1.0, 100.0))
    features = Features(frozenset({"MixinWorkflowMetrics"}), {ModelWorkflowMetricsSubcontract: settings})
    mesh = MeshDriver([replace(resolve_node(TRIP), features=features)])
    try:
        book_all(mesh, "t")
        answer(mesh, Pay, Paid(amount=1.0))
        assert value(mesh, "run_seconds_bucket", outcome="completed", le="1.0") == 0
        assert value(mesh, "run_seconds_bucket", outcome="completed", le="100.0") == 1
        assert value(mesh, "step_retries_total") == 0
        (instance,) = mesh.instances_of(NodeTripOrchestrator)
        assert "onex_workflow_step_seconds_count" not in instance.metrics.names
    finally:
        mesh.close()


@pytest.mark.parametrize(
    ("node", "mixin", "words"),
    [
        (NODE, "{name: MixinWorkflowMetrics, config: {buckets: [2.0, 1.0]}}", "each is larger than the one before"),
        (NODE, "{name: MixinWorkflowMetrics, config: {buckets: [0.0, 1.0]}}", "buckets are above 0"),
        (NODE, "{name: MixinWorkflowMetrics, config: {quantiles: [0.5]}}", "quantiles"),
        (NODE, "{name: MixinWorkflowMetrics, enabled: false}", "cannot be switched off"),
        ("node_alarm_orchestrator", "{name: MixinWorkflowMetrics}", "declare its steps in workflow_coordination"),
        (
            "node_alarm_orchestrator",
            "{name: MixinWorkflowMetrics, config: {per_step: false}}",
            "declare its steps in workflow_coordination",
        ),
        ("node_tally_reducer", "{name: MixinWorkflowMetrics}", "it is for ORCHESTRATOR"),
    ],
)
def test_a_contract_that_cannot_be_measured_is_refused(node: str, mixin: str, words: str) -> None:
    folder = NODES / node / "v1_0_0"
    text = f"{(folder / 'contract.yaml').read_text()}\nmixins:\n  - {mixin}\n"
    with contract_file(folder, text) as file, pytest.raises(ContractError) as refused:
        resolve_node(file)
    assert words in str(refused.value)
    assert f"{file.name}:" in str(refused.value)


def test_a_contract_with_a_workflow_configures_its_metrics() -> None:
    folder = NODES / NODE / "v1_0_0"
    mixin = "{name: MixinWorkflowMetrics, config: {buckets: [1.0, 2.0]}}"
    with contract_file(folder, f"{(folder / 'contract.yaml').read_text()}\nmixins:\n  - {mixin}\n") as file:
        settings = resolve_node(file).features.of(ModelWorkflowMetricsSubcontract)
    assert settings.buckets == (1.0, 2.0)
