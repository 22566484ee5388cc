"""``onex generate`` and ``omninode-generate``: what they write, print and refuse."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from onex.cli.generate import alias
from onex.cli.main import app
from onex.codegen.write import list_backups
from tests.conftest import CONTRACTS, SERVICES

EFFECT = CONTRACTS / "llm_effect.yaml"
COMPUTE = CONTRACTS / "circuit_judge_compute.yaml"
JUDGE = "node_circuit_judge_compute/v1_0_0"
NODE = f"{JUDGE}/node.py"
QUICK = ("--validation-level", "none")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["generate", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done.exit_code, done.stdout, done.stderr


def facts(*arguments: object) -> dict[str, object]:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    read = json.loads(out)
    assert isinstance(read, dict)
    return read


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_a_package_is_written_to_the_current_folder_with_a_table(folder: Path) -> None:
    code, out, err = run(EFFECT, COMPUTE, *QUICK)
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["node", "kind", "strategy", "gates", "tests", "unfinished", "seconds"]
    assert lines[1][:6] == ["node_llm_effect", "EFFECT", "template", "none", "none", "1"]
    assert lines[2][:5] == ["node_circuit_judge_compute", "COMPUTE", "template", "none", "none"]
    assert "node_llm_effect: write the body of generate in node.py" in out
    assert [line.rpartition(" in ")[0] for line in err.splitlines()[:3]] == [
        f"{EFFECT}: {step} done" for step in ("read", "render", "write")
    ]
    assert (folder / NODE).exists()


def test_a_folder_of_contracts_is_generated_into_an_output(folder: Path) -> None:
    report = facts(CONTRACTS, "--output", "made", *QUICK)
    nodes = report["nodes"]
    assert isinstance(nodes, list)
    assert len(nodes) == 7
    assert {node["strategy"] for node in nodes} == {"template"}
    assert len(list((folder / "made").glob("node_*/v*/contract.yaml"))) == 7


def test_a_contract_in_its_package_is_generated_there_and_keeps_bodies(folder: Path) -> None:
    run(COMPUTE, "--output", "made", *QUICK)
    change(folder / "made" / NODE, "    @unfinished\n", "    # mine\n")
    report = facts(folder / "made" / JUDGE / "contract.yaml", *QUICK)
    (node,) = report["nodes"] if isinstance(report["nodes"], list) else []
    assert (node["strategy"], NODE in node["kept"], node["unfinished"]) == ("hybrid", True, [])
    assert "# mine" in (folder / "made" / NODE).read_text()
    assert not (folder / JUDGE).exists()


def test_a_change_by_hand_is_refused_then_overwritten_then_restored(folder: Path) -> None:
    run(COMPUTE, *QUICK)
    change(folder / NODE, "class NodeCircuitJudgeCompute", "# mine\nclass NodeCircuitJudgeCompute")
    mine = (folder / NODE).read_text()
    template = (COMPUTE, "--strategy", "template", *QUICK)
    code, _, err = run(*template)
    assert (code, f"{folder / NODE}: changed by hand, and would be lost" in err.replace("\n", "")) == (5, True)
    assert (folder / NODE).read_text() == mine
    code, out, _ = run(*template, "--overwrite", "--backup")
    (backup,) = list_backups(folder, JUDGE)
    assert (code, f"the package before is backup {backup.id}" in out) == (0, True)
    assert "# mine" not in (folder / NODE).read_text()
    code, out, _ = run(COMPUTE, "--restore")
    assert (code, backup.id in out) == (0, True)
    assert (folder / NODE).read_text() == mine
    code, _, err = run(COMPUTE, "--restore", "20200101T000000.000000Z")
    assert (code, "has no backup" in err, backup.id in err) == (5, True, True)
    assert run(COMPUTE, "--overwrite", "--restore", backup.id)[0] == 0
    assert run("--restore", COMPUTE)[0] == 0


def test_a_difference_is_printed_and_is_exit_code_1(folder: Path) -> None:
    run(COMPUTE, *QUICK)
    assert run(COMPUTE, "--diff")[:2] == (0, "no differences\n")
    change(folder / JUDGE / "models" / "__init__.py", "    slow_calls: int\n", "")
    code, out, _ = run(COMPUTE, "--diff", "--strategy", "template")
    assert (code, "+    slow_calls: int\n" in out) == (1, True)
    code, out, _ = run(COMPUTE, "--diff", "--strategy", "template", "--json")
    (found,) = json.loads(out)["differences"]
    assert (code, found["file"]) == (1, f"{JUDGE}/models/__init__.py")
    assert "slow_calls" not in (folder / JUDGE / "models" / "__init__.py").read_text()


def test_minimal_leaves_out_the_bases(folder: Path) -> None:
    (folder / "c.yaml").write_text(COMPUTE.read_text() + "mixins: [{name: MixinMetrics}]\n")
    with_mixins = facts("c.yaml", *QUICK)
    assert "MixinMetrics" in (folder / NODE).read_text()
    minimal = facts("c.yaml", *QUICK, "--minimal", "--strategy", "template")
    assert "MixinMetrics" not in (folder / NODE).read_text()
    nodes = [report["nodes"] for report in (with_mixins, minimal)]
    assert [each[0]["mixins"] for each in nodes if isinstance(each, list)] == [["MixinMetrics"], []]


def test_capabilities_are_added_to_the_contract_of_a_package(folder: Path) -> None:
    run(COMPUTE, *QUICK)
    contract = folder / JUDGE / "contract.yaml"
    contract.write_text(f"# mine\n{contract.read_text()}")
    code, out, _ = run(contract, "--enhance-with-mixins", *QUICK)
    assert (code, "added MixinHealthCheck, MixinMetrics" in out) == (0, True)
    assert "# mine\n" in contract.read_text()
    assert "{name: MixinMetrics}" in contract.read_text()


def test_validate_only_writes_nothing(folder: Path) -> None:
    code, out, _ = run(COMPUTE, "--validate-only")
    assert (code, "node_circuit_judge_compute can be generated" in out) == (0, True)
    (folder / "c.yaml").write_text(COMPUTE.read_text().partition("definitions:")[0])
    code, out, err = run("c.yaml", COMPUTE, "--validate-only", "--json")
    read = json.loads(out)
    assert (code, read["valid"], err) == (3, False, "")
    assert "write `definitions`" in read["contracts"][0]["problems"][0]
    assert read["contracts"][1]["name"] == "node_circuit_judge_compute"
    assert sorted(path.name for path in folder.iterdir()) == ["c.yaml"]


def test_a_node_on_disk_is_validated(folder: Path) -> None:
    run(COMPUTE, *QUICK)
    basic = ("--validation-level", "basic")
    code, out, _ = run("--validate-node", NODE, *basic)
    assert (code, "node_circuit_judge_compute: 3 stages, passed" in out) == (0, True)
    change(folder / NODE, "from onex.node import", "import nowhere_at_all\nfrom onex.node import")
    code, out, err = run("--validate-node", NODE, "--contract", COMPUTE, *basic)
    assert (code, "nowhere_at_all" in err) == (1, True)
    code, out, _ = run("--validate-node", NODE, *basic, "--json")
    stages = json.loads(out)["stages"]
    assert (code, [stage["stage"] for stage in stages if stage["findings"]]) == (1, ["imports"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "name at least one contract"),
        (["gone.yaml"], 3, "no contract.yaml here"),
        (["empty"], 3, "no contract.yaml here"),
        (["latin.yaml"], 3, "latin.yaml:1: file: is not UTF-8"),
        (["large.yaml"], 3, "large.yaml:1: file: is longer than"),
        (["wrong.yaml"], 3, "wrong.yaml:1: yaml"),
        (["misspelt.yaml"], 3, "misspelt.yaml:2: node_typ"),
        (["good.yaml", "--diff", "--restore"], 2, "exclude each other"),
        (["good.yaml", "--validate-only", "--diff"], 2, "exclude each other"),
        (["good.yaml", "--strategy", "template-loading"], 2, "needs --templates"),
        (["good.yaml", "--strategy", "template", "--templates", "."], 2, "use template-loading"),
        (["good.yaml", "--templates", "gone"], 2, "is no folder"),
        (["good.yaml", "--strategy", "magic"], 2, "magic"),
        (["good.yaml", "--enable-llm"], 2, "--enable-llm"),
        (["good.yaml", "--output", "good.yaml"], 2, "is no folder"),
        (["good.yaml", "--restore"], 5, "has no backup"),
        (["--validate-node", "gone.py"], 3, "gone.py:1: file: not found"),
        (["--validate-node", "good.yaml", "--validation-level", "none"], 2, "checks nothing"),
        (["good.yaml", "good.yaml", "--validate-node", "x"], 2, "a node has one contract"),
        (["good.yaml", "--output", "a\0b"], 2, "embedded null "),
    ],
)
def test_each_refusal_is_a_line_with_its_exit_code(folder: Path, arguments: list[str], code: int, words: str) -> None:
    (folder / "empty").mkdir()
    (folder / "good.yaml").write_text(COMPUTE.read_text())
    (folder / "latin.yaml").write_bytes("name: node_ü".encode("latin-1"))
    (folder / "large.yaml").write_text("#" * 200_000)
    (folder / "wrong.yaml").write_text("{: :")
    (folder / "misspelt.yaml").write_text("name: node_x_compute\nnode_typ: COMPUTE\n")
    ended, out, err = run(*arguments)
    assert (ended, words in " ".join(err.split()), out) == (code, True, ""), err
    assert not (folder / JUDGE).exists()


def test_one_bad_contract_does_not_keep_the_others_from_being_written(folder: Path) -> None:
    (folder / "bad.yaml").write_text("name: x\n")
    code, out, _ = run("bad.yaml", COMPUTE, "--json", *QUICK)
    read = json.loads(out)
    assert (code, read["passed"], len(read["nodes"]), len(read["problems"])) == (3, False, 1, 1)
    assert (folder / NODE).exists()


def test_a_disk_that_is_full_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    code, _, err = run(COMPUTE, *QUICK)
    assert code == 1
    assert f"{folder / JUDGE}: No space left on device; nothing was changed" in err.replace("\n", "")
    assert not (folder / JUDGE).exists()


def test_a_missing_tool_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "bandit", None)
    code, _, err = run(COMPUTE)
    assert (code, "bandit is not installed; run `pip install 'onex-mesh[codegen]'`" in err) == (1, True)


def test_the_alias_is_the_same_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--contract", str(COMPUTE), "--enable-mixins", "--output", f"made/{JUDGE}", *QUICK, "--verbose"]
    assert alias.run(arguments) == 0
    assert (folder / "made" / NODE).exists()
    assert f"{folder / 'made' / JUDGE}/node.py written" in capsys.readouterr().out
    assert alias.run(["--contract", "gone.yaml"]) == 3
    assert alias.run([]) == 2
    assert alias.run(["--help"]) == 0
    assert "omninode-generate" in capsys.readouterr().out


def test_everything_is_checked_and_tested_by_default(folder: Path) -> None:
    report = facts(COMPUTE)
    (node,) = report["nodes"] if isinstance(report["nodes"], list) else []
    assert len(node["gates"]) == 7
    assert all(gate["passed"] for gate in node["gates"])
    assert node["tests"]["passed"] > 0
    assert list(node["seconds"]) == ["read", "render", "validate", "test", "write"]


def test_a_node_that_a_person_wrote_gets_capabilities_and_keeps_everything_else(folder: Path) -> None:
    package = folder / "services" / "node_postgres_adapter_effect" / "v1_0_0"
    shutil.copytree(
        SERVICES / "node_postgres_adapter_effect" / "v1_0_0", package, ignore=shutil.ignore_patterns("__pycache__")
    )
    before = {name: (package / name).read_text() for name in ("projections.py", "models/__init__.py", "cases.yaml")}
    contract = (package / "contract.yaml").read_text()
    (package / "contract.yaml").write_text(f"# mine\n{contract}")
    code, out, err = run(package / "contract.yaml", "--enhance-with-mixins", "--validation-level", "basic")
    assert code == 0, err
    assert "added MixinHealthCheck, MixinTracing" in out
    assert {name: (package / name).read_text() for name in before} == before
    node = (package / "node.py").read_text()
    assert "self.inbox.once(context, partial(projections.upsert, command=command))" in node
    assert "MixinTracing" in node
    text = (package / "contract.yaml").read_text()
    assert "# mine\n" in text
    last = "        - {name: DeadLetters, metric: onex_dead_letters_total, within_seconds: 300}\n"
    assert f"{last}  - {{name: MixinHealthCheck}}\n" in text
    refused = run(package / "contract.yaml", "--strategy", "template", *QUICK)
    assert (refused[0], "has no definitions" in refused[2]) == (3, True)
