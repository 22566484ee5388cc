"""``onex contract import``: files and folders, what is written, what is refused, and the exit codes."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from onex.cli.main import app
from onex.cli.output import Exit
from onex.contract import find_contracts, load_contract

DATA = Path(__file__).parents[1] / "data" / "found"
GOOD, BAD = DATA / "generic_effect.yaml", DATA / "retried_compute.yaml"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["contract", "import", *map(str, arguments)])


def test_a_contract_is_written_with_its_report_and_is_valid(tmp_path: Path) -> None:
    result = run(GOOD, "--output", tmp_path)
    assert result.exit_code == Exit.OK, result.output
    folder = tmp_path / "node_parcel_scan_effect" / "v1_0_3"
    assert load_contract(folder).name == "node_parcel_scan_effect"
    assert (folder / "contract.yaml").read_text().startswith("# yaml-language-server: $schema=../../../.onex/")
    report = (folder / "import-report.txt").read_text()
    assert "generic_effect.yaml:32: translated: error_handling.retry_policy.max_retries: max_attempts: 4" in report
    assert "generic_effect.yaml:42: left out: error_handling.circuit_breaker.window_size: " in report
    assert "1 of 1 contract loaded" in result.output
    checked = CliRunner().invoke(app, ["contract", "validate", "--shape-only", str(tmp_path)])
    assert checked.exit_code == Exit.OK, checked.output
    assert sorted(path.name for path in folder.iterdir()) == ["contract.yaml", "import-report.txt"]


def test_without_an_output_nothing_is_written_and_the_report_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(GOOD)
    assert result.exit_code == Exit.OK
    assert f"{GOOD}:32: translated: error_handling.retry_policy.max_retries" in result.output
    assert ": taken: " not in result.output
    assert ": taken: " in run(GOOD, "--all").output
    assert not list(tmp_path.iterdir())


def test_a_refused_contract_has_a_line_and_the_others_are_written(tmp_path: Path) -> None:
    result = run(GOOD, BAD, "--output", tmp_path)
    assert result.exit_code == Exit.CONTRACT
    assert f"{BAD}:8: refused: error_handling.retry_policy: " in result.output
    assert "1 of 2 contracts loaded" in result.output
    assert len(find_contracts([tmp_path])) == 1


def test_existing_contracts_are_replaced_only_when_asked(tmp_path: Path) -> None:
    assert run(GOOD, "--output", tmp_path).exit_code == Exit.OK
    (file,) = find_contracts([tmp_path])
    file.write_text("mine")
    again = run(GOOD, "--output", tmp_path)
    assert again.exit_code == Exit.REFUSED
    assert "--overwrite" in again.output
    assert file.read_text() == "mine"
    assert run(GOOD, "--output", tmp_path, "--overwrite").exit_code == Exit.OK
    assert load_contract(file).name == "node_parcel_scan_effect"


def test_a_link_at_the_place_of_a_contract_is_not_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    folder = tmp_path / "out" / "node_parcel_scan_effect" / "v1_0_3"
    folder.mkdir(parents=True)
    (folder / "contract.yaml").symlink_to(outside)
    assert run(GOOD, "--output", tmp_path / "out").exit_code == Exit.REFUSED
    assert run(GOOD, "--output", tmp_path / "out", "--overwrite").exit_code == Exit.OK
    assert outside.read_text() == "mine"
    assert not (folder / "contract.yaml").is_symlink()


def test_the_same_node_twice_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text(GOOD.read_text())
    result = run(GOOD, copy, "--output", tmp_path / "out")
    assert result.exit_code == Exit.REFUSED
    assert "the same version of one node" in result.output
    assert not (tmp_path / "out").exists()


def test_json_has_every_note_and_every_problem(tmp_path: Path) -> None:
    result = run(GOOD, BAD, "--json", "--output", tmp_path)
    assert result.exit_code == Exit.CONTRACT
    data = json.loads(result.stdout)
    good, bad = data["files"]
    assert data["loaded"] == 1
    assert (good["node"], good["kind"]) == ("node_parcel_scan_effect", "EFFECT")
    assert Path(good["written"]).exists()
    assert good["counts"]["translated"] == sum(note["action"] == "translated" for note in good["notes"])
    assert bad["node"] is None
    assert [note["line"] for note in bad["notes"] if note["action"] == "refused"] == [8]


def test_folders_are_searched_without_following_links(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for place in (
        "b/contract.yaml",
        "a/node_x.yaml",
        "a/deep/my_contract.yml",
        "a/compose.yaml",
        ".git/contract.yaml",
    ):
        file = source / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(GOOD.read_text().replace("parcel_scan", f"part_{len(place)}"))
    (source / "loop").symlink_to(source)
    (source / "c").mkdir()
    (source / "c" / "contract.yaml").symlink_to("/etc/hostname")
    data = json.loads(run(source, "--json").stdout)
    found = [os.path.relpath(each["file"], source) for each in data["files"]]
    assert found == ["a/deep/my_contract.yml", "a/node_x.yaml", "b/contract.yaml"]


def test_a_folder_with_other_names_has_any_yaml(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD.read_text())
    assert "1 of 1 contract loaded" in run(tmp_path).output


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: *b", b"[" * 100, b"", b"a: 1\na: 2\n"])
def test_a_hostile_file_is_one_line_and_no_traceback(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "contract.yaml").write_bytes(content)
    result = run(tmp_path)
    assert result.exit_code == Exit.CONTRACT
    assert "refused: " in result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_paths_without_contracts(tmp_path: Path) -> None:
    assert "is no regular file" in run(tmp_path / "nothing.yaml").output
    assert run(tmp_path / "nothing.yaml").exit_code == Exit.CONTRACT
    result = run(tmp_path)
    assert "no YAML file here" in f"{result.output}{result.exception}"
