"""What a contract says about its handlers: mappings, aggregations, I/O operations, examples, schema version."""

import pytest
import yaml

from onex.contract import contract_json_schema, parse_contract
from onex.contract.language import missing_capabilities
from onex.errors import ContractError, ContractProblem
from onex.model.contract import ModelLiteral, ModelPath

EFFECT = """\
name: node_shop_effect
node_type: EFFECT
contract_version: {major: 1}
event_bus:
  subscribe_topics: [onex.cmd.shop.store-order.v1]
  publish_topics: [onex.evt.shop.order-stored.v1, onex.evt.shop.order-logged.v1]
handler_routing:
  handlers:
    - event_model: StoreOrder
      handler: store
      output_events: [OrderStored, OrderLogged]
definitions:
  models:
    Address: {fields: {city: str, zip: "str | None"}}
    StoreOrder: {key: order_id, fields: {order_id: str, total: float, count: int, to: Address, back: "Address | None",
      note: "str | None", lines: "list[str]", image: bytes, at: datetime}}
    OrderStored: {key: order_id, fields: {order_id: str, total: float, city: "str | None", rows: "list[int] | None"}}
    OrderLogged: {key: order_id, fields: {order_id: str, ok: bool}}
"""
MAPPED = """\
      mapping:
        OrderStored:
          order_id: StoreOrder.order_id
          total: {literal: 2}
          city: StoreOrder.to.city
"""
REDUCER = """\
name: node_shop_reducer
node_type: REDUCER
contract_version: {major: 1}
event_bus:
  subscribe_topics: [onex.evt.shop.card-charged.v1]
  publish_topics: [onex.intent.shop.tell.v1]
handler_routing:
  handlers:
    - event_model: CardCharged
      handler: reduce
      output_events: [Tell]
      aggregate:
        card: {last: CardCharged.card}
        payments: count
        total: {sum: CardCharged.amount}
        least: {min: CardCharged.amount}
        newest: {max: CardCharged.at}
        note: {last: CardCharged.note}
      mapping:
        Tell: {card: CardCharged.card, total: Account.total}
definitions:
  state: Account
  models:
    CardCharged: {key: card, fields: {card: str, amount: float, at: datetime, note: "str | None", tries: int}}
    Account: {fields: {card: str, payments: int, total: float, least: "float | None", newest: "datetime | None",
      note: "str | None"}}
    Tell: {key: card, fields: {card: str, total: float}}
"""


def with_mapping(text: str = EFFECT, mapping: str = MAPPED) -> str:
    return text.replace("definitions:\n", f"{mapping}definitions:\n", 1)


def problems(text: str) -> dict[str, ContractProblem]:
    with pytest.raises(ContractError) as raised:
        parse_contract(text)
    return {problem.field: problem for problem in raised.value.problems}


def refused(text: str, old: str, new: str, field: str, words: str) -> ContractProblem:
    assert old in text, old
    found = problems(text.replace(old, new))
    assert field in found, found
    assert words in found[field].message, found[field]
    return found[field]


def test_a_mapping_has_paths_and_literals() -> None:
    routing = parse_contract(with_mapping()).handler_routing
    assert routing is not None
    assert routing.handlers[0].mapped == (
        "OrderStored",
        {
            "order_id": ModelPath(root="StoreOrder", fields=("order_id",)),
            "total": ModelLiteral(literal=2),
            "city": ModelPath(root="StoreOrder", fields=("to", "city")),
        },
    )
    assert routing.model_dump(mode="json", exclude_defaults=True)["handlers"][0]["mapping"] == {
        "OrderStored": {"order_id": "StoreOrder.order_id", "total": {"literal": 2}, "city": "StoreOrder.to.city"}
    }


