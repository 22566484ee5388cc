"""Runs one schedule on the memory host, heals everything, and asks the ledger."""

from collections.abc import Callable, Sequence
from random import Random
from unittest.mock import patch

from node_alarm_orchestrator.v1_0_0.models import SetAlarm
from node_order_orchestrator.v1_0_0.models import PlaceOrder
from node_unruly_effect.v1_0_0.models import Act
from structlog.testing import capture_logs

from onex.bus.memory.transaction import Moment
from onex.bus.protocols import Headers, Partition
from onex.errors import BusUnavailableError, FencedError, TransactionTimedOutError
from onex.testing import MeshDriver
from onex.testing.instance import Instance
from tests.simulation import hostile, world
from tests.simulation.ledger import check
from tests.simulation.schedule import Action, draw, without

_CUSTOMERS, _ENTITIES, _INSTANCES = 3, 4, 3
_QUIET_ROUNDS = 40
_STEPS_MEANWHILE = 4
_SESSION_MS = 30_000
"""Longer than a healed mesh stands still; shorter than what some instances, and all that hang, are left alone for."""
_EARLY = 3
"""Offsets of batches of as many records travel early."""
_CHUNK = 2
"""A restore reads so many records between two polls, so that faults come in the middle of it."""


class Simulation:
    """One schedule. Everything that happens follows from the seed and the actions."""

    def __init__(self, seed: int, tell: Callable[[str], None] = lambda _: None) -> None:
        world.WORLD = world.World(seed)
        self._random = Random(seed)
        self._tell = tell
        self.orders: dict[str, PlaceOrder] = {}
        self.acts: dict[str, list[Act]] = {}
        self.junk: set[tuple[bytes, ...]] = set()
        """Topic, partition and offset of records that no node can read; each must be a dead letter."""
        self.large: set[str] = set()
        """Ids of acts whose results are too large; each must be a dead letter."""
        self.alarms = 0
        self._stalled: list[Instance] = []
        """Instances that stand still inside of a transaction."""
        self.mesh = MeshDriver(world.nodes())
        self.mesh.broker.session_ms = _SESSION_MS
        self.mesh.bus.admin.alter(hostile.ACTED, {"max.message.bytes": str(hostile.LIMIT)})

    def run(self, schedule: Sequence[Action]) -> None:
        """Carry the schedule out; AssertionError names what is wrong at its end."""
        for number, action in enumerate(schedule):
            self._tell(f"{number:4} {action.name} {self._do(action)}")
        self._heal()
        check(self)

    def close(self) -> None:
        """Release the loop."""
        self.mesh.close()

    def _do(self, action: Action) -> str:
        mesh = self.mesh
        instance = mesh.instances[action.pick % len(mesh.instances)]
        name = instance.resolved.contract.name
        match action.name:
            case "step":
                return f"{name}: {self._step(instance)}"
            case "order":
                return self.order(action)
            case "repeat" if self.orders:
                order = self.orders[sorted(self.orders)[action.pick % len(self.orders)]]
                mesh.send(order, id=order.order_id, correlation_id=order.order_id, run=False)
                return order.order_id
            case "act":
                return self._act(f"e-{action.pick % _ENTITIES}", action)
            case "wait":
                seconds = (0.1, 0.5, 1.0, 3.0, 11.0)[action.amount % 5]
                mesh.clock.move_to(mesh.clock.monotonic() + seconds)
                return f"{seconds:g} s"
            case "crash":
                self._restart(instance)
                return name
            case "join" if len(mesh.instances_of(instance.resolved.node_class)) < _INSTANCES:
                mesh.add_instance(instance.resolved.node_class)
                return name
            case "leave" if len(mesh.instances_of(instance.resolved.node_class)) > 1:
                self._guarded(instance, lambda: mesh.remove_instance(instance))
                return name
            case "alarm":
                alarm = self.new_alarm(action)
                mesh.send(alarm, run=False)
                return f"{alarm.entity} in {alarm.after:g} s"
            case "expel":
                instance.expel()
                return name
            case "rewind":
                instance.rewind()
                return name
            case "abort":
                instance.fail_next_commit()
                return name
            case "lose":
                instance.lose_next_response()
                return name
            case "down" | "up":
                world.WORLD.down = action.name == "down"
            case "poison":
                topic = mesh.topic_of((PlaceOrder, Act)[action.pick % 2])
                return self.send_junk(topic, b"\x00junk", b"poison", [])
            case "hostile":
                return hostile.send(self, action)
            case "deny":
                mesh.broker.denied.add(instance.resolved.contract.dead_letter_topic)
                return name
            case "allow":
                mesh.broker.denied.clear()
            case "stall":
                return self._stall(instance, action)
            case "hang":
                instance.muted = not instance.muted
                return name
        return ""

    def send_junk(self, topic: str, value: bytes | None, key: bytes | None, headers: Headers) -> str:
        """Send a record that must be a dead letter; gives the topic."""
        broker = self.mesh.broker
        before = {p: len(log.records) for p, log in broker.logs.items() if p.topic == topic}
        self.mesh.publish(topic, value, key, headers, run=False)
        for partition, end in before.items():
            if len(broker.logs[partition].records) > end:
                self.expect_letter(partition, end)
        return topic

    def expect_letter(self, partition: Partition, offset: int) -> None:
        """No node can read the record there."""
        place = (partition.topic, str(partition.partition), str(offset))
        self.junk.add(tuple(map(str.encode, place)))

    def new_alarm(self, action: Action) -> SetAlarm:
        """The next alarm, which is the caller's to send."""
        self.alarms += 1
        return SetAlarm(entity=f"a-{self.alarms}", after=float(action.amount % 20))

    def order(self, action: Action, headers: Headers | None = None) -> str:
        """Send the next order; gives its name."""
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

    def _stall(self, instance: Instance, action: Action) -> str:
        """The next transaction of an instance stands still while its group goes on without it; seldom for longer than
        a transaction may be open."""
        moment = list(Moment)[action.amount % len(Moment)]
        seconds = 20.0 if action.amount // 3 % 8 == 0 else 6.0

        def meanwhile() -> None:
            self._tell(f"     {instance.resolved.contract.name} stands still: {moment.value}")
            self._stalled.append(instance)
            instance.expel()
            node_class = instance.resolved.node_class
            if len(self.mesh.instances_of(node_class)) < 2:
                self.mesh.add_instance(node_class)
            self.mesh.clock.move_to(self.mesh.clock.monotonic() + seconds)
            for _ in range(_STEPS_MEANWHILE):
                for other in self.mesh.instances_of(node_class):
                    if other not in self._stalled:
                        self._step(other)
            self._stalled.remove(instance)

        instance.stall(moment, meanwhile)
        return f"{instance.resolved.contract.name}: {moment.value}, {seconds:g} s"

    def _step(self, instance: Instance) -> bool:
        return self._guarded(instance, instance.step)

    def _guarded(self, instance: Instance, work: Callable[[], bool | None]) -> bool:
        """A process that loses its clients ends; its supervisor starts it again."""
        try:
            return bool(work())
        except (BusUnavailableError, FencedError, TransactionTimedOutError):
            self._restart(instance)
            return True

    def _restart(self, instance: Instance) -> None:
        self.mesh.crash(instance)
        self.mesh.add_instance(instance.resolved.node_class)

    def _heal(self) -> None:
        """The world is whole again; the mesh must get well without hands."""
        mesh = self.mesh
        world.WORLD.down = False
        mesh.broker.denied.clear()
        for instance in mesh.instances:
            instance.muted = False
            instance.unstall()
        quiet = 0
        for _ in range(_QUIET_ROUNDS * 10):
            worked = [self._step(instance) for instance in list(mesh.instances)]
            if any(worked):
                continue
            quiet += 1
            if quiet == _QUIET_ROUNDS:
                return
            mesh.clock.move_to(mesh.clock.monotonic() + 10.0)
        raise AssertionError("the mesh does not come to rest")


def fails(seed: int, schedule: Sequence[Action], tell: Callable[[str], None] = lambda _: None) -> str:
    """What is wrong after a schedule; empty when nothing is."""
    simulation = Simulation(seed, tell)
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
    """A shorter schedule that still fails: cut out ever smaller pieces while it does."""
    kept, size, tries = list(schedule), len(schedule) // 2, 0
    while size and tries < most:
        start, cut = 0, False
        while start < len(kept) and tries < most:
            tries += 1
            candidate = without(kept, start, size)
            if fails(seed, candidate):
                kept, cut = candidate, True
            else:
                start += size
        if not cut or size > 1:
            size //= 2
    return kept


def first_failure(seeds: Sequence[int], length: int = 150) -> tuple[int, str] | None:
    """The first seed whose schedule fails, and how."""
    for seed in seeds:
        if problem := fails(seed, draw(seed, length)):
            return seed, problem
    return None
