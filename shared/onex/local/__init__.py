"""A real Kafka and a real PostgreSQL on a laptop, without Docker, an installed Java or root."""

from onex.util.extras import require_extra

require_extra("local")

from onex.local.kafka import LocalKafka
from onex.local.postgres import LocalPostgres

__all__ = ["LocalKafka", "LocalPostgres"]
