"""The base class of messages."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict

from onex.errors import RejectedError
from onex.model.topic import kebab
from onex.util.partition_key import key_text


class Message(BaseModel):
    """A command, event or intent: frozen data, named once, keyed at most once.

    ``class CardCharged(Message, key="order_id")`` partitions by that field. Without a key the
    message goes back to who asked: it is keyed by the reply key of the message that caused it.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        # A field may have another name in the JSON of others: Field(alias="orderId"). Stored JSON has names.
        validate_by_name=True,
        validate_by_alias=True,
        # JSON has no bytes and no numbers that are not finite: with these it holds them exactly.
        ser_json_bytes="base64",
        val_json_bytes="base64",
        ser_json_inf_nan="strings",
    )

    key_field: ClassVar[str | None] = None
    message_name: ClassVar[str] = "message"

    def __init_subclass__(cls, *, key: str | None = None) -> None:
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, *, key: str | None = None, **kwargs: object) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.message_name = kebab(cls.__name__)
        if key is None:
            return
        if key not in cls.model_fields:
            raise TypeError(f"{cls.__name__}: key={key!r} is not a field; fields: {', '.join(cls.model_fields)}")
        cls.key_field = key

    def to_stored_json(self) -> str:
        """Return JSON from which :meth:`from_stored_json` makes an equal message."""
        return self.model_dump_json(round_trip=True)

    @classmethod
    def from_stored_json(cls, text: str) -> Self:
        """Return a message from JSON that this or another version of its node has stored. Raise ValidationError.

        Unknown fields are ignored, as on topics: a node can be rolled back to the previous version.
        """
        return cls.model_validate_json(text, extra="ignore")

    def partition_key(self) -> bytes | None:
        """Return the canonical text of the key field in UTF-8 (see ``docs/messages.md``).

        Return None when the message has no key field, or its key is None or empty: then the reply key is used. Raise
        RejectedError for a value without a canonical text.
        """
        if self.key_field is None:
            return None
        try:
            return key_text(getattr(self, self.key_field)).encode() or None
        except (ValueError, OverflowError) as error:
            raise RejectedError(f"{type(self).__name__}: {self.key_field}: {error}") from None
