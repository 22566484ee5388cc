"""Extras: what is missing names its extra, and applications need none."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from onex.util.extras import EXTRA_BY_MODULE, MODULES_BY_EXTRA
from tests.conftest import ROOT

GATED = {
    "onex.agent": "agent",
    "onex.codegen": "agent",
    "onex.testing": "agent",
    "onex.cli.main": "agent",
    "onex.postgres": "postgres",
    "onex.mixins.database": "postgres",
    "onex.mixins.transactions": "postgres",
    "onex.mixins.container_operations": "docker",
    "onex.mixins.docker_client": "docker",
    "onex.mixins.docker_health_check": "docker",
    "onex.mixins.image_management": "docker",
    "onex.faust": "faust",
    "onex.bus.faust": "faust",
    "onex.local": "local",
}
OF_APPLICATIONS = ("onex.mesh", "onex.node", "onex.errors", "onex.settings", "onex.connect", "onex.model.mesh")


def run(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("module", "extra"), GATED.items())
def test_a_missing_extra_is_named(module: str, extra: str) -> None:
    blocked = MODULES_BY_EXTRA[extra][0]
    done = run(f"import sys; sys.modules[{blocked!r}] = None; import {module}")
    assert done.stderr.splitlines()[-1] == (
        f"ModuleNotFoundError: {blocked} is not installed; run `pip install 'onex-mesh[{extra}]'`"
    )


def test_an_application_needs_no_extra() -> None:
    done = run(
        f"import sys; sys.modules |= dict.fromkeys({sorted(EXTRA_BY_MODULE)!r})\n"
        + "\n".join(f"import {module}" for module in OF_APPLICATIONS)
    )
    assert done.returncode == 0, done.stderr


AGENT_ALONE = f"""
import sys
from onex.cli.main import _COMMANDS, main
sys.modules |= dict.fromkeys({sorted({*EXTRA_BY_MODULE} - {*MODULES_BY_EXTRA["agent"]})!r})
def onex(*arguments):
    sys.argv = ["onex", *arguments]
    try:
        main()
    except SystemExit as ended:
        return ended.code
"""
"""A process with the modules of the extra `agent`, and of no other."""


def test_the_extra_of_agents_is_enough_for_the_help_of_each_command() -> None:
    """Each command is imported for its help: the commands of what is missing say so only when they run."""
    ended = """
for names in [], *([name] for name in _COMMANDS):
    print(names, onex(*names, "--help"), file=sys.stderr)
"""
    done = run(AGENT_ALONE + ended)
    lines = [line for line in done.stderr.splitlines() if not line.endswith(" 0")]
    assert (lines, len(done.stderr.splitlines()) > 30) == ([], True)


def test_the_extra_of_agents_is_enough_to_begin(tmp_path: Path) -> None:
    """What concerns all capabilities needs no extra of one of them."""
    program = f"""
import os
os.chdir({str(tmp_path)!r})
assert onex("init", "shop") == 0
assert onex("contract", "validate", "shop/services") == 0
assert onex("contract", "schema") == 0
assert onex("mixins") == onex("mixins", "--json") == onex("mixins", "retry") == 0
assert onex("contract", "schema", "-o", "schema.json") == 0
assert open("schema.json").read() == open("shop/.onex/contract.schema.json").read()
contract, = __import__("pathlib").Path("shop/services").rglob("contract.yaml")
contract.write_text(contract.read_text() + "subcontracts: {{retries: {{}}}}\\n")
assert onex("contract", "validate", "shop/services") == 3
"""
    done = run(AGENT_ALONE + program)
    assert done.returncode == 0, done.stderr
    assert "no capability has this subcontract; there are alerting, audit_log," in " ".join(done.stderr.split())


def test_what_names_all_capabilities_needs_no_extra() -> None:
    """An unknown request of a program, and the accessors by which the generator finds a missing capability."""
    program = """
from onex.mixins.catalogue import CATALOGUE
from onex.mixins.service import create_service_with_capabilities
from onex.node import Node
names = "MixinDockerClient", "MixinDatabase", "MixinIntelligentCaching"
print(*(CATALOGUE.metadata(name).accessor for name in names))
create_service_with_capabilities(Node, None, ["teleport"])
"""
    done = run(AGENT_ALONE + program)
    assert done.stdout == "docker database intelligent_cache\n"
    assert "no capability 'teleport'; there are alerting, audit_log, " in done.stderr


def test_the_project_declares_the_distribution_of_each_module_in_its_extra() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {
        extra: {re.split(r"[>=\[; ]", entry)[0].lower().replace("_", "-") for entry in entries}
        for extra, entries in declared.items()
    }
    distributions = packages_distributions()
    missing = [
        (extra, module)
        for module, extra in EXTRA_BY_MODULE.items()
        if not names[extra] & {name.lower().replace("_", "-") for name in distributions[module]}
    ]
    assert missing == []
