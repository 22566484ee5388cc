"""``onex generate report``, or ``onex report``: what a regeneration of nodes would change, in numbers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onex.cli.output import AsJson, CommandError, Exit, console, print_json
from onex.codegen.model.enums import EnumValidationLevel
from onex.contract import find_contracts
from onex.util.extras import require_extra

if TYPE_CHECKING:
    from onex.codegen.regenerate import ModelRegenerationMetrics


def report(
    folders: Annotated[list[Path], typer.Argument(help="Folders of nodes, or folders that contain them.")],
    contract: Annotated[
        Path | None, typer.Option("--contract", help="The new contract of the node. Default: that of its folder.")
    ] = None,
    before: Annotated[
        Path | None,
        typer.Option("--before", help="An earlier folder of the node, such as a backup, to compare the folder with."),
    ] = None,
    validation_level: Annotated[
        EnumValidationLevel, typer.Option("--validation-level", help="Run the gates of this level before and after.")
    ] = EnumValidationLevel.NONE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the report here, and its chart next to it, as SVG.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare nodes with what the generator makes of their contracts: lines by feature, capabilities, handlers.

    Nothing in the folders is written. With --before the folder is compared as it is, and not regenerated.
    """
    require_extra("codegen")
    from onex.codegen.regenerate import markdown, project_metrics

    found = [file.parent for file in find_contracts(folders)]
    if len(found) != 1 and (contract is not None or before is not None):
        raise CommandError("--contract and --before belong to one node; name its folder", Exit.USAGE)
    nodes = [_metrics(folder, contract, before, validation_level) for folder in found]
    if output is not None:
        _write(output, nodes)
    if as_json:
        print_json(
            {
                "nodes": [node.model_dump(mode="json") for node in nodes],
                "project": project_metrics(nodes).model_dump(mode="json"),
            }
        )
    elif output is None:
        console.print(markdown(nodes), markup=False)
    else:
        console.print(f"{output} and {_chart(output)} written: {len(nodes)} nodes")


def _metrics(
    folder: Path, contract: Path | None, before: Path | None, level: EnumValidationLevel
) -> "ModelRegenerationMetrics":
    from onex.codegen.regenerate import compared, measured
    from onex.codegen.regenerate.folder import read_folder
    from onex.codegen.regenerate.measure import in_services
    from onex.codegen.validate import NodeValidator

    validator = NodeValidator(level, roots=[folder.resolve().parents[1]])
    validate = None if level is EnumValidationLevel.NONE else validator.validate
    if before is not None:
        earlier, later = (in_services(read_folder(each)) for each in (before, folder))
        return compared(earlier, later, validate=validate)
    try:
        text = contract.read_text(encoding="utf-8") if contract is not None else None
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{contract}: cannot be read: {error}", Exit.USAGE) from None
    return measured(folder, text, validate)[0]


def _chart(output: Path) -> Path:
    return output.with_suffix(".svg")


def _write(output: Path, nodes: "list[ModelRegenerationMetrics]") -> None:
    from onex.codegen.regenerate import chart, markdown

    image = _chart(output)
    if image == output:
        raise CommandError(f"{output}: the chart has this name; write the report to a .md file", Exit.USAGE)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(markdown(nodes, image.name), encoding="utf-8")
    image.write_text(chart(nodes), encoding="utf-8")
