"""Messages of rendering."""

from onex.node import Message


class RenderNode(Message, key="generation_id"):
    """Write the package of a node."""

    generation_id: str
    contract: str
    mixins: bool = True
    """Whether the node class has the capabilities of the contract as bases."""


class NodeRendered(Message):
    """The rendered files, by path below a services folder."""

    generation_id: str
    files: dict[str, str]
    unfinished: tuple[str, ...] = ()
    """Handlers whose logic the contract does not state."""
