"""Which agents `onex up` keeps, starts and stops."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from onex.cli.stack.stack_file import AgentNote


@dataclass(frozen=True, slots=True)
class WantedNode:
    """A node whose agents should run, and what a process of it would be made from now."""

    name: str
    version: str
    folder: Path
    made_from: Mapping[str, str]

    @property
    def major(self) -> str:
        """Versions of one major share a group."""
        return self.version.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Launch:
    """An agent to start."""

    node: WantedNode
    number: int
    """The lowest one that no running agent of that node has."""


@dataclass(frozen=True, slots=True)
class Retirement:
    """An agent to stop when the ones that replace it are ready."""

    agent: AgentNote
    why: str


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """What is done with agents."""

    kept: Sequence[AgentNote]
    started: Sequence[Launch]
    retired: Sequence[Retirement]
    others: Sequence[AgentNote]
    """Agents of nodes that are not wanted this time. They go on."""


def plan_agents(
    wanted: Sequence[WantedNode],
    running: Sequence[AgentNote],
    instances: int,
    *,
    all_again: bool = False,
    exists: Callable[[Path], bool] = Path.exists,
) -> AgentPlan:
    """``instances`` agents of each wanted node, made from what there is now; those that are so already are kept.

    ``all_again``: none is kept. ``exists`` says whether a folder of a node is there.
    """
    kept: list[AgentNote] = []
    started: list[Launch] = []
    retired: list[Retirement] = []
    left = list(running)
    for node in wanted:
        mine = [agent for agent in left if (agent.node, agent.major) == (node.name, node.major)]
        left = [agent for agent in left if agent not in mine]
        reasons = {agent.pid: "asked for" if all_again else _changes(agent, node) for agent in mine}
        fitting = [agent for agent in mine if not reasons[agent.pid]]
        kept += fitting[:instances]
        retired += [Retirement(agent, f"{instances} wanted") for agent in fitting[instances:]]
        retired += [Retirement(agent, reasons[agent.pid]) for agent in mine if reasons[agent.pid]]
        numbers = _free_numbers([a.number for a in running if a.node == node.name] + _numbers(started, node))
        started += [Launch(node, next(numbers)) for _ in range(instances - len(fitting[:instances]))]
    retired += [Retirement(agent, f"{agent.folder} is gone") for agent in left if not exists(agent.folder)]
    return AgentPlan(kept, started, retired, [agent for agent in left if exists(agent.folder)])


def _changes(agent: AgentNote, node: WantedNode) -> str:
    """What is not as it was when the agent began; empty when nothing is."""
    aspects = dict.fromkeys((*node.made_from, *agent.made_from))
    changed = [aspect for aspect in aspects if agent.made_from.get(aspect) != node.made_from.get(aspect)]
    return f"{', '.join(changed)} changed" if changed else ""


def _numbers(started: Sequence[Launch], node: WantedNode) -> list[int]:
    return [launch.number for launch in started if launch.node.name == node.name]


def _free_numbers(taken: Sequence[int]) -> Iterator[int]:
    return (number for number in count() if number not in taken)
