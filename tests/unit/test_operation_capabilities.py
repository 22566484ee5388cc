"""An I/O operation of a hand-written node needs its capability: in the contract, or as a base of the class."""

from pathlib import Path

import pytest

from onex.contract import resolve_node
from onex.errors import ContractError

CONTRACT = """\
name: {name}
node_type: EFFECT
contract_version: {{major: 1, minor: 0, patch: 0}}
event_bus: {{subscribe_topics: [onex.cmd.shelf.put-away.v1]}}
input_model: PutAway
io_operations:
  - {{handler: execute, type: file, operation: write, path: "shelf/{{PutAway.item}}", content: PutAway.text}}
definitions:
  models:
    PutAway: {{key: item, fields: {{item: str, text: str}}}}
{more}"""
MODELS = '''\
from onex.node import Message


class PutAway(Message, key="item"):
    """Command."""

    item: str
    text: str
'''
NODE = """\
from {name}.v1_0_0.models import PutAway
from onex.mixins.files import MixinFiles
from onex.node import Context, NodeEffect


class NodeShelf({bases}):
    async def execute(self, command: PutAway, context: Context) -> None:
        pass
"""


def make(root: Path, name: str, bases: str, more: str = "") -> Path:
    folder = root / name / "v1_0_0"
    (folder / "models").mkdir(parents=True)
    (folder / "contract.yaml").write_text(CONTRACT.format(name=name, more=more))
    (folder / "models" / "__init__.py").write_text(MODELS)
    (folder / "node.py").write_text(NODE.format(name=name, bases=bases))
    return folder


def test_a_node_without_the_capability_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ContractError, match="io_operations.0.: an operation of type file needs MixinFiles; write `files:`"
    ):
        resolve_node(make(tmp_path, "node_shelfbare_effect", "NodeEffect"))


def test_a_base_or_a_subcontract_is_the_capability(tmp_path: Path) -> None:
    for node in (
        make(tmp_path, "node_shelfbase_effect", "MixinFiles, NodeEffect"),
        make(tmp_path, "node_shelfkey_effect", "NodeEffect", "subcontracts: {files: {}}\n"),
    ):
        composed = {metadata.name for metadata in resolve_node(node).node_class.capabilities.start}
        assert "MixinFiles" in composed
