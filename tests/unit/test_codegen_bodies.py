"""Bodies of generated handlers: each form that a contract can state, and nothing that it does not state."""

import ast
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from onex.codegen import case_files, package_files
from onex.codegen.render.bodies import bodies_of
from onex.codegen.render.generatable import generatable_contract
from onex.contract import resolve_node
from onex.errors import ContractError
from onex.testing import load_cases, run_case
from tests.conftest import CONTRACTS, ROOT
from tests.strict_types import errors_of_types

COMPUTE = """\
name: node_price_compute
node_type: COMPUTE
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [onex.cmd.prices.price-order.v1, onex.cmd.prices.price-gift.v1]
  publish_topics: [onex.evt.prices.order-priced.v1, onex.evt.prices.gift-refused.v1]
handler_routing:
  handlers:
    - event_model: PriceOrder
      handler: price
      output_events: [OrderPriced, GiftRefused]
      mapping:
        OrderPriced:
          order_id: PriceOrder.order_id
          city: PriceOrder.customer.city
          note: PriceOrder.note
          currency: {literal: 'EUR "and" \\ more'}
          rate: {literal: -2}
          rounds: {literal: 3}
          final: {literal: false}
          at: PriceOrder.at
    - event_model: PriceGift
      handler: price
      output_events: [OrderPriced, GiftRefused]
definitions:
  models:
    Customer: {fields: {city: str}}
    PriceOrder:
      key: order_id
      fields: {order_id: str, customer: Customer, note: "str | None", at: datetime, lines: "list[str]"}
    PriceGift: {key: order_id, fields: {order_id: str}}
    GiftRefused: {fields: {order_id: str}}
    OrderPriced:
      fields: {order_id: str, city: str, note: "str | None", currency: str, rate: float, rounds: int, final: bool,
               at: datetime, extra: "str | None"}
examples:
  - name: an order has its city
    when:
      PriceOrder: {order_id: o, customer: {city: Oslo}, note: null, at: "2026-01-01T10:00:00Z", lines: []}
    then:
      publishes:
        - OrderPriced: {order_id: o, city: Oslo, note: null, currency: 'EUR "and" \\ more', rate: -2.0, rounds: 3,
                        final: false, at: "2026-01-01T10:00:00Z", extra: null}
"""
REDUCER = """\
name: node_sales_reducer
node_type: REDUCER
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [onex.evt.sales.sold.v1, onex.evt.sales.returned.v1, onex.evt.sales.counted.v1]
  publish_topics: [onex.snapshot.sales.sales-of-day.v1]
handler_routing:
  handlers:
    - event_model: Sold
      handler: sold
      output_events: [SalesOfDay]
      aggregate:
        day: {last: Sold.day}
        orders: count
        total: {sum: Sold.amount}
        smallest: {min: Sold.amount}
        largest: {max: Sold.amount}
      mapping:
        SalesOfDay: {day: Sold.day, orders: Sales.orders, total: Sales.total, smallest: Sales.smallest,
                     largest: Sales.largest, returned: Sales.returned}
    - event_model: Returned
      handler: returned
      output_events: [SalesOfDay]
      aggregate: {returned: count, day: {last: Returned.day}}
      mapping:
        SalesOfDay: {day: Sales.day, orders: Sales.orders, total: Sales.total, smallest: Sales.smallest,
                     largest: Sales.largest, returned: Sales.returned}
    - {event_model: Counted, handler: counted}
definitions:
  state: Sales
  models:
    Sales:
      fields: {day: "str | None", orders: int, total: float, smallest: "float | None", largest: "float | None",
               returned: int}
    Sold: {key: day, fields: {day: str, amount: float}}
    Returned: {key: day, fields: {day: str}}
    Counted: {key: day, fields: {day: str}}
    SalesOfDay:
      key: day
      fields: {day: "str | None", orders: int, total: float, smallest: "float | None", largest: "float | None",
               returned: int}
examples:
  - name: sales add up
    given: [{Returned: {day: d}}, {Sold: {day: d, amount: 5.0}}, {Sold: {day: d, amount: 2.0}}]
    when: {Sold: {day: d, amount: 3.0}}
    then: {publishes: [{SalesOfDay: {day: d, orders: 3, total: 10.0, smallest: 2.0, largest: 5.0, returned: 1}}]}
  - name: a return comes first
    when: {Returned: {day: d}}
    then: {publishes: [{SalesOfDay: {day: d, orders: 0, total: 0.0, smallest: null, largest: null, returned: 1}}]}
"""
MACHINE = """\
name: node_door_reducer
node_type: REDUCER
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [onex.evt.doors.door-opened.v1, onex.evt.doors.door-closed.v1]
  publish_topics: []
handler_routing:
  handlers:
    - {event_model: DoorOpened, handler: opened}
    - {event_model: DoorClosed, handler: closed}
state_machine:
  initial_state: closed
  states: [{name: closed}, {name: open}]
  transitions:
    - {name: opens, from_state: closed, to_state: open, trigger: DoorOpened}
    - {name: closes, from_state: open, to_state: closed, trigger: DoorClosed}
definitions:
  state: Door
  models:
    Door: {fields: {status: str, owner: "str | None"}}
    DoorOpened: {key: door, fields: {door: str}}
    DoorClosed: {key: door, fields: {door: str}}
examples:
  - {name: it opens, when: {DoorOpened: {door: a}}, then: {publishes: []}}
  - {name: it closes, given: [{DoorOpened: {door: a}}], when: {DoorClosed: {door: a}}, then: {publishes: []}}
  - name: it opens once
    given: [{DoorOpened: {door: a}}]
    when: {DoorOpened: {door: a}}
    then: {dead_letter: {class: rejected}}
"""
GUARDED = """\
name: node_meter_reducer
node_type: REDUCER
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [onex.evt.meters.measured.v1, onex.evt.meters.serviced.v1, onex.evt.meters.removed.v1]
  publish_topics: [onex.evt.meters.meter-reported.v1]
handler_routing:
  handlers:
    - {event_model: Measured, handler: measured}
    - {event_model: Serviced, handler: serviced, output_events: [MeterReported]}
    - {event_model: Removed, handler: removed}
subcontracts:
  state_transition:
    initial_state: calm
    states: [{name: calm}, {name: alarm}, {name: gone, terminal: true}]
    transitions:
      - {name: stay, from_state: calm, to_state: calm, trigger: Measured}
      - {name: rise, from_state: calm, to_state: alarm, trigger: Measured, priority: 1,
         guards: [{field: level, operator: ">=", value: 5}]}
      - {name: fall, from_state: alarm, to_state: calm, trigger: Measured,
         guards: [{field: level, operator: "<", value: 5}]}
      - {name: serve, from_state: "*", to_state: calm, trigger: Serviced,
         guards: [{field: depth, operator: in, value: [2, 3]}, {field: urgent, value: true}]}
      - {name: remove, from_state: "*", to_state: gone, trigger: Removed, guards: [{field: state.owner, value: null}]}
definitions:
  state: Meter
  models:
    Meter: {fields: {status: str, owner: "str | None"}}
    Measured: {key: meter, fields: {meter: str, level: float}}
    Serviced: {key: meter, fields: {meter: str, depth: int, urgent: bool}}
    Removed: {key: meter, fields: {meter: str}}
    MeterReported: {key: meter, fields: {meter: str}}
examples:
  - {name: it rises, when: {Measured: {meter: a, level: 5.0}}, then: {publishes: []}}
  - name: it is removed
    given: [{Measured: {meter: a, level: 5.0}}]
    when: {Removed: {meter: a}}
    then: {publishes: []}
  - name: it does not fall
    given: [{Measured: {meter: a, level: 5.0}}]
    when: {Measured: {meter: a, level: 5.0}}
    then: {dead_letter: {class: rejected}}
"""
WORKFLOW = """\
name: node_ship_orchestrator
node_type: ORCHESTRATOR
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [onex.cmd.ships.ship.v1, onex.evt.ships.packed.v1, onex.evt.ships.sent.v1]
  publish_topics: [onex.cmd.ships.pack.v1, onex.cmd.ships.send.v1, onex.cmd.ships.unpack.v1,
                   onex.evt.ships.shipped.v1,
                   onex.evt.ships.not-shipped.v1, onex.evt.ships.moved.v1]
workflow_coordination:
  timeout: 10s
  steps:
    - {id: packing, command: Pack, input: {order_id: Ship.order_id, box: {literal: small}}, result: Packed,
       compensate: Unpack, compensation_input: {order_id: Ship.order_id}}
    - {id: sending, depends_on: [packing], command: Send, input: {order_id: Ship.order_id, weight: packing.weight},
       result: Sent}
  completed: Shipped
  completed_input: {order_id: Ship.order_id, weight: Packed.weight, parcel: Sent.parcel}
  failed: NotShipped
  failed_input: {order_id: Ship.order_id, step: failure.step, reason: failure.reason}
  progress: Moved
  progress_input: {order_id: Ship.order_id, step: step, status: status}
definitions:
  models:
    Ship: {key: order_id, fields: {order_id: str}}
    Pack: {key: order_id, fields: {order_id: str, box: str}}
    Packed: {key: order_id, fields: {order_id: str, weight: float}}
    Unpack: {key: order_id, fields: {order_id: str}}
    Send: {key: order_id, fields: {order_id: str, weight: float}}
    Sent: {key: order_id, fields: {order_id: str, parcel: str}}
    Shipped: {key: order_id, fields: {order_id: str, weight: float, parcel: str}}
    NotShipped: {key: order_id, fields: {order_id: str, step: str, reason: str}}
    Moved: {key: order_id, fields: {order_id: str, step: str, status: str}}
examples:
  - name: an order is packed
    when: {Ship: {order_id: o}}
    then: {publishes: [{Pack: {order_id: o, box: small}}, {Moved: {order_id: o, step: "", status: started}}]}
  - name: a packed order is sent
    given: [{Ship: {order_id: o}}]
    when: {Packed: {order_id: o, weight: 2.5}}
    then:
      publishes:
        - Send: {order_id: o, weight: 2.5}
        - Moved: {order_id: o, step: packing, status: "*"}
  - name: a sent order is shipped
    given: [{Ship: {order_id: o}}, {Packed: {order_id: o, weight: 2.5}}]
    when: {Sent: {order_id: o, parcel: p}}
    then:
      publishes:
        - Shipped: {order_id: o, weight: 2.5, parcel: p}
        - Moved: {order_id: o, step: sending, status: "*"}
        - Moved: {order_id: o, step: "", status: completed}
"""
FORMS: Mapping[str, str] = {
    "compute": COMPUTE,
    "reducer": REDUCER,
    "machine": MACHINE,
    "guarded": GUARDED,
    "workflow": WORKFLOW,
}
UNFINISHED = {"compute": ["price"], "reducer": ["counted"], "machine": [], "guarded": ["serviced"], "workflow": []}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    root = tmp_path_factory.mktemp("bodies")
    return {form: write(root, text) for form, text in FORMS.items()}