PLACE = "handler_routing.handlers[0].mapping.OrderStored"
LITERALS = {
    "a text for a number": ("{literal: 2}", "{literal: two}", "is no float"),
    "a boolean for a number": ("{literal: 2}", "{literal: true}", "is no float"),
    "null for a number": ("{literal: 2}", "{literal: null}", "is no float"),
    "a field that is not there": ("{literal: 2}", "StoreOrder.sum", "has no field 'sum'"),
    "a message that is no source": ("{literal: 2}", "OrderLogged.ok", "OrderLogged is no source here"),
    "a path without a field": ("{literal: 2}", "StoreOrder", "names no field"),
    "another type": ("{literal: 2}", "StoreOrder.count", "is int, and the field is float"),
    "a value that may be None": ("{literal: 2}", "StoreOrder.note", "is str | None, and the field is float"),
    "a field of a text": ("{literal: 2}", "StoreOrder.order_id.size", "which has no fields"),
    "a field of what may be None": ("{literal: 2}", "StoreOrder.back.city", "may be None"),
    "an operator": ("{literal: 2}", "StoreOrder.total + 1", "is no path"),
    "a call": ("{literal: 2}", "StoreOrder.total()", "is no path"),
    "a private name": ("{literal: 2}", "StoreOrder.__class__", "begins with an underscore"),
    "a deep path": ("{literal: 2}", "StoreOrder" + ".to" * 9, "more than 8 fields"),
    "a long path": ("{literal: 2}", "S" * 100_000, "is no path"),
    "a number without an end": ("{literal: 2}", "{literal: .inf}", "finite"),
    "a large number": ("{literal: 2}", "{literal: 9223372036854775808}", "63 bits"),
    "a list": ("{literal: 2}", "{literal: [1]}", "is no text, number, true, false or null"),
    "a time": ("{literal: 2}", "{literal: 2026-01-01}", "is no text, number"),
    "a number alone": ("{literal: 2}", "2", "is no value"),
    "an expression": ("{literal: 2}", "{literal: 2, times: 3}", "is no value"),
    "the parts of a path": ("{literal: 2}", "{root: x, fields: []}", "is no value"),
}


@pytest.mark.parametrize("case", LITERALS)
def test_a_value_that_does_not_fit_is_refused(case: str) -> None:
    old, new, words = LITERALS[case]
    problem = refused(with_mapping(), old, new, f"{PLACE}.total", words)
    assert problem.line == 15
    assert problem.remedy


def test_a_long_literal_is_refused() -> None:
    text = "x" * 1001
    refused(with_mapping(), "StoreOrder.to.city", f"{{literal: {text}}}", f"{PLACE}.city", "1000 characters")


MAPPINGS = {
    "a field that the result lacks": ("          city:", "          town:", f"{PLACE}.town", "has no field 'town'"),
    "a field without a value": ("          order_id: StoreOrder.order_id\n", "", PLACE, "needs a value for order_id"),
    "a name that is no field": ("          city:", "          a b:", PLACE, "is no identifier"),
    "a result of no handler": (
        "        OrderStored:",
        "        OrderGone:",
        "handler_routing.handlers[0]",
        "not in output_events",
    ),
    "two results": (
        "      mapping:\n",
        "      mapping:\n        OrderLogged: {order_id: StoreOrder.order_id, ok: {literal: true}}\n",
        "handler_routing.handlers[0].mapping",
        "map one",
    ),
    "an event that is not defined": (
        "event_model: StoreOrder",
        "event_model: KeepOrder",
        "handler_routing.handlers[0].event_model",
        "no message KeepOrder",
    ),
    "an aggregation of an effect": (
        "      mapping:\n",
        "      aggregate: {a: count}\n      mapping:\n",
        "contract",
        "aggregate belongs to a REDUCER",
    ),
}


@pytest.mark.parametrize("case", MAPPINGS)
def test_a_mapping_that_makes_no_result_is_refused(case: str) -> None:
    old, new, field, words = MAPPINGS[case]
    assert refused(with_mapping(), old, new, field, words).remedy


def test_a_mapping_needs_definitions() -> None:
    text = with_mapping().partition("definitions:")[0]
    problem = problems(text)["handler_routing.handlers[0].mapping"]
    assert (problem.line, "write `definitions`" in problem.remedy) == (12, True)


