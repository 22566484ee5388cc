"""``omninode-generate``: ``onex generate`` under the name that ONEX documents use."""

import sys
from collections.abc import Sequence

import typer
from typer.core import TyperCommand, TyperGroup

from onex.cli.failures import failed
from onex.cli.generate.arguments import with_backup_id
from onex.cli.main import app, prepare_streams
from onex.cli.output import errors

_NAME = "omninode-generate"


def main() -> None:
    """Run the command; the process ends with one of the codes in :class:`onex.cli.output.Exit`."""
    prepare_streams()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command with these arguments, and return its exit code."""
    try:
        code = _command().main(with_backup_id(arguments), prog_name=_NAME, standalone_mode=False)
    except typer.Abort:
        errors.print("aborted")
        return 1
    except Exception as error:  # noqa: BLE001 - the printer distinguishes internal errors from others
        return failed(error)
    match code:
        case int():
            return code
        case _:
            return 0


def _command() -> TyperCommand:
    match typer.main.get_command(app):
        case TyperGroup() as commands:
            match commands.get_command(None, "generate"):  # type: ignore[arg-type]  # it reads no context
                case TyperCommand() as command:
                    return command
    raise AssertionError("onex has no command `generate`")
