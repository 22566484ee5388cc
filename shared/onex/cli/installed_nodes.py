"""Nodes of installed packages: by name, and those that `onex up` adds to the nodes of a project."""

from collections.abc import Iterable
from pathlib import Path

from onex.contract.installed import installed_roots
from onex.contract.load import FILE_NAME
from onex.contract.versions import newest_contracts

MESH_NODES = (
    "node_registry_orchestrator",
    "node_registry_reducer",
    "node_infrastructure_health_monitor_orchestrator",
)
"""The registry and health nodes: `onex up` runs them in addition to the nodes of a project."""

SCHEDULER = "node_scheduler_orchestrator"
"""The node that sends the commands of schedules: commands add it where a contract declares one."""


def installed_node(name: str) -> list[Path]:
    """Return the contracts of an installed node, one for each version. Empty when no package provides the node."""
    folders = [folder for root in installed_roots() for folder in root.iterdir() if folder.name == name]
    return [file for folder in folders for file in sorted(folder.glob(f"v*/{FILE_NAME}"))]


def with_mesh_nodes(folders: Iterable[Path]) -> list[Path]:
    """Return the folders, and those of the registry and health nodes that the folders do not hold under their names.

    Folders of mesh nodes that no longer exist are left out: an earlier installation may have had them elsewhere.
    """
    present = [folder for folder in folders if folder.exists() or folder.name not in MESH_NODES]
    names = {file.resolve().parent.parent.name for file in newest_contracts(present)}
    return [*present, *(folder for folder in _mesh_folders() if folder.name not in names)]


def without_mesh_nodes(folders: Iterable[Path]) -> list[Path]:
    """Return the folders without those of the installed registry and health nodes."""
    installed = _mesh_folders()
    return [folder for folder in folders if folder.resolve() not in installed]


def _mesh_folders() -> list[Path]:
    folders = [(root / name).resolve() for root in installed_roots() for name in MESH_NODES]
    return [folder for folder in folders if folder.is_dir()]