def write(root: Path, text: str) -> Path:
    """Write the package of a contract and return its folder."""
    for name, content in {**package_files(text), **case_files(text)}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    contract = generatable_contract(text)
    return root / contract.name / contract.contract_version.folder


@pytest.mark.parametrize("form", FORMS)
def test_examples_and_other_cases_pass(packages: Mapping[str, Path], form: str) -> None:
    cases = load_cases(packages[form])
    assert len(cases) > FORMS[form].count("- name:") or form == "machine"
    for case in cases:
        assert run_case(packages[form], case) == "", case.name


def test_cases_fulfil_the_guards_of_the_first_transition(packages: Mapping[str, Path]) -> None:
    cases = {case.name: case for case in load_cases(packages["guarded"])}
    assert cases["Serviced is not handled yet"].when["Serviced"] == {"meter": "meter-1", "depth": 2, "urgent": True}
    assert "Removed does not come first" in cases, "a new key has no state that a guard could compare"
    assert "Measured does not come first" not in cases


def test_the_body_of_an_action_cannot_be_generated() -> None:
    text = MACHINE.replace("[{name: closed}, ", "[{name: closed, entry_actions: [lock], exit_actions: [unlock]}, ")
    with pytest.raises(ContractError) as refused:
        generatable_contract(text)
    (first, second) = refused.value.problems
    assert (first.field, second.field) == (
        "state_machine.states[0].entry_actions",
        "state_machine.states[0].exit_actions",
    )
    assert (first.line, first.remedy) == (13, "remove it, and add it with the method that it names")
    assert "does not state what lock does" in first.message


