"""``onex init`` writes a project that is valid, formatted and can be installed; or nothing."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder
from typer.testing import CliRunner

from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.cli.main import app
from onex.cli.project.names import project_names
from onex.cli.project.scaffold import project_files
from onex.cli.project.write import write_new_folder
from onex.codegen.adopt.adoption import Choices, adopt
from onex.codegen.adopt.sample import Sample, SampledRecord
from onex.errors import ConfigurationError, RejectedError
from onex.schema.topic_catalogue import TopicCatalogue
from tests.conftest import ROOT

CONTRACT = "services/node_web_shop_greeting_compute/v1_0_0/contract.yaml"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def onex(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done.exit_code, done.stdout, " ".join(done.stderr.split())


def test_a_project_and_what_is_adopted_in_it_are_valid_and_formatted(folder: Path) -> None:
    code, out, err = onex("init", "web-shop", "--json")
    assert code == 0, err
    written = {path.relative_to("web-shop").as_posix() for path in Path("web-shop").rglob("*") if path.is_file()}
    assert {*json.loads(out)["files"]} == written >= {CONTRACT, "Makefile", "README.md", ".github/workflows/ci.yml"}
    assert onex("contract", "validate", "web-shop/services")[:2] == (0, "1 contract valid\n")
    parcel = SampledRecord(b"p-1", b'{"id": "p-1", "fee": 4.5, "sent": "2026-01-01T00:00:00Z", "class": 1}', {})
    adoption = adopt(
        Sample("shop.parcels", 4, (parcel,)), Choices(), TopicCatalogue(MemoryEventBus(MemoryBroker(lambda: 0)))
    )
    write_new_folder(Path("web-shop/services") / adoption.wanted.package, adoption.files)
    for check in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, "."], cwd="web-shop", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_first_line_of_the_contract_leads_editors_to_the_schema(folder: Path) -> None:
    assert onex("init", "web-shop")[0] == 0
    contract = folder / "web-shop" / CONTRACT
    line = contract.read_text().splitlines()[0]
    schema = contract.parent / line.removeprefix("# yaml-language-server: $schema=")
    assert json.loads(schema.read_text())["title"] == "ONEX node contract"
    ignored = (folder / "web-shop" / ".gitignore").read_text().splitlines()
    assert ignored[-2:] == [".onex/*", "!.onex/contract.schema.json"]


def test_every_command_of_the_makefile_is_known(folder: Path) -> None:
    assert onex("init", "web-shop")[0] == 0
    text = (folder / "web-shop" / "Makefile").read_text() + (folder / "web-shop" / "README.md").read_text()
    commands = re.findall(r"(?:\$\(BIN\)|\.venv/bin)/onex (.+?)(?:$|`)", text, re.MULTILINE)
    assert len(commands) == 8
    for command in commands:
        words = [word for word in shlex.split(command) if not word.startswith("{")]
        assert onex(*words[: 2 if words[0] in ("contract", "new") else 1], "--help")[0] == 0, command
    targets = re.findall(r"^([a-z]+):", text, re.MULTILINE)
    assert {*re.findall(r"make (\w+)", text)} <= {*targets}


def test_the_wheel_of_a_project_has_its_nodes(folder: Path) -> None:
    assert onex("init", "web-shop")[0] == 0
    (built,) = WheelBuilder(str(folder / "web-shop")).build(directory=str(folder / "dist"), versions=["standard"])
    with zipfile.ZipFile(built) as wheel:
        wheel.extractall(folder / "site")
    assert "web_shop_nodes:folder" in next((folder / "site").glob("*/entry_points.txt")).read_text()
    for root, nodes in ((folder / "site", "web_shop_nodes"), (folder / "web-shop", "services")):
        spec = importlib.util.spec_from_file_location("web_shop_nodes", root / "web_shop_nodes" / "__init__.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.folder() == root / nodes
        assert (module.folder() / CONTRACT.removeprefix("services/")).is_file()


def test_a_folder_that_is_not_empty_is_refused(folder: Path) -> None:
    (folder / "shop").mkdir()
    (folder / "shop" / ".git").write_text("mine")
    assert onex("init", "shop")[::2] == (
        5,
        "refused shop: is not empty; name a folder that is new or empty with --folder",
    )
    assert [path.name for path in (folder / "shop").iterdir()] == [".git"]
    for name in ("shop/.git", "link"):
        (folder / "link").unlink(missing_ok=True)
        (folder / "link").symlink_to(folder / "elsewhere")
        assert onex("init", "shop", "--folder", name)[::2] == (
            5,
            f"refused {name}: is no folder; name one that is new or empty with --folder",
        )


def test_an_empty_folder_stays_the_one_that_a_shell_is_in(folder: Path) -> None:
    before = folder.stat().st_ino
    assert onex("init", "shop", "--folder", ".")[0] == 0
    assert (folder.stat().st_ino, Path("Makefile").is_file()) == (before, True)
    assert not list(folder.glob(".*.part"))


@pytest.mark.parametrize(
    "name",
    ["", "Shop", "9shop", "shop_", "web--shop", "-shop", "shop-", "../shop", "a" * 31, "class", "onex", "é", "a\n"],
)
def test_names_are_checked(name: str, folder: Path) -> None:
    code, _, err = onex("init", "--", name)
    assert (code, "is no name of a project" in err) == (2, True), err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("existed", [True, False])
def test_nothing_is_left_of_files_that_cannot_be_written(folder: Path, existed: bool) -> None:
    target = folder / "shop"
    if existed:
        target.mkdir()
    with pytest.raises(ConfigurationError, match=r"shop: cannot be written: .*; name another one with --folder"):
        write_new_folder(target, {"a/b": "", "a/b/c": ""})
    assert target.exists() == existed
    assert list(folder.rglob("*")) == ([target] if existed else [])


def test_files_that_were_moved_are_removed_when_another_cannot_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.name == "c":
            raise OSError(28, os.strerror(28))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    (folder / "shop").mkdir()
    with pytest.raises(ConfigurationError, match=os.strerror(28)):
        write_new_folder(folder / "shop", {"a": "", "b/x": "", "c": ""})
    assert list((folder / "shop").iterdir()) == []


def test_a_name_that_no_system_takes_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_new_folder(Path("a\x00b"), {"a": ""})
    with pytest.raises((ConfigurationError, RejectedError)):
        write_new_folder(Path("x" * 5000), {"a": ""})


def test_the_hook_checks_the_contracts_that_changed(folder: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    files = project_files(project_names("hooked"))  # a process imports the node of a name once
    path = CONTRACT.replace("web_shop", "hooked")
    repository = yaml.safe_load(files[".pre-commit-config.yaml"])["repos"][0]
    mine = next(each for each in repository["hooks"] if each["id"] == hook["id"])
    assert mine["entry"] == f".venv/bin/{hook['entry']}"
    assert {mine[key] == hook[key] for key in ("files", "language", "require_serial")} == {True}
    node = path.removesuffix("contract.yaml")
    checked = {path, f"{node}node.py", f"{node}models/__init__.py"}
    assert {name for name in files if re.search(hook["files"], name)} == checked
    for other in ("models/user.py", "shop/node.py", "docs/contract.yaml.md", f"{node}cases.yaml", f"{node}notes.py"):
        assert not re.search(hook["files"], other), other
    write_new_folder(folder / "shop", files)
    contract = folder / "shop" / path
    command = hook["entry"].split()[1:]
    every = [str(folder / "shop" / name) for name in sorted(checked)]
    code, out, _ = onex(*command, *every)
    assert (code, out) == (0, "1 contract valid\n")
    contract.write_text(contract.read_text().replace("output_model: Greeted", "output_model: Greted"))
    code, _, err = onex(*command, str(contract))
    assert (code, f"{contract}:7: output_model: models/ has no message Greted" in err) == (3, True), err
    code, _, err = onex(*command, str(contract.with_name("node.py")))
    assert (code, f"{contract}:7: output_model: models/ has no message Greted" in err) == (3, True), err


def test_a_file_that_no_node_has_is_refused(folder: Path) -> None:
    (folder / "models").mkdir()
    stray = folder / "models" / "user.py"
    stray.touch()
    code, _, err = onex("contract", "validate", str(stray))
    said = f"error {stray}:1: path: is in no folder with a contract.yaml; name a contract, or a file of a node"
    assert (code, err.strip()) == (3, said)
