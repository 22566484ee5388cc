"""The version of an orchestrator with which a run began, and which finishes it."""

from onex.contract import ResolvedNode, resolve_node
from onex.contract.versions import find_version
from onex.workflow import WorkflowState


def version_of_run(newest: ResolvedNode, run: WorkflowState) -> ResolvedNode | None:
    """Return the version of an orchestrator with which a run began. Return None when its folder is missing.

    Raise ContractError when that version cannot be resolved.
    """
    if run.version in ("", str(newest.contract.contract_version)):  # version 0.1 did not record it
        return newest
    folder = find_version(newest.folder, run.version)
    return None if folder is None else resolve_node(folder, newest.contract.topic_prefix)


def missing_version_text(newest: ResolvedNode, run: WorkflowState) -> str:
    """Return the problem and the remedy when the folder of a version is missing."""
    place = newest.folder.parent
    remedy = f"restore that folder next to {newest.folder.name} until its runs are over"
    return f"version {run.version} is not in {place}: {remedy}"
