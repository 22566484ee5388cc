"""How a package is rendered."""

from dataclasses import dataclass
from pathlib import Path

from onex.codegen.editor_schema import IN_PROJECT


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """Choices of a rendering."""

    mixins: bool = True
    """Whether the class has its capabilities as bases, with the methods that they need. Without, only the contract
    composes them when the node is started, and type checkers do not know their accessors."""
    minimal: bool = False
    """Leave out every optional capability, in the class and in the written contract. A contract whose handlers need
    one is refused."""
    templates: Path | None = None
    """Folder with templates of the project, in place of those of the library with the same name. What they render is
    checked to be Python; it is not compared with the blueprint of the contract, which only templates of the library
    must follow."""
    schema: str = f"../../../{IN_PROJECT}"
    """JSON Schema of contracts for editors: a URL, or a path from the folder of the contract."""
