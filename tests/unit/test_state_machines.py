"""Guards, priorities and orders of declared state machines, and contract text that is hostile to them."""

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, JsonValue, ValidationError

from onex.contract import parse_contract
from onex.errors import ContractError, RejectedError
from onex.model.context import Context
from onex.model.contract import ModelStateMachine
from onex.model.contract.comparison import compile_guard
from onex.model.contract.guards import ModelGuard
from onex.model.message import Message
from onex.node import Reduction
from onex.workflow import guard_reducer


class Colour(str, Enum):  # noqa: UP042 - its str() is not its value
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


def guard(op: str, value: object, field: str = "f") -> ModelGuard:
    return ModelGuard.model_validate({"field": field, "operator": op, "value": value})


ID = "6f1c4f5e-8f0a-4a3e-9b1e-0d4a3c0f9f11"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("annotation", "op", "value", "holds", "fails"),
    [
        (int, "==", 3, 3, 4),
        (int, "!=", 3, 4, 3),
        (int, "<", 10, 9, 10),
        (int, "<=", 10, 10, 11),
        (int, ">", 10, 11, 10),
        (int, ">=", 10, 10, 9),
        (int, "in", [1, 2], 2, 3),
        (float, ">", 1, 1.5, 1.0),
        (bool, "==", False, False, True),
        (str, "==", "10", "10", "9"),
        (str, ">", "10", "9", "1"),
        (str, "in", ["a", "b"], "b", "ab"),
        (Colour, "==", "red", Colour.RED, Colour.GREEN),
        (Colour, "in", ["red"], Colour.RED, Colour.GREEN),
        (Level, "!=", 1, Level.HIGH, Level.LOW),
        (Literal["a", "b"], "==", "a", "a", "b"),
        (UUID, "==", ID, UUID(ID), UUID(int=0)),
        (date, "<", "2026-02-01", date(2026, 1, 31), date(2026, 2, 1)),
        (date, "<", date(2026, 2, 1), date(2026, 1, 31), date(2026, 2, 1)),
        (datetime, ">=", "2026-01-31T13:00:00+01:00", NOON, datetime(2026, 1, 31, 11, tzinfo=UTC)),
        (Decimal, "==", 0.1, Decimal("0.10"), Decimal("0.11")),
        (Decimal, "<", "0.3", Decimal("0.2"), Decimal("0.3")),
        (int | None, "==", 3, 3, None),
        (int | None, "!=", 3, None, 3),
        (int | None, "<", 3, 2, None),
        (int | None, ">=", 3, 3, None),
        (int | None, "in", [3], 3, None),
        (int | None, "==", None, None, 3),
        (int | None, "!=", None, 3, None),
        (Annotated[int, Field(ge=0)] | None, ">", 3, 4, 3),
    ],
)
def test_a_guard_compares_values_of_the_type_of_the_field(
    annotation: object, op: str, value: object, holds: object, fails: object
) -> None:
    test = compile_guard(guard(op, value), annotation)
    assert test(holds)
    assert not test(fails)


