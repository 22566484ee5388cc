"""The options that select dead letters, shared by every ``onex dlq`` command."""

from typing import Annotated

import typer

from onex.cli.inputs import moment_of, pairs, whole_number
from onex.cli.shared_options import with_options
from onex.dlq import EnumLetterState, LetterFilter


def _options(
    failure: Annotated[
        str,
        typer.Option(
            "--class", help="Failure class: poison, schema, rejected, unfinished, transient, timeout, bug, crash."
        ),
    ] = "",
    stage: Annotated[str, typer.Option("--stage", help="Stage that failed: decode, validate, handler, encode.")] = "",
    fingerprint: Annotated[str, typer.Option("--fingerprint", help="Fingerprint, or its beginning.")] = "",
    key: Annotated[str, typer.Option("--key", help="Key of the message.")] = "",
    topic: Annotated[str, typer.Option("--topic", help="Topic of the original record.")] = "",
    since: Annotated[str, typer.Option("--since", help="Failed since 10m, 2h, 7d, or an ISO 8601 time.")] = "",
    until: Annotated[str, typer.Option("--until", help="Failed before; same forms as --since.")] = "",
    place: Annotated[list[str] | None, typer.Option("--place", help="PARTITION:OFFSET. Repeatable.")] = None,
    offsets: Annotated[str, typer.Option("--offsets", help="Offsets on the original topic: FIRST-LAST.")] = "",
    header: Annotated[list[str] | None, typer.Option("--header", help="NAME=VALUE of a header. Repeatable.")] = None,
    payload: Annotated[
        list[str] | None, typer.Option("--payload", help="PATH=VALUE in the message, e.g. order.id=7. Repeatable.")
    ] = None,
    state: Annotated[
        list[EnumLetterState] | None,
        typer.Option("--state", help="State. Repeatable. Default: open."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Select dead letters in every state.")] = False,
) -> LetterFilter:
    states = frozenset(EnumLetterState) if everything else frozenset(state or [EnumLetterState.OPEN])
    return LetterFilter(
        failure_class=failure,
        stage=stage,
        fingerprint=fingerprint,
        key=key,
        topic=topic,
        since_ms=moment_of(since, "--since"),
        until_ms=moment_of(until, "--until"),
        places=frozenset(place or ()),
        offsets=_span(offsets),
        headers=pairs(header, "--header"),
        payload=pairs(payload, "--payload"),
        states=states,
    )


with_filters = with_options(_options, "wanted")
"""Adds the options to a command, which receives them as one argument ``wanted``."""


def _span(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    first, _, last = text.partition("-")
    least, most = whole_number(first), whole_number(last or first)
    if least is None or most is None:
        raise typer.BadParameter(f"{text!r} is not of the form FIRST-LAST", param_hint="'--offsets'")
    return least, most
