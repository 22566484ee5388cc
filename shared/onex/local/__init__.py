"""A real Kafka and a real PostgreSQL on a laptop, without Docker, an installed Java or root."""

from onex.local.kafka import LocalKafka
from onex.local.postgres import LocalPostgres

__all__ = ["LocalKafka", "LocalPostgres"]
