"""Entry point: assembles the commands and turns errors into exit codes."""

import sys
from collections.abc import Mapping
from importlib import import_module

import structlog
import typer
from typer.core import TyperCommand, TyperGroup

from onex import __version__
from onex.cli.output import Exit, console, errors
from onex.model.errors import (
    BusError,
    ConfigurationError,
    ContractError,
    OnexError,
    ProvisioningError,
)

_COMMANDS: Mapping[str, str] = {
    "up": "up.up",
    "down": "stack.down",
    "status": "stack.status",
    "run": "run.run",
    "send": "send.send",
    "watch": "send.watch",
    "plan": "provision.plan",
    "apply": "provision.apply",
    "env": "env.app",
    "explain": "explain.explain",
    "nodes": "mesh.nodes",
    "topics": "topics.topics",
    "lag": "topics.lag",
    "doctor": "doctor.doctor",
    "top": "top.top",
    "contract": "contract.app",
    "mixins": "mixins.mixins",
    "dlq": "dlq.app",
    "offsets": "offsets.app",
    "audit": "audit.app",
    "node": "mesh.node",
    "workflows": "workflows.app",
    "state": "state.app",
}


class _Commands(TyperGroup):
    """Imports a command when it is asked for: an agent needs one of them, and pays for it in memory and start."""

    def list_commands(self, ctx: object) -> list[str]:
        """In the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> TyperCommand | TyperGroup | None:
        """None for an unknown name."""
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name].split(".")
        found = getattr(import_module(f"onex.cli.{module}"), name)
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.name = cmd_name
            return group
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
        alone.command(cmd_name)(found)
        command = typer.main.get_command(alone)
        assert isinstance(command, TyperCommand)
        return command


app = typer.Typer(
    name="onex",
    cls=_Commands,
    help="Run and operate a Kafka-native mesh of ONEX nodes.\n\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 3 contract, 4 broker or settings, 5 refused, 6 timed out.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        console.print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Options of every command."""


def main() -> None:
    """Run the command line; the process ends with one of the codes in :class:`Exit`."""
    # Warnings of tools, about records that they skip for instance, must not come between the lines of a command.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        app()
    except ContractError as error:
        for problem in error.problems:
            errors.print(f"[red]error[/] {problem}", markup=True)
        sys.exit(Exit.CONTRACT)
    except ProvisioningError as error:
        errors.print(f"[red]refused[/] {error}")
        sys.exit(Exit.REFUSED)
    except (BusError, ConfigurationError) as error:
        errors.print(f"[red]error[/] {error}")
        sys.exit(Exit.BUS)
    except OnexError as error:
        errors.print(f"[red]error[/] {error}")
        sys.exit(Exit.FAILED)


if __name__ == "__main__":
    main()
