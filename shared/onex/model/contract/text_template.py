"""Texts with placeholders: ``/orders/{AskQuote.order_id}``. A value is quoted; it never adds a part to the text."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema, model_serializer

from onex.model.contract.base import ContractPart
from onex.model.contract.sources import ModelPath

LONGEST_TEMPLATE: Final = 1000
"""Characters."""
MOST_PLACEHOLDERS: Final = 16
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class ModelTextTemplate(ContractPart):
    """``text[0] + quoted(paths[0]) + text[1] + ...``. There is one more text than there are paths."""

    texts: tuple[str, ...]
    """Constant parts. They have no braces, no control characters and no blanks."""
    paths: tuple[ModelPath, ...] = Field(default=(), max_length=MOST_PLACEHOLDERS)
    """Paths between them."""

    @classmethod
    def parse(cls, text: str) -> "ModelTextTemplate":
        """Return the template in a text. Raise ValueError."""
        if len(text) > LONGEST_TEMPLATE:
            raise ValueError(f"has {len(text)} characters; write {LONGEST_TEMPLATE} at most")
        parts = _PLACEHOLDER.split(text)
        texts, names = parts[::2], parts[1::2]
        if len(names) > MOST_PLACEHOLDERS:
            raise ValueError(f"has {len(names)} placeholders; write {MOST_PLACEHOLDERS} at most")
        if any(character in "{}" or not "!" <= character <= "~" for part in texts for character in part):
            raise ValueError("has a blank, a lone brace, or a character that is not ASCII; write {Message.field}")
        return cls(texts=tuple(texts), paths=tuple(ModelPath.parse(name) for name in names))

    def __str__(self) -> str:
        between = [f"{{{path}}}" for path in self.paths]
        return "".join(part for pair in zip(self.texts, [*between, ""], strict=True) for part in pair)

    @model_serializer
    def _text(self) -> str:
        return str(self)


def _read(value: object) -> object:
    match value:
        case ModelTextTemplate():
            return value
        case str():
            return ModelTextTemplate.parse(value)
    raise ValueError("is no text")


TextTemplate = Annotated[
    ModelTextTemplate,
    BeforeValidator(_read),
    WithJsonSchema({"type": "string", "maxLength": LONGEST_TEMPLATE, "pattern": r"^[!-~]*$"}),
]
"""A text with ``{Message.field}`` in it."""
