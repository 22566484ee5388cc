"""Changes of JSON documents, for tests that make wrong ones."""

from collections.abc import Iterator

from pydantic import JsonValue


def places(value: JsonValue, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Return the places of all values of a document."""
    match value:
        case dict():
            for key, item in value.items():
                yield (*at, key)
                yield from places(item, (*at, key))
        case list():
            for index, item in enumerate(value):
                yield (*at, index)
                yield from places(item, (*at, index))


def texts(value: JsonValue) -> Iterator[str]:
    """All texts and keys of a document."""
    match value:
        case str():
            yield value
        case dict():
            for key, item in value.items():
                yield key
                yield from texts(item)
        case list():
            for item in value:
                yield from texts(item)


def replaced(value: JsonValue, at: tuple[str | int, ...], new: JsonValue) -> JsonValue:
    """The document with another value at a place."""
    match value, at:
        case _, ():
            return new
        case dict(), (key, *rest):
            return {k: replaced(item, tuple(rest), new) if k == key else item for k, item in value.items()}
        case list(), (index, *rest):
            return [replaced(item, tuple(rest), new) if i == index else item for i, item in enumerate(value)]
    return value


def renamed_key(value: JsonValue, at: tuple[str | int, ...], new: str) -> JsonValue:
    """The document with another key at a place."""
    match value, at:
        case dict(), (key,):
            return {new if k == key else k: item for k, item in value.items()}
        case dict(), (key, *rest):
            return {k: renamed_key(item, tuple(rest), new) if k == key else item for k, item in value.items()}
        case list(), (index, *rest) if rest:
            return [renamed_key(item, tuple(rest), new) if i == index else item for i, item in enumerate(value)]
    return value


def everywhere(value: JsonValue, old: str, new: str) -> JsonValue:
    """Return the document with all occurrences of a text replaced."""
    match value:
        case str():
            return new if value == old else value
        case dict():
            return {new if key == old else key: everywhere(item, old, new) for key, item in value.items()}
        case list():
            return [everywhere(item, old, new) for item in value]
    return value
