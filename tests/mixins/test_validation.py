"""MixinValidation."""

from collections.abc import Sequence

import pytest
from node_gate_compute.v1_0_0.models import Enter, Entered
from pydantic import BaseModel, Field, JsonValue

from onex.errors import RejectedError
from onex.mixins.validation import ModelValidationSubcontract, ValidationProblem
from onex.mixins.validation.engine import ValidationEngine
from onex.testing import MeshDriver
from onex.testing.clock import ManualClock
from tests.conftest import NODES


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


def test_rules_can_be_switched_off() -> None:
    engine = ValidationEngine(ModelValidationSubcontract(enable_constraint_validation=False), ManualClock())
    engine.rule(Enter, "never", lambda _: False)
    engine.check(Enter(name="Ann", age=1))
    ValidationEngine(ModelValidationSubcontract(), ManualClock()).check(Enter(name="no rules", age=1))
