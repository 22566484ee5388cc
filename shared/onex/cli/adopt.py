"""``onex adopt``: a node for a topic that exists."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onex.cli.bus import open_bus
from onex.cli.options import load_settings
from onex.cli.output import AsJson, console, errors, print_json, print_rows
from onex.cli.terminal import styled
from onex.connect import open_catalogue
from onex.errors import ConfigurationError, RejectedError

if TYPE_CHECKING:
    from onex.codegen.adopt.adoption import Adoption


def adopt(
    topic: Annotated[str, typer.Argument(help="Topic that exists, with values in JSON or Avro.")],
    message: Annotated[str, typer.Option("--message", "-m", help="Class name. Default: from the topic.")] = "",
    node: Annotated[str, typer.Option("--node", help="Name: `shop_orders` becomes node_shop_orders_compute.")] = "",
    to: Annotated[
        str, typer.Option("--to", help="Topic on which the node publishes. Default: one of the mesh.")
    ] = "",
    records: Annotated[int, typer.Option("--records", "-n", min=1, max=10_000, help="Records to look at.")] = 500,
    earliest: Annotated[
        bool, typer.Option("--earliest/--latest", help="Look at the first or at the last records.")
    ] = False,
    without: Annotated[
        list[str] | None, typer.Option("--without", help="Field that is left out, as `lines.note`. Repeatable.")
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option("--secret", help="Name of a field whose values are not written to cases. Repeatable."),
    ] = None,
    cases: Annotated[int, typer.Option(min=0, max=20, help="Sampled records that become golden cases.")] = 3,
    enums: Annotated[
        bool, typer.Option("--enums/--no-enums", help="Texts of few values, and enums, are choices.")
    ] = True,
    record: Annotated[
        str, typer.Option("--record", help="Avro: type of the records. Default: the most frequent one.")
    ] = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="Services folder.")] = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the guesses, and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a node for a topic that exists: it samples records, infers their message, and says how sure it is.

    It only reads from the topic, outside of any consumer group.
    """
    from onex.cli.project.write import write_new_folder  # these import contracts and the generator
    from onex.codegen.adopt.adoption import Choices
    from onex.codegen.adopt.adoption import adopt as adopted
    from onex.codegen.adopt.names import message_name, node_owner
    from onex.codegen.adopt.sample import sample_topic
    from onex.model.topic import foreign_name_problem, is_foreign, looks_like_own

    choices = Choices(message, node, to, cases, enums, frozenset(without or ()), record, tuple(secret or ()))
    try:
        for name in filter(None, (topic, to)):
            if problem := foreign_name_problem(name):
                raise ConfigurationError(problem)
        if looks_like_own(topic):
            raise ConfigurationError(f"{topic}: is a topic of the mesh; use the messages of the node that writes it")
        if to == topic or (is_foreign(to) and looks_like_own(to)):
            raise ConfigurationError(f"--to {to}: is no other topic; write a name such as onex.evt.shop.order.v1")
        message_name(topic, message)
        folder = output / f"node_{node_owner(topic, node)}_compute"
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from None
    if folder.exists() and not dry_run:
        raise RejectedError(f"{folder}: is a node already; name another one with --node")
    settings = load_settings()
    bus = open_bus(settings)
    try:
        sample = sample_topic(bus, topic, records, earliest=earliest)
        adoption = adopted(sample, choices, open_catalogue(settings, bus))
    finally:
        bus.close()
    if not dry_run:
        write_new_folder(folder / "v1_0_0", adoption.files)
    if as_json:
        print_json({**_facts(adoption), "folder": str(folder / "v1_0_0"), "written": not dry_run})
        return
    _print(adoption)
    if not dry_run:
        for path in sorted(adoption.files):
            console.print(styled("wrote {}", str(folder / "v1_0_0" / path)))
        console.print(styled("check what was guessed in {}", str(folder / "v1_0_0" / "models" / "__init__.py")))


def _print(adoption: "Adoption") -> None:
    from onex.codegen.adopt.types import shown

    rows = [
        (
            field.place,
            field.name if field.name != field.json else "",
            f"{shown(field.type)}{' | None' if field.is_optional else ''}",
            f"{field.seen}/{field.of}",
            field.sure,
            field.why,
        )
        for field in adoption.fields
    ]
    wanted = adoption.wanted
    console.print(styled("{}: {} from {} records", wanted.topic, wanted.model.name, str(adoption.records)))
    print_rows(("FIELD", "NAME", "TYPE", "SEEN", "SURE", "WHY"), rows)
    if (avro := wanted.avro) is not None:
        console.print(styled("schema: {} of {}", avro.record, avro.subject or "no subject"))
    console.print(styled("key: {} ({}): {}", wanted.key.field or "none", wanted.key.sure, wanted.key.why))
    if (found := wanted.correlation) is not None:
        console.print(styled("correlation: {}: {}", found.header or found.field, found.why))
    for note in adoption.notes:
        errors.print(styled("[yellow]note[/] {}", note))


def _facts(adoption: "Adoption") -> dict[str, object]:
    from onex.codegen.adopt.types import shown

    wanted = adoption.wanted
    return {
        "topic": wanted.topic,
        "node": wanted.node,
        "message": wanted.model.name,
        "to": wanted.to,
        "records": adoption.records,
        "avro": None
        if wanted.avro is None
        else {
            "record": wanted.avro.record,
            "subject": wanted.avro.subject or None,
            "schemas": list(wanted.avro.schemas),
        },
        "key": {"field": wanted.key.field or None, "sure": wanted.key.sure, "why": wanted.key.why},
        "correlation": None
        if wanted.correlation is None
        else {"header": wanted.correlation.header or None, "field": wanted.correlation.field or None},
        "fields": [
            {
                "place": field.place,
                "name": field.name,
                "type": shown(field.type),
                "optional": field.is_optional,
                "seen": field.seen,
                "of": field.of,
                "sure": field.sure,
                "why": field.why,
            }
            for field in adoption.fields
        ],
        "notes": list(adoption.notes),
        "files": sorted(adoption.files),
    }
