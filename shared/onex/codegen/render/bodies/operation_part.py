"""One I/O operation of a handler."""

from dataclasses import dataclass

from onex.codegen.render.bodies.body import Block
from onex.codegen.render.bodies.sources import Built


@dataclass(frozen=True, slots=True)
class Part:
    """The statements of an operation, and the message that it makes."""

    block: Block
    output: Built | None = None
    problems: tuple[str, ...] = ()
    """Why the contract does not state the whole operation. The statements are not used then."""
