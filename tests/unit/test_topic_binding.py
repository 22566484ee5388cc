"""A topic whose name segment is not the name of its message: contracts, nodes, schemas, and the in-memory host."""

from pathlib import Path

import pytest

from onex.codegen import package_files
from onex.contract import parse_contract, resolve_node
from onex.errors import ContractError
from onex.mesh.address_book import AddressBook
from onex.model.contract import Case
from onex.provisioning.declared import declare
from onex.testing import run_case

CONTRACT = """\
name: node_boundquote_compute
node_type: COMPUTE
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [onex.cmd.quotes.requested.v1]
  publish_topics: [onex.evt.quotes.finished.v2]
  topics:
    onex.cmd.quotes.requested.v1: AskQuote
    onex.evt.quotes.finished.v2: QuoteGiven
input_model: AskQuote
output_model: QuoteGiven
definitions:
  models:
    AskQuote: {key: item, fields: {item: str}}
    QuoteGiven: {key: item, fields: {item: str}}
"""
MODELS = '''\
from onex.node import Message


class AskQuote(Message, key="item"):
    """Command."""

    item: str


class QuoteGiven(Message, key="item"):
    """Event."""

    item: str
'''
NODE = """\
from {name}.v1_0_0.models import AskQuote, QuoteGiven
from onex.node import NodeCompute


class NodeQuote(NodeCompute[AskQuote, QuoteGiven]):
    def compute(self, request: AskQuote) -> QuoteGiven:
        return QuoteGiven(item=request.item)
"""
CASE = {
    "name": "a quote",
    "when": {"AskQuote": {"item": "a"}},
    "then": {"publishes": [{"QuoteGiven": {"item": "a"}}]},
}


def make(root: Path, name: str, text: str = CONTRACT) -> Path:
    folder = root / f"node_{name}_compute" / "v1_0_0"
    (folder / "models").mkdir(parents=True)
    (folder / "contract.yaml").write_text(text.replace("boundquote", name))
    (folder / "models" / "__init__.py").write_text(MODELS)
    (folder / "node.py").write_text(NODE.format(name=f"node_{name}_compute"))
    return folder


def problems(text: str) -> list[str]:
    with pytest.raises(ContractError) as raised:
        parse_contract(text)
    return [str(problem) for problem in raised.value.problems]


def test_a_node_with_bound_topics_passes_its_cases(tmp_path: Path) -> None:
    assert run_case(make(tmp_path, "boundcase"), Case.model_validate(CASE)) == ""


def test_routes_outputs_and_schemas_have_the_bound_topics(tmp_path: Path) -> None:
    folder = make(tmp_path, "boundparts")
    for prefix in ("", "staging."):
        node = resolve_node(folder, prefix)
        assert [(topic, route.model.__name__) for topic, route in node.routes.items()] == [
            (f"{prefix}onex.cmd.quotes.requested.v1", "AskQuote")
        ]
        assert [(m.__name__, t) for m, t in node.outputs.items()] == [
            ("QuoteGiven", f"{prefix}onex.evt.quotes.finished.v2")
        ]
        assert node.contract.messages_by_topic() == {
            f"{prefix}onex.cmd.quotes.requested.v1": "AskQuote",
            f"{prefix}onex.evt.quotes.finished.v2": "QuoteGiven",
        }
    declared = declare([resolve_node(folder)], 1)
    assert "onex.cmd.quotes.requested.v1" in declared.topics
    schemas = {schema.subject: schema.model.rpartition(".")[2] for schema in declared.schemas.values()}
    assert schemas["onex.evt.quotes.finished.v2-value"] == "QuoteGiven"


def test_a_client_finds_the_bound_topic(tmp_path: Path) -> None:
    node = resolve_node(make(tmp_path, "boundclient"))
    book = AddressBook()
    book.add_contracts([node])
    address = book.command(node.models["AskQuote"])
    assert (address.topic, address.completed) == (
        "onex.cmd.quotes.requested.v1",
        {"QuoteGiven": "onex.evt.quotes.finished.v2"},
    )


