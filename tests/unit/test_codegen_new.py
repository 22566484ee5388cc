"""``onex new node`` writes a node that is valid and passes its own tests."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from onex.cli.main import app
from onex.testing import load_cases, run_case


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, from which nodes are imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def onex(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("kind", ["compute", "effect", "reducer", "orchestrator"])
def test_a_new_node_of_each_kind_is_valid_and_passes_its_cases(kind: str, folder: Path) -> None:
    owner = f"quote_{kind[:4]}"
    level = ("--validation-level", "none")
    code, out, err = onex("new", "node", owner, "--kind", kind, "--in", "AskQuote", "--out", "QuoteGiven", *level)
    assert code == 0, err
    package = folder / f"node_{owner}_{kind}" / "v1_0_0"
    assert f"go on in node_{owner}_{kind}/v1_0_0/contract.yaml" in out
    assert onex("contract", "validate", str(package))[0] == 0
    cases = load_cases(package)
    assert cases
    assert [run_case(package, case) for case in cases] == [""] * len(cases)
    assert f"node_{owner}_{kind}: write the body of " in out


def test_a_new_node_passes_every_gate(folder: Path) -> None:
    code, out, err = onex(
        "new", "node", "quote", "--kind", "effect", "--in", "AskQuote", "--out", "QuoteGiven", "--json"
    )
    assert code == 0, err
    made = json.loads(out)
    assert (made["passed"], made["unfinished"], len(made["gates"])) == (True, ["ask_quote"], 7)
    assert {"MixinHealthCheck", "MixinMetrics"} <= set(made["mixins"])
    assert made["tests"]["passed"] > 0


def test_a_node_that_is_there_is_not_replaced(folder: Path) -> None:
    new = ("new", "node", "quote", "--kind", "compute", "--in", "A", "--out", "B", "--validation-level", "none")
    assert onex(*new)[0] == 0
    code, _, err = onex(*new)
    assert (code, "is a node already" in err) == (5, True)


@pytest.mark.parametrize(
    ("name", "takes", "returns", "words"),
    [
        ("..", "A", "B", "is no name of a node"),
        ("q" * 200, "A", "B", "is no name of a node"),
        ("quote", "ask", "B", "begin with a capital letter"),
        ("quote", "A", "B}: {x", "is no identifier"),
        ("quote", "A", "A", "two messages need two names"),
    ],
)
def test_names_are_checked(name: str, takes: str, returns: str, words: str, folder: Path) -> None:
    code, _, err = onex("new", "node", name, "--kind", "compute", "--in", takes, "--out", returns)
    assert (code, words in " ".join(err.split())) == (2, True), err
    assert list(folder.iterdir()) == []
