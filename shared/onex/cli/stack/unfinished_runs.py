"""Refuses to replace an orchestrator while runs need a version whose folder is gone."""

from collections.abc import Sequence

from onex.cli.bus import open_bus
from onex.cli.stack.agent_plan import Retirement
from onex.cli.workflow_runs import runs_of
from onex.connect import open_catalogue
from onex.contract import ResolvedNode
from onex.contract.versions import find_version
from onex.errors import MissingTopicError, RejectedError
from onex.mesh import StateReader
from onex.settings import Settings


def refuse_unfinished_runs(nodes: Sequence[ResolvedNode], retired: Sequence[Retirement], settings: Settings) -> None:
    """Raise RejectedError when a run began with a version of an orchestrator whose folder is gone.

    State is read only for orchestrators that replace an agent of such a version.
    """
    for node in nodes:
        name, version = node.contract.name, node.contract.contract_version
        agents = [retirement.agent for retirement in retired]
        before = {agent.version for agent in agents if (agent.node, agent.major) == (name, str(version.major))}
        if node.contract.workflow_coordination and any(_is_gone(node, earlier) for earlier in before):
            _refuse(node, settings)


def _refuse(node: ResolvedNode, settings: Settings) -> None:
    bus = open_bus(settings)
    try:
        runs = [run for _, run in runs_of(StateReader(bus, open_catalogue(settings, bus), node))]
    except MissingTopicError:
        return
    finally:
        bus.close()
    gone = sorted(run.version for run in runs if not run.is_over and _is_gone(node, run.version))
    if gone:
        versions = ", ".join(dict.fromkeys(gone))
        raise RejectedError(
            f"{node.contract.name}: {len(gone)} runs began with {versions}, which is not in {node.folder.parent}; "
            f"restore that folder next to {node.folder.name} until the runs are over (`onex workflows list`)"
        )


def _is_gone(node: ResolvedNode, version: str) -> bool:
    return version not in ("", str(node.contract.contract_version)) and find_version(node.folder, version) is None