@pytest.mark.parametrize("form", FORMS)
def test_what_the_contract_does_not_state_is_marked(packages: Mapping[str, Path], form: str) -> None:
    bodies = bodies_of(generatable_contract(FORMS[form]))
    assert [name for name, body in bodies.items() if body.is_unfinished] == UNFINISHED[form]
    assert [*resolve_node(packages[form]).unfinished] == UNFINISHED[form]


@pytest.mark.parametrize(
    ("form", "old", "new"),
    [
        ("compute", "- OrderPriced: {order_id: o, city: Oslo", "- OrderPriced: {order_id: o, city: Bergen"),
        ("reducer", "total: 10.0, smallest: 2.0", "total: 10.0, smallest: 3.0"),
        ("machine", "then: {dead_letter: {class: rejected}}", "then: {publishes: []}"),
        ("workflow", "- Shipped: {order_id: o, weight: 2.5", "- Shipped: {order_id: o, weight: 2.75"),
    ],
)
def test_an_example_that_the_body_does_not_satisfy_fails(
    tmp_path: Path, packages: Mapping[str, Path], form: str, old: str, new: str
) -> None:
    assert old in FORMS[form]
    wrong = case_files(FORMS[form].replace(old, new))
    cases = tmp_path / "cases.yaml"
    cases.write_text(next(text for name, text in wrong.items() if name.endswith("cases.yaml")))
    failed = [case.name for case in load_cases(tmp_path) if run_case(packages[form], case)]
    assert len(failed) == 1


