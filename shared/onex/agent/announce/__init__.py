"""What an agent publishes about itself: introspection, heartbeats, consumer health, the handshake with the
registry."""

from onex.agent.announce.announcer import Announcer
from onex.agent.announce.introspection import Identity, introspect

__all__ = ["Announcer", "Identity", "introspect"]
