"""Names of Python for names of JSON. Names of Python are checked; the original is an alias, which is a literal."""

import re
from collections.abc import Iterable
from typing import Final
from unicodedata import normalize

from onex.codegen.render.generatable import IMPORTED
from onex.errors import ConfigurationError
from onex.model.contract.definitions import field_problem
from onex.model.contract.field_type import PLAIN_TYPES
from onex.model.contract.identifiers import LONGEST_IDENTIFIER, class_name_problem
from onex.model.message import Message
from onex.model.topic import kebab

LONGEST_ALIAS: Final = 200
"""Characters of a name in JSON."""
_LONGEST: Final = LONGEST_IDENTIFIER - 8
"""Characters of a derived name, so that a number fits behind it."""
_OTHER: Final = re.compile(r"[^A-Za-z0-9]+")
_PROTECTED: Final = ("model_dump", "model_validate")
"""Beginnings of names that pydantic wants for itself."""
_USED: Final = frozenset({*PLAIN_TYPES, *IMPORTED, "Annotated", "Decimal", "Field", "Literal", "dict", "list", "set"})
"""Names that the modules of the node use."""


def field_names(names: Iterable[str]) -> dict[str, str]:
    """Return the Python name of each name in JSON: the same where that can be."""
    listed = list(names)
    found = {name: name for name in listed if not _problem(name)}
    taken = set(found.values())
    for name in listed:
        if name not in found:
            found[name] = _free(_derived(name), taken)
            taken.add(found[name])
    return {name: found[name] for name in listed}


def class_name(words: str, taken: set[str], outer: str = "") -> str:
    """Return a new class name from words of any writer, and note it as taken. ``outer`` begins it."""
    parts = _OTHER.split(_ascii(words))
    camel = "".join(part[:1].upper() + part[1:] for part in parts)[:_LONGEST]
    base = f"{outer}{camel}"[:_LONGEST].lstrip("0123456789") or "Record"
    if class_name_problem(base) or base in _USED:
        base = f"{base}Record" if base.isidentifier() and base[0].isupper() else "Record"
    name = _free(base, taken)
    taken.add(name)
    return name


def singular(words: str) -> str:
    """Return ``line`` for ``lines``, and ``category`` for ``categories``."""
    if words.endswith("ies") and len(words) > 4:
        return f"{words[:-3]}y"
    if words.endswith("s") and not words.endswith(("ss", "us", "is")) and len(words) > 3:
        return words[:-1]
    return words


def message_name(topic: str, wanted: str = "") -> str:
    """Return the class name of a topic's message. Raise ConfigurationError for a name that cannot be used."""
    if wanted:
        problem = class_name_problem(wanted)
        if wanted in _USED:
            problem = f"{wanted!r} is a name of the written code"
        if problem:
            raise ConfigurationError(f"the message {problem}; write a name such as Order")
        return wanted
    words = [part for part in _OTHER.split(topic) if part and not re.fullmatch(r"v?[0-9]+", part)]
    return class_name(singular(words[-1].lower()) if words else "", set())


def node_owner(topic: str, wanted: str = "") -> str:
    """Return the middle of the node's name: ``shop_orders``. Raise ConfigurationError."""
    text = kebab(wanted or topic).replace("-", "_")
    words = _OTHER.sub("_", text).strip("_").lower().removeprefix("node_").removesuffix("_compute")
    if wanted and (not words or len(words) > 60):
        raise ConfigurationError(f"{wanted[:80]!r} is no name of a node; write words such as shop_orders")
    return words[:60].strip("_") or "records"


def _problem(name: str) -> str:
    """Return why a name of JSON cannot be that of a field in a class that also uses types and inherits."""
    if name in _USED or name[:1].isupper() or hasattr(Message, name) or name.startswith(_PROTECTED):
        return "taken"
    return field_problem(name)


def _derived(name: str) -> str:
    words = _OTHER.sub("_", _ascii(name)).strip("_")
    if words[:1].isupper():
        words = kebab(words).replace("-", "_")
    words = words[:_LONGEST].strip("_") or "field"
    if words[0].isdigit() or words.startswith(_PROTECTED):
        words = f"field_{words}"[:_LONGEST]
    return f"{words}_" if _problem(words) else words


def _free(base: str, taken: set[str]) -> str:
    name, number = base, 2
    while name in taken:
        name, number = f"{base}{'' if base[0].isupper() or base.endswith('_') else '_'}{number}", number + 1
    return name


def _ascii(text: str) -> str:
    return normalize("NFKD", text[:LONGEST_ALIAS]).encode("ascii", "ignore").decode()
