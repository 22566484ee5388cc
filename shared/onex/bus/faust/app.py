"""The Faust app of one group. It reads committed records; partition n of every topic goes to the same member."""

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

from onex.bus.aio.config import connection_of
from onex.bus.aio.unreadable import read_all_headers
from onex.bus.config import KafkaConfig


class _Thread(AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Transport) -> AIOKafkaConsumer:
        """Return a consumer of committed records with the range assignor.

        That of Faust reads uncommitted records, and assigns the partitions of each topic by themselves.
        """
        conf = self.app.conf
        self._assignor = RangePartitionAssignor
        return AIOKafkaConsumer(
            **conf.onex_connection,
            client_id=conf.broker_client_id,
            group_id=conf.id,
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_records=conf.broker_max_poll_records,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            fetch_max_wait_ms=100,
        )


class _Consumer(Consumer):
    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class _Transport(Transport):
    Consumer = _Consumer


class _App(faust.App):
    def _create_directories(self) -> None:
        """Create no directories: they are for tables, and Faust would create them in the working directory."""


def make_app(config: KafkaConfig, group: str) -> faust.App:
    """Return an app without a web server, tables, or topics that it creates."""
    read_all_headers()
    servers = config.bootstrap_servers.split(",")
    app = _App(
        id=group,
        broker=[f"kafka://{server}" for server in servers],
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        broker_commit_interval=0.1,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=1.0,
        consumer_auto_offset_reset="earliest",
    )
    app.conf.onex_connection = connection_of(config)
    app.transport = _Transport(app.conf.broker_consumer, app)
    return app
