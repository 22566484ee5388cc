"""The order workflow: order of steps, failure, timeout, retry, compensation, repetition."""

from collections.abc import Iterator

import pytest
from node_balance_reducer.v1_0_0.models import CustomerBalance
from node_order_orchestrator.v1_0_0.models import (
    ChargeCard,
    OrderCompleted,
    OrderFailed,
    OrderShipped,
    PlaceOrder,
    PriceOrder,
    RefundCard,
)
from node_order_orchestrator.v1_0_0.node import NodeOrderOrchestrator
from node_payment_effect.v1_0_0.models import CardCharged
from node_payment_effect.v1_0_0.node import NodePaymentEffect
from node_shipping_effect.v1_0_0.node import NodeShippingEffect

from onex.model.cancel import CancelWorkflow
from onex.model.repeated import CompletionRepeated
from onex.testing import MeshDriver
from onex.wire import headers as h
from tests.conftest import ORDERS


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver(sorted(ORDERS.glob("*/v1_0_0")))
    yield driver
    driver.close()


def order(number: str = "o-1", quantity: int = 2, unit_price: float = 5.0) -> PlaceOrder:
    return PlaceOrder(order_id=number, quantity=quantity, unit_price=unit_price)


def test_an_order_goes_through(mesh: MeshDriver) -> None:
    sent = mesh.send(order())
    assert mesh.completion(sent) == OrderCompleted(order_id="o-1", total=10.0)
    assert mesh.published(CustomerBalance)[-1].total == 10.0


def test_a_declined_card_ends_it_without_refund(mesh: MeshDriver) -> None:
    sent = mesh.send(order(quantity=100, unit_price=99.0))
    assert mesh.completion(sent) == OrderFailed(order_id="o-1", reason="limit")
    assert mesh.published(RefundCard) == []


def test_what_cannot_be_shipped_is_refunded(mesh: MeshDriver) -> None:
    sent = mesh.send(order(quantity=101))
    assert mesh.completion(sent) == OrderFailed(order_id="o-1", reason="too heavy")
    assert mesh.published(CustomerBalance)[-1].total == 0.0


def test_silent_bank_is_given_up_and_refunded(mesh: MeshDriver) -> None:
    mesh.mute(NodePaymentEffect)
    sent = mesh.send(order())
    mesh.advance("29s")
    assert mesh.published(OrderFailed) == []
    assert len(mesh.published(ChargeCard)) == 3
    mesh.advance("2s")  # three attempts of 10 s
    assert mesh.completion(sent) == OrderFailed(order_id="o-1", reason="charge timed out")
    assert len(mesh.published(RefundCard)) == 1


def test_a_bank_that_comes_back_late_charges_nothing(mesh: MeshDriver) -> None:
    mesh.mute(NodePaymentEffect)
    sent = mesh.send(order())
    mesh.advance("31s")
    mesh.unmute(NodePaymentEffect)
    mesh.run_until_idle()
    assert mesh.published(CardCharged) == []
    letters = [dict(letter.headers() or []) for letter in mesh.dead_letters(NodePaymentEffect)]
    assert [letter["onex-dlq-message"].split(b" passed")[0] for letter in letters] == [
        b"ChargeCard: its deadline"
    ] * 3
    assert mesh.completion(sent) == OrderFailed(order_id="o-1", reason="charge timed out")


def test_attempts_at_one_step_share_their_idempotency_key(mesh: MeshDriver) -> None:
    mesh.mute(NodePaymentEffect)
    mesh.send(order())
    mesh.advance("25s")
    found = [dict(record.headers() or []) for record, _ in mesh.messages(ChargeCard)]
    assert len({headers[h.IDEMPOTENCY_KEY] for headers in found}) == 1
    assert len({headers[h.ID] for headers in found}) == 3


def test_the_whole_workflow_has_a_timeout(mesh: MeshDriver) -> None:
    mesh.mute(NodeShippingEffect)
    sent = mesh.send(order())
    mesh.advance("301s")
    assert mesh.completion(sent) == OrderFailed(order_id="o-1", reason="workflow timed out")
    assert len(mesh.published(RefundCard)) == 1


def test_nothing_is_done_after_the_end_of_the_run(mesh: MeshDriver) -> None:
    mesh.mute(NodeShippingEffect)
    sent = mesh.send(order())
    mesh.advance("301s")
    mesh.unmute(NodeShippingEffect)
    mesh.run_until_idle()
    assert mesh.published(OrderShipped, sent) == [], "the run has ended, so nothing is shipped"
    assert len(mesh.dead_letters(NodeShippingEffect)) == 1
    assert mesh.completion(sent) == OrderFailed(order_id="o-1", reason="workflow timed out")