def test_aggregations_are_typed() -> None:
    routing = parse_contract(REDUCER).handler_routing
    assert routing is not None
    aggregate = routing.handlers[0].aggregate
    assert [(name, found.operation.value, str(found.source)) for name, found in aggregate.items()] == [
        ("card", "last", "CardCharged.card"),
        ("payments", "count", "None"),
        ("total", "sum", "CardCharged.amount"),
        ("least", "min", "CardCharged.amount"),
        ("newest", "max", "CardCharged.at"),
        ("note", "last", "CardCharged.note"),
    ]
    assert routing.model_dump(mode="json")["handlers"][0]["aggregate"]["total"] == {"sum": "CardCharged.amount"}


STATE = "handler_routing.handlers[0].aggregate"
AGGREGATIONS = {
    "a field that the state lacks": (
        "        payments: count",
        "        visits: count",
        "visits",
        "no field 'visits'",
    ),
    "a count of no whole number": (
        "        total: {sum: CardCharged.amount}",
        "        total: count",
        "total",
        "int",
    ),
    "a sum of texts": ("{sum: CardCharged.amount}", "{sum: CardCharged.card}", "total", "is str, the field float"),
    "a sum of another number": ("{sum: CardCharged.amount}", "{sum: CardCharged.tries}", "total", "is int"),
    "a sum that may be None": ("{min: CardCharged.amount}", "{sum: CardCharged.amount}", "least", "float | None"),
    "a smallest of another type": ("{min: CardCharged.amount}", "{min: CardCharged.tries}", "least", "is int"),
    "a largest of what may be None": ("{max: CardCharged.at}", "{max: CardCharged.note}", "newest", "str | None"),
    "a last of another type": ("{last: CardCharged.note}", "{last: CardCharged.at}", "note", "is datetime"),
    "a field of the state": ("{sum: CardCharged.amount}", "{sum: Account.total}", "total", "no source here"),
    "an aggregation that is not there": ("{sum: CardCharged.amount}", "{mean: CardCharged.amount}", "total", "count"),
    "two aggregations": (
        "{last: CardCharged.note}",
        "{last: CardCharged.note, max: CardCharged.at}",
        "note",
        "count",
    ),
    "a count of a field": ("payments: count", "payments: {count: CardCharged.card}", "payments", "no aggregation"),
}


@pytest.mark.parametrize("case", AGGREGATIONS)
def test_an_aggregation_that_does_not_fit_is_refused(case: str) -> None:
    old, new, field, words = AGGREGATIONS[case]
    assert refused(REDUCER, old, new, f"{STATE}.{field}", words).remedy


def test_the_first_event_of_a_key_must_make_a_whole_state() -> None:
    refused(REDUCER, "        card: {last: CardCharged.card}\n", "", STATE, "leaves card of Account without a value")


def _with_second_handler() -> str:
    second = "    - {event_model: CardRefused, handler: refuse, aggregate: {payments: count}}\n"
    text = REDUCER.replace("definitions:\n", f"{second}definitions:\n")
    text = text.replace("\n    Tell:", "\n    CardRefused: {key: card, fields: {card: str}}\n    Tell:")
    return text.replace("card-charged.v1]", "card-charged.v1, onex.evt.shop.card-refused.v1]")


def test_an_event_that_comes_second_makes_no_first_state() -> None:
    """A state machine refuses it as the first of its key."""
    machine = """\
state_machine:
  state_field: mood
  initial_state: new
  states: [{name: new}, {name: paid}]
  transitions:
    - {name: pay, from_state: new, to_state: paid, trigger: CardCharged}
    - {name: again, from_state: paid, to_state: paid, trigger: CardRefused}
"""
    text = _with_second_handler().replace("Account: {fields: {", "Account: {fields: {mood: str, ")
    assert parse_contract(text + machine).state_machine
    assert "leaves card" in str(problems(text + machine.replace("from_state: paid", "from_state: new")))


def test_each_handler_of_a_reducer_must_be_able_to_make_the_first_state() -> None:
    found = problems(_with_second_handler())
    assert list(found) == ["handler_routing.handlers[1].aggregate"]
    assert "a first CardRefused leaves card of Account" in found["handler_routing.handlers[1].aggregate"].message


