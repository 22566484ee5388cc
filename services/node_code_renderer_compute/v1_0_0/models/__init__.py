"""Messages of rendering."""

from onex.node import Message


class RenderNode(Message, key="generation_id"):
    """Write the package of a node."""

    generation_id: str
    contract: str


class NodeRendered(Message):
    """The rendered files, by path below a services folder."""

    generation_id: str
    files: dict[str, str]
