"""Entry point: assembles the commands and turns errors into exit codes."""

import sys

import typer

from onex import __version__
from onex.cli import (
    contract,
    dlq,
    doctor,
    explain,
    mesh,
    provision,
    run,
    send,
    stack,
    state,
    top,
    topics,
    workflows,
)
from onex.cli.output import Exit, console, errors
from onex.model.errors import (
    BusError,
    ConfigurationError,
    ContractError,
    OnexError,
    ProvisioningError,
)

app = typer.Typer(
    name="onex",
    help="Run and operate a Kafka-native mesh of ONEX nodes.\n\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 3 contract, 4 broker or settings, 5 refused, 6 timed out.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(contract.app, name="contract")
app.add_typer(dlq.app, name="dlq")
app.add_typer(mesh.node, name="node")
app.add_typer(workflows.app, name="workflows")
app.add_typer(state.app, name="state")
for command in (
    stack.up,
    stack.down,
    stack.status,
    run.run,
    send.send,
    send.watch,
    provision.plan,
    provision.apply,
    explain.explain,
    mesh.nodes,
    topics.topics,
    topics.lag,
    doctor.doctor,
    top.top,
):
    app.command()(command)


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
