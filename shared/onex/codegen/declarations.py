"""Renders ``topics/*.yaml`` and ``schemas/*.avsc``: the declarations of contracts, as files to review."""

import json
from collections.abc import Iterable

import yaml

from onex.contract import ResolvedNode
from onex.provisioning.declared import declare

_NOTE = "# Rendered from contracts by `onex contract render`; edit the contract, not this file.\n"


def declaration_files(nodes: Iterable[ResolvedNode]) -> dict[str, str]:
    """Return a file for each topic and each schema, by path below the root of the repository."""
    declared = declare(nodes, 1)
    files: dict[str, str] = {}
    for name, topic in declared.topics.items():
        if topic.foreign:
            continue
        facts: dict[str, object] = {
            "name": name,
            "partitions": topic.state.partitions,
            "declared_by": topic.declared_by,
        }
        if topic.state.config:
            facts["config"] = dict(sorted(topic.state.config.items()))
        files[f"topics/{name}.yaml"] = _NOTE + yaml.safe_dump(facts, sort_keys=False)
    for subject, schema in declared.schemas.items():
        files[f"schemas/{subject}.avsc"] = json.dumps(schema.schema, indent=2, ensure_ascii=False) + "\n"
    return files
