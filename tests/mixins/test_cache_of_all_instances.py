"""MixinIntelligentCaching in two instances of a node, through the services of an agent."""

import pytest
from node_stall_effect.v1_0_0.models import AskPrice, ChangePrice, PriceNamed
from node_stall_effect.v1_0_0.node import NodeStallEffect

from onex.testing import MeshDriver
from tests.conftest import NODES


class Stall:
    """Two instances, in virtual time unless they need a real server."""

    def __init__(self, prefix: str = "", *, virtual_time: bool = True) -> None:
        folder = NODES / "node_stall_effect" / "v1_0_0"
        self.mesh = MeshDriver([folder], topic_prefix=prefix, virtual_time=virtual_time)
        self.mesh.add_instance(NodeStallEffect)
        self.mesh.run_until_idle()
        self.asked = 0

    def ask(self, product: str = "apples") -> set[int]:
        """Let many buyers ask, so that both instances are asked. Return the prices."""
        buyers = [f"b-{self.asked + number}" for number in range(24)]
        self.asked += len(buyers)
        for buyer in buyers:
            self.mesh.send(AskPrice(product=product, buyer=buyer))
        return {named.cents for _, named in self.mesh.messages(PriceNamed) if named.buyer in buyers}

    @property
    def looked_up(self) -> list[int]:
        return [vars(instance.node)["cents"] for instance in self.mesh.instances]


@pytest.mark.parametrize("quietly", [False, True])
@pytest.mark.parametrize("prefix", ["", "staging."])
def test_every_instance_forgets_what_one_of_them_says(quietly: bool, prefix: str) -> None:
    stall = Stall(prefix)
    assert stall.ask() == {1}
    assert stall.looked_up == [1, 1]
    stall.mesh.advance(1)
    assert stall.ask() == {1}
    stall.mesh.send(ChangePrice(product="pears", quietly=quietly))
    stall.mesh.advance(1)
    assert stall.ask() == {1}
    stall.mesh.send(ChangePrice(product="apples", quietly=quietly))
    stall.mesh.advance(1)
    assert stall.ask() == {2}
    assert stall.looked_up == [2, 2]
    assert stall.mesh.dead_letters() == []
    stall.mesh.close()


def test_a_node_whose_server_is_away_names_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver has no network in virtual time: each use of the server fails."""
    monkeypatch.setenv("STALL_REDIS_URL", "redis://:secret@127.0.0.1:1")
    stall = Stall()
    assert stall.ask() == {1}
    stall.mesh.send(ChangePrice(product="apples", quietly=True))
    stall.mesh.advance(1)
    assert stall.ask() == {2}
    assert stall.mesh.dead_letters() == []
    metrics = stall.mesh.instances[0].metrics.registry
    labels = {"node": "node_stall_effect", "capability": "intelligent_caching"}
    assert metrics.get_sample_value("onex_capability", {**labels, "figure": "second_level_up"}) == 0.0
    assert (metrics.get_sample_value("onex_capability", {**labels, "figure": "failures"}) or 0.0) > 0.0
    stall.mesh.close()
