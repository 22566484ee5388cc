"""Runs of workflows that no version here can end."""

from collections.abc import Sequence

from onex.cli.bus import open_bus
from onex.cli.stack.agent_plan import Retirement
from onex.connect import open_catalogue
from onex.contract import ResolvedNode
from onex.contract.versions import find_version
from onex.errors import MissingTopicError, RejectedError
from onex.mesh import StateReader
from onex.settings import Settings
from onex.workflow import WorkflowState


def refuse_runs_left_behind(nodes: Sequence[ResolvedNode], retired: Sequence[Retirement], settings: Settings) -> None:
    """Before agents of an orchestrator are replaced by another version. State is read only where the folder of theirs
    is gone.

    Raises RejectedError when runs began with a version that is not beside the new one.
    """
    for node in nodes:
        name, version = node.contract.name, node.contract.contract_version
        before = {a.version for a in (r.agent for r in retired) if (a.node, a.major) == (name, str(version.major))}
        if node.contract.workflow_coordination and any(_is_gone(node, each) for each in before):
            _refuse(node, settings)


def _refuse(node: ResolvedNode, settings: Settings) -> None:
    bus = open_bus(settings)
    try:
        runs = [run for _, run in StateReader(bus, open_catalogue(settings, bus), node).scan()]
    except MissingTopicError:
        return
    finally:
        bus.close()
    waiting = [run.version for run in runs if isinstance(run, WorkflowState) and not run.is_over]
    left = sorted(version for version in waiting if _is_gone(node, version))
    if left:
        versions = ", ".join(dict.fromkeys(left))
        raise RejectedError(
            f"{node.contract.name}: {len(left)} runs began with {versions}, which is not in {node.folder.parent}; "
            f"put it back beside {node.folder.name} until they are over (`onex workflows list`)"
        )


def _is_gone(node: ResolvedNode, version: str) -> bool:
    return version not in ("", str(node.contract.contract_version)) and find_version(node.folder, version) is None
