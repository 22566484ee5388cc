"""Proof: each node in ``services/`` is regenerated from its contract, and behaves as before.

The first test takes the contracts as they are. The second one takes a next version of each, with one more capability:
it has another package and other bases, and every golden case must hold as it did.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from onex.codegen.regenerate import differences, regenerated
from onex.codegen.regenerate.folder import read_folder
from onex.contract import find_contracts
from onex.local import LocalPostgres
from onex.testing import load_cases
from tests.conftest import ROOT, SERVICES

FOLDERS = [file.parent for file in find_contracts([SERVICES])]
ADDED = "{name: MixinLogging}"


def name_of(folder: Path) -> str:
    return folder.parent.name


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_service_is_regenerated_as_it_is(folder: Path) -> None:
    result = regenerated((folder / "contract.yaml").read_text(), folder)
    before = {f"{name_of(folder)}/{folder.name}/{name}": text for name, text in read_folder(folder).texts.items()}
    assert differences(before, result.files) == {}
    assert result.conflicts == ()
    assert result.kept_bodies, "its bodies are hand-written"


def next_version(text: str) -> str:
    """Return the contract of the next minor version, with a further capability."""
    version = "contract_version: {major: 1, minor: 0, patch: 0}"
    assert version in text
    text = text.replace(version, version.replace("minor: 0", "minor: 1"))
    if "\nmixins:\n" in text:
        return text.replace("\nmixins:\n", f"\nmixins:\n  - {ADDED}\n")
    return f"{text}mixins:\n  - {ADDED}\n"


@pytest.mark.postgres
def test_the_next_version_of_each_service_passes_the_golden_cases(tmp_path: Path, postgres: LocalPostgres) -> None:
    root = tmp_path / "regenerated"
    for folder in FOLDERS:
        result = regenerated(next_version((folder / "contract.yaml").read_text()), folder)
        assert result.conflicts == ()
        node = result.files[f"{name_of(folder)}/v1_1_0/node.py"]
        assert re.search(r"^class \w+\([^)]*\bMixinLogging\b", node, re.MULTILINE), node
        for name, text in result.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "shared"), str(ROOT)]),
        "DATABASE_URL": postgres.start(),
        "ONEX_EXPORT_FOLDER": str(tmp_path / "exported"),
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "integration" / "regenerated_cases.py"), str(root)],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])  # the agents log to stdout
    assert sorted(results) == sorted(name_of(folder) for folder in FOLDERS)
    for folder in FOLDERS:
        found = results[name_of(folder)]
        assert "MixinLogging" in found.pop("mixins").split(",")
        assert found == {case.name: "" for case in load_cases(folder)}
