"""``onex contract schema``: the JSON Schema of a contract, for editors."""

import json
from pathlib import Path
from typing import Annotated

import typer

from onex.cli.output import console, print_json
from onex.codegen.editor_schema import IN_PROJECT, editor_line, schema_text


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=f"Write it to this file, such as {IN_PROJECT}.")
    ] = None,
) -> None:
    """Print the JSON Schema of contract.yaml, with the configuration of every capability, or write it to a file.

    Editors with a YAML language server find the file by the first line of a contract.
    """
    if output is None:
        print_json(json.loads(schema_text()))
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(schema_text(), encoding="utf-8")
    console.print(f"wrote {output}; contracts in services/ begin with `{editor_line()}`")