def test_a_state_machine_sets_its_field_alone() -> None:
    machine = """\
state_machine:
  state_field: note
  initial_state: new
  states: [{name: new}]
  transitions: [{name: go, from_state: new, to_state: new, trigger: CardCharged}]
"""
    assert "state machine sets" in problems(REDUCER + machine)[f"{STATE}.note"].message


def test_an_aggregation_needs_a_state() -> None:
    refused(REDUCER, "  state: Account\n", "", "handler_routing.handlers[0]", "name no state")


IO = """\
io_operations:
  - handler: store
    type: postgres
    statement: INSERT INTO orders (id, total) VALUES ($1, $2) RETURNING city
    parameters: [StoreOrder.order_id, StoreOrder.total]
    rows: one
    columns: {city: str}
    output:
      OrderStored: {order_id: StoreOrder.order_id, total: StoreOrder.total, city: row.city}
  - handler: store
    type: http
    method: POST
    url: https://shop.example/orders/{StoreOrder.order_id}
    query: {zone: {literal: eu}}
    headers: {Accept: application/json}
    body: {total: StoreOrder.total, to: StoreOrder.to}
    timeout: 5s
    expected: [200, 201]
  - handler: store
    type: kafka
    message:
      OrderLogged: {order_id: StoreOrder.order_id, ok: {literal: true}}
  - handler: store
    type: file
    operation: write
    path: orders/{StoreOrder.order_id}.bin
    content: StoreOrder.image
"""


def test_operations_are_typed() -> None:
    contract = parse_contract(EFFECT + IO)
    assert [operation.type for operation in contract.io_operations] == ["postgres", "http", "kafka", "file"]
    url = contract.io_operations[1].model_dump(mode="json")["url"]
    assert url == "https://shop.example/orders/{StoreOrder.order_id}"


def test_an_operation_needs_its_capability_or_names_it() -> None:
    contract = parse_contract(EFFECT + IO)
    found = [(at, message, remedy) for at, message, remedy in missing_capabilities(contract, ["MixinDatabase"])]
    assert [at for at, _, _ in found] == [("io_operations", 1), ("io_operations", 3)]
    assert "needs MixinHttpClient" in found[0][1]
    assert "`files:`" in found[1][2]
    assert not list(missing_capabilities(contract, ["database", "http_client", "MixinFiles"]))


