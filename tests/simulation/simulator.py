"""Runs one schedule on the memory host, ends all faults, and checks the ledger."""

from collections.abc import Callable, Sequence
from unittest.mock import patch

from node_alarm_orchestrator.v1_0_0.models import SetAlarm
from node_order_orchestrator.v1_0_0.models import PlaceOrder
from node_unruly_effect.v1_0_0.models import Act
from structlog.testing import capture_logs
from typing_extensions import override

from onex.bus.protocols import Headers, Partition
from onex.testing import MeshDriver
from onex.testing.simulation import schedule as schedules
from onex.testing.simulation.schedule import Action
from onex.testing.simulation.simulator import Simulator
from tests.simulation import hostile, world
from tests.simulation.ledger import check
from tests.simulation.schedule import draw

_CUSTOMERS, _ENTITIES = 3, 4
_EARLY = 3
"""Batches with this number of records send their offsets early."""
_CHUNK = 2
"""Records that a restore reads between two polls, so that faults come in the middle of it."""


class Simulation(Simulator):
    """One schedule. Everything that happens follows from the seed and the actions."""

    def __init__(self, seed: int, report: Callable[[str], None] = lambda _: None) -> None:
        world.WORLD = world.World(seed)
        super().__init__(MeshDriver(world.nodes()), report)
        self.orders: dict[str, PlaceOrder] = {}
        self.acts: dict[str, list[Act]] = {}
        self.junk: set[tuple[bytes, ...]] = set()
        """Topic, partition and offset of records that no node can read; each must be a dead letter."""
        self.large: set[str] = set()
        """Ids of acts whose results are too large; each must be a dead letter."""
        self.alarms = 0
        self.mesh.bus.admin.alter(hostile.ACTED, {"max.message.bytes": str(hostile.LIMIT)})

    @override
    def run(self, schedule: Sequence[Action]) -> None:
        """Carry the schedule out. AssertionError names what is wrong at its end."""
        super().run(schedule)
        check(self)

    def close(self) -> None:
        """Release the loop."""
        self.mesh.close()

    @override
    def perform(self, action: Action) -> str:
        mesh = self.mesh
        match action.name:
            case "order":
                return self.order(action)
            case "repeat" if self.orders:
                order = self.orders[sorted(self.orders)[action.pick % len(self.orders)]]
                mesh.send(order, id=order.order_id, correlation_id=order.order_id, run=False)
                return order.order_id
            case "act":
                return self._act(f"e-{action.pick % _ENTITIES}", action)
            case "alarm":
                alarm = self.new_alarm(action)
                mesh.send(alarm, run=False)
                return f"{alarm.entity} in {alarm.after:g} s"
            case "down" | "up":
                world.WORLD.down = action.name == "down"
                return ""
            case "poison":
                topic = mesh.topic_of((PlaceOrder, Act)[action.pick % 2])
                return self.send_junk(topic, b"\x00junk", b"poison", [])
            case "hostile":
                return hostile.send(self, action)
            case _:
                return super().perform(action)

    @override
    def heal(self) -> None:
        world.WORLD.down = False
        super().heal()

    def send_junk(self, topic: str, value: bytes | None, key: bytes | None, headers: Headers) -> str:
        """Send a record that must be a dead letter; return the topic."""
        broker = self.mesh.broker
        before = {p: len(log.records) for p, log in broker.logs.items() if p.topic == topic}
        self.mesh.publish(topic, value, key, headers, run=False)
        for partition, end in before.items():
            if len(broker.logs[partition].records) > end:
                self.expect_letter(partition, end)
        return topic

    def expect_letter(self, partition: Partition, offset: int) -> None:
        """Expect a dead letter of the record at this place."""
        place = (partition.topic, str(partition.partition), str(offset))
        self.junk.add(tuple(map(str.encode, place)))

    def new_alarm(self, action: Action) -> SetAlarm:
        """Return the next alarm, for the caller to send."""
        self.alarms += 1
        return SetAlarm(entity=f"a-{self.alarms}", after=float(action.amount % 20))

    def order(self, action: Action, headers: Headers | None = None) -> str:
        """Send the next order; return its name."""
        name = f"o-{len(self.orders)}"
        quantity = 150 if action.amount % 10 == 3 else 1 + action.amount % 5
        price = 5000.0 if action.amount % 10 == 7 else 1.0 + action.amount % 3
        order = PlaceOrder(
            order_id=name, customer=f"c-{action.pick % _CUSTOMERS}", quantity=quantity, unit_price=price
        )
        self.orders[name] = order
        self.mesh.send(order, id=name, correlation_id=name, run=False, headers=headers)
        return name

    def _act(self, entity: str, action: Action) -> str:
        acts = self.acts.setdefault(entity, [])
        act = Act(entity=entity, number=len(acts), mood="raise" if action.amount % 12 == 0 else "good")
        acts.append(act)
        self.mesh.send(act, id=f"{entity}/{act.number}", run=False)
        return f"{entity} {act.number} {act.mood}"


def fails(seed: int, schedule: Sequence[Action], report: Callable[[str], None] = lambda _: None) -> str:
    """Return what is wrong after a schedule; empty when nothing is."""
    simulation = Simulation(seed, report)
    problem = ""
    try:
        small = patch("onex.agent.pure.engine._EARLY", _EARLY), patch("onex.agent.state.chunks._CHUNK", _CHUNK)
        with capture_logs(), small[0], small[1]:
            simulation.run(schedule)
    except AssertionError as error:
        problem = str(error) or repr(error)
    except Exception as error:  # noqa: BLE001 - an engine that falls over has failed
        problem = f"{type(error).__name__}: {error}"
    try:
        simulation.close()
    except Exception as error:  # noqa: BLE001 - as above
        problem = problem or f"at its end: {type(error).__name__}: {error}"
    return problem


def shrunk(seed: int, schedule: Sequence[Action], most: int = 400) -> list[Action]:
    """Return a shorter schedule that still fails."""
    return schedules.shrunk(schedule, lambda candidate: fails(seed, candidate), most)


def first_failure(seeds: Sequence[int], length: int = 150) -> tuple[int, str] | None:
    """Return the first seed whose schedule fails, and its problem."""
    for seed in seeds:
        if problem := fails(seed, draw(seed, length)):
            return seed, problem
    return None
