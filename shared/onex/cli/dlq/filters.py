"""The options that say which dead letters are meant, shared by every ``onex dlq`` command."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated

import typer

from onex.cli.inputs import moment_of, pairs, whole_number
from onex.dlq import EnumLetterState, LetterFilter


def _options(
    failure: Annotated[
        str, typer.Option("--class", help="Class: poison, schema, rejected, transient, timeout, bug, crash.")
    ] = "",
    stage: Annotated[str, typer.Option("--stage", help="Stage: decode, validate, handler, encode.")] = "",
    fingerprint: Annotated[str, typer.Option("--fingerprint", help="Fingerprint, or its beginning.")] = "",
    key: Annotated[str, typer.Option("--key", help="Key of the message.")] = "",
    topic: Annotated[str, typer.Option("--topic", help="Topic the message came from.")] = "",
    since: Annotated[str, typer.Option("--since", help="Died since then: 10m, 2h, 7d ago, or an ISO time.")] = "",
    until: Annotated[str, typer.Option("--until", help="Died before then; as --since.")] = "",
    place: Annotated[list[str] | None, typer.Option("--place", help="PARTITION:OFFSET; may be repeated.")] = None,
    offsets: Annotated[str, typer.Option("--offsets", help="Offsets in the original topic: FIRST-LAST.")] = "",
    header: Annotated[
        list[str] | None, typer.Option("--header", help="NAME=VALUE of a header; may be repeated.")
    ] = None,
    payload: Annotated[
        list[str] | None, typer.Option("--payload", help="PATH=VALUE in the message, as order.id=7; may be repeated.")
    ] = None,
    state: Annotated[
        list[EnumLetterState] | None, typer.Option("--state", help="Where it stands; may be repeated. Default: open.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Whatever their state.")] = False,
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


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as one argument ``wanted``."""
    own = inspect.signature(command).parameters
    shared = inspect.signature(_options).parameters

    @wraps(command)
    def run(**given: object) -> None:
        chosen = {name: given.pop(name) for name in shared}
        command(wanted=_options(**chosen), **given)  # type: ignore[arg-type]  # typer converted them

    parameters = [p for p in own.values() if p.name != "wanted"] + list(shared.values())
    arranged = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    setattr(run, "__signature__", inspect.Signature(arranged))  # noqa: B010 - where typer looks
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in arranged}
    return run


def _span(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    first, _, last = text.partition("-")
    least, most = whole_number(first), whole_number(last or first)
    if least is None or most is None:
        raise typer.BadParameter(f"{text!r} is not of the form FIRST-LAST", param_hint="'--offsets'")
    return least, most