def test_the_generated_tests_fail_for_a_wrong_example(tmp_path: Path) -> None:
    text = COMPUTE.replace("node_price_", "node_wrongprice_")
    folder = write(
        tmp_path, text.replace("- OrderPriced: {order_id: o, city: Oslo", "- OrderPriced: {order_id: o, city: Rome")
    )
    done = _pytest(folder)
    assert (done.returncode, "1 failed" in done.stdout) == (1, True), done.stdout
    assert "OrderPriced" in done.stdout


def test_the_generated_tests_fail_for_a_body_with_a_bug(tmp_path: Path) -> None:
    folder = write(tmp_path, MACHINE.replace("node_door_", "node_buggydoor_"))
    node = folder / "node.py"
    node.write_text(node.read_text().replace("owner=None", "owner=event.door[3]"))
    done = _pytest(folder)
    assert (done.returncode, "test_any_valid_messages" in done.stdout) == (1, True), done.stdout


def _pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-p",
        "no:onex",
        str(folder),
    ]
    environment = {"PYTHONPATH": f"{ROOT / 'shared'}:{folder.parents[1]}", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, cwd=folder.parents[1], env=environment, capture_output=True, text=True, check=False
    )


def test_packages_pass_mypy_strict(packages: Mapping[str, Path]) -> None:
    assert errors_of_types(packages["compute"].parents[1], without="test_node") == ""


ALL = {**FORMS, **{path.stem: path.read_text() for path in sorted(CONTRACTS.glob("*.yaml"))}}


@pytest.mark.parametrize("name", ALL)
def test_no_handler_has_a_constant_that_its_contract_does_not_have(name: str) -> None:
    """Texts are literals and names, or words of a raised error. Numbers are literals, and 0 and 1 of counts."""
    text = ALL[name]
    (source,) = (content for path, content in package_files(text).items() if path.endswith("/node.py"))
    contract = generatable_contract(text)
    is_reducer = contract.node_type == "REDUCER"
    stated = {0, 1} if is_reducer else set()
    for method in _methods(source):
        raised = {id(part) for node in ast.walk(method) if isinstance(node, ast.Raise) for part in ast.walk(node)}
        for node in ast.walk(method):
            if not isinstance(node, ast.Constant) or id(node) in raised or node.value is None:
                continue
            value = node.value
            if isinstance(value, bool):
                assert f"literal: {str(value).lower()}" in text
            elif isinstance(value, str):
                assert value in text.replace("\\\\", "\\"), (method.name, value)
            else:
                assert isinstance(value, int | float)
                assert value in stated or f"literal: {value:g}" in text or f"literal: -{value:g}" in text, method.name