POSTGRES, HTTP, KAFKA, FILE = (f"io_operations[{index}]" for index in range(4))
OPERATIONS = {
    "a handler that is not there": (
        "- handler: store\n    type: kafka",
        "- handler: keep\n    type: kafka",
        f"{KAFKA}.handler",
        "'keep'",
    ),
    "no type": ("type: kafka", "kind: kafka", KAFKA, "has no type"),
    "an unknown type": ("type: kafka", "type: mail", KAFKA, "'mail'"),
    "an unknown key": ("    rows: one", "    rows: one\n    row: 1", f"{POSTGRES}.row", "unknown key"),
    "a missing key": (
        "    url: https://shop.example/orders/{StoreOrder.order_id}\n",
        "",
        f"{HTTP}.url",
        "is missing",
    ),
    "a statement of another sort": ("INSERT INTO", "DROP TABLE", POSTGRES, "begins with 'DROP'"),
    "two statements": ("RETURNING city", "RETURNING city; DELETE FROM orders", POSTGRES, "semicolon"),
    "a comment": ("RETURNING city", "RETURNING city -- all", POSTGRES, "comment"),
    "a placeholder without a value": ("($1, $2)", "($1, $2, $3)", POSTGRES, "$1, $2, $3, and there are 2"),
    "a value without a placeholder": ("($1, $2)", "($1, $1)", POSTGRES, "$1, and there are 2"),
    "a message as a parameter": (
        "[StoreOrder.order_id, StoreOrder.total]",
        "[StoreOrder.to, StoreOrder.total]",
        f"{POSTGRES}.parameters[0]",
        "takes no Address",
    ),
    "a parameter that is not there": (
        "[StoreOrder.order_id,",
        "[StoreOrder.id,",
        f"{POSTGRES}.parameters[0]",
        "no field 'id'",
    ),
    "a column that is not declared": (
        "row.city",
        "row.town",
        f"{POSTGRES}.output.OrderStored.city",
        "no field 'town'",
    ),
    "a column of no row": ("    rows: one\n", "", POSTGRES, "columns needs rows"),
    "one value of many rows": (
        "    rows: one\n",
        "    rows: many\n",
        f"{POSTGRES}.output.OrderStored.city",
        "row is no source",
    ),
    "a column that is a message": (
        "{city: str}",
        "{city: Address}",
        f"{POSTGRES}.columns.city",
        "no type of a column",
    ),
    "a column of no type": ("{city: str}", "{city: text}", f"{POSTGRES}.columns.city", "no type of a column"),
    "a result that is not declared": (
        "      OrderStored: {o",
        "      OrderKept: {o",
        f"{POSTGRES}.output",
        "OrderKept as an output",
    ),
    "a host from a message": ("https://shop.example/", "https://{StoreOrder.order_id}/", f"{HTTP}.url", "is no URL"),
    "another scheme": ("https://shop.example", "file://shop.example", f"{HTTP}.url", "is no URL"),
    "another host": ("https://shop.example/", "//shop.example/", f"{HTTP}.url", "is no URL"),
    "a query in the path": (
        "orders/{StoreOrder.order_id}\n    query",
        "orders?a={StoreOrder.order_id}\n    query",
        f"{HTTP}.url",
        "`query` has the query",
    ),
    "a way out of the path": (
        "orders/{StoreOrder.order_id}\n    query",
        "../{StoreOrder.order_id}\n    query",
        f"{HTTP}.url",
        "'..'",
    ),
    "a value after a dot": (
        "orders/{StoreOrder.order_id}\n    query",
        "orders/.{StoreOrder.order_id}\n    query",
        f"{HTTP}.url",
        "'.{}'",
    ),
    "two values in a part": (
        "orders/{StoreOrder.order_id}\n    query",
        "{StoreOrder.order_id}{StoreOrder.order_id}\n    query",
        f"{HTTP}.url",
        "one placeholder alone",
    ),
    "a quoted character": (
        "orders/{StoreOrder.order_id}\n    query",
        "orders/%2{StoreOrder.order_id}\n    query",
        f"{HTTP}.url",
        "percent sign",
    ),
    "a lone brace": (
        "orders/{StoreOrder.order_id}\n    query",
        "orders/}{StoreOrder.order_id}\n    query",
        f"{HTTP}.url",
        "lone brace",
    ),
    "a list in the path": (
        "orders/{StoreOrder.order_id}\n    query",
        "orders/{StoreOrder.lines}\n    query",
        f"{HTTP}.url",
        "list[str]",
    ),
    "null in the query": ("{literal: eu}", "{literal: null}", f"{HTTP}.query.zone", "null"),
    "a secret in a header": ("Accept: application/json", "Authorization: Bearer x", f"{HTTP}.headers", "no constant"),
    "a header with a line break": (
        "Accept: application/json",
        'Accept: "a\\r\\nHost: b"',
        f"{HTTP}.headers",
        "visible ASCII",
    ),
    "a header twice": ("Accept: application/json", "Accept: a, accept: b", f"{HTTP}.headers", "twice"),
    "a body that nothing sends": ("method: POST", "method: GET", HTTP, "GET request has no body"),
    "a body of no field": ("to: StoreOrder.to", "to: StoreOrder.from_", f"{HTTP}.body.to", "no field 'from_'"),
    "a longer timeout than the handler's": (
        "timeout: 5s",
        "timeout: 1m",
        f"{HTTP}.timeout",
        "60 s is more than the 30 s",
    ),
    "a status that is none": ("[200, 201]", "[99]", f"{HTTP}.expected[0]", "greater than or equal to 100"),
    "a further message of another handler": (
        "      OrderLogged: {o",
        "      OrderKept: {o",
        f"{KAFKA}.output",
        "OrderKept as an output",
    ),
    "a further message without a value": (
        ", ok: {literal: true}",
        "",
        f"{KAFKA}.message.OrderLogged",
        "needs a value for ok",
    ),
    "an absolute path": ("path: orders/", "path: /orders/", f"{FILE}.path", "empty name"),
    "a path that leaves the folder": ("path: orders/", "path: ../orders/", f"{FILE}.path", "'..'"),
    "a drive": ("path: orders/", "path: c:/orders/", f"{FILE}.path", "colon"),
    "bytes in a path": (
        "path: orders/{StoreOrder.order_id}",
        "path: orders/{StoreOrder.image}",
        f"{FILE}.path",
        "is bytes",
    ),
    "a number as content": ("content: StoreOrder.image", "content: StoreOrder.count", f"{FILE}.content", "is int"),
    "content of a file that is read": ("operation: write", "operation: read", FILE, "read has no content"),
    "a file without content": ("    content: StoreOrder.image\n", "", FILE, "write needs content"),
    "bytes of a file that is written": (
        "operation: write",
        "operation: write\n    binary: true",
        FILE,
        "binary belongs to read",
    ),
}


