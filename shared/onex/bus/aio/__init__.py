"""Kafka for asyncio applications, on aiokafka: publish, listen, join a group."""

from onex.bus.aio.adapter import AioEventBusAdapter

__all__ = ["AioEventBusAdapter"]
