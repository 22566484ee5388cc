"""How long finished runs of a workflow are stored, as the contract says it, in virtual time."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from node_trip_orchestrator.v1_0_0.models import ApproveTrip, BookTrip, Paid, Pay, TripBooked

from onex.contract import resolve_node
from onex.errors import ContractError
from onex.model.repeated import CompletionRepeated
from onex.testing import MeshDriver
from onex.wire import headers as h
from tests.conftest import NODES
from tests.mixins.helpers import contract_file

TRIP = NODES / "node_trip_orchestrator" / "v1_0_0"


@contextmanager
def mesh_with(config: str) -> Iterator[MeshDriver]:
    """Run the trip workflow with a configuration of its persistence."""
    text = (
        TRIP / "contract.yaml"
    ).read_text() + f"\nmixins:\n  - {{name: MixinWorkflowPersistence, config: {config}}}\n"
    with contract_file(TRIP, text) as file:
        resolved = resolve_node(file)
    driver = MeshDriver([resolved])
    try:
        yield driver
    finally:
        driver.close()


def complete(mesh: MeshDriver, command_id: str) -> None:
    """Run a trip without hotels and car from its command to its completion."""
    mesh.send(BookTrip(trip="t", nights=0, car=False), id=command_id)
    mesh.send(ApproveTrip(trip="t"))
    record, _ = mesh.messages(Pay)[-1]
    cause = dict(record.headers() or [])[h.ID]
    mesh.send(Paid(amount=1.0), key="t", headers=[(h.CAUSATION, cause)])


def repeat(mesh: MeshDriver, command_id: str) -> None:
    mesh.send(BookTrip(trip="t", nights=0, car=False), id=command_id)


def repetitions(mesh: MeshDriver) -> int:
    return len(mesh.published(CompletionRepeated))


def test_a_finished_run_is_stored_for_the_time_of_the_contract() -> None:
    with mesh_with("{retention_seconds: 3600}") as mesh:
        complete(mesh, "first")
        assert len(mesh.published(TripBooked)) == 1
        mesh.advance("59m")
        repeat(mesh, "first")
        assert repetitions(mesh) == 1
        mesh.advance("2m")
        complete(mesh, "first")
        assert repetitions(mesh) == 1, "the run is forgotten, so that its command starts a new one"
        assert len(mesh.published(TripBooked)) == 2


def test_of_earlier_runs_only_some_are_stored() -> None:
    with mesh_with("{earlier_runs: 1}") as mesh:
        for command_id in ("first", "second", "third"):
            complete(mesh, command_id)
        repeat(mesh, "second")
        assert repetitions(mesh) == 1
        complete(mesh, "first")
        assert repetitions(mesh) == 1
        assert len(mesh.published(TripBooked)) == 4, "the first run is forgotten"


@pytest.mark.parametrize(
    ("node", "config", "words"),
    [
        ("node_trip_orchestrator", "{storage_backend: redis}", "storage_backend"),
        ("node_trip_orchestrator", "{retention_seconds: 0}", "retention_seconds"),
        ("node_alarm_orchestrator", "{}", "declare its steps in workflow_coordination"),
        ("node_tally_reducer", "{}", "it is for ORCHESTRATOR"),
    ],
)
def test_what_no_engine_enforces_is_refused(node: str, config: str, words: str) -> None:
    folder = NODES / node / "v1_0_0"
    text = (
        folder / "contract.yaml"
    ).read_text() + f"\nmixins:\n  - {{name: MixinWorkflowPersistence, config: {config}}}\n"
    with contract_file(folder, text) as file, pytest.raises(ContractError) as refused:
        resolve_node(file)
    assert words in str(refused.value)
    assert f"{file.name}:" in str(refused.value)