@pytest.mark.parametrize(
    ("annotation", "op", "value", "words"),
    [
        (int, "==", "3", '"3" is no int'),
        (int, "==", 3.0, "3.0 is no int"),
        (int, "==", True, "true is no int"),
        (int, "in", [1, True], "true is no int"),
        (int, "==", None, "int has no null"),
        (float, "==", True, "true is no float"),
        (float, "==", "nan", '"nan" is no float'),
        (bool, "==", 1, "1 is no bool"),
        (bool, "<", True, "bool has no order; write ==, != or in"),
        (str, "==", 5, "5 is no str"),
        (str, "==", "x" * 900, None),
        (int, "==", "x" * 900, "..."),
        (Colour, "==", "blue", '"blue" is no Colour'),
        (Colour, "==", "RED", '"RED" is no Colour'),
        (Colour, ">", "red", "Colour has no order"),
        (Literal["a"], "==", "b", "is no typing.Literal['a']"),
        (Literal["a"], "<", "b", "has no order"),
        (UUID, "<", ID, "UUID has no order"),
        (UUID, "==", "x", "is no UUID"),
        (datetime, "<", "2026-01-31T12:00:00", "has no time zone; write 2026-01-31T12:00:00Z"),
        (datetime, "<", "yesterday", '"yesterday" is no datetime'),
        (datetime, "<", 0, "0 is no datetime"),
        (date, "<", "2026-02-30", "is no date"),
        (list[int], "==", 1, "is not one value"),
        (dict[str, int], "==", 1, "is not one value"),
        (bytes, "==", "x", "bytes is not one value"),
        (Message, "==", "x", "Message is not one value"),
        (int | str, "==", 1, "is not one value"),
        (object, "==", 1, "is not one value"),
    ],
)
def test_a_constant_of_another_type_is_refused(annotation: object, op: str, value: object, words: str | None) -> None:
    if words is None:
        compile_guard(guard(op, value), annotation)
        return
    with pytest.raises(ValueError, match=r"(?s).+") as refused:
        compile_guard(guard(op, value), annotation)
    assert words in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"field": "__class__"}, "begins with an underscore"),
        ({"field": "state.__dict__"}, "begins with an underscore"),
        ({"field": "state.a.b"}, "is no identifier"),
        ({"field": "state."}, "is no identifier"),
        ({"field": "class"}, "is a keyword"),
        ({"field": "ﬁeld"}, "is no identifier"),
        ({"field": "f" * 65}, "is longer than 64 characters"),
        ({"operator": "is"}, "Input should be"),
        ({"operator": "eval"}, "Input should be"),
        ({"value": float("nan")}, "write a finite number"),
        ({"value": float("inf")}, "write a finite number"),
        ({"value": 2**63}, "at most 63 bits"),
        ({"value": "x" * 1001}, "at most 1000 characters"),
        ({"value": {"a": 1}}, "write a text, a number"),
        ({"value": b"x"}, "write a text, a number"),
        ({"operator": "in", "value": []}, "1 to 100 constants"),
        ({"operator": "in", "value": [1] * 101}, "1 to 100 constants"),
        ({"operator": "in", "value": [[1]]}, "write a text, a number"),
        ({"operator": "in", "value": [1, None]}, "`in` takes no null"),
        ({"operator": "in", "value": 1}, "`in` needs a list"),
        ({"operator": "<", "value": [1]}, "write `in` for a list"),
        ({"operator": "<", "value": None}, "null has no order"),
        ({"code": "x"}, "Extra inputs"),
    ],
)
def test_hostile_guards_are_refused(changed: Mapping[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ModelGuard.model_validate({"field": "f", "value": 1, **changed})
    assert words in str(refused.value)


_PYTHON: Mapping[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBERS = st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1)


@given(st.sampled_from([*_PYTHON]), _NUMBERS, _NUMBERS)
def test_an_operator_means_what_it_means_in_python(op: str, value: int, constant: int) -> None:
    assert compile_guard(guard(op, constant), int)(value) == _PYTHON[op](value, constant)
    assert compile_guard(guard("in", [constant, 7]), int)(value) == (value in (constant, 7))


class Lamp(Message):
    status: str
    number: int = 0
    note: str | None = None


class Turned(Message):
    to: str = ""
    size: int = 0


def moved(transitions: list[JsonValue], state: Lamp | None, event: Turned) -> str:
    """Return the state after an event, or the reason why there is none."""
    machine = ModelStateMachine.model_validate(
        {
            "initial_state": "a",
            "states": [{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "z", "terminal": True}],
            "transitions": transitions,
        }
    )
    reduce = guard_reducer(machine, Lamp, {"Turned": Turned}, {})(
        lambda old, _, __: Reduction(old or Lamp(status=""))
    )
    try:
        found = reduce(state, event, Context(NOON, "k", "m", "c", "", "i")).state
    except RejectedError as error:
        return str(error)
    assert isinstance(found, Lamp)
    return found.status


def way(source: str, target: str, **more: JsonValue) -> dict[str, JsonValue]:
    return {"name": f"{source}{target}", "from_state": source, "to_state": target, "trigger": "Turned", **more}


TO_B: JsonValue = [{"field": "to", "value": "b"}]


@pytest.mark.parametrize(
    ("transitions", "state", "target"),
    [
        ([way("a", "b", guards=TO_B), way("a", "c")], "a", "b"),
        ([way("a", "b", guards=TO_B), way("a", "c", priority=1)], "a", "c"),
        ([way("*", "b"), way("a", "c")], "a", "c"),
        ([way("*", "b", priority=1, guards=TO_B), way("a", "c")], "a", "b"),
        ([way("*", "b"), way("a", "c", priority=-1)], "b", "b"),
        ([way("*", "b", priority=-1), way("a", "c", priority=-1)], "a", "c"),
        ([way("*", "b")], "z", "no transition from 'z' on Turned"),
        ([way("*", "b"), way("a", "c")], "undeclared", "b"),
        ([way("a", "c")], "undeclared", "no transition from 'undeclared' on Turned"),
        ([way("a", "c")], None, "c"),
        ([way("a", "c", conditions=["size == 5"])], "a", "c"),
        ([way("a", "c", conditions=["size == 05"])], "a", "no transition from 'a' on Turned"),
        ([way("a", "c", guards=[{"field": "state.number", "value": 0}])], "a", "c"),
        ([way("a", "c", guards=[{"field": "state.number", "value": 0}])], None, "no transition from 'a' on Turned"),
        ([way("a", "c", guards=[{"field": "state.note", "value": None}])], None, "no transition from 'a' on Turned"),
        ([way("a", "c", guards=[{"field": "size", "value": 5}], conditions=["to == x"])], "a", "no transition from"),
        ([way("a", "c", guards=[{"field": "size", "value": 6}], conditions=["to == b"])], "a", "no transition from"),
    ],
)
def test_the_first_transition_whose_guards_are_true_runs(
    transitions: list[JsonValue], state: str | None, target: str
) -> None:
    event = Turned(to="b", size=5)
    assert moved(transitions, None if state is None else Lamp(status=state), event).startswith(target)


HEAD = """\
name: node_lamp_reducer
node_type: REDUCER
contract_version: {major: 1, minor: 0, patch: 0}
event_bus: {subscribe_topics: [onex.evt.lamp.turned.v1]}
handler_routing: {handlers: [{event_model: Turned, handler: reduce}]}
definitions:
  state: Lamp
  models:
    Lamp: {fields: {status: str, number: int, parts: "list[str]", owner: Turned}}
    Turned: {key: lamp, fields: {lamp: str, size: "int | None", at: datetime}}
state_machine:
  initial_state: a
  states: [{name: a}, {name: b}, {name: z, terminal: true}]
  transitions:
"""


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        (
            "guards: [{field: size, value: large}]",
            "guards[0].value",
            '== does not fit Turned.size: "large" is no int',
        ),
        ("guards: [{field: weight, value: 1}]", "guards[0].field", "Turned has no field 'weight'"),
        ("guards: [{field: state.size, value: 1}]", "guards[0].field", "Lamp has no field 'size'"),
        ("guards: [{field: state.parts, value: x}]", "guards[0].value", "is not one value"),
        ("guards: [{field: state.owner, value: x}]", "guards[0].value", "is not one value"),
        ('guards: [{field: at, operator: "<", value: 2026-01-31T12:00:00}]', "guards[0].value", "has no time zone"),
        ("priority: high", "priority", "valid integer"),
        ("priority: 1.0", "priority", "valid integer"),
        ("priority: 1001", "priority", "less than or equal to 1000"),
        ("priority: true", "priority", "valid integer"),
    ],
)
def test_a_problem_names_line_and_field(line: str, field: str, words: str | None) -> None:
    text = f"{HEAD}    - {{name: t, from_state: a, to_state: b, trigger: Turned, {line}}}\n"
    if words is None:
        assert parse_contract(text).state_machine
        return
    with pytest.raises(ContractError) as refused:
        parse_contract(text)
    problem = refused.value.problems[0]
    assert problem.field == f"state_machine.transitions[0].{field}"
    assert problem.line == HEAD.count("\n") + 1
    assert words in problem.message
    assert problem.remedy


