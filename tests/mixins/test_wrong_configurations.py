"""A wrong value in the configuration of a capability names contract, line, field and remedy: the whole catalogue."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from onex.contract import resolve_node
from onex.errors import ContractError, ContractProblem
from onex.mixins.catalogue import CATALOGUE
from tests.conftest import NODES
from tests.mixins.helpers import contract_file

VAULT = NODES / "node_vault_effect" / "v1_0_0"
_LIKE_TEXT = ('"wrong"', '["wrong"]', '{"wrong": ["wrong"]}', "7.5")
"""Wrong values, as JSON. A field gets the first one that its type refuses."""


@dataclass
class Written:
    """Lines of a configuration, and where each wrong value is."""

    first: int
    """Lines of the contract before it."""
    lines: list[str] = field(default_factory=list)
    places: list[tuple[str, int]] = field(default_factory=list)
    """Field and number of its line in the contract."""
    without: list[str] = field(default_factory=list)
    """Fields for which no value is wrong."""

    def add(self, model: type[BaseModel], place: str, indent: str) -> None:
        """Write each field of a model with a value that it refuses; of models in lists each field."""
        for name, info in model.model_fields.items():
            at = f"{place}.{name}"
            if inner := _model_in(info):
                self.lines.append(f"{indent}{name}:")
                first = len(self.lines)
                self.add(inner, f"{at}[0]", f"{indent}    ")
                self.lines[first] = f"{indent}  - {self.lines[first].lstrip()}"
            elif (value := _wrong(info)) is None:
                self.without.append(at)
            else:
                self.lines.append(f"{indent}{name}: {value}")
                self.places.append((at, self.first + len(self.lines)))


def _model_in(info: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a field that is a list of models."""
    match info.annotation, get_args(info.annotation):
        case _, (type() as model, *_) if issubclass(model, BaseModel) and "tuple" in str(info.annotation):
            return model
    return None


def _wrong(info: FieldInfo) -> str | None:
    adapter: TypeAdapter[object] = TypeAdapter(Annotated[info.annotation, info])  # type: ignore[arg-type]  # at runtime
    for value in _LIKE_TEXT:
        try:
            adapter.validate_python(json.loads(value))
        except ValidationError:
            return value
    return None


def _blocks(text: str) -> Iterator[str]:
    """Yield the parts of a contract, one for each key of the first level."""
    block = ""
    for line in text.splitlines(keepends=True):
        if line[:1].isalpha() and block:
            yield block
            block = ""
        block += line
    yield block


@dataclass(frozen=True)
class Refused:
    """A contract with every capability, each field of which has a wrong value."""

    file: Path
    lines: list[str]
    written: Mapping[str, Written]
    problems: Mapping[str, ContractProblem]
    """By field."""


@pytest.fixture(scope="module")
def refused() -> Refused:
    text = (VAULT / "contract.yaml").read_text()
    left_out = ("mixins:", "subcontracts:", "advanced_features:")
    lines = "".join(block for block in _blocks(text) if not block.startswith(left_out)).splitlines()
    lines.append("mixins:")
    written: dict[str, Written] = {}
    for index, name in enumerate(CATALOGUE.class_names):
        lines += [f"  - name: {name}", "    config:"]
        written[name] = made = Written(first=len(lines))
        made.add(CATALOGUE.mixin(name).definition.subcontract, f"mixins[{index}].config", "      ")
        lines += made.lines
    with contract_file(VAULT, "\n".join([*lines, ""])) as file, pytest.raises(ContractError) as error:
        resolve_node(file, environment={})
    return Refused(file, lines, written, {problem.field: problem for problem in error.value.problems})


@pytest.mark.parametrize("name", CATALOGUE.class_names)
def test_each_wrong_value_names_contract_line_field_and_remedy(refused: Refused, name: str) -> None:
    for place, line in refused.written[name].places:
        found = [
            problem
            for at, problem in refused.problems.items()
            if at == place or at.startswith((f"{place}.", f"{place}["))
        ]
        assert found, f"{place} accepts a wrong value: {refused.lines[line - 1]}"
        for problem in found:
            assert (problem.file, problem.line) == (refused.file, line), place
            assert problem.message, place
            assert problem.remedy, place


def test_each_field_has_a_wrong_value(refused: Refused) -> None:
    assert sum(len(one.places) for one in refused.written.values()) > 450
    # A condition of an alert compares a field of an event with any value.
    assert [place.rpartition("rules")[2] for one in refused.written.values() for place in one.without] == [
        "[0].when[0].value"
    ]
