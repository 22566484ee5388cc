"""Kafka for asyncio applications, on aiokafka: publish, listen, join a group."""

from onex.bus.aio.client import AioKafka
from onex.bus.aio.listener import Listener

__all__ = ["AioKafka", "Listener"]
