"""A bus that consumes through a faust-streaming agent: ``host: faust``."""

from onex.util.extras import require_extra

require_extra("faust")

from onex.bus.faust.bus import FaustEventBus

__all__ = ["FaustEventBus"]
