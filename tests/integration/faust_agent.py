"""``python -m tests.integration.faust_agent FOLDER``: a node as its contract would be if it asked for Faust."""

import sys
from dataclasses import replace
from pathlib import Path

from onex.agent.process.run_agent import run_resolved
from onex.contract import resolve_node
from onex.model.enums import EnumGuarantee, EnumHost
from onex.settings import Settings


def main() -> int:
    """Return the exit code of the agent."""
    resolved = resolve_node(Path(sys.argv[1]))
    asked = {"host": EnumHost.FAUST, "guarantee": EnumGuarantee.AT_LEAST_ONCE}
    delivery = resolved.contract.delivery.model_copy(update=asked)
    contract = resolved.contract.model_copy(update={"delivery": delivery})
    return run_resolved(replace(resolved, contract=contract), Settings.load())


if __name__ == "__main__":
    sys.exit(main())