def test_a_guard_that_differs_in_type_alone_is_another_one() -> None:
    lines = [
        f"    - {{name: t{i}, from_state: a, to_state: b, trigger: Turned, {more}}}\n"
        for i, more in enumerate(
            [
                "guards: [{field: size, value: 1}]",
                "guards: [{field: state.number, value: 1}]",
                "conditions: [size == 1]",
            ]
        )
    ]
    assert parse_contract(HEAD + "".join(lines)).state_machine
    one, true = (
        ModelStateMachine.model_validate(
            {
                "initial_state": "a",
                "states": [{"name": "a"}],
                "transitions": [way("a", "a", guards=[{"field": "to", "value": value}])],
            }
        )
        .transitions[0]
        .requirements
        for value in (1, True)
    )
    assert one != true


@pytest.mark.parametrize(
    "actions", ["[a-b]", "[print(1)]", "[__init__]", "[class]", f"[{', '.join(['x'] * 11)}]", "x"]
)
def test_names_of_actions_are_names(actions: str) -> None:
    text = HEAD.replace("{name: b}", f"{{name: b, entry_actions: {actions}}}")
    with pytest.raises(ContractError) as refused:
        parse_contract(f"{text}    - {{name: t, from_state: a, to_state: b, trigger: Turned}}\n")
    assert all(p.field.startswith("state_machine.states[1].entry_actions") for p in refused.value.problems)


def test_actions_that_never_run_are_refused() -> None:
    text = HEAD.replace(
        "{name: a}, {name: b}", "{name: a, entry_actions: [x]}, {name: b}, {name: c, exit_actions: [x]}"
    )
    text = text.replace("terminal: true}", "terminal: true, exit_actions: [x]}")
    with pytest.raises(ContractError) as refused:
        parse_contract(f"{text}    - {{name: t, from_state: a, to_state: b, trigger: Turned}}\n")
    assert {problem.field: problem.message.split(",")[0] for problem in refused.value.problems} == {
        "state_machine.states[0].entry_actions": "no transition leads to 'a'",
        "state_machine.states[2].exit_actions": "no transition leaves 'c'",
        "state_machine.states[3].exit_actions": "no transition leaves 'z'",
    }
