"""Reading topics outside of the node's group: every instance of the node receives every message."""

from collections.abc import Callable, Mapping
from typing import Protocol

from typing_extensions import override

from onex.errors import CompositionError
from onex.model.message import Message

Take = Callable[[str, Message], None]
"""Takes the topic, without the environment's prefix, and the message. It never waits."""


class ProtocolFollowing(Protocol):
    """Topics that are being read."""

    @property
    def problem(self) -> str:
        """Why reading is interrupted; it continues at its position. Empty while there is no problem."""
        ...

    @property
    def unreadable(self) -> int:
        """Records since the start that are no message of their topic. They were passed by."""
        ...

    async def close(self) -> None:
        """Stop. Safe to call twice."""
        ...


class ProtocolTopicFollower(Protocol):
    """Reads topics from now on, whatever the group of the node has read."""

    def model(self, name: str) -> type[Message]:
        """Return a message class of the node by its name. Raise CompositionError when the node has none."""
        ...

    async def follow(self, topics: Mapping[str, type[Message]], take: Take) -> ProtocolFollowing:
        """Call ``take`` with each message that is written to these topics after this returns.

        Topics are named without the environment's prefix. ``take`` is called on the caller's event loop. Raise
        TransientError when the topics cannot be read yet.
        """
        ...


class NothingFollowed(ProtocolFollowing):
    """The topics of a node that runs without an agent: none."""

    problem = ""
    unreadable = 0

    @override
    async def close(self) -> None:
        """Do nothing."""


class NoTopics(ProtocolTopicFollower):
    """The follower of a node that runs without an agent: no message arrives."""

    @override
    def model(self, name: str) -> type[Message]:
        """Raise CompositionError."""
        raise CompositionError(
            f"no follower knows {name}; register a ProtocolTopicFollower, or run the node in an agent"
        )

    @override
    async def follow(self, topics: Mapping[str, type[Message]], take: Take) -> ProtocolFollowing:
        return NothingFollowed()
