"""Every code block of the documents runs, in order, in one folder per document.

``sh`` blocks run in bash, ``python`` blocks as programs, blocks with ``title=`` become that file, ``json``
is parsed; a ``yaml`` block without a title must be part of a file of the tutorial, or the capabilities of a contract.
``text`` is a picture.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from onex.local import LocalPostgres
from onex.mixins.catalogue import CATALOGUE
from onex.mixins.service import with_mixins
from onex.model.contract.capabilities import ModelMixinDeclaration
from onex.node import NodeEffect
from onex.pytest_plugin.servers import SHORT_LIVED
from tests.conftest import ORDERS, ROOT
from tests.integration.agents import FORKS, Mesh
from tests.integration.forked_onex import onex_folder

FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DOCUMENTS = sorted(
    [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")], key=lambda path: (-path.read_text().count("```sh"), path)
)
"""Those with the most to do first: they take longest."""
_STACK_FILE = "stack.json"
_TIMEOUT = 280.0
"""Seconds for one block."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: what follows the fence, and the text."""

    language: str
    title: str
    text: str
    line: int


def blocks_of(document: Path) -> Iterator[Block]:
    content = document.read_text()
    for found in FENCE.finditer(content):
        language, _, rest = found[1].partition(" ")
        title = rest.removeprefix("title=")
        yield Block(language, title, found[2], content[: found.start()].count("\n") + 1)


_OWN_SERVERS = ("README.md", "docs/operations.md", "docs/writing-a-node.md")
"""Documents whose ``onex up`` starts servers. That of the others uses the servers of the test worker: a second broker
takes longer to start than such a document to run."""
_REAL_COMMAND = ("README.md",)
"""Documents with the installed command ``onex``. That of the others is forked from a process that has imported it."""
_NEEDS_REGISTRY = "docs/operations.md"


def _parameters() -> Iterator[object]:
    for path in DOCUMENTS:
        name = str(path.relative_to(ROOT))
        yield pytest.param(path, id=name, marks=[pytest.mark.long] if name in _OWN_SERVERS else [])


@dataclass
class Workplace:
    """A folder with the examples in it, and a stack."""

    folder: Path
    env: dict[str, str]

    def run(self, *command: str) -> None:
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False, timeout=_TIMEOUT
        )
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"

    def run_program(self, text: str) -> None:
        file = self.folder / ".program.py"
        file.write_text(text)
        done = FORKS().run("tests.docs.program", [str(file), str(self.folder)], self.env, timeout=_TIMEOUT)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


@pytest.fixture
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def workplace(document: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Workplace]:
    for folder in ("examples", "services"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    python = Path(sys.executable).parent
    name = str(document.relative_to(ROOT))
    commands = [] if name in _REAL_COMMAND else [str(onex_folder())]
    env = {
        **os.environ,
        "PATH": ":".join([*commands, str(python), os.environ["PATH"]]),
        "PYTHONPATH": f"{tmp_path}/examples/orders:{tmp_path}/greetings",
        "ONEX_HEARTBEAT_INTERVAL": "1",
        # Three agents more in each stack: the page that asks the registry has them.
        "ONEX_UP_REGISTRY": "1" if name == _NEEDS_REGISTRY else "0",
        "JAVA_TOOL_OPTIONS": " ".join(SHORT_LIVED),
    }
    if _has_stack(document) and name not in _OWN_SERVERS:
        mesh = Mesh(request.getfixturevalue("kafka_bus"), sorted(ORDERS.glob("*/v1_0_0")), tmp_path)
        postgres: LocalPostgres = request.getfixturevalue("postgres")
        env |= {setting: mesh.env[setting] for setting in ("KAFKA_BOOTSTRAP_SERVERS", "ONEX_ENV")}
        env["DATABASE_URL"] = postgres.start()
    made = Workplace(tmp_path, env)
    yield made
    if (tmp_path / ".onex" / _STACK_FILE).exists():
        made.run("onex", "down", "--wipe")


def _has_stack(document: Path) -> bool:
    texts = [block.text for block in blocks_of(document) if block.language == "sh"]
    return any(command in text for text in texts for command in ("onex up", "onex dev"))


@pytest.mark.parametrize("document", list(_parameters()), indirect=True)
def test_every_block_runs(document: Path, workplace: Workplace) -> None:
    for block in blocks_of(document):
        place = f"{document.name}:{block.line}"
        if block.title:
            file = workplace.folder / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)
            continue
        match block.language:
            case "sh":
                workplace.run("bash", "-euo", "pipefail", "-c", block.text)
            case "python":
                _with_kafka(workplace)
                workplace.run_program(block.text)
            case "json":
                json.loads(block.text)
            case "yaml":
                composes = block.text.startswith("mixins:") and _composes(block.text)
                assert composes or _is_quoted(block.text), f"{place}: not found in any file of the tutorial"
            case "text":
                continue
            case _:
                raise AssertionError(f"{place}: say what this block is (sh, python, yaml, json, text)")


def _with_kafka(workplace: Workplace) -> None:
    """Programs that use Kafka's own clients get the address that onex itself would find."""
    stack = workplace.folder / ".onex" / _STACK_FILE
    if stack.exists() and (address := json.loads(stack.read_text())["kafka_bootstrap_servers"]):
        workplace.env["KAFKA_BOOTSTRAP_SERVERS"] = address


def _composes(text: str) -> bool:
    """Whether an EFFECT can have these capabilities, configured like this. Raises what is wrong."""
    listed = [ModelMixinDeclaration.model_validate(one) for one in yaml.safe_load(text)["mixins"]]
    mixins = [CATALOGUE.mixin(one.name) for one in listed]
    for mixin, one in zip(mixins, listed, strict=True):
        mixin.definition.subcontract.model_validate(one.config)
    return bool(with_mixins(NodeEffect, mixins))


def _is_quoted(text: str) -> bool:
    """Whether some contract that tests run holds these lines, whitespace aside."""
    wanted = " ".join(text.split())
    folders = (ROOT / "examples" / "orders", ROOT / "examples" / "jobs", ROOT / "tests" / "nodes")
    files = (file for folder in folders for file in folder.rglob("*.yaml"))
    return any(wanted in " ".join(file.read_text().split()) for file in files)
