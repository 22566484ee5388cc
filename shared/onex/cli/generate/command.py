"""``onex generate``, and ``omninode-generate``, which is the same command under another name."""

from pathlib import Path
from typing import Annotated

import typer

from onex.cli.generate.arguments import LATEST
from onex.cli.generate.modes import Mode, check_combination
from onex.cli.output import AsJson
from onex.codegen.model.enums import EnumGenerationStrategy, EnumValidationLevel
from onex.util.extras import require_extra

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Services folder; or the folder of the node or of its version in one. Default: that of a contract which "
        "is in a package already, otherwise the current folder.",
    ),
]
EnableMixins = Annotated[
    bool,
    typer.Option(
        "--enable-mixins/--minimal", help="Give the node class the capabilities of its contract as bases, or none."
    ),
]
Level = Annotated[
    EnumValidationLevel,
    typer.Option("--validation-level", help="How much is checked. `strict`: a warning fails like an error."),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Also print each file, finding and time.")]


def generate(
    contracts: Annotated[
        list[Path] | None, typer.Argument(metavar="CONTRACT...", help="Contract files, or folders with contracts.")
    ] = None,
    contract: Annotated[list[Path] | None, typer.Option("--contract", help="The same as an argument.")] = None,
    output: Output = None,
    mixins: EnableMixins = True,
    strategy: Annotated[
        EnumGenerationStrategy,
        typer.Option(
            help="Where the text comes from. `auto`: `hybrid`, which keeps hand-written bodies, when the node exists."
        ),
    ] = EnumGenerationStrategy.AUTO,
    templates: Annotated[
        Path | None, typer.Option("--templates", help="Folder with templates of the project, for `template-loading`.")
    ] = None,
    level: Level = EnumValidationLevel.STANDARD,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also replace files that were changed by hand.")
    ] = False,
    backup: Annotated[
        bool, typer.Option("--backup", help="Keep a copy of the package that is replaced, in .onex/backups.")
    ] = False,
    restore: Annotated[
        str | None,
        typer.Option(
            "--restore", metavar="[ID]", help="Put a backup back. Default: the newest one. Generates nothing."
        ),
    ] = None,
    diff: Annotated[
        bool,
        typer.Option("--diff", help="Write nothing, print the differences, and exit with code 1 when files differ."),
    ] = False,
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Check the contracts, and generate nothing.")
    ] = False,
    validate_node: Annotated[
        Path | None,
        typer.Option(
            "--validate-node", help="Check this node.py, with the package in its folder. Generates nothing."
        ),
    ] = None,
    enhance: Annotated[
        bool,
        typer.Option(
            "--enhance-with-mixins", help="Add the capabilities from which the node's kind profits to its contract."
        ),
    ] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Make the package of a node from its contract, check it, run its tests, and write it: all files or none.

    Bodies that were written by hand stay. A handler whose logic the contract does not state is written as unfinished,
    and listed. `onex generate report FOLDER` compares nodes on disk with what would be generated.
    """
    mode = Mode.of(
        restore=restore is not None, diff=diff, validate_only=validate_only, validate_node=validate_node is not None
    )
    paths = [*(contracts or ()), *(contract or ())]
    check_combination(mode, paths, output=output, strategy=strategy, templates=templates, level=level)
    require_extra("codegen")
    from onex.cli.generate import running  # it imports the generator

    request = running.Request(
        paths=paths,
        output=output,
        mixins=mixins,
        strategy=strategy,
        templates=templates,
        level=level,
        overwrite=overwrite,
        backup=backup,
        enhance=enhance,
        as_json=as_json,
        verbose=verbose,
    )
    match mode:
        case Mode.RESTORE:
            running.restore(request, restore or LATEST)
        case Mode.DIFF:
            running.show_differences(request)
        case Mode.VALIDATE_ONLY:
            running.validate_contracts(request)
        case Mode.VALIDATE_NODE:
            assert validate_node is not None
            running.check_node(request, validate_node)
        case Mode.GENERATE:
            running.generate(request)
