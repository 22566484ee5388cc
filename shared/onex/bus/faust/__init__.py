"""Consuming by a faust-streaming agent, for teams that run Faust."""

from onex.bus.faust.bus import FaustEventBus

__all__ = ["FaustEventBus"]
