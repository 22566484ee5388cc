"""A consumer of one topic on aiokafka."""

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from typing_extensions import override

from onex.bus.aio.errors import translate
from onex.bus.aio.record import AioRecord, getone
from onex.bus.async_protocols import ProtocolAsyncConsumer


class AioConsumer(ProtocolAsyncConsumer):
    """Reads with one aiokafka consumer."""

    def __init__(self, client: AIOKafkaConsumer, topic: str) -> None:
        self._client = client
        self._doing = f"reading {topic}"

    @override
    async def start(self) -> None:
        try:
            await self._client.start()
        except KafkaError as error:
            raise translate(error, self._doing) from None

    @override
    async def next(self) -> AioRecord:
        try:
            return AioRecord(await getone(self._client))
        except KafkaError as error:
            raise translate(error, self._doing) from None

    @override
    async def commit(self) -> None:
        try:
            await self._client.commit()
        except KafkaError as error:
            raise translate(error, self._doing) from None

    @override
    async def close(self) -> None:
        await self._client.stop()
