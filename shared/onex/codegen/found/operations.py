"""I/O operations that are written as this mesh writes them. Other forms name fields, and no statement or request."""

from pydantic import JsonValue, TypeAdapter, ValidationError

from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.model.contract.io_operations import IoOperation
from onex.model.enums import EnumNodeKind

_OURS: TypeAdapter[IoOperation] = TypeAdapter(IoOperation)


def read_operations(root: Place, kind: EnumNodeKind, notes: Notes) -> list[JsonValue]:
    """Return the operations that can be taken. The others stay for :mod:`onex.codegen.found.leftovers`."""
    listed = root.get("io_operations")
    taken: list[JsonValue] = []
    for place in listed.children() if listed and kind is EnumNodeKind.EFFECT else ():
        try:
            _OURS.validate_python(place.value)
        except ValidationError:
            continue
        taken.append(place.value)
        notes.taken(place)
    return taken
