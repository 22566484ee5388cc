"""A bus that consumes through a faust-streaming agent: ``host: faust``."""

from onex.bus.faust.bus import FaustEventBus

__all__ = ["FaustEventBus"]
