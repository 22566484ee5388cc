"""Write records to topics that no contract declares, through a pool of producers."""

import base64
import binascii
from fnmatch import fnmatchcase

from node_kafka_producer_pool_effect.v1_0_0.models import (
    EnumEncoding,
    PoolReported,
    PublishRecords,
    RecordsPublished,
    RecordToPublish,
    ReportPool,
)
from onex.errors import BusError, BusUnavailableError, MessageTooLargeError
from onex.mixins.alerting import MixinAlerting
from onex.mixins.bulkhead import MixinBulkhead
from onex.mixins.circuit_breaker import MixinCircuitBreaker
from onex.mixins.health_check import MixinHealthCheck
from onex.mixins.kafka_configuration import MixinKafkaConfiguration, Outgoing
from onex.mixins.kafka_health_check import MixinKafkaHealthCheck
from onex.node import Context, NodeConfig, NodeEffect, RejectedError, TransientError

_KAFKA = "kafka"


class NodeKafkaProducerPoolEffect(
    MixinAlerting,
    MixinKafkaHealthCheck,
    MixinKafkaConfiguration,
    MixinHealthCheck,
    MixinCircuitBreaker,
    MixinBulkhead,
    NodeEffect,
):
    """At least once: the records of a command that is delivered again have the same ids."""

    class Config(NodeConfig):
        refused_topics: tuple[str, ...]

    config: Config

    async def publish(self, command: PublishRecords, context: Context) -> RecordsPublished:
        """Write records in a slot of the bulkhead, through the circuit of the brokers."""
        if any(fnmatchcase(command.topic, pattern) for pattern in self.config.refused_topics):
            raise RejectedError(f"{command.topic} belongs to the mesh or to Kafka itself (config.refused_topics)")
        records = [_record(command.topic, record, n, context) for n, record in enumerate(command.records)]
        async with self.bulkhead.of(_KAFKA).slot():
            await self.circuits.of(_KAFKA).call(lambda: self._write(records))
        return RecordsPublished(topic=command.topic, count=len(records))

    async def _write(self, records: list[Outgoing]) -> None:
        try:
            await self.kafka.publish(records)
        except BusUnavailableError as error:
            raise TransientError(str(error)) from error
        except MessageTooLargeError as error:
            raise RejectedError(str(error)) from error
        except BusError as error:  # no such topic, not allowed: the brokers are well
            raise RejectedError(str(error)) from error

    async def report(self, command: ReportPool, context: Context) -> PoolReported:
        """Return counters, and the state of circuit and brokers."""
        facts, health = self.kafka.facts(), await self.kafka_health.look()
        return PoolReported(
            producers=facts.producers,
            published=facts.published,
            failed=facts.failed,
            circuit=self.circuits.of(_KAFKA).state,
            healthy=health.ok,
            detail=health.detail,
        )


def _record(topic: str, record: RecordToPublish, number: int, context: Context) -> Outgoing:
    headers = [(name, value.encode()) for name, value in record.headers.items()]
    if "ce_id" not in record.headers:
        headers.append(("ce_id", f"{context.idempotency_key}/{number}".encode()))
    if "onex-correlation-id" not in record.headers:
        headers.append(("onex-correlation-id", context.correlation_id.encode()))
    return Outgoing(topic, _bytes(record), record.key.encode() or None, headers)


def _bytes(record: RecordToPublish) -> bytes | None:
    if record.value is None or record.encoding is EnumEncoding.TEXT:
        return None if record.value is None else record.value.encode()
    try:
        return base64.b64decode(record.value, validate=True)
    except binascii.Error as error:
        raise RejectedError(f"a value is no base64: {error}") from None