def test_a_repeated_command_starts_nothing_twice_and_gets_the_same_completion(mesh: MeshDriver) -> None:
    first = mesh.send(order(), id="same")
    mesh.advance("2h")
    again = mesh.send(order(), id="same")
    assert len(mesh.published(PriceOrder)) == 1
    assert mesh.completion(first) == mesh.completion(again)
    (completed,) = mesh.messages(OrderCompleted)
    (repeated,) = mesh.messages(CompletionRepeated)
    first_headers, again_headers = (dict(record.headers() or []) for record, _ in (completed, repeated))
    assert [first_headers[name] for name in (h.ID, h.ANSWER_TO)] == [
        again_headers[name] for name in (h.ID, h.ANSWER_TO)
    ]
    mesh.send(order(), id="same")
    assert len(mesh.messages(OrderCompleted)) == 1, "those who read completions see each once"


def test_a_repeated_command_while_running_is_ignored(mesh: MeshDriver) -> None:
    mesh.mute(NodePaymentEffect)
    mesh.send(order(), id="same")
    mesh.send(order(), id="same")
    mesh.unmute(NodePaymentEffect)
    mesh.run_until_idle()
    assert len(mesh.published(PriceOrder)) == 1
    assert len(mesh.published(OrderCompleted)) == 1


def test_another_command_for_a_running_key_is_refused(mesh: MeshDriver) -> None:
    mesh.mute(NodePaymentEffect)
    mesh.send(order())
    other = mesh.send(order())
    assert "already running" in mesh.dead_letter_of(other)["onex-dlq-message"]


def test_a_finished_key_can_be_used_again(mesh: MeshDriver) -> None:
    mesh.send(order())
    again = mesh.send(order(quantity=3))
    assert mesh.completion(again) == OrderCompleted(order_id="o-1", total=15.0)


def test_finished_runs_are_forgotten_after_a_day(mesh: MeshDriver) -> None:
    mesh.send(order(), id="same")
    mesh.advance("25h")
    mesh.send(order(), id="same")
    assert len(mesh.published(PriceOrder)) == 2


def test_a_crash_of_the_orchestrator_in_mid_flight(mesh: MeshDriver) -> None:
    mesh.mute(NodePaymentEffect)
    sent = [mesh.send(order(f"o-{n}")) for n in range(12)]
    (old,) = mesh.instances_of(NodeOrderOrchestrator)
    mesh.crash(old)
    mesh.unmute(NodePaymentEffect)
    mesh.add_instance(NodeOrderOrchestrator)
    mesh.run_until_idle()
    assert all(isinstance(mesh.completion(s), OrderCompleted) for s in sent)
    assert mesh.published(CustomerBalance)[-1].movements == 12


def test_results_come_back_by_the_reply_key(mesh: MeshDriver) -> None:
    mesh.send(order())
    (shipped, _), *_ = mesh.messages(OrderShipped)
    assert shipped.key() == b"o-1"


def test_a_cancelled_order_is_compensated_and_says_why(mesh: MeshDriver) -> None:
    mesh.mute(NodeShippingEffect)
    sent = mesh.send(order())
    mesh.send(CancelWorkflow(workflow_id="o-1", reason="changed my mind"))
    assert mesh.completion(sent) == OrderFailed(order_id="o-1", reason="changed my mind")
    assert mesh.published(CustomerBalance)[-1].total == 0.0
    mesh.send(CancelWorkflow(workflow_id="o-1"))
    mesh.send(CancelWorkflow(workflow_id="nobody"))
    mesh.advance("10m")
    assert mesh.completion(sent) == OrderFailed(order_id="o-1", reason="changed my mind")
    assert mesh.dead_letters() == []


def test_a_repeated_command_is_answered_after_later_runs_of_its_key(mesh: MeshDriver) -> None:
    mesh.send(order(quantity=1), id="first")
    mesh.send(order(quantity=2), id="second")
    charged = len(mesh.published(ChargeCard))
    again = mesh.send(order(quantity=1), id="first")
    assert mesh.completion(again) == OrderCompleted(order_id="o-1", total=5.0)
    assert len(mesh.published(ChargeCard)) == charged


def test_a_completion_is_remembered_for_a_day(mesh: MeshDriver) -> None:
    mesh.send(order(), id="first")
    mesh.advance("23h")
    again = mesh.send(order(), id="first")
    assert mesh.completion(again) == OrderCompleted(order_id="o-1", total=10.0)
    assert len(mesh.published(ChargeCard)) == 1
