"""``onex mixins``: lists the capabilities that a contract can declare."""

from typing import Annotated

import typer
from rich.table import Table

from onex.capability import Mixin
from onex.cli.output import AsJson, console, print_json
from onex.cli.terminal import styled
from onex.codegen.field_docs import field_docs
from onex.errors import CompositionError
from onex.mixins.catalogue import CATALOGUE


def mixins(
    name: Annotated[str | None, typer.Argument(help="Class name or key of one capability.")] = None,
    as_json: AsJson = False,
) -> None:
    """List capabilities, or show one capability with its fields."""
    if name is None:
        _list(as_json=as_json)
        return
    try:
        found = CATALOGUE.of_key(name) or CATALOGUE.mixin(name)
    except CompositionError as error:
        raise typer.BadParameter(str(error)) from None
    _show(found, as_json=as_json)


def _list(*, as_json: bool) -> None:
    catalogue = [mixin.definition.metadata for mixin in CATALOGUE.all()]
    if as_json:
        print_json([metadata.model_dump(mode="json") for metadata in catalogue])
        return
    table = Table("capability", "in a node", "for", "what it does", box=None)
    for metadata in catalogue:
        kinds = "any" if len(metadata.kinds) == 4 else ", ".join(kind.lower() for kind in metadata.kinds)
        table.add_row(metadata.name, f"self.{metadata.accessor}", kinds, metadata.summary)
    console.print(table)


def _show(mixin: type[Mixin], *, as_json: bool) -> None:
    metadata, model = mixin.definition.metadata, mixin.definition.subcontract
    docs = field_docs(model)
    fields = [
        {"field": name, "default": field.get_default(call_default_factory=True), "meaning": docs.get(name, "")}
        for name, field in model.model_fields.items()
    ]
    if as_json:
        print_json({**metadata.model_dump(mode="json"), "subcontract": model.model_json_schema()})
        return
    console.print(styled("[bold]{}[/] {}: {}", metadata.name, metadata.version, metadata.summary))
    console.print(f"in a node  {(mixin.__doc__ or '').strip().replace('``', '')}")
    console.print(f"in a contract  subcontracts: {{{metadata.key}: {{...}}}}")
    for label, names in (("requires", metadata.requires), ("conflicts", metadata.conflicts)):
        if names:
            console.print(f"{label}  {', '.join(names)}")
    table = Table("field", "default", "meaning", box=None)
    for field in fields:
        table.add_row(*(str(value) for value in field.values()))
    console.print(table)