@pytest.mark.parametrize("case", OPERATIONS)
def test_an_operation_that_does_not_fit_is_refused(case: str) -> None:
    old, new, field, words = OPERATIONS[case]
    problem = refused(EFFECT + IO, old, new, field, words)
    assert problem.remedy
    assert problem.line > EFFECT.count("\n")


def test_a_handler_has_one_result() -> None:
    assert "more than one result" in problems(with_mapping() + IO)[f"{POSTGRES}.output"].message


def test_a_handler_with_operations_takes_one_message() -> None:
    second = "    - {event_model: OrderStored, handler: store, output_events: [OrderLogged]}\n"
    assert (
        "takes StoreOrder, OrderStored" in problems(with_mapping(mapping=second) + IO)[f"{POSTGRES}.handler"].message
    )


def test_operations_belong_to_an_effect() -> None:
    compute = EFFECT.replace("EFFECT", "COMPUTE").replace("_effect", "_compute")
    assert "belongs to an EFFECT" in problems(compute + IO)["contract"].message


def test_columns_of_many_rows_are_lists() -> None:
    text = IO.replace("rows: one", "rows: many").replace("{city: str}", "{number: int}")
    parse_contract(EFFECT + text.replace("city: row.city", "rows: rows.number"))


EXAMPLES = """\
examples:
  - name: an order is stored
    given:
      - StoreOrder: {order_id: a, total: 1.5, count: 1, to: {city: Ulm}, lines: [], image: "", at: 2026-01-01}
    when:
      StoreOrder: {order_id: b, total: 1.5, count: 1, to: {city: Ulm}, lines: [], image: "", at: 2026-01-01T00:00:00}
    then:
      publishes:
        - OrderStored: {order_id: b}
  - name: bytes that are no message
    when: {bytes: 00ff}
    then: {dead_letter: {class: poison}}
"""


def test_examples_are_the_cases_of_a_node() -> None:
    first, second = parse_contract(EFFECT + EXAMPLES).examples
    assert first.when["StoreOrder"]["at"] == "2026-01-01T00:00:00"  # type: ignore[index]  # a payload
    assert second.then.dead_letter == {"class": "poison"}


