"""What one call of ``onex generate`` does, and which options fit it."""

from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path

import typer

from onex.codegen.model.enums import EnumGenerationStrategy, EnumValidationLevel


class Mode(Enum):
    """What the command does."""

    GENERATE = auto()
    RESTORE = auto()
    DIFF = auto()
    VALIDATE_ONLY = auto()
    VALIDATE_NODE = auto()

    @classmethod
    def of(cls, *, restore: bool, diff: bool, validate_only: bool, validate_node: bool) -> "Mode":
        """Return the mode of the options. Raise BadParameter for two of them."""
        asked = [
            (option, mode)
            for option, mode, is_set in (
                ("--restore", cls.RESTORE, restore),
                ("--diff", cls.DIFF, diff),
                ("--validate-only", cls.VALIDATE_ONLY, validate_only),
                ("--validate-node", cls.VALIDATE_NODE, validate_node),
            )
            if is_set
        ]
        if len(asked) > 1:
            raise typer.BadParameter(f"{asked[0][0]} and {asked[1][0]} exclude each other; pass one of them")
        return asked[0][1] if asked else cls.GENERATE


def check_combination(
    mode: Mode,
    paths: Sequence[Path],
    *,
    output: Path | None,
    strategy: EnumGenerationStrategy,
    templates: Path | None,
    level: EnumValidationLevel,
) -> None:
    """Raise BadParameter for options that do not fit together."""
    if not paths and mode is not Mode.VALIDATE_NODE:
        raise typer.BadParameter("name at least one contract, or a folder with contracts", param_hint="'CONTRACT...'")
    if mode is Mode.VALIDATE_NODE and len(paths) > 1:
        raise typer.BadParameter("a node has one contract; name one", param_hint="'--contract'")
    if strategy is EnumGenerationStrategy.TEMPLATE_LOADING and templates is None:
        raise typer.BadParameter("template-loading needs --templates FOLDER", param_hint="'--strategy'")
    if strategy is EnumGenerationStrategy.TEMPLATE and templates is not None:
        raise typer.BadParameter("the strategy template uses none; use template-loading", param_hint="'--templates'")
    if templates is not None and not templates.is_dir():
        raise typer.BadParameter(
            f"{str(templates)!r} is no folder; name the one with templates", param_hint="'--templates'"
        )
    if mode is Mode.VALIDATE_NODE and level is EnumValidationLevel.NONE:
        raise typer.BadParameter(
            "`none` checks nothing; pass basic, standard or strict", param_hint="'--validation-level'"
        )
    if output is not None and output.exists() and not output.is_dir():
        raise typer.BadParameter(f"{str(output)!r} is no folder; name the services folder", param_hint="'--output'")
