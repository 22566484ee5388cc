"""``topics/*.yaml`` and ``schemas/*.avsc``: what contracts declare, as files to review and to diff."""

import json
from collections.abc import Iterable

import yaml

from onex.contract import ResolvedNode
from onex.provisioning.declared import declare

_NOTE = "# Rendered from contracts by `onex contract render`; edit the contract, not this file.\n"


def declaration_files(nodes: Iterable[ResolvedNode]) -> dict[str, str]:
    """Files by path below the repository's root: one per topic and one per schema."""
    declared = declare(nodes, 1)
    files: dict[str, str] = {}
    for name, topic in declared.topics.items():
        facts: dict[str, object] = {"name": name, "partitions": topic.state.partitions, "declared_by": topic.by}
        if topic.state.config:
            facts["config"] = dict(sorted(topic.state.config.items()))
        files[f"topics/{name}.yaml"] = _NOTE + yaml.safe_dump(facts, sort_keys=False)
    for subject, schema in declared.schemas.items():
        files[f"schemas/{subject}.avsc"] = json.dumps(schema.schema, indent=2, ensure_ascii=False) + "\n"
    return files
