"""Kafka behind the bus protocols. Nothing else in the package imports a Kafka client."""

from onex.bus.kafka.adapter import KafkaEventBusAdapter
from onex.bus.kafka.config import KafkaConfig

__all__ = ["KafkaConfig", "KafkaEventBusAdapter"]
