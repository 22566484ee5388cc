"""Runs of workflows and the versions of their orchestrator: a run ends on the version that it began with."""

from onex.contract import ResolvedNode, resolve_node
from onex.contract.versions import find_version
from onex.workflow import WorkflowState


def version_of_run(newest: ResolvedNode, run: WorkflowState) -> ResolvedNode | None:
    """The version of an orchestrator that a run began with; None when its folder is not there.

    Raises ContractError when that version cannot be resolved.
    """
    if run.version in ("", str(newest.contract.contract_version)):  # 0.1 did not note it
        return newest
    folder = find_version(newest.folder, run.version)
    return None if folder is None else resolve_node(folder, newest.contract.topic_prefix)


def gone(newest: ResolvedNode, run: WorkflowState) -> str:
    """What to do about a version whose folder is not there."""
    place = newest.folder.parent
    remedy = f"restore that folder next to {newest.folder.name} until its runs are over"
    return f"version {run.version} is not in {place}: {remedy}"
