"""librdkafka's own mock cluster: brokers inside of this process, whose coordinators and errors a test decides."""

import ctypes
from pathlib import Path

import confluent_kafka

_PRODUCER = 0
_OFFSET_FETCH = 9
_BROKERS = 3


class MockCluster:
    """Three brokers, numbered from 1; they live as long as the process."""

    def __init__(self) -> None:
        (path,) = (Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs").glob("librdkafka-*")
        self._library = library = ctypes.CDLL(str(path))
        for function in ("conf_new", "new", "mock_cluster_new", "mock_cluster_bootstraps"):
            getattr(library, f"rd_kafka_{function}").restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        reason = ctypes.create_string_buffer(512)
        owner = library.rd_kafka_new(_PRODUCER, ctypes.c_void_p(library.rd_kafka_conf_new()), reason, 512)
        assert owner, reason.value
        self._cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(ctypes.c_void_p(owner), _BROKERS))
        self.servers: str = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def fail_offset_fetches(self, code: int, times: int = 1) -> None:
        """Answer the next requests for committed offsets with this error code of the protocol."""
        codes = [ctypes.c_int(code)] * times
        self._library.rd_kafka_mock_push_request_errors(
            self._cluster, ctypes.c_int16(_OFFSET_FETCH), ctypes.c_size_t(times), *codes
        )

    def coordinate(self, kind: str, key: str, broker: int) -> None:
        """Make a broker the coordinator of a ``group`` or a ``transaction``."""
        done = self._library.rd_kafka_mock_coordinator_set(
            self._cluster, kind.encode(), key.encode(), ctypes.c_int32(broker)
        )
        assert done == 0

    def create(self, topic: str, leader: int) -> None:
        """Make a topic of one partition with its leader on this broker."""
        name = topic.encode()
        assert self._library.rd_kafka_mock_topic_create(self._cluster, name, 1, _BROKERS) == 0
        set_leader = self._library.rd_kafka_mock_partition_set_leader
        assert set_leader(self._cluster, name, ctypes.c_int32(0), ctypes.c_int32(leader)) == 0

    def kill(self, broker: int) -> None:
        """Close the broker's connections, and take no new ones."""
        assert self._library.rd_kafka_mock_broker_set_down(self._cluster, ctypes.c_int32(broker)) == 0
