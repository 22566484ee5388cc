"""Exactly-once effects on PostgreSQL: inbox and outbox in the node's own transaction."""

from onex.postgres.inbox import Inbox
from onex.postgres.outbox import Outbox
from onex.postgres.reachable import PASSING, reachable

__all__ = ["PASSING", "Inbox", "Outbox", "reachable"]
