"""The engine: carries records from input topics through a node to output topics, state and offsets."""

from onex.util.extras import require_extra

require_extra("agent")
