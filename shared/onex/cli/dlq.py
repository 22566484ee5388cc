"""``onex dlq``: list, show and replay dead letters."""

from typing import Annotated

import typer

from onex.bus.open import open_bus
from onex.cli.nodes import Services, find_node, load_settings, resolve_all
from onex.cli.output import AsJson, Exit, console, errors, print_json, print_rows
from onex.contract import load_contract
from onex.dlq import DeadLetter, read_letters, replay
from onex.model.contract import ModelContract
from onex.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Dead letters: list, show, replay.")

Node = Annotated[str, typer.Option("--node", help="Only of this node.")]
FailureClass = Annotated[
    str, typer.Option("--class", help="Only of this class: poison, schema, rejected, transient, timeout, bug.")
]


@app.command("list")
def list_letters(
    node: Node = "", failure: FailureClass = "", services: Services = None, as_json: AsJson = False
) -> None:
    """List dead letters, oldest first."""
    settings = load_settings(services)
    rows = [
        (contract.name, letter)
        for contract in _contracts(settings, node)
        for letter in _letters(settings, contract, failure)
    ]
    if as_json:
        print_json([_as_dict(letter) for _, letter in rows])
        return
    columns = ("NODE", "PLACE", "CLASS", "STAGE", "FINGERPRINT", "KEY", "REPLAYS", "MESSAGE")
    print_rows(columns, [(name, *_row(letter)) for name, letter in rows])


@app.command()
def show(
    node: Annotated[str, typer.Argument(help="Name of the node.")],
    place: Annotated[str, typer.Argument(help="PARTITION:OFFSET, as `onex dlq list` prints it.")],
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with everything that is known of it."""
    settings = load_settings(services)
    contract = load_contract(find_node(node, settings))
    for letter in _letters(settings, contract, ""):
        if letter.place != place:
            continue
        facts = _as_dict(letter)
        if as_json:
            print_json(facts)
        else:
            for name, value in facts.items():
                console.print(f"[bold]{name}[/]: ", end="")
                console.print(str(value), markup=False)
        return
    errors.print(f"{contract.dead_letter_topic} has no dead letter at {place}")
    raise typer.Exit(Exit.FAILED)


@app.command("replay")
def replay_letters(
    node: Annotated[str, typer.Option("--node", help="The node whose dead letters to replay.")],
    failure: FailureClass = "",
    place: Annotated[str, typer.Option("--place", help="Only this one, PARTITION:OFFSET.")] = "",
    most: Annotated[int, typer.Option("--max", min=1, help="At most that many.")] = 1000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; say what would be done.")] = False,
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to the node that failed, and to no other group."""
    settings = load_settings(services)
    contract = load_contract(find_node(node, settings))
    letters = [found for found in _letters(settings, contract, failure) if place in ("", found.place)][:most]
    if not dry_run and letters:
        replay(open_bus(settings), contract, letters)
    if as_json:
        print_json({"node": contract.name, "replayed": 0 if dry_run else len(letters), "matching": len(letters)})
        return
    verb = "would go" if dry_run else "went"
    console.print(f"{len(letters)} dead letters {verb} to {contract.name} only, by {contract.retry_topic}")


def _contracts(settings: Settings, node: str) -> list[ModelContract]:
    if node:
        return [load_contract(find_node(node, settings))]
    return [resolved.contract for resolved in resolve_all(settings)]


def _letters(settings: Settings, contract: ModelContract, failure: str) -> list[DeadLetter]:
    found = read_letters(open_bus(settings), contract)
    return [letter for letter in found if failure in ("", letter.facts.get("class"))]


def _row(letter: DeadLetter) -> tuple[object, ...]:
    facts = letter.facts
    key = (letter.record.key() or b"").decode(errors="replace")
    message = facts.get("message", "").partition("\n")[0][:100]
    fields = ("class", "stage", "fingerprint")
    return (letter.place, *(facts.get(name, "") for name in fields), key, facts.get("replays", "0"), message)


def _as_dict(letter: DeadLetter) -> dict[str, object]:
    value = letter.record.value()
    return {
        "place": letter.place,
        **letter.facts,
        "key": (letter.record.key() or b"").decode(errors="replace"),
        "value": None if value is None else value.decode(errors="backslashreplace"),
        "headers": {name: raw.decode(errors="backslashreplace") for name, raw in letter.original_headers},
    }
