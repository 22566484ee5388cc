"""Results of effects as text, stored under an idempotency key and returned when the key comes again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from hashlib import blake2b

from pydantic import JsonValue, TypeAdapter

from onex.errors import RejectedError
from onex.model.message import Message
from onex.node.results import Addressed

EffectResult = Message | Addressed | Sequence[Message | Addressed] | None
"""Types that a handler of an effect returns."""


class KeptAnswer(Message):
    """An idempotent result in the changelog of an effect.

    The class names the record in the stored schema. Changelogs that exist have this name, so that it must not change.
    """

    text: str
    """The result as :func:`dump_result` writes it."""
    kept_ms: int
    """Unix time in milliseconds at which the result was stored."""
    digest: str = ""
    """:func:`digest_of` the message. Empty for a result that an earlier version stored."""


def digest_of(message: Message) -> str:
    """Return a digest of a message's type and content.

    Adding fields with defaults to its model does not change it.
    """
    text = f"{type(message).__name__}|{message.model_dump_json(round_trip=True, exclude_defaults=True)}"
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def require_same_work(key: str, stored_digest: str, digest: str) -> None:
    """Raise RejectedError when the key is stored with another digest. An empty digest is not compared."""
    if stored_digest and digest and stored_digest != digest:
        raise RejectedError(
            f"idempotency key {key!r} is taken by a message of another type or content; use another key"
        )


def dump_result(result: EffectResult) -> str:
    """Return the result as JSON for :func:`load_result`."""
    match result:
        case None:
            parts: Sequence[Message | Addressed] = ()
        case Message() | Addressed():
            parts = (result,)
        case _:
            parts = result
    many = not isinstance(result, Message | Addressed | None)
    return json.dumps({"many": many, "messages": [_dump(part) for part in parts]})


def load_result(text: str, models: Mapping[str, type[Message]]) -> EffectResult:
    """Return the result that ``text`` describes. ``models`` are by class name.

    Raise KeyError for an unknown type, and ValidationError for a model with an incompatible change.
    """
    stored = json.loads(text)
    parts = [_load(models, *part) for part in stored["messages"]]
    if stored["many"]:
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
