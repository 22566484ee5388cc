"""A warehouse of reservations, a charge and a pick-up: every branch refused, lost, late and raising."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from node_warehouse_orchestrator.v1_0_0.models import (
    ChargeDeclined,
    ChargeOrder,
    FraudScored,
    FulfilOrder,
    OrderCharged,
    OrderFulfilled,
    OrderRefunded,
    OrderUnfulfilled,
    PickedUp,
    RefundOrder,
    ReleaseStock,
    ReserveStock,
    ScoreFraud,
    StockRefused,
    StockReleased,
    StockReserved,
)
from node_warehouse_orchestrator.v1_0_0.node import NodeWarehouseOrchestrator

from onex.contract import resolve_node
from onex.model.cancel import CancelWorkflow
from onex.model.enums import EnumErrorAction
from onex.model.message import Message
from onex.schema import Codec
from onex.testing import MeshDriver
from onex.wire import headers as h
from onex.workflow import WorkflowState
from onex.workflow.state import ItemState
from tests.conftest import NODES

BOLT, NUT = "bolt", "nut"


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([NODES / "node_warehouse_orchestrator" / "v1_0_0"])
    yield driver
    assert driver.dead_letters() == []
    driver.close()


def answer(mesh: MeshDriver, to: type[Message], event: Message, which: int = -1) -> None:
    """Answer the nth command of a type, as the effect that takes it would."""
    record, _ = mesh.messages(to)[which]
    found = dict(record.headers() or [])
    mesh.send(event, key=(record.key() or b"").decode(), headers=[(h.CAUSATION, found[h.ID])])


def begin(mesh: MeshDriver, *articles: str) -> None:
    """Start a run and bring it to its reservations."""
    mesh.send(FulfilOrder(order="o", articles=list(articles)), id="start")
    answer(mesh, ScoreFraud, FraudScored(score=1))


def reserve(mesh: MeshDriver, *articles: str) -> None:
    """Start a run and reserve all its lines."""
    begin(mesh, *articles)
    for number, article in enumerate(articles):
        answer(mesh, ReserveStock, StockReserved(article=article), number)


def release(mesh: MeshDriver, article: str, which: int) -> None:
    answer(mesh, ReleaseStock, StockReleased(article=article), which)


def released(mesh: MeshDriver) -> Sequence[str]:
    return [command.article for command in mesh.published(ReleaseStock)]


def ends(mesh: MeshDriver) -> Sequence[tuple[str, list[str]]]:
    return [(end.reason, end.left) for end in mesh.published(OrderUnfulfilled)]


def test_one_command_and_result_serve_two_steps(mesh: MeshDriver) -> None:
    reserve(mesh, BOLT, BOLT)
    answer(mesh, ChargeOrder, OrderCharged(receipt="r"))
    assert [command.final for command in mesh.published(ScoreFraud)] == [False, True]
    answer(mesh, ScoreFraud, FraudScored(score=9), 0)
    assert mesh.published(OrderFulfilled) == [], "a second answer to the first step is not one to the second"
    answer(mesh, ScoreFraud, FraudScored(score=2), 1)
    mesh.advance("1d")
    mesh.send(PickedUp(order="o"))
    assert mesh.published(OrderFulfilled) == [OrderFulfilled(order="o", scores=[1, 2])]


def test_an_answer_that_names_no_command_is_for_the_step_that_waits(mesh: MeshDriver) -> None:
    mesh.send(FulfilOrder(order="o"))
    for score in (1, 2):
        mesh.send(FraudScored(score=score), key="o")
        if score == 1:
            answer(mesh, ChargeOrder, OrderCharged(receipt="r"))
    mesh.send(PickedUp(order="o"))
    assert mesh.published(OrderFulfilled) == [OrderFulfilled(order="o", scores=[1, 2])]


def test_each_compensation_of_a_fan_out_is_awaited(mesh: MeshDriver) -> None:
    reserve(mesh, BOLT, NUT)
    answer(mesh, ChargeOrder, ChargeDeclined(reason="no"))
    assert released(mesh) == [BOLT, NUT]
    release(mesh, BOLT, 0)
    assert ends(mesh) == [], "the nut is still reserved"
    release(mesh, NUT, 1)
    assert ends(mesh) == [("no", [])]


@pytest.mark.parametrize("lost", [0, 1])
def test_only_the_compensation_whose_reply_is_lost_is_sent_again(mesh: MeshDriver, lost: int) -> None:
    reserve(mesh, BOLT, NUT)
    answer(mesh, ChargeOrder, ChargeDeclined(reason="no"))
    articles = [BOLT, NUT]
    release(mesh, articles[1 - lost], 1 - lost)
    mesh.advance("6s")
    assert released(mesh) == [BOLT, NUT, articles[lost]]
    first, again = (mesh.messages(ReleaseStock)[n][0] for n in (lost, 2))
    headers = [dict(record.headers() or []) for record in (first, again)]
    assert headers[0][h.IDEMPOTENCY_KEY] == headers[1][h.IDEMPOTENCY_KEY]
    assert h.DEADLINE not in headers[0], "an undo is never too late"
    release(mesh, articles[lost], lost)
    assert ends(mesh) == [("no", [])], "the reply to the first attempt counts"


def test_a_compensation_that_is_never_answered_is_named(mesh: MeshDriver) -> None:
    reserve(mesh, BOLT, NUT)
    answer(mesh, ChargeOrder, ChargeDeclined(reason="no"))
    release(mesh, NUT, 1)
    mesh.advance("1m")
    assert released(mesh) == [BOLT, NUT, BOLT, BOLT]
    assert ends(mesh) == [("no", ["reserve"])]


def test_two_equal_compensations_are_two(mesh: MeshDriver) -> None:
    reserve(mesh, BOLT, BOLT)
    answer(mesh, ChargeOrder, ChargeDeclined(reason="no"))
    assert released(mesh) == [BOLT, BOLT]
    release(mesh, BOLT, 1)
    release(mesh, BOLT, 1)
    assert ends(mesh) == [], "one answer that comes twice is one answer"
    release(mesh, BOLT, 0)
    assert ends(mesh) == [("no", [])]


def test_branches_under_way_are_waited_for_and_undone(mesh: MeshDriver) -> None:
    begin(mesh, BOLT, NUT, BOLT)
    answer(mesh, ReserveStock, StockReserved(article=BOLT), 0)
    answer(mesh, ReserveStock, StockRefused(reason="no nuts"), 1)
    assert released(mesh) == [], "a branch is under way"
    answer(mesh, ReserveStock, StockReserved(article=BOLT), 2)
    assert released(mesh) == [BOLT, BOLT]
    release(mesh, BOLT, 0)
    release(mesh, BOLT, 1)
    assert ends(mesh) == [("no nuts", [])]


def test_nothing_is_awaited_where_nothing_was_reserved(mesh: MeshDriver) -> None:
    begin(mesh, BOLT, NUT)
    answer(mesh, ReserveStock, StockRefused(reason="no bolts"), 0)
    answer(mesh, ReserveStock, StockRefused(reason="no nuts"), 1)
    assert ends(mesh) == [("no bolts", [])]
    assert released(mesh) == []


def test_a_branch_without_an_answer_is_waited_for_until_its_deadline(mesh: MeshDriver) -> None:
    begin(mesh, BOLT, NUT, NUT)
    answer(mesh, ReserveStock, StockReserved(article=BOLT), 0)
    answer(mesh, ReserveStock, StockRefused(reason="no nuts"), 1)
    mesh.advance("9s")
    assert released(mesh) == []
    mesh.advance("2s")
    assert released(mesh) == [BOLT]
    answer(mesh, ReserveStock, StockReserved(article=NUT), 2)
    assert released(mesh) == [BOLT, NUT], "it finished late"
    release(mesh, BOLT, 0)
    assert ends(mesh) == [], "the run waits for what is undone late, too"
    release(mesh, NUT, 1)
    assert ends(mesh) == [("no nuts", [])]


def test_a_branch_refused_after_its_deadline_needs_nothing(mesh: MeshDriver) -> None:
    begin(mesh, BOLT, NUT)
    answer(mesh, ReserveStock, StockReserved(article=BOLT), 0)
    mesh.advance("11s")
    assert released(mesh) == [BOLT]
    answer(mesh, ReserveStock, StockRefused(reason="no nuts"), 1)
    release(mesh, BOLT, 0)
    assert ends(mesh) == [("reserve timed out", [])]


def test_what_finishes_after_the_end_is_undone_until_that_is_answered(mesh: MeshDriver) -> None:
    begin(mesh, BOLT, NUT)
    mesh.advance("11s")
    assert ends(mesh) == [("reserve timed out", ["reserve"])], "both may be reserved, and no result says so"
    answer(mesh, ReserveStock, StockReserved(article=BOLT), 0)
    answer(mesh, ReserveStock, StockReserved(article=NUT), 1)
    answer(mesh, ReserveStock, StockReserved(article=NUT), 1)
    assert released(mesh) == [BOLT, NUT]
    release(mesh, NUT, 1)
    mesh.advance("6s")
    assert released(mesh) == [BOLT, NUT, BOLT]
    release(mesh, BOLT, 2)
    mesh.advance("1h")
    assert released(mesh) == [BOLT, NUT, BOLT]
    assert ends(mesh) == [("reserve timed out", ["reserve"])], "the end is published once"


def test_a_compensation_without_a_result_is_named_and_the_rest_is_undone(mesh: MeshDriver) -> None:
    reserve(mesh, BOLT)
    mesh.advance("11s")
    assert released(mesh) == [BOLT]
    release(mesh, BOLT, 0)
    (end,) = mesh.published(OrderUnfulfilled)
    assert (end.reason, end.left) == ("charge timed out", ["charge"])
    assert "charge: KeyError" in end.problems[0]
    assert "OrderCharged" in end.problems[0]


def test_a_compensation_that_could_not_be_made_is_made_when_the_result_comes(mesh: MeshDriver) -> None:
    reserve(mesh, BOLT)
    mesh.advance("11s")
    answer(mesh, ChargeOrder, OrderCharged(receipt="r"))
    assert mesh.published(RefundOrder) == [RefundOrder(order="o", receipt="r")]
    release(mesh, BOLT, 0)
    assert ends(mesh) == [], "the refund is awaited"
    answer(mesh, RefundOrder, OrderRefunded(receipt="r"))
    assert ends(mesh) == [("charge timed out", [])]


@pytest.mark.parametrize("made", [None, "text", StockReleased(article=BOLT)])
def test_a_compensation_of_the_wrong_type_is_named(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch, made: object
) -> None:
    reserve(mesh, BOLT)
    monkeypatch.setattr(NodeWarehouseOrchestrator, "compensate_reserve", lambda self, run: [made])
    answer(mesh, ChargeOrder, ChargeDeclined(reason="no"))
    (end,) = mesh.published(OrderUnfulfilled)
    assert end.left == ["reserve"]
    assert "WrongOutputError" in end.problems[0]


def with_step(name: str, **changes: object) -> MeshDriver:
    """The warehouse with another declaration of one step."""
    node = resolve_node(NODES / "node_warehouse_orchestrator" / "v1_0_0")
    workflow = node.contract.workflow_coordination
    assert workflow is not None
    steps = [step.model_copy(update=changes) if step.id == name else step for step in workflow.steps]
    changed = workflow.model_copy(update={"steps": tuple(steps)})
    contract = node.contract.model_copy(update={"workflow_coordination": changed})
    return MeshDriver([replace(node, contract=contract)])


def test_a_step_that_a_completed_run_went_without_is_undone_when_it_finishes() -> None:
    mesh = with_step("reserve", error_action=EnumErrorAction.CONTINUE)
    begin(mesh, BOLT, NUT)
    mesh.advance("11s")
    answer(mesh, ChargeOrder, OrderCharged(receipt="r"))
    answer(mesh, ScoreFraud, FraudScored(score=2), 1)
    mesh.send(PickedUp(order="o"))
    assert len(mesh.published(OrderFulfilled)) == 1
    answer(mesh, ReserveStock, StockReserved(article=NUT), 1)
    assert released(mesh) == [NUT]
    release(mesh, NUT, 0)
    mesh.advance("1m")
    assert released(mesh) == [NUT]
    mesh.close()


def test_a_run_that_stops_undoes_nothing_however_late() -> None:
    mesh = with_step("charge", error_action=EnumErrorAction.STOP)
    reserve(mesh, BOLT)
    mesh.advance("11s")
    assert ends(mesh) == [("charge timed out", [])]
    answer(mesh, ChargeOrder, OrderCharged(receipt="r"))
    assert released(mesh) == []
    assert mesh.published(RefundOrder) == []
    mesh.close()


def test_one_command_for_all_of_a_step_covers_its_branches(mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = ReleaseStock(order="o", article="*")
    monkeypatch.setattr(NodeWarehouseOrchestrator, "compensate_reserve", lambda self, run: everything)
    begin(mesh, BOLT, NUT)
    mesh.advance("11s")
    assert released(mesh) == ["*"]
    answer(mesh, ReserveStock, StockReserved(article=NUT), 1)
    assert released(mesh) == ["*"], "what was sent is not sent again for a late result"
    release(mesh, "*", 0)
    assert ends(mesh) == [("reserve timed out", [])]


def test_a_cancelled_run_does_not_wait_for_branches(mesh: MeshDriver) -> None:
    begin(mesh, BOLT, NUT)
    answer(mesh, ReserveStock, StockReserved(article=BOLT), 0)
    mesh.send(CancelWorkflow(workflow_id="o", reason="ill"))
    assert released(mesh) == [BOLT]
    answer(mesh, ReserveStock, StockReserved(article=NUT), 1)
    assert released(mesh) == [BOLT, NUT]
    for number, article in enumerate((BOLT, NUT)):
        release(mesh, article, number)
    assert ends(mesh) == [("ill", [])]


def test_a_crash_between_two_replies_forgets_neither(mesh: MeshDriver) -> None:
    reserve(mesh, BOLT, NUT)
    answer(mesh, ChargeOrder, ChargeDeclined(reason="no"))
    release(mesh, NUT, 1)
    mesh.crash(mesh.instances[0])
    mesh.add_instance(NodeWarehouseOrchestrator)
    mesh.advance("6s")
    assert released(mesh) == [BOLT, NUT, BOLT]
    release(mesh, BOLT, 2)
    assert ends(mesh) == [("no", [])]


def test_a_run_that_an_earlier_version_left_half_undone_goes_on(mesh: MeshDriver) -> None:
    """Version 0.1 stored the number of attempts, not the commands; ids of attempts follow from the numbers."""
    reserve(mesh, BOLT, NUT)
    answer(mesh, ChargeOrder, ChargeDeclined(reason="no"))
    mesh.advance("6s")
    as_before(mesh)
    release(mesh, BOLT, 2)
    assert ends(mesh) == []
    release(mesh, NUT, 1)
    assert ends(mesh) == [("no", [])]


def as_before(mesh: MeshDriver) -> None:
    """Write the state of the run as version 0.1 did, and restart its node."""
    (node,) = mesh.nodes
    topic = node.contract.changelog_topic
    codec = Codec.of_topic(WorkflowState, topic, mesh.catalogue)
    record = [r for r in mesh.records(topic) if (r.key() or b"").startswith(b"s")][-1]
    state = codec.decode(record.value())
    assert isinstance(state, WorkflowState)
    old = {
        name: step.model_copy(
            update={"undos": [], "items": [ItemState(**i.model_dump(include=_OLD)) for i in step.items]}
        )
        for name, step in state.steps.items()
    }
    mesh.crash(mesh.instances[0])
    value = codec.encode(state.model_copy(update={"steps": old}))
    mesh.broker.append(topic, value, record.key(), [], record.partition())
    mesh.add_instance(NodeWarehouseOrchestrator)


_OLD = {"command_ids", "result"}
