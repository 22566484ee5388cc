"""The messages of the unruly effect."""

from node_unruly_effect.v1_0_0.models import Act, Acted

__all__ = ["Act", "Acted"]
