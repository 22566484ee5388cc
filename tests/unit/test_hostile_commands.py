"""No text in a record or on the command line makes a command end in a fault of its own, or acts on a terminal."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from onex.util.printable import indented, one_line
from tests.unit.hostile_mesh import SENT, Commands, HostileMesh
from tests.unit.hostile_texts import HOSTILE, targets

_EACH = 2
"""Texts that a parameter gets here; ``python -m tests.unit.hostile_everything`` gives it all."""
TARGETS = list(targets())


@pytest.fixture(scope="module")
def small() -> Iterator[HostileMesh]:
    made = HostileMesh(SENT[:2])
    yield made
    made.close()


@pytest.fixture(scope="module")
def large() -> Iterator[HostileMesh]:
    made = HostileMesh()
    yield made
    made.close()


@pytest.mark.parametrize("command", sorted({target.command for target in TARGETS}))
def test_any_text_in_any_parameter(
    small: HostileMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    onex = Commands(small, tmp_path, monkeypatch)
    for number, target in enumerate(TARGETS):
        if target.command == command:
            for text in (HOSTILE[(number * _EACH + n) % len(HOSTILE)] for n in range(_EACH)):
                onex.run(target.call(text))


def test_no_hostile_text_leads_out_of_the_folder_of_a_test(tmp_path: Path) -> None:
    for text in HOSTILE:
        if "\x00" not in text:
            path = os.path.normpath(tmp_path / text)
            assert os.path.commonpath([path, tmp_path]) == str(tmp_path), repr(text[:60])


@pytest.fixture
def onex(large: HostileMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(large, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("command", "field"),
    [
        ("dlq list --json", "message"),
        ("dlq list --json", "fingerprint"),
        ("dlq stats --json", "example"),
        ("workflows list --json", "workflow"),
    ],
)
def test_texts_of_records_are_in_a_document_as_they_were(onex: Commands, command: str, field: str) -> None:
    _, out, _ = onex.run(command.split())
    found = {str(entry[field]) for entry in json.loads(out)}
    assert {text.partition("\n")[0] if field == "example" else text for text in SENT} <= found


def test_bytes_that_are_no_text_keep_their_values(onex: Commands) -> None:
    _, out, _ = onex.run(["dlq", "list", "--key", "key \\xff", "--json"])
    assert [(entry["key"], entry["class"]) for entry in json.loads(out)] == [("key \\xff", "fact \\xff")]
    _, out, _ = onex.run(["doctor", "--window", "0.1", "--json"])
    found = [finding["what"] for finding in json.loads(out)["findings"]]
    assert any("key '\\xff\\x9b31m' on partition 0" in what for what in found)
    assert not any("could not be examined" in what for what in found)


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_nothing_hides_the_records_that_are_watched(onex: Commands, how: list[str]) -> None:
    code, out, _ = onex.run(["watch", "--from-beginning", "--timeout", "0.05", *how])
    assert code == 0
    if how:
        seen = [json.loads(line) for line in out.splitlines()]
        fields = [line["message"] for line in seen if line["message"]]
        assert set(SENT) <= {line["correlation_id"] for line in seen}
        assert set(SENT) <= {field["entity"] for field in fields if "entity" in field}
    else:
        assert len(out.splitlines()) > 4 * len(SENT)


def test_exported_letters_are_whole(onex: Commands, tmp_path: Path) -> None:
    code, _, _ = onex.run(["dlq", "export", "--all", "--to", str(tmp_path / "letters")])
    lines = [json.loads(line) for line in (tmp_path / "letters").read_bytes().decode().splitlines()]
    assert code == 0
    assert set(SENT) <= {line["message-id"] for line in lines}


def test_an_export_replaces_exports_only(onex: Commands, tmp_path: Path) -> None:
    file = tmp_path / "letters"
    file.touch()
    assert onex.run(["dlq", "export", "--all", "--to", str(file)])[0] == 0, "an empty file has nothing to lose"
    assert onex.run(["dlq", "export", "--all", "--to", str(file)])[0] == 0
    assert onex.run(["dlq", "export", "--all", "--to", "/dev/null"])[0] == 0
    for content in (b"notes", b"\xff\xfe", b'{"node": "x"}\n', b"[]", b"\n"):
        file.write_bytes(content)
        code, _, line = onex.run(["dlq", "export", "--all", "--to", str(file)])
        assert (code, "not written by `onex dlq export`" in line) == (5, True), content
        assert file.read_bytes() == content
    assert onex.run(["dlq", "export", "--all", "--to", str(file), "--overwrite"])[0] == 0
    assert b"message-id" in file.read_bytes()


@pytest.mark.parametrize(
    "command",
    [
        "dlq list",
        "dlq stats",
        "dlq audit",
        "dlq replay --node node_unruly_effect --dry-run",
        "workflows list",
        "nodes",
        "node show node_unruly_effect",
        "doctor --window 0.1",
        "topics",
        "lag --all",
        "top --once --interval 0.2",
        "audit show",
        "audit verify",
        "explain node_unruly_effect",
        "plan",
        "env show",
    ],
)
def test_commands_that_look_show_a_mesh_of_hostile_texts(onex: Commands, command: str) -> None:
    _, out, err = onex.run(command.split())
    assert (out + err).strip()


@pytest.mark.parametrize("text", [text for text in SENT if len(text) < 200])
def test_one_state_run_or_letter_is_shown_with_its_text(onex: Commands, text: str) -> None:
    code, out, _ = onex.run(["state", "show", "--", "node_tally_reducer", text])
    assert (code, "total: 5" in out) == (0, True)
    code, out, _ = onex.run(["workflows", "show", "--", text])
    assert (code, one_line(text) in out) == (0, True)
    _, out, _ = onex.run(["dlq", "list", "--json", f"--fingerprint={text}"])
    code, shown, _ = onex.run(["dlq", "show", "node_unruly_effect", json.loads(out)[0]["place"]])
    assert (code, indented(text) in shown) == (0, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["send", "--key=\udcff", "unruly.act", '{"entity": "e"}'],
        ["send", "--header=x=\udcff", "unruly.act", '{"entity": "e"}'],
        ["send", "--id=\udcff", "unruly.act", '{"entity": "e"}'],
        ["state", "show", "node_tally_reducer", "\udcff"],
        ["workflows", "show", "\udcff"],
        ["dlq", "park", "--node", "node_unruly_effect", "--why=\udcff"],
    ],
)
def test_arguments_that_are_not_utf_8_are_refused(onex: Commands, arguments: list[str]) -> None:
    code, _, err = onex.run(arguments)
    assert (code, "is not UTF-8" in err) == (2, True)


def test_a_run_is_cancelled_with_any_reason(onex: Commands) -> None:
    for text in SENT[:4]:
        code, _, err = onex.run(["workflows", "cancel", f"--reason={text}", "--timeout", "0.1", "--", text])
        assert (code, len(err.splitlines())) == (6, 1)
