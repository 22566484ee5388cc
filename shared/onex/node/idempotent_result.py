"""The answer of an effect as text, to be given again under the same idempotency key."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from hashlib import blake2b

from pydantic import JsonValue, TypeAdapter

from onex.errors import RejectedError
from onex.model.message import Message
from onex.node.results import Addressed

EffectResult = Message | Addressed | Sequence[Message | Addressed] | None
"""What a handler of an effect returns."""


class IdempotentResult(Message):
    """An answer in the changelog of an effect that keeps its answers."""

    text: str
    """See :func:`dump_result`."""
    kept_ms: int
    """When it was given: Unix time in milliseconds."""
    digest: str = ""
    """See :func:`digest_of`; empty for an answer that an earlier version kept."""


def digest_of(message: Message) -> str:
    """Digest of a message's type and content. The same after its model has gained fields with defaults."""
    text = f"{type(message).__name__}|{message.model_dump_json(round_trip=True, exclude_defaults=True)}"
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def require_same_work(key: str, known: str, digest: str) -> None:
    """Raise RejectedError when a key is known for another digest. An empty digest is not compared."""
    if known and digest and known != digest:
        raise RejectedError(
            f"idempotency key {key!r} is taken by a message of another type or content; use another key"
        )


def dump_result(answer: EffectResult) -> str:
    """JSON from which :func:`load_result` makes the same answer."""
    match answer:
        case None:
            parts: Sequence[Message | Addressed] = ()
        case Message() | Addressed():
            parts = (answer,)
        case _:
            parts = answer
    many = not isinstance(answer, Message | Addressed | None)
    return json.dumps({"many": many, "messages": [_dump(part) for part in parts]})


def load_result(text: str, models: Mapping[str, type[Message]]) -> EffectResult:
    """``models`` by class name. Raises KeyError for a type that is not there, ValidationError for one that has
    changed in a way that topics would not allow either."""
    kept = json.loads(text)
    parts = [_load(models, *part) for part in kept["messages"]]
    if kept["many"]:
        return parts
    return parts[0] if parts else None


def _dump(part: Message | Addressed) -> list[object]:
    if isinstance(part, Message):
        return [type(part).__name__, json.loads(part.to_stored_json())]
    envelope = {field.name: getattr(part, field.name) for field in fields(part) if field.name != "message"}
    return [type(part.message).__name__, json.loads(part.message.to_stored_json()), envelope]


def _load(
    models: Mapping[str, type[Message]], name: str, body: object, envelope: Mapping[str, JsonValue] | None = None
) -> Message | Addressed:
    message = models[name].from_stored_json(json.dumps(body))
    if envelope is None:
        return message
    return TypeAdapter(Addressed).validate_python({"message": message, **envelope})
