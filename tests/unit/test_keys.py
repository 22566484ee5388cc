"""Keys: one canonical text per value and type, the same for every client; other types are refused by validation."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from types import new_class
from typing import Annotated, Literal
from uuid import UUID

import pytest
from pydantic import Field

from onex.agent.message.program import key_reader
from onex.model.contract import ModelMessageDefinition
from onex.node import Message, RejectedError
from onex.util.partition_key import key_problem, key_text
from tests.unit.test_contract import MODELS, make_node, resolve_problems
from tests.unit.test_values import unchecked


class Colour(str, Enum):  # noqa: UP042 - its str() is not its value
    RED = "red"


class Plain(Enum):
    ONE = "one"


class Size(StrEnum):
    SMALL = "s"


class Number(IntEnum):
    ONE = 1


INDIA = timezone(timedelta(hours=5, minutes=30))
CANONICAL: list[tuple[object, object, str]] = [
    (str, "o-1", "o-1"),
    (str, " É ", " É "),
    (int, -7, "-7"),
    (int, 10**30, "1" + "0" * 30),
    (Colour, Colour.RED, "red"),
    (Plain, Plain.ONE, "one"),
    (Size, Size.SMALL, "s"),
    (Literal["a", "b"], "a", "a"),
    (Decimal, Decimal("1.0"), "1"),
    (Decimal, Decimal("1.00"), "1"),
    (Decimal, Decimal("1.50"), "1.5"),
    (Decimal, Decimal("1E+2"), "100"),
    (Decimal, Decimal("100"), "100"),
    (Decimal, Decimal("-0.00"), "0"),
    (Decimal, Decimal("1E-7"), "0.0000001"),
    (Decimal, Decimal("1234567890123456789012345678901234567.10"), "1234567890123456789012345678901234567.1"),
    (UUID, UUID("6F9619FF-8B86-D011-B42D-00CF4FC964FF"), "6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
    (date, date(2026, 1, 2), "2026-01-02"),
    (datetime, datetime(2026, 1, 2, 5, 30, tzinfo=INDIA), "2026-01-02T00:00:00Z"),
    (datetime, datetime(2026, 1, 2, 0, 0, 0, 5, UTC), "2026-01-02T00:00:00.000005Z"),
]


def keyed(annotation: object) -> type[Message]:
    """A message that is keyed by a field of this type."""

    def fill(namespace: dict[str, object]) -> None:
        namespace["__annotations__"] = {"id": annotation}

    model = new_class("Keyed", (Message,), {"key": "id"}, fill)
    assert issubclass(model, Message)
    return model


@pytest.mark.parametrize(("annotation", "value", "text"), CANONICAL)
def test_a_key_has_one_text_for_clients_and_agents(annotation: object, value: object, text: str) -> None:
    assert key_problem(annotation) == key_problem(annotation | None) == ""  # type: ignore[operator]  # types and forms
    model = keyed(annotation)
    message = unchecked(model, {"id": value})
    assert message.partition_key() == key_reader(model)(message) == key_text(value).encode() == text.encode()


def test_a_key_that_is_absent_is_none_and_not_its_name() -> None:
    model = keyed(Colour | None)
    assert unchecked(model, {"id": None}).partition_key() is None
    empty = unchecked(keyed(str), {"id": ""})
    assert empty.partition_key() is None
    assert not key_reader(type(empty))(empty)


@pytest.mark.parametrize(
    "value", [datetime(2026, 1, 1), Decimal("NaN"), Decimal("-Infinity"), datetime.min.replace(tzinfo=INDIA)]
)
def test_a_value_without_a_canonical_text_is_refused_by_name(value: object) -> None:
    with pytest.raises(RejectedError, match="^Keyed: id: "):
        unchecked(keyed(type(value)), {"id": value}).partition_key()


@pytest.mark.parametrize("value", [True, 1.5, b"x", [], Number])
def test_other_types_have_no_text(value: object) -> None:
    with pytest.raises(TypeError, match="is no type of a key; use str, int"):
        key_text(value)


@pytest.mark.parametrize(
    "annotation",
    [
        bool,
        float,
        bytes,
        Number,
        list[str],
        dict[str, str],
        Message,
        str | int,
        Annotated[float, Field(gt=0)],
        Literal[1],
    ],
)
def test_types_without_a_canonical_text_are_no_keys(annotation: object) -> None:
    assert key_problem(annotation)


@pytest.mark.parametrize(
    ("kind", "reason"), [("bool", "bool has no"), ("float | None", "float has no"), ("bytes", "bytes has no")]
)
def test_validation_names_model_field_and_remedy(tmp_path: Path, kind: str, reason: str) -> None:
    models = MODELS.replace('key="text"', 'key="flag"').replace('"""Say."""\n', f'"""Say."""\n\n    flag: {kind}')
    name = f"keyed_by_{kind[:4]}_{len(kind)}"
    told = resolve_problems(make_node(tmp_path, name, models=models))
    assert f"contract.yaml:1: definitions.models.Say.key: models/: Say.flag is no key: {reason}" in told
    assert "key it by str, int, Decimal, UUID" in told


def test_a_contract_that_defines_messages_is_refused_for_the_same_keys() -> None:
    for text in ("bool", "float", "bytes | None", "list[str]", "Other"):
        with pytest.raises(ValueError, match="key 'id': .* has no canonical text; write str, int"):
            ModelMessageDefinition.model_validate({"key": "id", "fields": {"id": text}})
    for text in ("str", "int", "UUID", "date", "datetime | None"):
        ModelMessageDefinition.model_validate({"key": "id", "fields": {"id": text}})
