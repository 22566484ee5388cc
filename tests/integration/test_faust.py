"""A node on the Faust host: at least once, also when it is killed; and never promised more."""

import signal
from pathlib import Path

import pytest
from node_unruly_effect.v1_0_0.models import Act, Acted
from pydantic import ValidationError

from onex.bus.faust import FaustEventBus
from onex.bus.kafka import KafkaEventBusAdapter
from onex.errors import ConfigurationError, MissingTopicError
from onex.model.contract import ModelDelivery
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh

NAME = "node_unruly_effect"
COUNT = 300


def test_killed_and_joined_under_load_nothing_is_lost(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, [NODES / NAME / "v1_0_0"], tmp_path, topic_prefix="faust.") as mesh:
        first = mesh.start(NAME, faust=True)
        mesh.send([Act(entity=f"e{n % 20}", number=n) for n in range(COUNT // 3)])
        eventually(lambda: len(mesh.messages(Acted)) > 10, 30, "work under way")
        mesh.stop(first, signal.SIGKILL)
        second = mesh.start(NAME, faust=True)
        mesh.send([Act(entity=f"e{n % 20}", number=n) for n in range(COUNT // 3, 2 * COUNT // 3)])
        third = mesh.start(NAME, faust=True)
        mesh.send([Act(entity=f"e{n % 20}", number=n) for n in range(2 * COUNT // 3, COUNT)])
        mesh.send([Act(entity="bad", number=COUNT, mood="raise")])
        eventually(lambda: {acted.number for acted in mesh.messages(Acted)} >= set(range(COUNT)), 90, "every act")
        eventually(lambda: mesh.dead_letters(NAME), 30, "the dead letter")
        eventually(lambda: mesh.lag(NAME) == 0, 30, "no lag")
        for process in (second, third):
            assert mesh.stop(process) == 0
        first_of = dict[str, list[int]]()
        for acted in mesh.messages(Acted):
            numbers = first_of.setdefault(acted.entity, [])
            if acted.number not in numbers:
                numbers.append(acted.number)
        assert all(numbers == sorted(numbers) for numbers in first_of.values()), "first results in order of the key"


def test_what_faust_cannot_hold_is_refused(kafka_bus: KafkaEventBusAdapter) -> None:
    with pytest.raises(ValidationError, match="does not support exactly_once"):
        ModelDelivery.model_validate({"host": "faust"})
    bus = FaustEventBus(kafka_bus)
    with pytest.raises(ConfigurationError, match="at_least_once and no more"):
        bus.transaction("some-id")
    with pytest.raises(MissingTopicError, match="no-such-topic"):
        bus.subscribe("group", ["no-such-topic"])
