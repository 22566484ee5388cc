"""``onex mixins``: lists the ONEX names, and shows what one of them is and what a contract can configure."""

from collections.abc import Iterator
from typing import Annotated

import typer
from pydantic import BaseModel, JsonValue
from rich.table import Table

from onex.capability import Feature, Mixin
from onex.capability.names import EnumNameForm, OnexName
from onex.cli.output import AsJson, console, print_json
from onex.cli.terminal import styled
from onex.codegen.field_docs import field_docs
from onex.codegen.found.feature_names import MIXINS
from onex.errors import CompositionError
from onex.mixins.catalogue import CATALOGUE
from onex.mixins.lookup import all_names, find_name
from onex.model.enums import EnumNodeKind


def mixins(
    name: Annotated[
        str | None, typer.Argument(help="Class name, key or ONEX name of a capability, view, feature or wrapper.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List all ONEX names with their forms, or show one with its configuration."""
    if name is None:
        _list(as_json=as_json)
        return
    try:
        row = find_name(name, MIXINS)
    except CompositionError as error:
        raise typer.BadParameter(str(error)) from None
    match row.form:
        case EnumNameForm.CAPABILITY | EnumNameForm.VIEW:
            _show_mixin(row, CATALOGUE.mixin(row.name), as_json=as_json)
        case EnumNameForm.FEATURE:
            _show_feature(row, CATALOGUE.feature(row.name), as_json=as_json)
        case EnumNameForm.CLASS | EnumNameForm.LATER:
            _show_row(row, as_json=as_json)


def _list(*, as_json: bool) -> None:
    rows = [(row, _facts(row)) for row in all_names().values()]
    if as_json:
        print_json([facts for _, facts in rows])
        return
    table = Table("name", "form", "here", "for", "what it is", box=None)
    for row, facts in rows:
        accessor, kinds = facts.get("accessor"), facts.get("kinds")
        place = f"self.{accessor}" if accessor else row.maps_to
        table.add_row(row.name, row.form, place, _kinds(kinds), row.sentence)
    console.print(table)


def _facts(row: OnexName) -> dict[str, JsonValue]:
    """Return the row as JSON, with the metadata of a capability or view."""
    facts = row.model_dump(mode="json", exclude={"kinds"})
    match row.form:
        case EnumNameForm.CAPABILITY | EnumNameForm.VIEW:
            return {**facts, **CATALOGUE.metadata(row.name).model_dump(mode="json")}
        case EnumNameForm.FEATURE if (feature := CATALOGUE.feature(row.name)) is not None:
            return {**facts, "key": feature.key, "kinds": [*feature.kinds]}
        case _:
            return facts


def _kinds(kinds: JsonValue) -> str:
    match kinds:
        case list() if len(kinds) < len(EnumNodeKind):
            return ", ".join(str(kind).lower() for kind in kinds)
        case list():
            return "any"
        case _:
            return ""


def _show_mixin(row: OnexName, mixin: type[Mixin], *, as_json: bool) -> None:
    metadata, model = mixin.definition.metadata, mixin.definition.subcontract
    if as_json:
        print_json({**_facts(row), "subcontract": model.model_json_schema()})
        return
    console.print(styled("[bold]{}[/] {}: {}", metadata.name, metadata.version, metadata.summary))
    console.print(f"form  {_form(row)}")
    console.print(f"in a node  {(mixin.__doc__ or '').strip().replace('``', '')}")
    console.print(f"in a contract  subcontracts: {{{metadata.key}: {{...}}}}")
    for label, names in (("requires", metadata.requires), ("conflicts", metadata.conflicts)):
        if names:
            console.print(f"{label}  {', '.join(names)}")
    _ruling(row)
    _table(model)


def _show_feature(row: OnexName, feature: Feature | None, *, as_json: bool) -> None:
    assert feature is not None
    model = feature.subcontract
    if as_json:
        print_json({**_facts(row), "subcontract": model.model_json_schema() if model else None})
        return
    console.print(styled("[bold]{}[/]: {}", row.name, row.sentence))
    console.print(f"form  {_form(row)}")
    if model is None:
        console.print("in a contract  it may be listed, and has nothing to configure")
    else:
        console.print(f"in a contract  subcontracts: {{{feature.key}: {{...}}}}")
    if len(feature.kinds) < len(EnumNodeKind):
        console.print(f"for  {', '.join(feature.kinds)}")
    _ruling(row)
    if model is not None:
        _table(model)


def _show_row(row: OnexName, *, as_json: bool) -> None:
    if as_json:
        print_json(_facts(row))
        return
    console.print(styled("[bold]{}[/]: {}", row.name, row.sentence))
    console.print(f"form  {_form(row)}")
    _ruling(row)
    if row.use:
        console.print(f"instead  {row.use}")


def _form(row: OnexName) -> str:
    match row.form:
        case EnumNameForm.CAPABILITY:
            return "capability, a mixin with an engine of its own"
        case EnumNameForm.VIEW:
            return f"view, a mixin whose work the engine of {row.maps_to} does"
        case EnumNameForm.FEATURE:
            return f"feature of the agent, in {row.maps_to}"
        case EnumNameForm.CLASS:
            return f"class, imported as {row.maps_to}"
        case EnumNameForm.LATER:
            return "later, a contract that names it is refused"


def _ruling(row: OnexName) -> None:
    if row.ruling:
        console.print(f"why  {row.ruling}")


def _table(model: type[BaseModel]) -> None:
    table = Table("field", "default", "meaning", box=None)
    for cells in _fields(model):
        table.add_row(*cells)
    console.print(table)


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, str, str]]:
    docs = field_docs(model)
    for name, field in model.model_fields.items():
        yield name, str(field.get_default(call_default_factory=True)), docs.get(name, "")
