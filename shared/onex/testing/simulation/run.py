"""``simulate``: runs nodes under many schedules of faults, and shrinks the first one that fails."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random

from structlog.testing import capture_logs
from typing_extensions import override

from onex.bus.protocols import Outgoing
from onex.contract import ResolvedNode, resolve_node
from onex.model.enums import EnumNodeKind
from onex.testing.driver import MeshDriver
from onex.testing.simulation.handler_faults import EnumHandlerFault, HandlerFault, HandlerFaults, with_faults
from onex.testing.simulation.inputs import Draw, Input, MakeInputs, drawing
from onex.testing.simulation.invariants import (
    INVARIANTS,
    Invariant,
    InvariantError,
    SimulatedRun,
    unread_inputs,
)
from onex.testing.simulation.schedule import Action, draw, shrunk
from onex.testing.simulation.simulator import Simulator
from onex.testing.simulation.story import case_of, story_of
from onex.wire import headers as h

_MOST_TRIES = 200
"""Runs that shrink a schedule."""
_LONGER_WAITS = 12
"""Healing waits so often for messages on retry topics, each time twice as long: from 10 minutes to two weeks."""
_SLOW_SECONDS = (0.5, 3.0, 12.0)


class SimulationError(AssertionError):
    """A schedule after which an invariant does not hold."""

    def __init__(self, seed: int, problem: str, story: Sequence[str], case: str) -> None:
        self.seed = seed
        self.problem = problem
        self.story = story
        self.case = case
        """A list with one case, as YAML; empty where the problem is about no input."""
        lines = [f"seed {seed}: {problem}", "", *(f"  {line}" for line in story)]
        if case:
            lines += ["", "as a case, for cases.yaml:", "", case.rstrip()]
        super().__init__("\n".join(lines))


class _Simulation(Simulator):
    """One schedule. Everything follows from the seed and the actions."""

    def __init__(self, nodes: Sequence[ResolvedNode], seed: int, draw_inputs: Draw) -> None:
        self.actions: list[tuple[Action, str]] = []
        self._faults = HandlerFaults()
        self._seed = seed
        self._draw = draw_inputs
        self._sent: list[tuple[Input, str, str]] = []
        """Input, id, correlation id."""
        super().__init__(MeshDriver([with_faults(node, self._faults) for node in nodes]))

    @override
    def run(self, schedule: Sequence[Action]) -> None:
        for action in schedule:
            self.actions.append((action, ""))
            self.actions[-1] = action, self.perform(action)
        self.heal()

    @override
    def perform(self, action: Action) -> str:
        match action.name:
            case "send":
                return self._send(action)
            case "repeat":
                return self._repeat(action)
            case "fail" | "slow":
                return self._spoil(action)
            case _:
                return super().perform(action)

    @override
    def heal(self) -> None:
        self._faults.clear()
        super().heal()
        for doubling in range(_LONGER_WAITS):
            if not unread_inputs(self.mesh):
                return
            self.mesh.clock.move_to(self.mesh.clock.monotonic() + 600.0 * 2**doubling)
            super().heal()

    def _send(self, action: Action) -> str:
        """Send what the action draws. It depends on the action alone, so that a shrunk schedule sends the same."""
        inputs = self._draw(Random(f"{self._seed}/{action.pick}/{action.amount}"))
        correlation = f"c-{len(self._sent) + 1}"
        texts = []
        for each in inputs:
            self._sent.append((each, f"m-{len(self._sent) + 1}", correlation))
            self._publish(*self._sent[-1])
            texts.append(f"{each} (id m-{len(self._sent)})")
        return "; ".join(texts)

    def _repeat(self, action: Action) -> str:
        if not self._sent:
            return ""
        each, identity, correlation = self._sent[action.pick % len(self._sent)]
        self._publish(each, identity, correlation)
        return f"{each} (id {identity})"

    def _publish(self, each: Input, identity: str, correlation: str) -> None:
        headers = [(h.ID, identity.encode()), (h.CORRELATION, correlation.encode()), *each.headers]
        self.mesh.bus.publish(Outgoing(each.topic, each.value, each.key, headers))

    def _spoil(self, action: Action) -> str:
        effects = [node.contract.name for node in self.mesh.nodes if node.contract.node_type is EnumNodeKind.EFFECT]
        if not effects:
            return ""
        name = effects[action.pick % len(effects)]
        if action.name == "slow":
            seconds = _SLOW_SECONDS[action.amount % len(_SLOW_SECONDS)]
            self._faults.add(name, HandlerFault(EnumHandlerFault.SLOW, seconds))
            return f"{name}, by {seconds:g} s"
        kind = (EnumHandlerFault.FAILS_BEFORE, EnumHandlerFault.FAILS_AFTER)[action.amount % 2]
        self._faults.add(name, HandlerFault(kind))
        return f"{name} {kind.value}"


def simulate(
    nodes: Sequence[Path | ResolvedNode],
    *,
    schedules: int = 100,
    seed: int = 0,
    length: int = 100,
    inputs: MakeInputs | None = None,
    invariants: Sequence[Invariant] = INVARIANTS,
    reset: Callable[[], None] = lambda: None,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Run nodes under ``schedules`` schedules of ``length`` actions, with the seeds from ``seed`` on.

    ``nodes`` are folders of nodes, or resolved nodes. Messages come from their ``cases.yaml``, or from ``inputs``.
    After each schedule all ``invariants`` must hold. ``reset`` is called before each schedule: it puts the doubles of
    the outside world into their first state. ``progress`` receives the number of schedules done.

    Raises SimulationError, with a shrunk schedule, for the first one that fails. Raises ContractError and
    ConfigurationError for nodes that cannot run.
    """
    resolved = [node if isinstance(node, ResolvedNode) else resolve_node(node, "") for node in nodes]
    draw_inputs = drawing(resolved, inputs)

    def run(number: int, schedule: Sequence[Action]) -> SimulationError | None:
        reset()
        return _run(resolved, number, schedule, draw_inputs, invariants)

    for done, number in enumerate(range(seed, seed + schedules), 1):
        schedule = draw(number, length)
        failure = run(number, schedule)
        if failure is not None:
            shortest = shrunk(schedule, partial(run, number), _MOST_TRIES)
            raise run(number, shortest) or failure
        progress(done)


def _run(
    nodes: Sequence[ResolvedNode],
    seed: int,
    schedule: Sequence[Action],
    draw_inputs: Draw,
    invariants: Sequence[Invariant],
) -> SimulationError | None:
    """Run one schedule. Return its failure."""
    with capture_logs():
        simulation = _Simulation(nodes, seed, draw_inputs)
        run = SimulatedRun(simulation.mesh)
        try:
            simulation.run(schedule)
            for invariant in invariants:
                invariant(run)
            simulation.mesh.close()
        except InvariantError as broken:
            return SimulationError(seed, str(broken), story_of(simulation.actions), case_of(run, broken, seed))
        except AssertionError as error:
            return SimulationError(seed, str(error) or repr(error), story_of(simulation.actions), "")
        except Exception as error:  # noqa: BLE001 - an engine or a node that falls over has failed
            return SimulationError(seed, f"{type(error).__name__}: {error}", story_of(simulation.actions), "")
    return None
