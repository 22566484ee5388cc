"""Which agents `onex up` keeps, starts and stops."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from onex.cli.stack.stack_file import AgentNote


@dataclass(frozen=True, slots=True)
class WantedNode:
    """A node whose agents should run, with the launch inputs that a new process of it would have."""

    name: str
    version: str
    folder: Path
    launch_inputs: Mapping[str, str]
    modules: tuple[Path, ...] = ()
    """Files of modules outside of the node's folder that are part of its code."""

    @property
    def major(self) -> str:
        """Major version. Versions of one major share a group."""
        return self.version.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Launch:
    """An agent to start."""

    node: WantedNode
    number: int
    """The lowest number that no running agent of the node has."""


@dataclass(frozen=True, slots=True)
class Retirement:
    """An agent to stop when its replacement is ready."""

    agent: AgentNote
    reason: str


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """What happens to each agent."""

    kept: Sequence[AgentNote]
    started: Sequence[Launch]
    retired: Sequence[Retirement]
    others: Sequence[AgentNote]
    """Agents of nodes that are not wanted this time. They continue to run."""


def plan_agents(
    wanted: Sequence[WantedNode],
    running: Sequence[AgentNote],
    instances: int,
    *,
    replace_all: bool = False,
    exists: Callable[[Path], bool] = Path.exists,
) -> AgentPlan:
    """Plan ``instances`` agents with the current launch inputs for each wanted node.

    Keep running agents whose launch inputs have not changed, unless ``replace_all`` is set. ``exists`` returns
    whether the folder of a node exists.
    """
    kept: list[AgentNote] = []
    started: list[Launch] = []
    retired: list[Retirement] = []
    unplanned = list(running)
    for node in wanted:
        agents = [agent for agent in unplanned if (agent.node, agent.major) == (node.name, node.major)]
        unplanned = [agent for agent in unplanned if agent not in agents]
        reasons = {agent.pid: "asked for" if replace_all else _changes(agent, node) for agent in agents}
        unchanged = [agent for agent in agents if not reasons[agent.pid]]
        kept += unchanged[:instances]
        retired += [Retirement(agent, f"{instances} wanted") for agent in unchanged[instances:]]
        retired += [Retirement(agent, reasons[agent.pid]) for agent in agents if reasons[agent.pid]]
        numbers = _free_numbers([a.number for a in running if a.node == node.name] + _numbers(started, node))
        started += [Launch(node, next(numbers)) for _ in range(instances - len(unchanged[:instances]))]
    retired += [Retirement(agent, f"{agent.folder} is gone") for agent in unplanned if not exists(agent.folder)]
    return AgentPlan(kept, started, retired, [agent for agent in unplanned if exists(agent.folder)])


def _changes(agent: AgentNote, node: WantedNode) -> str:
    """Return the launch inputs that have changed since the agent started; empty when none has."""
    names = dict.fromkeys((*node.launch_inputs, *agent.launch_inputs))
    changed = [name for name in names if agent.launch_inputs.get(name) != node.launch_inputs.get(name)]
    return f"{', '.join(changed)} changed" if changed else ""


def _numbers(started: Sequence[Launch], node: WantedNode) -> list[int]:
    return [launch.number for launch in started if launch.node.name == node.name]


def _free_numbers(used: Sequence[int]) -> Iterator[int]:
    return (number for number in count() if number not in used)
