"""The interfaces of subcontracts: a changed field has a new version, or rendering and this suite fail."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import BaseModel, Field

from onex.capability import Subcontract
from onex.codegen.interfaces import (
    PLACE,
    Interface,
    changes_without_version,
    interface_file,
    interface_of,
    interface_text,
    interfaces,
    parse_interfaces,
)
from onex.errors import ContractError
from onex.model.contract.version import ModelSemVer
from tests.conftest import ROOT


class Part(BaseModel):
    """A part of a subcontract."""

    name: str
    limit: int = 5


class ModelBeforeSubcontract(Subcontract):
    """A subcontract."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=2, patch=3)

    size: int = Field(default=1, ge=1, le=9)
    """Words about it."""
    parts: tuple[Part, ...] = ()


BEFORE = interface_of(ModelBeforeSubcontract)


def changed(version: str, fields: Mapping[str, tuple[object, object]], without: str = "") -> list[str]:
    """Return the complaints about a subcontract with further or other fields, and this version."""
    major, minor, patch = (int(number) for number in version.split("."))
    names = {**ModelBeforeSubcontract.__annotations__, **{name: kind for name, (kind, _) in fields.items()}}
    values = {
        "size": Field(default=1, ge=1, le=9),
        "parts": (),
        **{name: value for name, (_, value) in fields.items()},
    }
    kept = {name: names[name] for name in names if name not in (without, "INTERFACE_VERSION")}
    body: dict[str, object] = {
        "__annotations__": {**kept, "INTERFACE_VERSION": ClassVar[ModelSemVer]},
        "__module__": __name__,
        "INTERFACE_VERSION": ModelSemVer(major=major, minor=minor, patch=patch),
        **{name: value for name, value in values.items() if name in kept and value is not ...},
    }
    model: type[Subcontract] = type("ModelAfterSubcontract", (Subcontract,), body)
    return [message for message, _ in changes_without_version(BEFORE, interface_of(model))]


def test_the_file_has_every_subcontract_as_it_is() -> None:
    text = (ROOT / PLACE).read_text()
    assert text == interface_file(ROOT), "run `make render`"
    assert parse_interfaces(text) == interfaces()


@pytest.mark.parametrize("version", ["1.3.0", "2.0.0"])
def test_an_added_field_needs_a_new_minor_version(version: str) -> None:
    fields: dict[str, tuple[object, object]] = {"colour": (str, "red")}
    assert changed("1.2.3", fields) == ["the field colour is added, and INTERFACE_VERSION is 1.2.3"]
    assert changed("1.2.4", fields) == ["the field colour is added, and INTERFACE_VERSION is 1.2.4"]
    assert changed(version, fields) == []


@pytest.mark.parametrize(
    ("fields", "without", "words"),
    [
        ({}, "size", "the field size is removed"),
        ({"size": (int, Field(default=2, ge=1, le=9))}, "", "the type, default or limits of size are changed"),
        ({"size": (int, Field(default=1, ge=1, le=8))}, "", "the type, default or limits of size are changed"),
        ({"size": (float, Field(default=1, ge=1, le=9))}, "", "the type, default or limits of size are changed"),
        ({"colour": (str, ...)}, "", "the field colour is added without a default"),
    ],
    ids=["removed", "default", "limit", "type", "required"],
)
def test_a_removed_or_changed_field_needs_a_new_major_version(
    fields: Mapping[str, tuple[object, object]], without: str, words: str
) -> None:
    assert changed("1.3.0", fields, without) == [f"{words}, and INTERFACE_VERSION is 1.3.0"]
    assert changed("2.0.0", fields, without) == []


def test_words_may_change_without_a_version_and_a_version_never_goes_back() -> None:
    assert changed("1.2.3", {"size": (int, Field(default=1, ge=1, le=9, description="Other words."))}) == []
    assert changed("1.2.4", {}) == []
    assert changed("1.2.2", {}) == ["INTERFACE_VERSION is 1.2.2, and was 1.2.3"]


def test_fields_of_parts_count_as_fields() -> None:
    assert list(BEFORE.fields) == ["size", "parts", "parts.name", "parts.limit"]
    assert BEFORE.fields["parts.name"] == {"type": "string", "required": True}
    without_part = Interface(BEFORE.version, {"size": BEFORE.fields["size"]})
    messages = [message for message, _ in changes_without_version(without_part, BEFORE)]
    assert all("is added, and" in message for message in messages), "a required field of a new part breaks nobody"
    later = Interface(ModelSemVer(major=1, minor=3), BEFORE.fields)
    assert list(changes_without_version(without_part, later)) == []


def test_rendering_refuses_a_change_and_names_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / PLACE
    file.parent.mkdir(parents=True)
    assert interface_file(tmp_path, {"before": BEFORE}) == interface_text({"before": BEFORE}), "there is no file yet"
    file.write_text(interface_text({"before": BEFORE, "gone": BEFORE}))
    fewer = Interface(BEFORE.version, {"size": BEFORE.fields["size"]})
    with pytest.raises(ContractError) as refused:
        interface_file(tmp_path, {"before": fewer})
    assert "before: the field parts is removed, and INTERFACE_VERSION is 1.2.3; set 2.0.0" in str(refused.value)
    later = Interface(ModelSemVer(major=2), fewer.fields)
    assert parse_interfaces(interface_file(tmp_path, {"before": later, "new": BEFORE})) == {
        "before": later,
        "new": BEFORE,
    }
