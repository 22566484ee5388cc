"""``onex new``: the first version of a node."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from onex.cli.generate.command import EnableMixins, Level, Verbose
from onex.cli.output import AsJson, Exit, console, print_json
from onex.cli.terminal import styled
from onex.codegen.model.enums import EnumValidationLevel
from onex.errors import ConfigurationError, RejectedError
from onex.model.enums import EnumNodeKind
from onex.util.extras import require_extra

app = typer.Typer(no_args_is_help=True, help="Start a node.")


class _Kind(StrEnum):
    """Kinds as they are typed on a command line."""

    COMPUTE = "compute"
    EFFECT = "effect"
    REDUCER = "reducer"
    ORCHESTRATOR = "orchestrator"


@app.callback()
def _new() -> None:
    """Start a node."""


@app.command()
def node(
    name: Annotated[str, typer.Argument(help="Name: `quote` becomes node_quote_effect.")],
    kind: Annotated[_Kind, typer.Option("--kind", case_sensitive=False, help="Kind of the node.")],
    takes: Annotated[list[str], typer.Option("--in", help="Class name of a message that the node takes.")],
    returns: Annotated[
        list[str] | None,
        typer.Option(
            "--out",
            help="Class name of a message that it returns. Orchestrator: of success, of failure, then commands.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Services folder.")] = Path(),
    templates: Annotated[
        Path | None, typer.Option("--templates", help="Folder with templates of the project.")
    ] = None,
    mixins: EnableMixins = True,
    level: Level = EnumValidationLevel.STANDARD,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Write contract, messages, golden cases and class of a new node.

    The contract is the place to go on: add fields and messages there, and run `onex generate` again.
    """
    require_extra("codegen")
    from onex.cli.generate.progress import ProgressLines  # these import the generator
    from onex.cli.generate.results import print_generated, result_facts
    from onex.codegen.generate import CodeGenerationService
    from onex.codegen.model import EnumGenerationStrategy, GenerationOptions
    from onex.codegen.render.new_contract import new_contract
    from onex.codegen.write.package_writer import folder_exists
    from onex.contract import parse_contract

    try:
        text = new_contract(name, EnumNodeKind(kind.upper()), takes, returns or [], templates)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from None
    contract = parse_contract(text)
    package = f"{contract.name}/{contract.contract_version.folder}"
    if folder_exists(output, package):
        raise RejectedError(f"{output / package}: is a node already; change its contract, and run `onex generate`")
    strategy = EnumGenerationStrategy.TEMPLATE if templates is None else EnumGenerationStrategy.TEMPLATE_LOADING
    options = GenerationOptions(
        strategy=strategy,
        templates=templates,
        level=level,
        mixins=mixins,
        enhance=mixins,
        output=output,
        write=True,
    )
    with ProgressLines(contract.name, silent=as_json) as progress:
        result = CodeGenerationService(on_progress=progress.note).generate(text, options)
    if as_json:
        print_json(result_facts(result))
    else:
        print_generated([result], verbose=verbose)
        if result.passed:
            console.print(styled("go on in {}", str(output / package / "contract.yaml")))
    if not result.passed:
        raise typer.Exit(Exit.FAILED)
