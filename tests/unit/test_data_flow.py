"""Data flow of declared workflows: which results a step may use, and the types of its values."""

import pytest

from onex.codegen import package_files
from onex.contract import parse_contract
from onex.contract.language import flow_roots, results_at_end, results_before
from onex.errors import ContractError, ContractProblem

WORKFLOW = """\
name: node_shop_orchestrator
node_type: ORCHESTRATOR
contract_version: {major: 1}
event_bus:
  subscribe_topics:
    - onex.cmd.shop.place-order.v1
    - onex.evt.shop.order-priced.v1
    - onex.evt.shop.card-charged.v1
    - onex.evt.shop.stock-checked.v1
  publish_topics:
    - onex.cmd.shop.price-order.v1
    - onex.cmd.shop.charge-card.v1
    - onex.cmd.shop.refund-card.v1
    - onex.cmd.shop.check-stock.v1
    - onex.evt.shop.order-done.v1
    - onex.evt.shop.order-failed.v1
    - onex.evt.shop.order-progress.v1
workflow_coordination:
  steps:
    - id: price
      command: PriceOrder
      result: OrderPriced
      input: {order_id: PlaceOrder.order_id}
    - id: stock
      command: CheckStock
      result: StockChecked
      conditional: true
      input: {order_id: PlaceOrder.order_id}
    - id: charge
      command: ChargeCard
      result: CardCharged
      depends_on: [price, stock]
      compensate: RefundCard
      input: {order_id: PlaceOrder.order_id, amount: OrderPriced.total}
      compensation_input: {order_id: PlaceOrder.order_id, amount: price.total}
  completed: OrderDone
  completed_input: {order_id: PlaceOrder.order_id, charge: CardCharged.charge}
  failed: OrderFailed
  failed_input: {order_id: PlaceOrder.order_id, step: failure.step, reason: failure.reason}
  progress: OrderProgress
  progress_input: {order_id: PlaceOrder.order_id, step: step, status: status}
definitions:
  models:
    PlaceOrder: {key: order_id, fields: {order_id: str}}
    PriceOrder: {key: order_id, fields: {order_id: str}}
    OrderPriced: {fields: {order_id: str, total: float, tip: "float | None"}}
    CheckStock: {key: order_id, fields: {order_id: str}}
    StockChecked: {fields: {order_id: str, total: float}}
    ChargeCard: {key: order_id, fields: {order_id: str, amount: float, note: "str | None"}}
    CardCharged: {fields: {order_id: str, charge: str, total: float}}
    RefundCard: {key: order_id, fields: {order_id: str, amount: float}}
    OrderDone: {key: order_id, fields: {order_id: str, charge: str}}
    OrderFailed: {key: order_id, fields: {order_id: str, step: str, reason: str}}
    OrderProgress: {key: order_id, fields: {order_id: str, step: str, status: str}}
"""
CHARGE = "workflow_coordination.steps[2]"
AMOUNT = "amount: OrderPriced.total"


def problems(text: str) -> dict[str, ContractProblem]:
    with pytest.raises(ContractError) as raised:
        parse_contract(text)
    return {problem.field: problem for problem in raised.value.problems}


def test_a_step_may_use_results_that_are_certainly_there() -> None:
    workflow = parse_contract(WORKFLOW).workflow_coordination
    assert workflow is not None
    assert results_before(workflow) == {"price": [], "stock": [], "charge": ["price"]}
    assert results_at_end(workflow) == ["price", "charge"]
    assert flow_roots(workflow, ["price", "charge"]) == {
        "OrderPriced": "price",
        "CardCharged": "charge",
        "price": "price",
        "charge": "charge",
    }


