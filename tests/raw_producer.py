"""A plain producer that sends header names as they are: confluent-kafka and aiokafka take text only.

librdkafka's own functions, of the library that confluent-kafka brings.
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path

import confluent_kafka

_QUEUE_FULL = -184
_TOPIC, _VALUE, _KEY, _FLAGS, _HEADERS, _END = 1, 4, 5, 7, 10, 0
_COPY = 2
_PRODUCER = 0


class RawProducer:
    """Not idempotent, with librdkafka's limits raised and the mesh's partitioner."""

    def __init__(self, bootstrap_servers: str) -> None:
        [path] = (Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs").glob("librdkafka*.so*")
        self._lib = ctypes.CDLL(str(path))
        for function in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
            getattr(self._lib, function).restype = ctypes.c_void_p
        conf, error = ctypes.c_void_p(self._lib.rd_kafka_conf_new()), ctypes.create_string_buffer(512)
        settings = {
            "bootstrap.servers": bootstrap_servers,
            "partitioner": "murmur2_random",
            "message.max.bytes": "1500000",
            "log_level": "2",
        }
        for name, value in settings.items():
            if self._lib.rd_kafka_conf_set(conf, name.encode(), value.encode(), error, ctypes.c_size_t(512)):
                raise ValueError(error.value.decode())
        made = self._lib.rd_kafka_new(ctypes.c_int(_PRODUCER), conf, error, ctypes.c_size_t(512))
        if not made:
            raise RuntimeError(error.value.decode())
        self._client = ctypes.c_void_p(made)

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[bytes, bytes | None]] = (),
    ) -> None:
        """Queue a record. Raises RuntimeError with librdkafka's code."""
        arguments: list[object] = [
            *(ctypes.c_int(_TOPIC), ctypes.c_char_p(topic.encode())),
            *(ctypes.c_int(_FLAGS), ctypes.c_int(_COPY)),
        ]
        for kind, data in ((_KEY, key), (_VALUE, value)):
            if data is not None:
                arguments += [ctypes.c_int(kind), ctypes.c_char_p(data), ctypes.c_size_t(len(data))]
        if headers:
            arguments += [ctypes.c_int(_HEADERS), self._made(headers)]
        while code := self._lib.rd_kafka_producev(self._client, *arguments, ctypes.c_int(_END)):
            if code != _QUEUE_FULL:
                raise RuntimeError(f"librdkafka refuses the record: {code}")
            self._lib.rd_kafka_poll(self._client, ctypes.c_int(100))

    def _made(self, headers: Sequence[tuple[bytes, bytes | None]]) -> ctypes.c_void_p:
        """A list of headers, which belongs to the record once that is queued."""
        made = ctypes.c_void_p(self._lib.rd_kafka_headers_new(ctypes.c_size_t(len(headers))))
        for name, content in headers:
            sizes = ctypes.c_ssize_t(len(name)), ctypes.c_ssize_t(len(content or b""))
            self._lib.rd_kafka_header_add(made, ctypes.c_char_p(name), sizes[0], ctypes.c_char_p(content), sizes[1])
        return made

    def flush(self, seconds: float = 30.0) -> None:
        """Wait until all is written. Raises RuntimeError."""
        if code := self._lib.rd_kafka_flush(self._client, ctypes.c_int(round(seconds * 1000))):
            raise RuntimeError(f"records are not acknowledged: {code}")

    def close(self) -> None:
        """Release the client."""
        self._lib.rd_kafka_destroy(self._client)
