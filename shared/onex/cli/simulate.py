"""``onex simulate``: runs nodes in memory under crashes, rebalances, duplicates, and slow or failing handlers."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from onex.cli.options import load_settings
from onex.cli.output import AsJson, Exit, console, errors, print_json
from onex.contract import find_contracts
from onex.testing import SimulationError
from onex.testing import simulate as run_simulation
from onex.util.printable import printable

_SCHEDULES = 100


def simulate(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Nodes, or folders with nodes. Default: ONEX_SERVICES.")
    ] = None,
    schedules: Annotated[
        int | None, typer.Option("--schedules", "-n", min=1, help="Number of schedules. Default: 100.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="First seed; without --schedules the only one. Default: 0.")
    ] = None,
    length: Annotated[int, typer.Option("--length", min=1, help="Actions of a schedule.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Run nodes in memory under drawn faults, with the messages of their cases. Exit code 1 when a schedule fails.

    Each schedule draws messages, crashes, rebalances, refused commits, duplicates, and slow or failing handlers from
    its seed. Then each input must have its outputs or one dead letter, once; keys must be in order, and states as in
    a replay. A failure is shrunk, and printed with its seed. docs/simulation.md has more.
    """
    count = schedules or (_SCHEDULES if seed is None else 1)
    first = seed or 0
    nodes = [contract.parent for contract in find_contracts(paths or load_settings().services)]
    done = 0
    failure: SimulationError | None = None
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=errors, disable=as_json or not errors.is_terminal, transient=True) as progress:
        task = progress.add_task("schedules", total=count)

        def note(number: int) -> None:
            nonlocal done
            done = number
            progress.update(task, completed=number)

        try:
            run_simulation(nodes, schedules=count, seed=first, length=length, progress=note)
        except SimulationError as error:
            failure = error
    if as_json:
        print_json({"schedules": count, "seed": first, "done": done, "failure": _facts(failure)})
    elif failure is None:
        console.print(f"{count} schedule{'s' if count != 1 else ''} from seed {first}: all invariants hold")
    else:
        console.print(printable(str(failure)), markup=False)
        folders = " ".join(map(str, paths or []))
        replay = f"onex simulate {folders} --seed {failure.seed}" + (f" --length {length}" if length != 100 else "")
        console.print(f"\nreplay: {' '.join(replay.split())}", markup=False)
    if failure is not None:
        raise typer.Exit(Exit.FAILED)


def _facts(failure: SimulationError | None) -> dict[str, object] | None:
    if failure is None:
        return None
    return {"seed": failure.seed, "problem": failure.problem, "story": [*failure.story], "case": failure.case}
