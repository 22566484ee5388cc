"""Exactly-once effects on PostgreSQL: inbox and outbox in the node's own transaction."""

from onex.util.extras import require_extra

require_extra("postgres")

from onex.postgres.inbox import Inbox
from onex.postgres.measured_pool import MeasuredPool
from onex.postgres.outbox import Outbox
from onex.postgres.passing import passing, unreachable
from onex.postgres.pool import is_pooled, open_pool
from onex.postgres.reachable import acquired, reachable

__all__ = [
    "Inbox",
    "MeasuredPool",
    "Outbox",
    "acquired",
    "is_pooled",
    "open_pool",
    "passing",
    "reachable",
    "unreachable",
]
