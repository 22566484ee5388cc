"""Converts values to bytes and back."""

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from typing import TypeVar

import yaml
from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python
from typing_extensions import override

from onex.errors import RejectedError
from onex.mixins.serialization.bounded import plain_yaml, unpacked
from onex.mixins.serialization.model_serialization_subcontract import (
    EnumTextFormat,
    ModelSerializationSubcontract,
)
from onex.mixins.serialization.protocol_serialization import ProtocolSerialization
from onex.util.error_text import validation_text

M = TypeVar("M", bound=BaseModel)


_BREAKS = re.compile("[\x85\u2028\u2029\ufeff]")


class _Dumper(yaml.SafeDumper):
    """Escapes YAML's rarer line breaks, which PyYAML would read back as blanks."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if _BREAKS.search(text) else None)


_Dumper.add_representer(str, _represent_text)


class SerializationEngine(ProtocolSerialization):
    """Writes and reads the format of the subcontract."""

    def __init__(self, settings: ModelSerializationSubcontract) -> None:
        self._settings = settings

    @override
    def dump(self, value: object) -> bytes:
        plain = _plain(value, ordered=self._settings.enable_deterministic_output)
        text = self._yaml(plain) if self._settings.serialization_format is EnumTextFormat.YAML else self._json(plain)
        data = text.encode()
        return gzip.compress(data, mtime=0) if self._settings.enable_compression else data

    @override
    def load(self, data: bytes, model: type[M]) -> M:
        try:
            text = unpacked(data, self._settings.max_text_bytes).decode()
            is_yaml = self._settings.serialization_format is EnumTextFormat.YAML
            return model.model_validate(plain_yaml(text) if is_yaml else json.loads(text))
        except ValidationError as error:
            raise RejectedError(f"not a valid {validation_text(error, model)}") from None
        except RecursionError:
            raise RejectedError(
                f"cannot be read as {self._settings.serialization_format}: nested too deeply"
            ) from None
        except yaml.MarkedYAMLError as error:  # the full text of the error contains the line
            raise RejectedError(f"cannot be read as {self._settings.serialization_format}: {error.problem}") from None
        except (yaml.YAMLError, ValueError, OSError, EOFError, zlib.error) as error:
            raise RejectedError(f"cannot be read as {self._settings.serialization_format}: {error}") from None

    @override
    def digest(self, value: object) -> str:
        text = _canonical(_plain(value, ordered=True))
        return hashlib.new(self._settings.digest_algorithm, text.encode()).hexdigest()

    def _json(self, plain: JsonValue) -> str:
        settings = self._settings
        if settings.enable_canonical_mode:
            return _canonical(plain, ascii_only=not settings.enable_unicode)
        return json.dumps(
            plain, ensure_ascii=not settings.enable_unicode, sort_keys=settings.sort_keys, indent=settings.indent_size
        )

    def _yaml(self, plain: JsonValue) -> str:
        settings = self._settings
        canonical = settings.enable_canonical_mode
        text: str = yaml.dump(
            plain,
            Dumper=_Dumper,
            sort_keys=canonical or settings.sort_keys,
            indent=2 if canonical else settings.indent_size,
            width=settings.line_width,
            allow_unicode=settings.enable_unicode,
            default_flow_style=False,
        )
        return text


def _canonical(plain: JsonValue, *, ascii_only: bool = False) -> str:
    return json.dumps(plain, ensure_ascii=ascii_only, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: object, *, ordered: bool) -> JsonValue:
    """Return the value as JSON types. Pydantic converts scalars: dates, enumerations, decimals."""
    match value:
        case BaseModel():
            return {name: _plain(getattr(value, name), ordered=ordered) for name in type(value).model_fields}
        case Mapping():
            return {str(key): _plain(item, ordered=ordered) for key, item in value.items()}
        case set() | frozenset():
            items = [_plain(item, ordered=ordered) for item in value]
            return sorted(items, key=_canonical) if ordered else items
        case list() | tuple():
            return [_plain(item, ordered=ordered) for item in value]
        case bytes():
            raise TypeError("JSON and YAML have no bytes; encode them first")
        case _:
            try:
                plain: JsonValue = to_jsonable_python(value)
            except PydanticSerializationError as error:
                raise TypeError(str(error)) from None
            return plain