EXAMPLE = {
    "a message that is not taken": (
        "    when:\n      StoreOrder:",
        "    when:\n      OrderStored:",
        "examples[0].when.OrderStored",
        "takes no message 'OrderStored'",
    ),
    "a message that is not published": (
        "- OrderStored:",
        "- StoreOrder:",
        "examples[0].then.publishes[0].StoreOrder",
        "publishes no message",
    ),
    "a message that is not defined": (
        "- OrderStored:",
        "- OrderGone:",
        "examples[0].then.publishes[0].OrderGone",
        "publishes no message",
    ),
    "a field that is not there": (
        "- OrderStored: {order_id: b}",
        "- OrderStored: {id: b}",
        "examples[0].then.publishes[0].OrderStored.id",
        "no field 'id'",
    ),
    "a field deep down": (
        "{order_id: b, total: 1.5, count: 1, to: {city: Ulm}",
        "{order_id: b, total: 1.5, count: 1, to: {town: Ulm}",
        "examples[0].when.StoreOrder.to.town",
        "no field 'town'",
    ),
    "a field without a value": (
        "{order_id: b, total: 1.5, ",
        "{order_id: b, ",
        "examples[0].when.StoreOrder",
        "needs a value for total",
    ),
    "two messages": (
        "        - OrderStored: {order_id: b}\n",
        "        - {OrderStored: {}, OrderLogged: {}}\n",
        "examples[0].then.publishes[0]",
        "here are 2",
    ),
    "a value of another type": (
        "b, total: 1.5",
        "b, total: much",
        "examples[0].when.StoreOrder.total",
        "is no float",
    ),
    "no value": ("b, total: 1.5", "b, total: null", "examples[0].when.StoreOrder.total", "is no float"),
    "a text for a message": (
        "count: 1, to: {city: Ulm}",
        "count: 1, to: Ulm",
        "examples[0].when.StoreOrder.to",
        "no Address",
    ),
    "a map for a list": ("lines: []", "lines: {}", "examples[0].when.StoreOrder.lines", "is no list[str]"),
    "a list for a text": (
        "- OrderStored: {order_id: b}",
        "- OrderStored: {order_id: [b]}",
        "examples[0].then.publishes[0].OrderStored.order_id",
        "is no str",
    ),
    "a list of fields": ("when: {bytes: 00ff}", "when: {StoreOrder: [1]}", "examples[1].when", "a message is"),
    "digits that are none": ("{bytes: 00ff}", "{bytes: zz}", "examples[1].when", "non-hexadecimal"),
    "an unknown key": (
        "    then:\n      publishes",
        "    after: 1\n    then:\n      publishes",
        "examples[0].after",
        "unknown key",
    ),
}


@pytest.mark.parametrize("case", EXAMPLE)
def test_an_example_that_does_not_fit_is_refused(case: str) -> None:
    old, new, field, words = EXAMPLE[case]
    assert refused(EFFECT + EXAMPLES, old, new, field, words).remedy


def test_an_expected_message_may_have_any_value() -> None:
    parse_contract(
        EFFECT + EXAMPLES.replace("- OrderStored: {order_id: b}", '- OrderStored: {order_id: b, total: "*"}')
    )


def test_an_example_of_a_refused_message_may_lack_fields() -> None:
    text = EXAMPLES.replace("when: {bytes: 00ff}", "when: {StoreOrder: {order_id: a}}")
    parse_contract(EFFECT + text)


def test_the_schema_has_a_version() -> None:
    assert parse_contract(EFFECT).schema_version == 1
    assert parse_contract(f"schema_version: 1\n{EFFECT}").schema_version == 1
    newer = problems(f"schema_version: 2\n{EFFECT}")["schema_version"]
    assert (newer.line, "install a newer onex" in newer.message) == (1, True)
    assert problems(f"schema_version: 0\n{EFFECT}")["schema_version"].line == 1


def test_large_contracts_are_refused_or_read() -> None:
    fields = ", ".join(f"f{n}: str" for n in range(1000))
    values = ", ".join(f"f{n}: In.f{n}" for n in range(1000))
    text = f"""\
name: node_wide_compute
node_type: COMPUTE
contract_version: {{major: 1}}
event_bus: {{subscribe_topics: [onex.cmd.x.in.v1], publish_topics: [onex.evt.x.out.v1]}}
handler_routing: {{handlers: [{{event_model: In, handler: a, output_events: [Out], mapping: {{Out: {{{values}}}}}}}]}}
definitions: {{models: {{In: {{fields: {{{fields}}}}}, Out: {{fields: {{{fields}}}}}}}}}
"""
    assert parse_contract(text).definitions is not None
    found = problems(text.replace("f7: In.f7,", "f7: In.f9999,"))
    (problem,) = found.values()
    assert len(problem.message) + len(problem.remedy) < 400


def test_the_json_schema_has_plain_values() -> None:
    written = yaml.safe_dump(contract_json_schema())  # members of enums cannot be written
    assert yaml.safe_load(written) == contract_json_schema()
