"""Runs the golden cases of regenerated nodes: ``python regenerated_cases.py SERVICES`` prints a JSON object.

A process of its own: modules are imported once, and the packages have the names of the installed ones.
"""

import json
import sys
from pathlib import Path

from onex.contract import find_contracts, resolve_node
from onex.model.enums import EnumNodeKind
from onex.testing import load_cases, run_case


def main(root: Path) -> None:
    """Run all cases, and print the differences by node and case. An empty text is a case that holds."""
    sys.path.insert(0, str(root))
    results: dict[str, dict[str, str]] = {}
    for file in find_contracts([root]):
        node = resolve_node(file)
        virtual = node.contract.node_type is not EnumNodeKind.EFFECT
        results[node.contract.name] = {
            case.name: run_case(file.parent, case, virtual_time=virtual) for case in load_cases(file.parent)
        }
        results[node.contract.name]["mixins"] = ",".join(sorted(m.name for m in node.node_class.capabilities.start))
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
