"""Capabilities of nodes that write to Kafka themselves: thin, over :class:`onex.bus.kafka.KafkaEventBusAdapter`.

Folders as in :mod:`onex.mixins`; they are here, because they know the bus.
"""
