"""What operators use: nodes, lag, workflows, state, doctor, top, the waterfall."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from node_order_orchestrator.v1_0_0.models import OrderCompleted, OrderFailed, PlaceOrder
from node_payment_effect.v1_0_0.models import CardCharged, ChargeCard
from node_tally_reducer.v1_0_0.models import Amount

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Outgoing
from onex.model.mesh import MESH_TOPICS, EnumPhase, NodeHeartbeat
from onex.schema import Codec
from onex.wire import headers as h
from onex.wire.partitioner import partition_of
from tests.conftest import NODES, ORDERS, SERVICES, eventually
from tests.integration.agents import Mesh

REGISTRY = ("node_registry_orchestrator", "node_registry_reducer", "node_infrastructure_health_monitor_orchestrator")
FOLDERS = [*sorted(ORDERS.glob("*/v1_0_0")), *(SERVICES / name / "v1_0_0" for name in REGISTRY)]


@pytest.fixture(scope="module")
def mesh(kafka_bus: KafkaEventBusAdapter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    env = {"ONEX_HEARTBEAT_INTERVAL": "1", "ONEX_SERVICES": json.dumps([str(folder) for folder in FOLDERS])}
    with Mesh(kafka_bus, FOLDERS, tmp_path_factory.mktemp("operate"), env) as made:
        for folder in FOLDERS:
            made.start(folder.parent.name)
        yield made


def onex(mesh: Mesh, *arguments: str) -> tuple[int, str]:
    """Exit code and standard output."""
    done = mesh.onex(*arguments)
    return done.returncode, done.stdout + (done.stderr if done.returncode else "")


def place(mesh: Mesh, number: str, quantity: int = 2) -> str:
    (identity,) = mesh.send([PlaceOrder(order_id=number, customer="eve", quantity=quantity, unit_price=5.0)])
    return identity


def test_nodes_are_listed_with_registration_and_health(mesh: Mesh) -> None:
    def healthy() -> bool:
        code, out = onex(mesh, "nodes", "--json")
        return code == 0 and all((n["state"], n["health"]) == ("active", "healthy") for n in json.loads(out))

    eventually(healthy, 60, "every node active and healthy")
    code, out = onex(mesh, "nodes", "--kind", "effect", "--json")
    assert (code, [n["node"] for n in json.loads(out)]) == (0, ["node_payment_effect", "node_shipping_effect"])
    code, out = onex(mesh, "nodes", "--capability", "workflow")
    assert (code, "node_order_orchestrator" in out, "node_payment_effect" in out) == (0, True, False)
    code, out = onex(mesh, "node", "show", "node_payment_effect", "--json")
    (process,) = json.loads(out)["processes"]
    assert process["registered"]["capabilities"]["declared"][:2] == ["effect", "takes:ChargeCard"]
    assert "handler:charge" in onex(mesh, "node", "show", "node_payment_effect")[1]
    assert onex(mesh, "node", "show", "node_nobody_effect")[0] == 4


def test_topics_and_lag(mesh: Mesh) -> None:
    code, out = onex(mesh, "topics", "--json")
    found = {topic["topic"]: topic for topic in json.loads(out)}
    assert code == 0
    assert found["onex.cmd.payment.charge-card.v1"]["writers"] == ["node_order_orchestrator"]
    assert found["onex.cmd.payment.charge-card.v1"]["readers"] == ["node_payment_effect"]
    shipping = next(p for p in mesh.processes if mesh.info(p.pid).get("node") == "node_shipping_effect")
    mesh.stop(shipping)
    for number in range(3):
        place(mesh, f"lag-{number}")

    def behind() -> int:
        code, out = onex(mesh, "lag", "--json")
        assert code == 0
        rows = json.loads(out)
        return sum(row["lag"] for row in rows if row["node"] == "node_shipping_effect")

    eventually(lambda: behind() == 3, 30, "three orders wait")
    assert "3 records behind" in onex(mesh, "lag")[1]
    _positions(mesh)
    mesh.start("node_shipping_effect")
    eventually(lambda: behind() == 0, 30, "nobody waits")
    assert "no records behind" in onex(mesh, "lag")[1]


def _positions(mesh: Mesh) -> None:
    """While node_shipping_effect is stopped and three of its records wait."""
    retry = "onex.retry.shipping.effect.v1"
    code, out = onex(mesh, "offsets", "show", "node_shipping_effect", "--json")
    rows = json.loads(out)
    assert (code, sum(row["behind"] for row in rows) >= 3) == (0, True), "transaction markers count as well"
    assert retry in {row["topic"] for row in rows}
    reset = ("offsets", "reset", "node_shipping_effect", retry, "--to", "latest", "--reason", "a test")
    assert "nothing is written" in onex(mesh, *reset)[1]
    code, out = onex(mesh, *reset, "--yes", "--json")
    assert code == 0
    assert all(row["reset"] and row["to"] == row["end"] for row in json.loads(out))
    audit = json.loads(onex(mesh, "dlq", "audit", "--json")[1])
    assert {(e["action"], e["why"]) for e in audit if e["node"] == "node_shipping_effect"} == {("reset", "a test")}
    topic = "onex.cmd.payment.charge-card.v1"
    for arguments, why in (
        (("node_payment_effect", topic, "--to", "earliest", "--reason", "x", "--yes"), "stop all of its instances"),
        (("node_payment_effect", topic, "--to", "earliest", "--reason", " "), "--reason is empty"),
        (("node_payment_effect", topic, "--to", "[soon]", "--reason", "x"), "--to '[soon]' is no offset"),
        (("node_payment_effect", topic, "--to", "2026-01-31T12:00:00", "--reason", "x"), "has no time zone"),
        (("node_payment_effect", "nowhere", "--to", "0", "--reason", "x"), "does not read 'nowhere'"),
    ):
        code, out = onex(mesh, "offsets", "reset", *arguments)
        assert (code, why in out) == (5, True), out


def test_paused_nodes_take_nothing_until_they_are_resumed_also_in_new_processes(mesh: Mesh) -> None:
    flow = ("node_order_orchestrator", "node_payment_effect")

    def waiting(node: str) -> int:
        rows = json.loads(onex(mesh, "lag", "--json")[1])
        return sum(row["lag"] for row in rows if row["node"] == node)

    payment = next(p for p in mesh.processes if mesh.info(p.pid).get("node") == "node_payment_effect")
    for node in flow:
        assert onex(mesh, "pause", node, "--why", "a check")[0] == 0
    mesh.stop(payment)
    payment = mesh.start("node_payment_effect", ready=False)
    others = [p for p in mesh.processes if p.poll() is None and mesh.info(p.pid).get("node") == flow[0]]
    assert len(others) == 1

    def are_paused() -> bool:
        return all((mesh.readiness(p.pid) or {}).keys() == {"paused"} for p in (payment, *others))

    try:
        eventually(are_paused, 40, "both paused")
        place(mesh, "paused")
        eventually(lambda: waiting(flow[0]) > 0, 30, "the order waits")
        _, out = onex(mesh, "status")
        assert ("node_payment_effect is paused by " in out, ": a check" in out) == (True, True), out
        assert "paused" not in {m.order_id for m in mesh.messages(ChargeCard)}
        onex(mesh, "resume", flow[0])
        eventually(lambda: "paused" in {m.order_id for m in mesh.messages(ChargeCard)}, 30, "the charge is sent")
        assert {n["node"] for n in json.loads(onex(mesh, "nodes", "--json")[1]) if n["paused"]} == {flow[1]}
        assert "paused" not in {m.order_id for m in mesh.messages(CardCharged)}
    finally:
        for node in flow:
            onex(mesh, "resume", node)
    eventually(lambda: "paused" in {m.order_id for m in mesh.messages(OrderCompleted)}, 30, "the order is completed")


@pytest.mark.parametrize("command", ["lag", "top"])
def test_what_follows_prints_a_document_a_look_until_it_is_interrupted(mesh: Mesh, command: str) -> None:
    arguments = [command, "--json", "--interval", "0.2", *(["--follow"] if command == "lag" else [])]
    process = subprocess.Popen(
        [sys.executable, "-m", "onex.cli.main", *arguments],
        env=mesh.env,
        stdout=subprocess.PIPE,
        text=True,
        # A background job of a shell ignores the signal, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    looks = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert {row["node"] for row in looks[0]} == {row["node"] for row in looks[1]} == {f.parent.name for f in FOLDERS}
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


def test_workflows_are_listed_shown_and_cancelled(mesh: Mesh) -> None:
    place(mesh, "w-1")
    eventually(lambda: "w-1" in {m.order_id for m in mesh.messages(OrderCompleted)}, 30)
    code, out = onex(mesh, "workflows", "list", "--phase", "completed", "--json")
    assert (code, [w["progress"] for w in json.loads(out) if w["workflow"] == "w-1"]) == (0, ["3/3"])
    code, out = onex(mesh, "workflows", "show", "w-1")
    assert (code, "OrderPriced" not in out, '"total":10.0' in out) == (0, True, True)
    assert onex(mesh, "workflows", "cancel", "w-1")[0] == 5
    assert onex(mesh, "workflows", "show", "nobody")[0] == 1

    shipping = next(
        p for p in mesh.processes if p.poll() is None and mesh.info(p.pid).get("node") == "node_shipping_effect"
    )
    mesh.stop(shipping)
    place(mesh, "w-2")

    def waits() -> bool:
        found = json.loads(onex(mesh, "workflows", "list", "--phase", "running", "--json")[1])
        return any(w["workflow"] == "w-2" and w["progress"] == "2/3 ship" for w in found)

    eventually(waits, 30, "w-2 waits for shipping")
    code, out = onex(mesh, "workflows", "cancel", "w-2", "--reason", "no longer wanted", "--json")
    assert (code, json.loads(out)["phase"], json.loads(out)["reason"]) == (0, "failed", "no longer wanted")
    assert OrderFailed(order_id="w-2", reason="no longer wanted") in mesh.messages(OrderFailed)
    mesh.start("node_shipping_effect")
    code, out = onex(mesh, "workflows", "rerun", "--failure", "no longer wanted", "--json")
    assert (code, list(json.loads(out)["ids"])) == (0, ["w-2"])
    eventually(lambda: "w-2" in {m.order_id for m in mesh.messages(OrderCompleted)}, 30, "its new run completes")


def test_dead_letters_are_counted_without_the_markers_of_their_transactions(mesh: Mesh) -> None:
    mesh.bus.publish(Outgoing("onex.cmd.order-pricing.price-order.v1", b"\x00garbage", b"k"))
    eventually(lambda: mesh.dead_letters("node_order_pricing_compute"), 30)
    code, out = onex(mesh, "nodes", "--json")
    counted = {node["node"]: node["dead_letters"] for node in json.loads(out)}
    assert (code, counted["node_order_pricing_compute"]) == (0, 1)


def test_state_of_a_key(mesh: Mesh) -> None:
    place(mesh, "s-1")

    def total() -> float:
        code, out = onex(mesh, "state", "show", "node_balance_reducer", "eve", "--json")
        return float(json.loads(out)["state"]["total"]) if code == 0 else 0.0

    eventually(lambda: total() >= 10.0, 30)
    assert onex(mesh, "state", "show", "node_balance_reducer", "nobody")[0] == 1
    code, out = onex(mesh, "state", "show", "node_payment_effect", "eve")
    assert (code, "has no state" in out) == (4, True)
    timers = json.loads(onex(mesh, "state", "show", "node_order_orchestrator", "s-1", "--json")[1])["timers"]
    assert "retention" in timers
    code, out = onex(mesh, "state", "drop", "node_balance_reducer", "--reason", "a test", "--json")
    planned = json.loads(out)
    assert (code, planned["done"], planned["offsets_deleted"] > 0) == (0, False, True)
    assert {position["effect"] for position in planned["positions"]} == {"nothing changes"}
    for arguments, why in (
        (("drop", "node_balance_reducer", "--reason", "a test", "--yes"), "stop all of its instances"),
        (("rebuild", "node_order_orchestrator", "--reason", "a test"), "--publish-again accepts it"),
        (("rebuild", "node_balance_reducer", "--reason", " "), "--reason is empty"),
    ):
        code, out = onex(mesh, "state", *arguments)
        assert (code, why in out) == (5, True), out


def test_the_waterfall_of_a_workflow(mesh: Mesh) -> None:
    identity = place(mesh, "t-1", quantity=101)
    eventually(lambda: "t-1" in {m.order_id for m in mesh.messages(OrderFailed)}, 30)
    code, out = onex(mesh, "watch", "--trace", identity, "--json")
    hops = json.loads(out)
    assert code == 0
    assert [hop["name"] for hop in hops][:4] == ["PlaceOrder", "PriceOrder", "OrderPriced", "ChargeCard"]
    assert {"ShipmentRefused", "RefundCard", "OrderFailed"} <= {hop["name"] for hop in hops}
    by_id = {hop["id"]: hop for hop in hops}
    assert all(hop["began_ms"] == by_id[hop["cause"]]["written_ms"] for hop in hops if hop["cause"])
    drawn = onex(mesh, "watch", "--trace", identity)[1].splitlines()
    assert len(drawn) == len(hops)
    assert drawn[1].startswith("  PriceOrder")
    assert all("█" in line for line in drawn)
    assert onex(mesh, "watch", "--trace", "nothing", "--since", "1m")[0] == 1
    assert onex(mesh, "watch", "--trace", identity, "--since", "soon")[0] == 2


def test_top_once_and_full_screen(mesh: Mesh) -> None:
    code, out = onex(mesh, "top", "--once", "--json", "--interval", "0.5")
    assert code == 0
    assert {"node", "rate", "lag", "health"} <= set(json.loads(out)[0])
    main, other = pty.openpty()
    env = {**mesh.env, "TERM": "xterm-256color", "COLUMNS": "160", "LINES": "50"}
    process = subprocess.Popen(
        [sys.executable, "-m", "onex.cli.main", "top", "--interval", "0.5"], stdin=other, stdout=other, env=env
    )
    os.close(other)
    seen = b""
    deadline = time.monotonic() + 30
    while b"node_order_orchestrator" not in seen or b"q quit" not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([main], [], [], 0.5)[0]:
            seen += os.read(main, 65536)
    os.write(main, b"lq")
    while process.poll() is None:
        assert time.monotonic() < deadline, "q ends it"
        if select.select([main], [], [], 0.1)[0]:
            try:
                os.read(main, 65536)
            except OSError:
                break
    assert process.wait(10) == 0
    os.close(main)


def test_doctor_finds_nothing_wrong_with_a_healthy_mesh(mesh: Mesh) -> None:
    def well() -> bool:
        code, out = onex(mesh, "doctor", "--json")
        # The broker of the tests is alone, and was not started by `onex up`.
        return code == 0 and [finding["check"] for finding in json.loads(out)["findings"]] == ["durability"]

    eventually(well, 60, "a clean bill of health")
    told = [line.split()[0] for line in onex(mesh, "doctor")[1].splitlines()]
    assert set(told) == {"ok", "warning"}
    assert told.count("warning") == 1


def test_doctor_finds_and_explains(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    source = NODES / "node_tally_reducer"
    folder = tmp_path / "nodes" / "node_tally_reducer"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    models = folder / "v1_0_0" / "models" / "__init__.py"
    env = {
        "ONEX_SERVICES": json.dumps([str(tmp_path / "nodes")]),
        "DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x",
        "ONEX_TRANSACTION_TIMEOUT_MS": "1000",
    }
    with Mesh(kafka_bus, [source / "v1_0_0"], tmp_path, env) as mesh:
        contract = mesh.nodes[0].contract
        (topic,) = contract.event_bus.subscribe_topics
        value = Codec.of_topic(Amount, topic, mesh.catalogue).encode(Amount(entity="e", value=1))
        right = partition_of(b"e", contract.event_bus.topic_config.partitions)
        wrong = (right + 1) % contract.event_bus.topic_config.partitions
        mesh.bus.publish(Outgoing(topic, value, b"e", [(h.SOURCE, b"/somebody/else")], wrong))
        mesh.bus.publish_batch([Outgoing(contract.dead_letter_topic, b"x", b"k")] * 3)
        heartbeat = NodeHeartbeat(
            node_id=f"{mesh.prefix}/node_tally_reducer/fast",
            env=mesh.prefix,
            node="node_tally_reducer",
            epoch=1,
            phase=EnumPhase.RUNNING,
            ready=True,
            reasons={},
            uptime=1.0,
            active_operations=0,
            partitions=0,
            lag=0,
            received=0,
            dead_letters=0,
            cpu_percent=0.0,
            memory_bytes=1,
            at=datetime.now(UTC) + timedelta(hours=1),
        )
        beats = MESH_TOPICS[NodeHeartbeat]
        mesh.bus.publish(
            Outgoing(beats, Codec.of_topic(NodeHeartbeat, beats, mesh.catalogue).encode(heartbeat), b"k")
        )
        patient = KafkaEventBusAdapter(replace(mesh.bus.config, transaction_timeout_ms=600_000))
        hanging = patient.transaction(f"{mesh.prefix}.hanging")
        hanging.begin()
        hanging.produce(topic, value, b"e", [], right)
        eventually(hanging.acknowledged)
        mesh.bus.admin.delete(contract.changelog_topic)
        text = models.read_text()
        models.write_text(text.replace("    value: int\n", '    value: int\n    note: str = ""\n', 1))

        def examined() -> tuple[int, str] | None:
            done = mesh.onex("doctor", "--dead-letters", "2", "--window", "0.5", "--json")
            findings = json.loads(done.stdout)["findings"]
            is_seen = any(finding["check"] == "transactions" for finding in findings)
            return (done.returncode, done.stdout) if is_seen else None

        code, out = eventually(examined, what="the transaction to be open for two seconds")
        found = json.loads(out)["findings"]
        hanging.abort()
        hanging.close()
        patient.close()
        told = {finding["check"]: finding["what"] + "; " + finding["remedy"] for finding in found}
        every = "\n".join(f["what"] for f in found)
        assert code == 1
        assert f"topic {contract.changelog_topic} is missing" in every
        assert f"the schema of {topic}-value has drifted" in every
        assert "from /somebody/else are on the wrong partition" in told["partitioner"]
        assert "partitioner=murmur2_random" in told["partitioner"]
        assert "node_tally_reducer has not moved" in told["stuck"]
        assert "`onex run node_tally_reducer`" in told["stuck"]
        assert told["transactions"].startswith(f"{topic}[{right}] is held back by a transaction open for over 2 s")
        assert f"--topic {topic} --partition {right} --start-offset 0" in told["transactions"]
        (ahead,) = re.findall(r"([0-9.]+) s ahead of the broker's", told["clocks"])
        assert float(ahead) == pytest.approx(3600, abs=60)  # heartbeats take their time on a busy machine
        assert "does not answer" in told["database"]
        assert "secret" not in out
        assert "node_tally_reducer has 3" in told["dead letters"]
        assert "knows no active process" in told["registrations"]
    down = {**mesh.env, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-m", "onex.cli.main", "doctor", "--json"],
        env=down,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)["findings"][0]["check"]) == (1, "broker")
