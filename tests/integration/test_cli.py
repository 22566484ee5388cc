"""The command line against a real broker: exit codes, JSON, dead letters and their replay."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_unruly_effect.v1_0_0.models import Act, Acted

from onex.bus.kafka import KafkaEventBusAdapter
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh

EFFECT = "node_unruly_effect"


@pytest.fixture
def mesh(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> Iterator[Mesh]:
    with Mesh(kafka_bus, [NODES / EFFECT / "v1_0_0"], tmp_path) as made:
        yield made


def onex(mesh: Mesh, *arguments: str, text: str = "") -> tuple[int, str]:
    """Exit code and standard output."""
    services = ["--services", str(NODES / EFFECT)] if arguments[0] not in ("contract", "--help", "--version") else []
    done = mesh.onex(*arguments, *services, text=text)
    return done.returncode, done.stdout + (done.stderr if done.returncode else "")


def test_send_waits_for_the_answer(mesh: Mesh) -> None:
    mesh.start(EFFECT)
    code, out = onex(mesh, "send", "unruly.act", "-", "--wait", "--timeout", "30", "--json", text='{"entity": "e"}')
    assert code == 0
    seen = [json.loads(line) for line in out.splitlines()]
    assert [item["type"] for item in seen] == ["Act", "Acted"]
    assert seen[1]["message"] == {"entity": "e", "number": 0, "attempt": 1}


def test_send_says_what_is_wrong(mesh: Mesh) -> None:
    assert onex(mesh, "send", "unruly.act", '{"number": "x"}')[0] == 2
    code, out = onex(mesh, "send", "unruly.nothing", "{}")
    assert (code, "commands here: unruly.act" in out) == (4, True)
    code, _ = onex(mesh, "send", "Act", '{"entity": "nobody runs"}', "--wait", "--timeout", "1")
    assert code == 6


def test_dead_letters_are_listed_shown_and_replayed_to_the_failing_node_only(mesh: Mesh) -> None:
    first = mesh.start(EFFECT)
    mesh.send([Act(entity="e", mood="raise"), Act(entity="good")])
    eventually(lambda: mesh.dead_letters(EFFECT), 30)
    code, out = onex(mesh, "dlq", "list", "--json")
    (letter,) = json.loads(out)
    assert (code, letter["class"], letter["key"]) == (0, "bug", "e")
    code, out = onex(mesh, "dlq", "show", EFFECT, letter["place"])
    assert code == 0
    assert "KeyError" in out
    assert onex(mesh, "dlq", "show", EFFECT, "0:4711")[0] == 1
    code, out = onex(mesh, "dlq", "replay", "--node", EFFECT, "--dry-run", "--json")
    assert json.loads(out) == {"node": EFFECT, "replayed": 0, "matching": 1, "would_replay": 1, "would_park": 0}
    assert len(mesh.dead_letters(EFFECT)) == 1
    mesh.stop(first)
    code, out = onex(mesh, "dlq", "replay", "--node", EFFECT, "--class", "bug")
    assert (code, "1 dead letters went" in out) == (0, True)
    inputs = mesh.records("onex.cmd.unruly.act.v1")
    assert len(inputs) == 2, "the original topic, which others may read, gets nothing"
    mesh.start(EFFECT)
    eventually(lambda: len(mesh.dead_letters(EFFECT)) == 2, 30, "it fails again, by the retry topic")
    assert mesh.dead_letters(EFFECT)[1]["onex-dlq-replays"] == "1"
    assert mesh.messages(Acted) == [Acted(entity="good", number=0, attempt=1)]


def test_dead_letters_are_counted_edited_parked_exported_and_audited(mesh: Mesh, tmp_path: Path) -> None:
    running = mesh.start(EFFECT)
    mesh.send([Act(entity="a", mood="raise"), Act(entity="b", mood="raise"), Act(entity="c", mood="raise")])
    eventually(lambda: len(mesh.dead_letters(EFFECT)) == 3, 30)
    code, out = onex(mesh, "dlq", "stats", "--node", EFFECT, "--json")
    (group,) = json.loads(out)
    assert (code, group["count"], group["keys"], group["class"]) == (0, 3, 3, "bug")
    assert onex(mesh, "dlq", "list", "--since", "yesterday")[0] == 2
    code, out = onex(mesh, "dlq", "list", "--payload", "entity=b", "--since", "10m", "--json")
    (b,) = json.loads(out)
    assert b["message_decoded"] == {"entity": "b", "number": 0, "mood": "raise"}
    code, out = onex(mesh, "dlq", "edit", EFFECT, b["place"], "--set", "number=many")
    assert (code, "number" in out) == (5, True)
    code, out = onex(mesh, "dlq", "edit", EFFECT, b["place"], "--set", "mood=good", "--why", "wrong mood", "--json")
    edited = json.loads(out)
    assert (code, '+  "mood": "good"' in edited["difference"]) == (0, True)
    assert onex(mesh, "dlq", "park", "--node", EFFECT, "--key", "a", "--why", "later")[0] == 0
    assert onex(mesh, "dlq", "drop", "--node", EFFECT, "--key", "c")[0] == 2, "dropping needs a reason"
    assert onex(mesh, "dlq", "drop", "--node", EFFECT, "--key", "c", "--why", "test order", "--as", "ada")[0] == 0
    code, out = onex(mesh, "dlq", "replay", "--node", EFFECT, "--rate", "50/s", "--abort-above", "0.5", "--json")
    assert (code, json.loads(out)["replayed"]) == (0, 1)
    eventually(lambda: Acted(entity="b", number=0, attempt=1) in mesh.messages(Acted), 30)
    assert onex(mesh, "dlq", "list", "--json")[1] == "[]\n"
    file = tmp_path / "letters.jsonl"
    assert onex(mesh, "dlq", "export", "--all", "--to", str(file))[0] == 0
    exported = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(letter["state"] for letter in exported) == ["dropped", "edited", "parked", "replayed"]
    assert onex(mesh, "dlq", "reopen", "--node", EFFECT, "--state", "parked")[0] == 0
    code, out = onex(mesh, "dlq", "audit", "--json")
    entries = json.loads(out)[-5:]
    assert [e["action"] for e in entries] == ["edited", "parked", "dropped", "replayed", "reopened"]
    assert (entries[2]["who"], entries[2]["why"]) == ("ada", "test order")
    assert mesh.stop(running) == 0


def test_plan_and_apply_are_idempotent_and_refuse_what_breaks(mesh: Mesh, kafka_bus: KafkaEventBusAdapter) -> None:
    assert onex(mesh, "plan") == (0, "nothing to change\n")
    topic = mesh.nodes[0].contract.dead_letter_topic
    kafka_bus.admin.delete(topic)
    eventually(lambda: not kafka_bus.admin.topics([topic]))
    code, out = onex(mesh, "plan", "--json")
    changes, warning = out.splitlines()  # the broker of the tests is alone, and was not started by `onex up`
    assert (code, [(c["action"], c["subject"]) for c in json.loads(changes)]) == (1, [("create", topic)])
    assert warning.startswith("warning topics with less than 3 replicas or 2 replicas in sync: ")
    assert onex(mesh, "apply")[0] == 0
    assert onex(mesh, "plan")[0] == 0
    kafka_bus.admin.grow(topic, 3)
    eventually(lambda: kafka_bus.admin.topics([topic])[topic].partitions == 3)
    assert onex(mesh, "apply")[0] == 5


def test_watch_from_the_beginning(mesh: Mesh) -> None:
    mesh.start(EFFECT)
    (identity,) = mesh.send([Act(entity="e")])
    eventually(lambda: len(mesh.messages(Acted)) == 1, 30)
    code, out = onex(mesh, "watch", identity, "--from-beginning", "--timeout", "3", "--json")
    assert (code, sorted(json.loads(line)["type"] for line in out.splitlines())) == (0, ["Act", "Acted"])


def test_explain_and_help(mesh: Mesh) -> None:
    code, out = onex(mesh, "explain", EFFECT, "--codec")
    assert code == 0
    assert "def decode(b):" in out
    assert "def encode(m):" in out
    code, out = onex(mesh, "explain", EFFECT, "--json")
    facts = json.loads(out)
    assert code == 0
    assert "lanes by key" in facts["pipeline"]
    assert any("onex.retry.unruly.effect.v1" in line for line in facts["reads"])
    code, out = onex(mesh, "--help")
    assert code == 0
    for command in ("up", "down", "status", "run", "send", "watch", "contract", "plan", "apply", "dlq", "explain"):
        assert command in out


def test_contract_commands(mesh: Mesh, tmp_path: Path) -> None:
    code, out = onex(mesh, "contract", "validate", str(NODES), "--json")
    assert (code, json.loads(out)["problems"]) == (0, [])
    wrong = tmp_path / "contract.yaml"
    wrong.write_text("name: x\n")
    code, out = onex(mesh, "contract", "validate", str(wrong), "--json")
    assert code == 3
    assert {"line", "field", "message", "remedy"} <= set(json.loads(out)["problems"][0])
    code, out = onex(mesh, "contract", "schema")
    assert json.loads(out)["title"] == "ONEX node contract"
