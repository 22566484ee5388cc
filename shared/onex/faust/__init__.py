"""Nodes inside of a faust-streaming application that exists already."""

from onex.util.extras import require_extra

require_extra("faust")

from onex.faust.attach import attach

__all__ = ["attach"]
