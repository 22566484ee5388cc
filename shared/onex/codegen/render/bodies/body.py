"""The body of one handler, and the parts that it is made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onex.codegen.render.bodies.code import Call, Constant, Text, statement

Import = tuple[str, str]
"""Module and name."""
NODE_API = "onex.node"


@dataclass(frozen=True, slots=True)
class Body:
    """What a handler does, as Python."""

    statements: str
    """Lines that begin at column 0, without a newline at the end."""
    imports: frozenset[Import]
    """Names that the statements use, with their modules."""
    is_unfinished: bool
    """Whether a part of the handler raises NotImplementedNodeError, because the contract does not state its logic."""
    constants: frozenset[Constant] = frozenset()
    """Values of the literals in the statements, as the contract has them, for the check of the rendered code."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a body: its lines, and the imports, constants and gaps of these lines."""

    lines: Sequence[str]
    imports: frozenset[Import] = frozenset()
    constants: frozenset[Constant] = frozenset()
    is_unfinished: bool = False


def joined(parts: Iterable[Block | str]) -> Block:
    """Return one block of all parts. A text is a line without imports and constants."""
    blocks = [Block([part]) if isinstance(part, str) else part for part in parts]
    return Block(
        [line for block in blocks for line in block.lines],
        frozenset().union(*(block.imports for block in blocks)),
        frozenset().union(*(block.constants for block in blocks)),
        any(block.is_unfinished for block in blocks),
    )


def under(head: str, block: Block) -> Block:
    """Return a compound statement: its first line, and the block one level deeper."""
    lines = [f"    {line}" if line else "" for line in block.lines]
    return Block([head, *lines], block.imports, block.constants, block.is_unfinished)


def unfinished(handler: str, reason: str, *, depth: int = 0) -> Block:
    """Return the statement that raises NotImplementedNodeError. ``reason`` says what is missing, and the remedy."""
    block = raising("NotImplementedNodeError", f"{handler}: {reason}", depth=depth)
    return Block(block.lines, block.imports, block.constants, is_unfinished=True)


def raising(error: str, words: str, *, depth: int = 0) -> Block:
    """Return the statement that raises an error of ``onex.node`` with these words."""
    lines = statement("raise ", Call(error, [("", Text(words))]), depth=depth)
    return Block(lines, frozenset({(NODE_API, error)}), frozenset({words}))


def body_of(block: Block) -> Body:
    """Return the block as a body."""
    return Body("\n".join(block.lines), block.imports, block.is_unfinished, block.constants)
