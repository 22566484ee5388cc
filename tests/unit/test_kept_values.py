"""What declared workflows and state machines keep and compare: every value exactly, members of enums by value."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated

import pytest
from node_order_orchestrator.v1_0_0.models import OrderCompleted, OrderFailed, PlaceOrder
from pydantic import Field

from onex.errors import RejectedError
from onex.mixins.workflow_persistence import ModelWorkflowPersistenceSubcontract
from onex.model.context import Context
from onex.model.contract import ModelStateMachine, ModelWorkflow
from onex.model.repeated import CompletionRepeated
from onex.node import Addressed, Message, NodeOrchestrator, Reduction, Run
from onex.testing import MeshDriver
from onex.wire import dead_letter as d
from onex.wire import headers as h
from onex.workflow import guard_reducer
from onex.workflow.machine import WorkflowMachine
from tests.conftest import ORDERS

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Facts(Message):
    raw: bytes
    ratio: float
    amount: Annotated[Decimal, Field(max_digits=38, decimal_places=4)]


class Start(Facts):
    pass


class DoIt(Facts):
    pass


class Done(Facts):
    pass


class Ended(Facts):
    pass


class NodeFacts(NodeOrchestrator[Start, Ended]):
    def act(self, run: Run[Start]) -> DoIt:
        return DoIt(**run.command.__dict__)

    def completed(self, run: Run[Start]) -> Ended:
        return Ended(**run.result(Done).__dict__)

    def failed(self, run: Run[Start]) -> Ended:
        raise AssertionError("no run fails here")


def context(identity: str) -> Context:
    return Context(NOW, "k", identity, "c", "", identity, reply_key="r")


def emitted(emission: Message | Addressed | None) -> str:
    """Text of a message; NaN is not equal to itself."""
    assert isinstance(emission, Addressed)
    return repr(emission.message)


@pytest.mark.parametrize("ratio", [float("inf"), float("-inf"), float("nan"), 5e-324])
def test_a_workflow_keeps_bytes_and_numbers_exactly(ratio: float) -> None:
    workflow = ModelWorkflow.model_validate(
        {"steps": [{"id": "act", "command": "DoIt", "result": "Done"}], "completed": "Ended", "failed": "Ended"}
    )
    models: dict[str, type[Message]] = {model.__name__: model for model in (Start, DoIt, Done, Ended)}
    machine = WorkflowMachine(workflow, NodeFacts(), models, Start, "1", ModelWorkflowPersistenceSubcontract())
    facts = {"raw": b"\xff\x00{", "ratio": ratio, "amount": Decimal(f"{10**33}.0001")}
    begun = machine.start(None, Start.model_validate(facts), context("m-1"))
    (command,) = begun.commands
    assert emitted(command) == repr(DoIt.model_validate(facts))
    ended = machine.receive(begun.state, Done.model_validate(facts), context("m-2"))
    assert emitted(ended.completion) == repr(Ended.model_validate(facts))
    again = machine.start(ended.state, Start.model_validate(facts), context("m-1"))
    (repeated,) = again.events
    assert isinstance(repeated, Addressed)
    assert isinstance(repeated.message, CompletionRepeated)
    assert repr(Ended.from_stored_json(repeated.message.content)) == repr(Ended.model_validate(facts))


def test_an_infinite_result_does_not_hold_a_workflow_up() -> None:
    mesh = MeshDriver(sorted(ORDERS.glob("*/v1_0_0")))
    sent = mesh.send(PlaceOrder(order_id="o-1", quantity=1000, unit_price=1e308))
    assert mesh.completion(sent) == OrderFailed(order_id="o-1", reason="limit")
    mesh.close()


def test_a_value_that_avro_cannot_hold_is_one_dead_letter_with_its_reason() -> None:
    mesh = MeshDriver(sorted(ORDERS.glob("*/v1_0_0")))
    topic = mesh.topic_of(PlaceOrder)
    for quantity in ("9223372036854775808", "1e400", "NaN", '"' + "9" * 5000 + '"'):
        text = f'{{"order_id": "o-1", "quantity": {quantity}, "unit_price": 5}}'
        mesh.publish(topic, text.encode(), b"o-1", [(h.ID, b"m-1")])
    reasons = [dict(record.headers() or [])[d.MESSAGE] for record in mesh.dead_letters()]
    assert len(reasons) == 4
    assert all(reason.startswith(b"PlaceOrder: quantity: ") for reason in reasons)
    sent = mesh.send(PlaceOrder(order_id="o-1", quantity=1, unit_price=5.0))
    assert mesh.completion(sent) == OrderCompleted(order_id="o-1", total=5.0)
    mesh.close()


class Light(str, Enum):  # noqa: UP042 - its str() is not its value
    RED = "red"
    GREEN = "green"


class Lamp(Message):
    status: Light


class Switched(Message):
    to: Light


def test_a_state_machine_compares_members_of_any_enum_by_value() -> None:
    guard = guard_reducer(
        ModelStateMachine.model_validate(
            {
                "initial_state": "red",
                "states": [{"name": "red"}, {"name": "green"}],
                "transitions": [
                    {
                        "name": "go",
                        "from_state": "red",
                        "to_state": "green",
                        "trigger": "Switched",
                        "conditions": ["to == green"],
                    }
                ],
            }
        ),
        Lamp,
        {"Switched": Switched},
        {},
    )
    reduce = guard(lambda state, event, _: Reduction(Lamp(status=Light.RED)))
    moved = reduce(Lamp(status=Light.RED), Switched(to=Light.GREEN), context("m"))
    assert moved.state == Lamp(status=Light.GREEN)
    with pytest.raises(RejectedError, match="no transition from 'red'"):
        reduce(Lamp(status=Light.RED), Switched(to=Light.RED), context("m"))
