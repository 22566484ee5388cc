"""The service nodes of the mesh. In a wheel this package holds them; in a checkout they are in ``services/``."""

from pathlib import Path


def folder() -> Path:
    """Return the folder of the nodes: the value of the entry point in the group ``onex.nodes``."""
    package = Path(__file__).resolve().parent
    return package if any(package.glob("node_*")) else package.parents[1] / "services"
