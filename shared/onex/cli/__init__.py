"""The command ``onex``."""

from onex.util.extras import require_extra

require_extra("agent")