REFUSED = {
    "a result of a step that may be skipped": (
        AMOUNT,
        "amount: StockChecked.total",
        f"{CHARGE}.input.amount",
        "may not be there yet",
    ),
    "its own result": (AMOUNT, "amount: charge.total", f"{CHARGE}.input.amount", "may not be there yet"),
    "its own result when it is undone": (
        "amount: price.total",
        "amount: CardCharged.total",
        f"{CHARGE}.compensation_input.amount",
        "may not be there yet",
    ),
    "a step without depends_on": (
        "depends_on: [price, stock]",
        "depends_on: [stock]",
        f"{CHARGE}.input.amount",
        "may not be there yet",
    ),
    "a step whose failure is passed over": (
        "      result: OrderPriced\n",
        "      result: OrderPriced\n      error_action: continue\n",
        f"{CHARGE}.input.amount",
        "may not be there yet",
    ),
    "a value that may be None": (AMOUNT, "amount: OrderPriced.tip", f"{CHARGE}.input.amount", "is float | None"),
    "another type": (AMOUNT, "amount: OrderPriced.order_id", f"{CHARGE}.input.amount", "is str"),
    "a message that is no result": (AMOUNT, "amount: OrderDone.charge", f"{CHARGE}.input.amount", "is no source"),
    "a field that the command lacks": (
        AMOUNT,
        f"{AMOUNT}, tip: PlaceOrder.order_id",
        f"{CHARGE}.input.tip",
        "no field 'tip'",
    ),
    "a command without a value": (
        AMOUNT,
        "note: OrderPriced.order_id",
        f"{CHARGE}.input",
        "needs a value for amount",
    ),
    "a result in a failure": (
        "reason: failure.reason",
        "reason: CardCharged.charge",
        "workflow_coordination.failed_input.reason",
        "no step is certainly done",
    ),
    "a part of the failure that is not there": (
        "failure.reason",
        "failure.cause",
        "workflow_coordination.failed_input.reason",
        "no field 'cause'",
    ),
    "a failure at the end": (
        "charge: CardCharged.charge",
        "charge: failure.reason",
        "workflow_coordination.completed_input.charge",
        "failure is no source",
    ),
    "a status of no progress": (
        "reason: failure.reason",
        "reason: status",
        "workflow_coordination.failed_input.reason",
        "names no field",
    ),
    "a result in a progress": (
        "status: status",
        "status: CardCharged.charge",
        "workflow_coordination.progress_input.status",
        "no step is certainly done",
    ),
    "a progress that is not published": (
        "  progress: OrderProgress\n",
        "",
        "workflow_coordination",
        "progress_input needs progress",
    ),
    "a compensation that is not declared": (
        "      compensate: RefundCard\n",
        "",
        CHARGE,
        "compensation_input needs compensate",
    ),
    "one value of many commands": (
        "      result: CardCharged\n",
        "      result: CardCharged\n      fan_out: true\n",
        CHARGE,
        "input belongs to a step with one command",
    ),
    "a start that is not defined": (
        "    PlaceOrder: {key: order_id, fields: {order_id: str}}\n",
        "",
        "event_bus.subscribe_topics",
        "start command, found none",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_flow_that_cannot_be_is_refused(case: str) -> None:
    old, new, field, words = REFUSED[case]
    assert old in WORKFLOW, old
    found = problems(WORKFLOW.replace(old, new))
    assert field in found, found
    assert words in found[field].message
    assert found[field].remedy
    assert found[field].line >= 5


def test_a_result_of_several_steps_is_named_by_its_step() -> None:
    twice = WORKFLOW.replace(
        "command: CheckStock\n      result: StockChecked\n      conditional: true",
        "command: CheckStock\n      result: OrderPriced",
    )
    twice = twice.replace("    - onex.evt.shop.stock-checked.v1\n", "")
    message = problems(twice)[f"{CHARGE}.input.amount"].message
    assert "several steps have this result" in message
    assert parse_contract(twice.replace(AMOUNT, "amount: stock.total")).workflow_coordination


def test_a_step_that_waits_for_a_signal_has_a_result() -> None:
    text = WORKFLOW.replace(
        "      command: PriceOrder\n      result: OrderPriced\n      input: {order_id: PlaceOrder.order_id}\n",
        "      signal: OrderPriced\n",
    )
    text = text.replace("    - onex.cmd.shop.price-order.v1\n", "")
    assert parse_contract(text).workflow_coordination


def test_data_flow_needs_definitions() -> None:
    text = WORKFLOW.partition("definitions:")[0]
    assert "write `definitions`" in problems(text)["workflow_coordination"].remedy


def test_a_workflow_with_data_flow_has_a_limit() -> None:
    chain = "".join(
        f"    - {{id: s{n}, command: A, result: OrderPriced, depends_on: [{f's{n - 1}' if n else 'price'}]}}\n"
        for n in range(260)
    )
    text = WORKFLOW.replace("    - id: stock", f"{chain}    - id: stock")
    assert "at most 256 steps" in problems(text)["workflow_coordination.steps"].message


@pytest.mark.parametrize("name", ["bool", "list", "tuple", "unfinished", "datetime"])
def test_a_step_has_no_name_that_the_generated_class_uses(name: str) -> None:
    """Its method would hide the type in the annotations after it."""
    text = WORKFLOW.replace("id: price\n", f"id: {name}\n").replace("price.total", f"{name}.total")
    text = text.replace("[price, stock]", f"[{name}, stock]")
    with pytest.raises(ContractError) as raised:
        package_files(text)
    (problem,) = raised.value.problems
    assert (problem.field, problem.line) == ("workflow_coordination.steps[0].id", 20)
    assert "give the method another name" in problem.remedy
