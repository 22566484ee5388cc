"""How ``onex contract render`` recognises the files that it wrote before."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

_COMMAND = "`onex contract render`"
"""In the first lines of each file whose format has comments."""


class _JsonFile(BaseModel):
    """What identifies a rendered JSON file: the namespace of an Avro schema, or the uid of the dashboard."""

    namespace: str = ""
    uid: str = ""


def is_rendered(file: Path) -> bool:
    """Return whether ``onex contract render`` wrote the file."""
    content = file.read_bytes()
    if file.suffix not in (".avsc", ".json"):
        return _COMMAND.encode() in content
    try:
        found = _JsonFile.model_validate_json(content)
    except ValidationError:
        return False
    return "onex" in (found.namespace, found.uid)
