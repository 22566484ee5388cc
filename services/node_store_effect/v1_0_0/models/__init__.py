"""Messages of the artifact store."""

from onex.node import Message


class StoreNode(Message, key="generation_id"):
    """Store a generated package and export it."""

    generation_id: str
    name: str
    version: str
    files: dict[str, str]


class NodeStored(Message):
    """The digest of a package in the database, and its folder on disk."""

    generation_id: str
    digest: str
    folder: str