def test_a_package_is_rendered_for_bound_topics() -> None:
    assert "node_boundquote_compute/v1_0_0/node.py" in package_files(CONTRACT)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    onex.cmd.quotes.requested.v1: ", "    onex.cmd.quotes.other.v1: ", "neither in subscribe_topics nor"),
        ("v1: AskQuote", "v1: ask quote", "is no identifier"),
        ("v1: AskQuote", "v1: askQuote", "begin with a capital letter"),
        ("v1: AskQuote", "v1: [AskQuote]", "is no message; write its class name"),
    ],
)
def test_a_binding_that_is_none_is_refused(old: str, new: str, words: str) -> None:
    found = problems(CONTRACT.replace(old, new))
    assert any(words in problem for problem in found), found


def test_a_topic_bound_to_a_message_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path, "boundgone", CONTRACT.replace("finished.v2: QuoteGiven", "finished.v2: QuoteGone"))
    with pytest.raises(ContractError) as raised:
        resolve_node(folder)
    found = [str(problem) for problem in raised.value.problems]
    assert any("models/ has no message QuoteGone" in problem and "contract.yaml:9" in problem for problem in found), (
        found
    )


def test_a_topic_that_is_bound_does_not_carry_the_message_of_its_name(tmp_path: Path) -> None:
    text = CONTRACT.replace("quotes.finished.v2", "quotes.quote-given.v2").replace("v2: QuoteGiven", "v2: AskQuote")
    with pytest.raises(ContractError, match="no topic in event_bus.publish_topics carries QuoteGiven"):
        resolve_node(make(tmp_path, "boundother", text))


def test_two_topics_of_one_message_are_refused(tmp_path: Path) -> None:
    text = CONTRACT.replace(
        "[onex.evt.quotes.finished.v2]", "[onex.evt.quotes.finished.v2, onex.evt.quotes.quote-given.v1]"
    )
    with pytest.raises(
        ContractError, match=r"publish_topics\[1\]: carries QuoteGiven, as onex.evt.quotes.finished.v2"
    ):
        resolve_node(make(tmp_path, "boundtwice", text))
    with pytest.raises(ContractError, match="carries QuoteGiven, as"):
        package_files(text)


WORKFLOW = """\
name: node_boundflow_orchestrator
node_type: ORCHESTRATOR
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [onex.cmd.bound.begin.v1, onex.evt.bound.finished.v1]
  publish_topics: [onex.cmd.bound.next.v1, onex.evt.bound.end.v1, onex.evt.bound.broken.v1]
  topics:
    onex.cmd.bound.begin.v1: PlaceOrder
    onex.evt.bound.finished.v1: OrderPriced
    onex.cmd.bound.next.v1: PriceOrder
    onex.evt.bound.end.v1: OrderDone
    onex.evt.bound.broken.v1: OrderFailed
workflow_coordination:
  steps:
    - {id: price, command: PriceOrder, result: OrderPriced, input: {order_id: PlaceOrder.order_id}}
  completed: OrderDone
  completed_input: {order_id: PlaceOrder.order_id, total: OrderPriced.total}
  failed: OrderFailed
  failed_input: {order_id: PlaceOrder.order_id, reason: failure.reason}
definitions:
  models:
    PlaceOrder: {key: order_id, fields: {order_id: str}}
    PriceOrder: {key: order_id, fields: {order_id: str}}
    OrderPriced: {fields: {order_id: str, total: float}}
    OrderDone: {key: order_id, fields: {order_id: str, total: float}}
    OrderFailed: {key: order_id, fields: {order_id: str, reason: str}}
"""


def test_a_rendered_workflow_runs_on_bound_topics(tmp_path: Path) -> None:
    for name, content in package_files(WORKFLOW).items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    folder = tmp_path / "node_boundflow_orchestrator" / "v1_0_0"
    case = {
        "name": "an order is priced",
        "given": [{"PlaceOrder": {"order_id": "a"}}],
        "when": {"OrderPriced": {"order_id": "a", "total": 2.5}},
        "then": {"publishes": [{"OrderDone": {"order_id": "a", "total": 2.5}}]},
    }
    assert run_case(folder, Case.model_validate(case)) == ""


def test_two_messages_of_one_name_need_bound_topics() -> None:
    text = CONTRACT.replace(
        "    QuoteGiven: {key", "    ModelQuoteGiven: {key: item, fields: {item: str}}\n    QuoteGiven: {key"
    )
    assert package_files(text)
    unbound = text.replace("quotes.finished.v2", "quotes.quote-given.v2").replace(
        "    onex.evt.quotes.quote-given.v2: QuoteGiven\n", ""
    )
    with pytest.raises(ContractError, match="2 messages have the name 'quote-given'"):
        package_files(unbound)
