"""The wheel of this project, and an environment that has the project from nowhere else."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

from tests.conftest import ROOT

_OPTIONS = ("--quiet", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check")


def built_wheel(folder: Path) -> Path:
    """Build the wheel into a folder."""
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return Path(built)


def install(wheel: Path, environment: Path) -> None:
    """Make an environment with the wheel and the third-party packages of this one, without network."""
    venv.create(environment, with_pip=False)
    python = str(environment / "bin" / "python")
    command = [sys.executable, "-m", "pip", "--python", python, "install", *_OPTIONS, str(wheel)]
    subprocess.run(command, check=True, cwd=wheel.parent)
    third_party = [path for path in sys.path if path.endswith("site-packages")]
    (packages_of(environment) / "third_party.pth").write_text("\n".join(third_party))


def packages_of(environment: Path) -> Path:
    """Return the folder where an environment has its packages."""
    return Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
