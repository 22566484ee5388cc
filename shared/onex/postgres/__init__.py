"""Exactly-once effects on PostgreSQL: inbox and outbox in the node's own transaction."""

from onex.postgres.inbox import Inbox
from onex.postgres.outbox import Outbox
from onex.postgres.passing import passing, unreachable
from onex.postgres.reachable import reachable

__all__ = ["Inbox", "Outbox", "passing", "reachable", "unreachable"]
