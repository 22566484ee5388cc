"""Carries out the actions of a schedule that are the same for all nodes: steps, time, and faults of the mesh."""

from collections.abc import Callable, Sequence

from onex.bus.memory.transaction import Moment
from onex.errors import BusUnavailableError, FencedError, TransactionTimedOutError
from onex.testing.driver import MeshDriver
from onex.testing.instance import Instance
from onex.testing.simulation.schedule import Action

_INSTANCES = 3
_QUIET_ROUNDS = 40
_QUIET_STEP = 10.0
_STEPS_MEANWHILE = 4
_SESSION_MS = 30_000
"""Longer than a healed mesh is idle; shorter than the time for which some instances, and all that hang, are left
alone."""
_WAITS = (0.1, 0.5, 1.0, 3.0, 11.0)


class Simulator:
    """One mesh, in which an exception of the bus ends an instance, and a supervisor starts it again."""

    def __init__(self, mesh: MeshDriver, report: Callable[[str], None] = lambda _: None) -> None:
        """``report`` receives a line for each action."""
        self.mesh = mesh
        self.report = report
        self._stalled: list[Instance] = []
        """Instances that are stopped inside of a transaction."""
        mesh.broker.session_ms = _SESSION_MS

    def perform(self, action: Action) -> str:
        """Carry an action out. Return what it did, in a few words; nothing for an action that does not apply now."""
        mesh = self.mesh
        instance = mesh.instances[action.pick % len(mesh.instances)]
        node_class, name = instance.resolved.node_class, instance.resolved.contract.name
        match action.name:
            case "step":
                return f"{name}: {self.step(instance)}"
            case "wait":
                seconds = _WAITS[action.amount % len(_WAITS)]
                mesh.clock.move_to(mesh.clock.monotonic() + seconds)
                return f"{seconds:g} s"
            case "crash":
                self._restart(instance)
            case "join" if len(mesh.instances_of(node_class)) < _INSTANCES:
                mesh.add_instance(node_class)
            case "leave" if len(mesh.instances_of(node_class)) > 1:
                self._guarded(instance, lambda: mesh.remove_instance(instance))
            case "expel":
                instance.expel()
            case "rewind":
                instance.rewind()
            case "abort":
                instance.fail_next_commit()
            case "lose":
                instance.lose_next_response()
            case "deny":
                mesh.broker.denied.add(instance.resolved.contract.dead_letter_topic)
            case "allow":
                mesh.broker.denied.clear()
                return ""
            case "hang":
                instance.muted = not instance.muted
                return f"{name} {'' if instance.muted else 'no longer '}hangs"
            case "stall":
                return self._stall(instance, action)
            case _:
                return ""
        return name

    def step(self, instance: Instance) -> bool:
        """Let an instance carry one batch. Return whether it did anything."""
        return self._guarded(instance, instance.step)

    def heal(self) -> None:
        """End all faults and run until the mesh is idle. Raise AssertionError when it does not become idle."""
        mesh = self.mesh
        mesh.broker.denied.clear()
        for instance in mesh.instances:
            instance.muted = False
            instance.unstall()
        quiet_rounds = 0
        for _ in range(_QUIET_ROUNDS * 10):
            has_worked = [self.step(instance) for instance in list(mesh.instances)]
            if any(has_worked):
                continue
            quiet_rounds += 1
            if quiet_rounds == _QUIET_ROUNDS:
                return
            mesh.clock.move_to(mesh.clock.monotonic() + _QUIET_STEP)
        raise AssertionError("the mesh does not come to rest")

    def _stall(self, instance: Instance, action: Action) -> str:
        """Stop the next transaction of an instance while its group continues, now and then for too long."""
        moment = list(Moment)[action.amount % len(Moment)]
        seconds = 20.0 if action.amount // 3 % 8 == 0 else 6.0

        def meanwhile() -> None:
            self.report(f"     {instance.resolved.contract.name} is stopped: {moment.value}")
            self._stalled.append(instance)
            instance.expel()
            node_class = instance.resolved.node_class
            if len(self.mesh.instances_of(node_class)) < 2:
                self.mesh.add_instance(node_class)
            self.mesh.clock.move_to(self.mesh.clock.monotonic() + seconds)
            for _ in range(_STEPS_MEANWHILE):
                for other in self.mesh.instances_of(node_class):
                    if other not in self._stalled:
                        self.step(other)
            self._stalled.remove(instance)

        instance.stall(moment, meanwhile)
        return f"{instance.resolved.contract.name}: {moment.value}, {seconds:g} s"

    def _guarded(self, instance: Instance, work: Callable[[], bool | None]) -> bool:
        """Do work of an instance. A process that loses its clients ends, and is started again."""
        try:
            return bool(work())
        except (BusUnavailableError, FencedError, TransactionTimedOutError):
            self._restart(instance)
            return True

    def _restart(self, instance: Instance) -> None:
        self.mesh.crash(instance)
        self.mesh.add_instance(instance.resolved.node_class)

    def run(self, schedule: Sequence[Action]) -> None:
        """Carry a schedule out, then heal the mesh."""
        for number, action in enumerate(schedule):
            self.report(f"{number:4} {action.name} {self.perform(action)}")
        self.heal()
