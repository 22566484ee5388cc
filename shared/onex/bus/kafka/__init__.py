"""Kafka behind the bus protocols, on confluent-kafka: the bus of agents and tools."""

from onex.bus.config import KafkaConfig
from onex.bus.kafka.adapter import KafkaEventBusAdapter

__all__ = ["KafkaConfig", "KafkaEventBusAdapter"]