def _methods(source: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_an_unfinished_handler_says_what_is_missing() -> None:
    body = bodies_of(generatable_contract((CONTRACTS / "llm_effect.yaml").read_text()))["generate"]
    assert body.is_unfinished
    assert body.statements.startswith("raise NotImplementedNodeError(")
    for part in ("generate", "TextGenerated or GenerationRefused", "GenerateText"):
        assert part in body.statements
    assert body.imports == {("onex.node", "NotImplementedNodeError")}


def test_lines_of_bodies_are_not_too_long() -> None:
    for text in ALL.values():
        for name, content in package_files(text).items():
            if name.endswith("node.py"):
                lines = [line for line in content.splitlines() if not line.startswith("from ")]
                assert max(map(len, lines)) <= 118, name


HTTP = """\
name: node_rates_effect
node_type: EFFECT
contract_version: {major: 1, minor: 0, patch: 0}
event_bus: {subscribe_topics: [onex.cmd.rates.ask-rate.v1], publish_topics: [onex.evt.rates.rate-given.v1]}
handler_routing: {handlers: [{event_model: AskRate, handler: ask, output_events: [RateGiven]}]}
subcontracts:
  http_client: {services: [{name: bank, base_url: "https://bank.example/v1"},
                            {name: post, base_url: "https://post.example"}]}
io_operations:
  - {handler: ask, type: http, method: GET, url: URL, response: {rate: float},
     output: {RateGiven: {rate: response.rate}}}
definitions: {models: {AskRate: {key: day, fields: {day: date}}, RateGiven: {fields: {rate: float}}}}
"""


@pytest.mark.parametrize(
    ("url", "service", "reason"),
    [
        ("https://post.example/rates/{AskRate.day}", "post", ""),
        ("/rates", "", "2 services are configured"),
        ("https://other.example/rates", "", "no service of http_client has the host other.example"),
    ],
)
def test_a_request_goes_to_the_configured_service_with_its_host(url: str, service: str, reason: str) -> None:
    body = bodies_of(generatable_contract(HTTP.replace("URL", f'"{url}"')))["ask"]
    assert body.is_unfinished is bool(reason)
    assert reason in body.statements.replace('" "', "").replace('"\n    "', "")
    assert (f'"{service}"' in body.statements) is bool(service)


def test_no_operation_runs_before_an_unfinished_part() -> None:
    """A handler without a stated result does nothing at all: half of the work would be worse than none."""
    text = HTTP.replace("URL", '"https://post.example/rates"')
    body = bodies_of(generatable_contract(text.replace("output: {RateGiven: {rate: response.rate}}", "")))["ask"]
    assert body.is_unfinished
    assert "await" not in body.statements


def test_a_file_that_is_only_read_does_not_replace_the_content_of_the_result() -> None:
    text = """\
name: node_copy_effect
node_type: EFFECT
contract_version: {major: 1, minor: 0, patch: 0}
event_bus: {subscribe_topics: [onex.cmd.files.copy.v1], publish_topics: [onex.evt.files.copied.v1]}
subcontracts: {files: {folder: /srv/files}}
handler_routing: {handlers: [{event_model: Copy, handler: copy_file, output_events: [Copied]}]}
io_operations:
  - {handler: copy_file, type: file, operation: read, path: "a/{Copy.id}", output: {Copied: {text: file.content}}}
  - {handler: copy_file, type: file, operation: read, path: "b/{Copy.id}"}
definitions: {models: {Copy: {key: id, fields: {id: str}}, Copied: {fields: {text: str}}}}
"""
    statements = bodies_of(generatable_contract(text))["copy_file"].statements
    assert statements.count("file = await ") == 1
    assert 'file = await self.files.read(path_of("a/{}", command.id))' in statements
    (source,) = (content for path, content in package_files(text).items() if path.endswith("/node.py"))
    assert "return Copied(text=utf8_text(file))" in source
