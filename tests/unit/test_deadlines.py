"""Deadlines that travel in headers: who hands them on, and who sets them."""

import pytest
from node_gate_compute.v1_0_0.models import Enter, Entered
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_vault_effect.v1_0_0.models import Fetch, Fetched
from node_vault_effect.v1_0_0.node import NodeVaultEffect
from node_warehouse_orchestrator.v1_0_0.models import FulfilOrder, ScoreFraud

from onex.agent.message.current import CURRENT, Current, CurrentMessage
from onex.model.message import Message
from onex.node import Addressed
from onex.node.idempotent_result import dump_result, load_result
from onex.testing import MeshDriver
from onex.wire import headers as h
from tests.conftest import NODES, ORDERS


def driver(*names: str) -> MeshDriver:
    return MeshDriver([NODES / name / "v1_0_0" for name in names])


def deadline_of(mesh: MeshDriver, model: type[Message]) -> bytes | None:
    """Of the one message of a type."""
    ((record, _),) = mesh.messages(model)
    return dict(record.headers() or []).get(h.DEADLINE)


@pytest.mark.parametrize(
    ("name", "sent", "answer", "kept"),
    [
        ("node_gate_compute", Enter(name="Ann", age=20), Entered, True),
        ("node_vault_effect", Fetch(name="gold"), Fetched, True),
        ("node_tally_reducer", Amount(entity="e", value=1), Tallied, False),
    ],
)
@pytest.mark.parametrize("given", [b"99999999999999", None])
def test_compute_and_effect_hand_it_on(
    name: str, sent: Message, answer: type[Message], kept: bool, given: bytes | None
) -> None:
    mesh = driver(name)
    mesh.send(sent, headers=[(h.DEADLINE, given)] if given else [])
    assert deadline_of(mesh, answer) == (given if kept else None)
    mesh.close()


@pytest.mark.parametrize(
    ("name", "sent", "answer"),
    [
        ("node_gate_compute", Enter(name="Ann", age=20), Entered),
        ("node_vault_effect", Fetch(name="gold"), Fetched),
        ("node_unruly_effect", Act(entity="e"), Acted),  # without MixinTimeout, which looks at deadlines too
        ("node_warehouse_orchestrator", FulfilOrder(order="o"), ScoreFraud),
    ],
)
@pytest.mark.parametrize("late", [0, 1])
def test_a_command_is_refused_after_its_deadline(name: str, sent: Message, answer: type[Message], late: int) -> None:
    mesh = driver(name)
    deadline = str(mesh.clock.now_ms() - late).encode()
    letter = mesh.dead_letter_of(mesh.send(sent, headers=[(h.DEADLINE, deadline)]))
    assert (letter["onex-dlq-class"], letter["onex-dlq-exception"].split(".")[-1]) == ("rejected", "DeadlineError")
    assert mesh.published(answer) == []
    mesh.send(sent, headers=[(h.DEADLINE, str(mesh.clock.now_ms() + 1).encode())])
    assert len(mesh.published(answer)) == 1
    mesh.close()


def test_a_late_event_counts() -> None:
    mesh = driver("node_tally_reducer")
    mesh.send(Amount(entity="e", value=1), headers=[(h.DEADLINE, b"1")])
    assert len(mesh.published(Tallied)) == 1
    mesh.close()


def test_no_attempt_is_made_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = driver("node_vault_effect")
    monkeypatch.setattr(NodeVaultEffect, "closed", True)
    monkeypatch.setattr(NodeVaultEffect, "asked", asked := list[str]())
    sent = mesh.send(Fetch(name="gold"), headers=[(h.DEADLINE, str(mesh.clock.now_ms() + 1).encode())])
    mesh.advance("5m")
    assert asked == ["gold"]
    assert mesh.dead_letter_of(sent)["onex-dlq-exception"].endswith("DeadlineError")
    mesh.close()


def test_steps_of_workflows_set_their_timeout_or_the_end_of_the_run() -> None:
    folders = sorted(file.parent for file in ORDERS.rglob("contract.yaml"))
    mesh = MeshDriver(folders)
    orchestrator = next(node for node in mesh.nodes if node.contract.workflow_coordination)
    workflow = orchestrator.contract.workflow_coordination
    assert workflow is not None
    start = next(route.model for route in orchestrator.routes.values() if route.model.__name__ == "PlaceOrder")
    began = mesh.clock.now_ms()
    mesh.send(start.model_validate({"order_id": "o-1", "quantity": 2, "unit_price": 5.0}))
    for step in workflow.steps:
        if step.command is None or not (found := mesh.messages(orchestrator.models[step.command])):
            continue
        deadline = dict(found[0][0].headers() or []).get(h.DEADLINE)
        within = workflow.timeout if step.timeout is None else step.timeout
        assert deadline == str(began + round(within * 1000)).encode(), step.id
    mesh.close()


def test_what_cannot_be_read_is_no_deadline() -> None:
    mesh = driver("node_vault_effect")
    mesh.send(Fetch(name="gold"), headers=[(h.DEADLINE, b"soon")])
    assert len(mesh.published(Fetched)) == 1
    mesh.close()


def test_an_answer_that_is_kept_keeps_it() -> None:
    answer = Addressed(Fetched(name="gold", attempt=1), key="k", answer_within=2.5)
    assert load_result(dump_result(answer), {"Fetched": Fetched}) == answer


def test_outside_of_a_handler_nothing_is_in_hand() -> None:
    token = CURRENT.set(Current())
    hand = CurrentMessage()
    assert (hand.message_id, hand.idempotency_key, hand.correlation_id, hand.trace_parent) == ("", "", "", "")
    assert (hand.deadline_ms, hand.header("x")) == (0, "")
    CURRENT.reset(token)
    assert h.deadline_in(0) == []
    ((name, value),) = h.deadline_in(5)
    assert name == h.DEADLINE
    assert value.isdigit()
