"""What a cluster can lose of a stopped node, on real Kafka: the node says so, and goes on as an operator decides."""

from pathlib import Path

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from node_tally_reducer.v1_0_0.models import Amount, Tallied

from onex.bus.kafka import KafkaEventBusAdapter
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh

NAME = "node_tally_reducer"
TOPIC = "onex.evt.tally.amount.v1"
FOLDER = NODES / NAME / "v1_0_0"


def _totals(mesh: Mesh) -> list[float]:
    return [message.total for message in mesh.messages(Tallied) if isinstance(message, Tallied)]


def _blocked(mesh: Mesh, why: str) -> list[str]:
    """Start the node, wait until it is blocked for a reason, and stop it. Return the commands that it names."""
    agent = mesh.start(NAME, ready=False)

    def reasons() -> set[str]:
        return {text for text in (mesh.readiness(agent.pid) or {}).values() if why in text}

    (reason,) = eventually(reasons, 60, f"blocked: {why}")
    found = mesh.onex("doctor", "--services", str(FOLDER)).stdout
    assert why in " ".join(found.split()), found
    assert mesh.stop(agent) == 0
    return reason.partition("decide where it goes on: ")[2].split(" and ")


def _decide(mesh: Mesh, commands: list[str], to: str) -> None:
    """What an operator types."""
    for command in commands:
        program, *words = command.split()
        assert program == "onex"
        words[words.index("--to") + 1], words[words.index("TEXT")] = to, "a test"
        done = mesh.onex(*words, "--services", str(FOLDER), "--yes")
        assert done.returncode == 0, done.stderr


def test_positions_records_and_state_that_are_lost(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    admin = AdminClient({"bootstrap.servers": kafka_bus.config.bootstrap_servers})
    with Mesh(kafka_bus, [FOLDER], tmp_path) as mesh:
        contract = mesh.nodes[0].contract
        group = contract.group(mesh.env["ONEX_ENV"])

        def send(count: int) -> None:
            mesh.send([Amount(entity="e", value=1) for _ in range(count)])

        def goes_on(total: float) -> None:
            agent = mesh.start(NAME)
            eventually(lambda: max(_totals(mesh), default=0.0) == total, 40, f"a total of {total:g}")
            assert mesh.stop(agent) == 0

        send(5)
        goes_on(5)

        # The group's positions are gone, as after a week: records are not applied again to the state that is there.
        admin.delete_consumer_groups([group])[group].result(20)
        commands = _blocked(mesh, "holds state, but no position is committed")
        _decide(mesh, commands, "latest")
        send(1)
        goes_on(6)

        # Files of the state on this machine are damaged: the changelog has it all.
        damaged = list(tmp_path.rglob("CURRENT"))
        for file in damaged:
            file.write_bytes(b"junk\n")
        send(1)
        goes_on(7)
        assert damaged
        assert "damaged, it is read again" in mesh.log(NAME)

        # Retention has passed the stopped node by.
        (where,) = [p for p, (_, end) in kafka_bus.admin.ends(mesh.partitions([TOPIC])).items() if end]
        send(1100)
        end = kafka_bus.admin.ends([where])[where][1]
        admin.delete_records([TopicPartition(*where, end - 1)])[TopicPartition(*where)].result(20)
        commands = _blocked(mesh, "were deleted before they were read")
        _decide(mesh, commands, "earliest")
        goes_on(8)

        # The changelog was made again.
        kafka_bus.admin.delete(contract.changelog_topic)
        eventually(lambda: not kafka_bus.admin.topics([contract.changelog_topic]), 30, "the topic to go")
        mesh.apply()
        commands = _blocked(mesh, "was deleted and made again")
        _decide(mesh, commands, "latest")
        send(2)
        agent = mesh.start(NAME)
        eventually(lambda: _totals(mesh)[-2:] == [1.0, 2.0], 40, "a state that begins anew")

        # The state is made again from what its input still has: three records.
        rebuild = ("state", "rebuild", NAME, "--reason", "a test", "--services", str(FOLDER))
        refused = mesh.onex(*rebuild, "--yes")
        assert (refused.returncode, "stop all of its instances first" in refused.stderr) == (5, True)
        assert mesh.stop(agent) == 0
        planned = mesh.onex(*rebuild)
        assert planned.returncode == 0, planned.stderr
        assert f"{TOPIC}[{where.partition}] has lost its first records: the new state lacks them" in planned.stdout
        assert "nothing is changed; --yes does it" in planned.stdout
        done = mesh.onex(*rebuild, "--yes")
        assert done.returncode == 0, done.stderr
        agent = mesh.start(NAME)
        eventually(lambda: _totals(mesh)[-3:] == [1.0, 2.0, 3.0], 40, "a state of three records")
        assert mesh.stop(agent) == 0
        audited = mesh.onex("dlq", "audit", "--services", str(FOLDER)).stdout
        assert "state_rebuilt" in audited
        assert mesh.dead_letters(NAME) == []
