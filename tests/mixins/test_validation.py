"""MixinValidation."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_gate_compute.v1_0_0.models import Enter, Entered
from pydantic import BaseModel, Field, JsonValue, ValidationError

from onex.contract import resolve_node
from onex.errors import ContractError, RejectedError
from onex.mixins.validation import EnumFormat, ModelFieldConstraint, ModelValidationSubcontract, ValidationProblem
from onex.mixins.validation.engine import ValidationEngine
from onex.mixins.validation.fields import types_at
from onex.mixins.validation.formats import has_format
from onex.node import Message
from onex.testing import MeshDriver
from onex.testing.clock import ManualClock
from tests.conftest import NODES
from tests.mixins.helpers import contract_file

GATE = NODES / "node_gate_compute" / "v1_0_0"


class Line(BaseModel):
    sku: str = Field(pattern="^[A-Z]+$")
    quantity: int = Field(gt=0)


class Order(BaseModel):
    number: int
    lines: tuple[Line, ...]


WRONG: JsonValue = {"number": "7", "lines": [{"sku": "low", "quantity": 0}, {"quantity": 1, "colour": "red"}]}


def found(data: JsonValue = WRONG, **settings: object) -> Sequence[str]:
    model = ModelValidationSubcontract.model_validate({"enable_fail_fast": False, **settings})
    return [problem.field for problem in ValidationEngine(model, ManualClock()).problems(Order, data)]


def test_all_problems_are_reported_together() -> None:
    assert found() == ["number", "lines.0.sku", "lines.0.quantity", "lines.1.sku"]
    assert found({"number": 1, "lines": []}) == []


@pytest.mark.enforces("validation.enable_fail_fast")
def test_or_the_first_thing_only() -> None:
    assert found(enable_fail_fast=True) == ["number"]


@pytest.mark.enforces("validation.max_validation_errors")
def test_no_more_than_so_many() -> None:
    assert found(max_validation_errors=2) == ["number", "lines.0.sku"]


@pytest.mark.enforces("validation.strict_type_checking")
def test_a_text_is_no_number_unless_it_may_be() -> None:
    assert "number" not in found(strict_type_checking=False)


@pytest.mark.enforces("validation.enable_schema_validation", "validation.enable_constraint_validation")
def test_structure_and_limits_are_checked_apart() -> None:
    assert found(enable_constraint_validation=False) == ["number", "lines.1.sku"]
    assert found(enable_schema_validation=False) == ["lines.0.sku", "lines.0.quantity"]
    assert found(enable_schema_validation=False, enable_constraint_validation=False) == []


@pytest.mark.enforces("validation.enable_validation_caching", "validation.validation_cache_ttl_seconds")
def test_equal_data_is_not_checked_again_for_a_while() -> None:
    looks: list[int] = []

    class Watched(ValidationEngine):
        def _validate(self, model: type[BaseModel], text: bytes) -> tuple[ValidationProblem, ...]:
            looks.append(1)
            return super()._validate(model, text)

    clock = ManualClock()
    engine = Watched(ModelValidationSubcontract(validation_cache_ttl_seconds=10), clock)
    same: tuple[JsonValue, ...] = ({"number": 1, "lines": []}, {"lines": [], "number": 1}, {"number": 2, "lines": []})
    for data in same:
        engine.problems(Order, data)
    assert len(looks) == 2
    clock.move_to(11)
    engine.problems(Order, {"number": 1, "lines": []})
    assert len(looks) == 3
    engine = Watched(ModelValidationSubcontract(enable_validation_caching=False), clock)
    for _ in range(2):
        engine.problems(Order, {"number": 1, "lines": []})
    assert len(looks) == 5


def test_require_names_every_problem() -> None:
    engine = ValidationEngine(ModelValidationSubcontract(enable_fail_fast=False), ManualClock())
    engine.require(Order, {"number": 1, "lines": []})
    with pytest.raises(RejectedError, match=r"Order: number: .*; lines\.0\.sku: .*; lines\.0\.quantity: .*; lines"):
        engine.require(Order, WRONG)
    assert str(ValidationProblem("", "all of it")) == "all of it"


def test_rules_hold_messages_back_from_the_handler() -> None:
    driver = MeshDriver([NODES / "node_gate_compute" / "v1_0_0"])
    let_in, kept_out = driver.send(Enter(name="Ann", age=20)), driver.send(Enter(name="R2D2", age=3))
    nobody = driver.send(Enter(name="", age=20), key="k")
    assert driver.published(Entered, let_in) == [Entered(name="Ann")]
    assert driver.published(Entered, kept_out) == []
    letter = driver.dead_letter_of(kept_out)
    assert (letter["onex-dlq-class"], letter["onex-dlq-message"]) == (
        "rejected",
        "Enter: is of age; is no robot",
    )
    assert driver.dead_letter_of(nobody)["onex-dlq-message"] == "Enter: has a name"
    driver.close()


class Part(BaseModel):
    code: str


class Whole(Message):
    """Fields of each kind that a constraint can be about."""

    name: str = ""
    nick: str | None = None
    size: int = 0
    weight: float = 0.0
    price: Decimal = Decimal(0)
    ready: bool = False
    tags: tuple[Annotated[str, Field(max_length=3)], ...] = ()
    day: date = date(2026, 1, 1)
    parts: list[Part] = []
    spare: Annotated[Part | None, Field(description="One more.")] = None
    extra: dict[str, Part] = {}


def violated(value: Whole, field: str, **conditions: object) -> Sequence[str]:
    """Return the problems of a message with one constraint."""
    constraint = {"message": "Whole", "field": field, **conditions}
    settings = ModelValidationSubcontract.model_validate({"constraints": [constraint], "enable_fail_fast": False})
    engine = ValidationEngine(settings, ManualClock())
    data: JsonValue = value.model_dump(mode="json")
    problems = [str(problem) for problem in engine.problems(Whole, data)]
    try:
        engine.check(value)
    except RejectedError as error:
        assert str(error) == f"Whole: {'; '.join(problems)}"
    else:
        assert problems == []
    return problems


@pytest.mark.enforces(
    "validation.constraints",
    "validation.constraints.message",
    "validation.constraints.field",
    "validation.constraints.pattern",
    "validation.constraints.min_length",
    "validation.constraints.max_length",
    "validation.constraints.one_of",
    "validation.constraints.greater_or_equal",
    "validation.constraints.greater",
    "validation.constraints.less_or_equal",
    "validation.constraints.less",
)
@pytest.mark.parametrize(
    ("conditions", "good", "bad", "words"),
    [
        ({"field": "name", "pattern": "[A-Z]+|x"}, {"name": "ABC"}, {"name": "ABCx"}, "must match [A-Z]+|x"),
        ({"field": "name", "pattern": "a.c"}, {"name": "abc"}, {"name": "abc\n"}, "must match a.c"),
        ({"field": "name", "min_length": 2}, {"name": "ab"}, {"name": "a"}, "must have at least 2 characters"),
        ({"field": "name", "max_length": 2}, {"name": "ab"}, {"name": "abc"}, "must have at most 2 characters"),
        ({"field": "name", "one_of": ["a", "b"]}, {"name": "b"}, {"name": "c"}, "must be one of a, b"),
        ({"field": "nick", "pattern": "a"}, {"nick": None}, {"nick": "b"}, "must match a"),
        ({"field": "tags", "pattern": "[a-z]"}, {"tags": ("a", "b")}, {"tags": ("a", "B", "C")}, "must match [a-z]"),
        (
            {"field": "parts.code", "pattern": "a"},
            {"parts": [Part(code="a")]},
            {"parts": [Part(code="b")]},
            "match a",
        ),
        ({"field": "spare.code", "pattern": "a"}, {"spare": None}, {"spare": Part(code="b")}, "must match a"),
        ({"field": "size", "greater_or_equal": 1}, {"size": 1}, {"size": 0}, "must be at least 1"),
        ({"field": "size", "greater": 1}, {"size": 2}, {"size": 1}, "must be above 1"),
        ({"field": "size", "less_or_equal": 1}, {"size": 1}, {"size": 2}, "must be at most 1"),
        ({"field": "size", "less": 1}, {"size": 0}, {"size": 1}, "must be below 1"),
        ({"field": "size", "one_of": [1, 2]}, {"size": 2}, {"size": 3}, "must be one of 1, 2"),
        ({"field": "weight", "one_of": [1]}, {"weight": 1.0}, {"weight": 1.5}, "must be one of 1"),
        ({"field": "weight", "less": 0.1}, {"weight": 0.0}, {"weight": 0.1}, "must be below 0.1"),
        ({"field": "price", "less_or_equal": 0.1}, {"price": Decimal("0.1")}, {"price": Decimal("0.11")}, "most 0.1"),
        (
            {"field": "price", "one_of": [0.1, 7]},
            {"price": Decimal("0.1")},
            {"price": Decimal("0.2")},
            "one of 0.1, 7",
        ),
        ({"field": "ready", "one_of": [True]}, {"ready": True}, {"ready": False}, "must be one of True"),
        ({"field": "size", "one_of": [True, *range(2, 12)]}, {"size": 2}, {"size": 1}, "9, 10, ..."),
    ],
)
def test_constraints_on_fields(
    conditions: dict[str, object], good: dict[str, object], bad: dict[str, object], words: str
) -> None:
    assert violated(Whole.model_validate(good), **conditions) == []  # type: ignore[arg-type]  # `field` is a text
    (problem,) = violated(Whole.model_validate(bad), **conditions)  # type: ignore[arg-type]  # as above
    assert problem.startswith(f"{conditions['field']}: ")
    assert problem.endswith(words)


FORMATS: dict[str, tuple[list[str], list[str]]] = {
    "date": (["2026-01-31", "2024-02-29"], ["2026-02-29", "20260131", "2026-1-31", "2026-01-31T00:00:00Z", ""]),
    "date_time": (
        ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123456789+01:00"],
        ["2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-01-31T25:00:00Z", "2026-01-31"],
    ),
    "email": (
        ["ann@shop.example", "a.b+c@d"],
        ["ann", "@shop.example", "ann@", "a b@c", "a@b@c", "a@-b", "ann@ü.example"],
    ),
    "hostname": (
        ["a", "a-b.example", "1.example"],
        ["", "a..b", "-a", "a-", "a_b", f"{'a' * 64}.b", ".".join(["a"] * 128)],
    ),
    "ipv4": (["192.0.2.1"], ["192.0.2.256", "::1", "192.0.2.1/32", "192.0.2.01"]),
    "ipv6": (["2001:db8::1", "::ffff:192.0.2.1"], ["192.0.2.1", "fe80::1%eth0", "::g"]),
    "uri": (
        ["https://a.example/b?c=%20#d", "urn:x:y"],
        ["//a.example", "https://a b", "1a:b", "a:", "https://ü.example", 'a:"'],
    ),
    "uuid": (
        ["123e4567-e89b-12d3-a456-426614174000"],
        ["123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g"],
    ),
}


@pytest.mark.enforces("validation.constraints.format")
def test_formats_of_texts() -> None:
    assert {*FORMATS} == {*EnumFormat}
    for name, (good, bad) in FORMATS.items():
        for text in good:
            assert violated(Whole(name=text), "name", format=name) == [], text
        for text in [*bad, f"{good[0]}\n", "a" * 2_049]:
            assert violated(Whole(name=text), "name", format=name) == [f"name: must be in the format {name}"], text


@given(st.text(max_size=300), st.sampled_from(EnumFormat))
def test_any_text_has_a_format_or_not(text: str, wanted: EnumFormat) -> None:
    assert has_format(text, wanted) in (True, False)


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(.*)*(.*)*b", r"(\w+\s?)*!"])
def test_no_pattern_is_slow(pattern: str) -> None:
    """With an engine that goes back, each of these takes longer than the age of the universe."""
    assert violated(Whole(name="a" * 100_000), "name", pattern=pattern) == [f"name: must match {pattern}"]


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({}, "has no condition"),
        ({"pattern": "(?=a)b"}, "pattern is not a valid expression: look-around"),
        ({"pattern": "(a)\\1"}, "pattern is not a valid expression: backreferences are not supported"),
        ({"pattern": "a)|(b"}, "pattern is not a valid expression: unopened group"),
        ({"pattern": "a{1000}{1000}"}, "pattern is not a valid expression: Compiled regex exceeds size limit"),
        ({"pattern": "(?x)a # b"}, "pattern is not a valid expression: unclosed group"),
        ({"pattern": "a" * 501}, "at most 500"),
        ({"pattern": "a", "less": 1}, "pattern is for texts, and less for numbers"),
        ({"greater": 1, "greater_or_equal": 1}, "two bounds on one side"),
        ({"less": 1, "less_or_equal": 1}, "two bounds on one side"),
        ({"greater": 1, "less": 1}, "no number is within these bounds"),
        ({"greater_or_equal": 2, "less_or_equal": 1}, "no number is within these bounds"),
        ({"greater": float("nan")}, "finite number"),
        ({"min_length": 2, "max_length": 1}, "min_length is above max_length"),
        ({"format": "phone"}, "Input should be 'date'"),
        ({"one_of": [None]}, "one_of"),
        ({"field": "a..b", "less": 1}, "field"),
        ({"message": "__class__", "less": 1}, "message"),
    ],
)
def test_constraints_that_nothing_can_meet_are_refused(conditions: dict[str, object], words: str) -> None:
    constraint = {"message": "Whole", "field": "name", **conditions}
    with pytest.raises(ValidationError) as refused:
        ModelValidationSubcontract.model_validate({"constraints": [constraint]})
    assert words in str(refused.value)


def test_bounds_may_meet() -> None:
    assert violated(Whole(size=1), "size", greater_or_equal=1, less_or_equal=1) == []
    assert violated(Whole(size=1), "size", greater_or_equal=0, less=2) == []
    assert violated(Whole(name="a"), "name", min_length=1, max_length=1) == []


def test_conditions_know_the_types_that_they_fit() -> None:
    for field, unfit in {"nick": [], "size": ["pattern"], "ready": ["pattern"], "day": ["pattern"]}.items():
        constraint = ModelFieldConstraint(message="Whole", field=field, pattern="a")
        assert [*constraint.unfit_for(types_at(Whole, field))] == unfit
    assert [*ModelFieldConstraint(message="Whole", field="ready", less=1).unfit_for([bool])] == ["less"]
    assert violated(Whole(), "day", one_of=["2026-01-01"]) == ["day: must be one of 2026-01-01"], "a day is no text"


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        ("message: Leave, field: name, min_length: 1", "[0].message: models/ has no class Leave"),
        ("message: Enter, field: names, min_length: 1", "[0].field: Enter has no field names"),
        ("message: Enter, field: name.first, min_length: 1", "[0].field: Enter has no field name.first"),
        ("message: Enter, field: age, min_length: 1", "[0].min_length: Enter.age is no text"),
        ("message: Enter, field: name, less: 1", "[0].less: Enter.name is no number"),
        ("message: Enter, field: name, pattern: (", "[0]: pattern is not a valid expression"),
    ],
)
def test_constraints_of_a_contract_are_checked_against_its_models(constraint: str, words: str) -> None:
    text = (GATE / "contract.yaml").read_text()
    changed = text.replace("max_validation_errors: 2}", f"constraints: [{{{constraint}}}]}}".replace("(}", "'('}"))
    assert changed != text
    with contract_file(GATE, changed) as file, pytest.raises(ContractError) as refused:
        resolve_node(file, environment={})
    assert f"{file}:11: subcontracts.validation.constraints{words}" in str(refused.value)


def test_constraints_hold_messages_back_from_the_handler() -> None:
    text = (GATE / "contract.yaml").read_text()
    constraints = "[{message: Enter, field: name, pattern: '[A-Z][a-z]+'}, {message: Enter, field: age, less: 150}]"
    text = text.replace("max_validation_errors: 2", f"max_validation_errors: 3, constraints: {constraints}")
    with contract_file(GATE, text) as file:
        driver = MeshDriver([resolve_node(file, environment={})])
    try:
        let_in, kept_out = driver.send(Enter(name="Ann", age=20)), driver.send(Enter(name="R2D2", age=150))
        assert driver.published(Entered, let_in) == [Entered(name="Ann")]
        letter = driver.dead_letter_of(kept_out)
    finally:
        driver.close()
    assert letter["onex-dlq-message"] == "Enter: name: must match [A-Z][a-z]+; age: must be below 150; is no robot"


def test_constraints_are_switched_off_with_the_others() -> None:
    constraint = {"message": "Whole", "field": "size", "less": 0}
    settings = {"constraints": [constraint], "enable_constraint_validation": False}
    engine = ValidationEngine(ModelValidationSubcontract.model_validate(settings), ManualClock())
    engine.check(Whole())
    assert engine.problems(Whole, {}) == ()


def test_types_of_fields_by_path() -> None:
    assert types_at(Whole, "parts.code") == types_at(Whole, "spare.code") == [str]
    assert types_at(Whole, "nick") == [str, type(None)]
    assert types_at(Whole, "parts") == [Part]
    assert types_at(Whole, "tags")[0] is str
    assert types_at(Whole, "extra.code") == [], "keys of maps are no fields"


def test_rules_can_be_switched_off() -> None:
    engine = ValidationEngine(ModelValidationSubcontract(enable_constraint_validation=False), ManualClock())
    engine.rule(Enter, "never", lambda _: False)
    engine.check(Enter(name="Ann", age=1))
    ValidationEngine(ModelValidationSubcontract(), ManualClock()).check(Enter(name="no rules", age=1))
