"""Ask for the offsets of a group whose coordinator has moved: ``admin`` by the admin client, ``product`` as we do.

python -m tests.unit.client_faults.moved_coordinator admin|product
"""

import sys

from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from onex.bus.config import KafkaConfig
from onex.bus.kafka.consumer import ErrorSink
from onex.bus.kafka.group_positions import GroupPositions
from onex.bus.protocols import Partition
from tests.unit.client_faults.mock_cluster import MockCluster

NOT_COORDINATOR = 16


def main(how: str) -> None:
    """Print what came back; a crash prints nothing."""
    cluster = MockCluster()
    cluster.create("t", 1)
    cluster.fail_offset_fetches(NOT_COORDINATOR, times=2)
    match how:
        case "admin":
            admin = AdminClient({"bootstrap.servers": cluster.servers, "log_level": 2})
            asked = ConsumerGroupTopicPartitions("g")
            found: object = admin.list_consumer_group_offsets([asked])["g"].exception(10)
        case "product":
            positions = GroupPositions(KafkaConfig(cluster.servers, "classic"), ErrorSink())
            found = positions.read("g", [Partition("t", 0)])
        case _:
            raise SystemExit(__doc__)
    sys.stdout.write(f"returned {found}")


if __name__ == "__main__":
    main(sys.argv[1])
