"""Messages that end the process of their handler, on a real broker; the effect's under the supervisor."""

import json
from pathlib import Path

from node_unruly_compute.v1_0_0.models import Ask, Reply
from node_unruly_effect.v1_0_0.models import Act, Acted

from onex.bus.kafka import KafkaEventBusAdapter
from onex.model.message import Message
from onex.wire.partitioner import partition_of
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh
from tests.integration.supervised import SUPERVISED

COMPUTE, EFFECT = "node_unruly_compute", "node_unruly_effect"


def _blocked(mesh: Mesh, name: str) -> dict[str, str]:
    """What the agent that runs now says about blocked partitions."""
    for file in (mesh.home / "run").glob(f"{name}.*.json"):
        found = mesh.readiness(int(json.loads(file.read_text())["pid"])) or {}
        return {about: why for about, why in found.items() if about.startswith("blocked")}
    return {}


def _onex(mesh: Mesh, *arguments: str) -> str:
    services = [part for node in mesh.nodes for part in ("--services", str(node.folder))]
    ended = mesh.onex(*arguments, *services)
    assert ended.returncode == 0 or arguments[0] == "doctor", ended.stderr
    return ended.stdout


def _entities(mesh: Mesh, model: type[Message]) -> list[str]:
    return sorted(getattr(message, "entity") for message in mesh.messages(model))  # noqa: B009 - all of them have one


def test_a_record_that_ends_the_process_blocks_its_partition_until_it_is_skipped(
    kafka_bus: KafkaEventBusAdapter, tmp_path: Path
) -> None:
    with Mesh(kafka_bus, [NODES / name / "v1_0_0" for name in (COMPUTE, EFFECT)], tmp_path) as mesh:
        good = [f"e{n}" for n in range(20)]
        outputs: dict[str, type[Message]] = {COMPUTE: Reply, EFFECT: Acted}
        for make, deadly in ((Ask, Ask(entity="bad", mood="hang", size=1)), (Act, Act(entity="bad", mood="die"))):
            some, bad = [make(entity=entity) for entity in good], make(entity="bad")
            mesh.send([*some, bad, deadly, bad, *some])
        mesh.start(EFFECT, ready=False, within=SUPERVISED)
        starts = [mesh.start(COMPUTE, ready=False)]

        def both_are_blocked() -> bool:
            if starts[-1].poll() == 9:
                starts.append(mesh.start(COMPUTE, ready=False))
            return all(_blocked(mesh, name) for name in outputs)

        eventually(both_are_blocked, 90, "both to be blocked")
        assert len(starts) == 5, "it ended three times, and once alone"
        assert mesh.log(EFFECT).count("code=9") == 4
        number = partition_of(b"bad", 4)
        elsewhere = {entity for entity in good if partition_of(entity.encode(), 4) != number}

        def others_go_on() -> bool:
            return all(elsewhere <= set(_entities(mesh, model)) for model in outputs.values())

        eventually(others_go_on, 30, "other partitions to go on")
        examined = json.loads(_onex(mesh, "doctor", "--window", "0.1", "--json"))["findings"]
        remedies = [finding["remedy"] for finding in examined if finding["check"] == "blocked"]
        for name in outputs:
            assert mesh.dead_letters(name) == []
            ((about, reason),) = _blocked(mesh, name).items()
            topic, place = about.removeprefix("blocked ").partition("[")[0], reason.split()[2]
            assert about == f"blocked {topic}[{number}]"
            wanted = ("offsets", "skip", name, topic, str(number), place, "--reason")
            assert f"`onex {' '.join(wanted)} TEXT --yes`" in reason
            assert reason.partition("; ")[2] in remedies
            if name == COMPUTE:
                shown = _onex(mesh, *wanted, "it kills")
                assert "key: bad" in shown
                assert "nothing is written" in shown
            _onex(mesh, *wanted, "it kills", "--yes")

        def all_is_done() -> bool:
            return all(not _blocked(mesh, name) and mesh.lag(name) == 0 for name in outputs)

        eventually(all_is_done, 40, "the rest to complete")
        for name, model in outputs.items():
            assert _entities(mesh, model) == sorted([*good, *good, "bad", "bad"])
            (letter,) = mesh.dead_letters(name)
            assert (letter["onex-dlq-class"], letter["onex-dlq-stage"]) == ("crash", "handler")
            assert "it kills" in letter["onex-dlq-message"]
