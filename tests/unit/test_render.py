"""``onex contract render`` replaces and removes the files that it wrote, and no others."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from onex.cli.main import app
from tests.conftest import SERVICES

NODE = SERVICES / "node_distributed_lock_effect"
RENDERED = ("deploy/prometheus/alerts.yml", "deploy/grafana/onex.json", "docs/contract-reference.md")
SCHEMA = "schemas/onex.evt.mesh.node-introspected.v1-value.avsc"


def render(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["contract", "render", "--root", str(root), *arguments, "--services", str(NODE)])


def content(root: Path) -> dict[str, bytes]:
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


@pytest.mark.parametrize("foreign", [b"groups: []\n", b"{}", b"[", b"", b"\xff\xfe"])
def test_files_of_someone_else_are_not_replaced(tmp_path: Path, foreign: bytes) -> None:
    assert render(tmp_path).exit_code == 0
    written = content(tmp_path)
    names = (*RENDERED, SCHEMA)
    for name in names:
        (tmp_path / name).write_bytes(foreign)
        refused = render(tmp_path)
        assert (refused.exit_code, f"{tmp_path / name}: not written by" in refused.output) == (5, True)
        assert content(tmp_path) == {**written, name: foreign}
        (tmp_path / name).write_bytes(written[name])
    for name in names:
        (tmp_path / name).write_bytes(foreign)
    assert render(tmp_path, "--check").exit_code == 1
    assert render(tmp_path, "--overwrite").exit_code == 0
    assert content(tmp_path) == written


def test_files_of_this_command_are_replaced_and_removed(tmp_path: Path) -> None:
    assert render(tmp_path).exit_code == 0
    written = content(tmp_path)
    topic = next(file for file in written if file.startswith("topics/"))
    for name in (*RENDERED, SCHEMA, topic):
        (tmp_path / name).write_text(written[name].decode() + "\n")
    (tmp_path / "schemas" / "onex.evt.old.gone.v1-value.avsc").write_bytes(written[SCHEMA])
    (tmp_path / "topics" / "onex.evt.old.gone.v1.yaml").write_bytes(written[topic])
    (tmp_path / "topics" / "_notes.yaml").write_text("mine: true\n")
    assert render(tmp_path, "--check").exit_code == 1
    assert render(tmp_path).exit_code == 0
    assert content(tmp_path) == {**written, "topics/_notes.yaml": b"mine: true\n"}
    assert render(tmp_path, "--check").exit_code == 0
