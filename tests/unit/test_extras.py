"""Extras: what is missing names its extra, and applications need none."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

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
