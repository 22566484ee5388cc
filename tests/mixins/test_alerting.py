"""MixinAlerting: rules, states, groups, and receivers that are away."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge
from pydantic import SecretStr, ValidationError

from onex.capability import HealthCheck, HealthChecks, Reports
from onex.mixins.alerting import EnumAlertOperator, MixinAlerting, ModelAlertingSubcontract
from onex.mixins.alerting.engine import AlertingEngine
from onex.mixins.counter_window import Window
from onex.mixins.notification.channels import Send
from onex.mixins.notification.model_notification_subcontract import ModelNotificationChannel
from onex.node import NodeCompute
from onex.testing.clock import ManualClock
from tests.mixins.helpers import IDENTITY, Note, Receiver, Response, container, mute_server

OK: Response = (200, {}, b"")
RULE = {"name": "DiskFull", "metric": "disk_used", "threshold": 10}


class Alerting:
    """An engine whose clock and sources a test moves."""

    def __init__(self, *rules: dict[str, object], **settings: object) -> None:
        self.clock = ManualClock()
        self.registry = CollectorRegistry()
        self.disk = Gauge("disk_used", "Bytes.", ["disk", "zone"], registry=self.registry)
        self.checks, self.reports = HealthChecks(), Reports()
        model = ModelAlertingSubcontract.model_validate({"rules": rules or (RULE,), **settings})
        self.engine = AlertingEngine(model, IDENTITY, self.clock, self.registry, self.checks, self.reports)

    def use(self, value: float, disk: str = "a", zone: str = "x") -> None:
        self.disk.labels(disk, zone).set(value)

    async def after(self, seconds: float) -> list[str]:
        self.clock.move_to(self.clock.monotonic() + seconds)
        await self.engine.tick()
        return [str(alert.state) for alert in self.engine.facts()]

    def events(self) -> list[tuple[str, str, str]]:
        return [(each.subject, each.event, each.detail) for each in self.reports.take()]

    async def deliver(self) -> None:
        """Send what waits, without the pauses of the engine's own tasks."""
        for delivery in vars(self.engine)["_alertmanagers"]:
            await delivery.drain()
        for _, delivery in vars(self.engine)["_channels"]:
            await delivery.drain()


def chat(receiver: Receiver, **more: object) -> dict[str, object]:
    return {"name": "room", "kind": "chat", "url": receiver.url, **more}


def texts(receiver: Receiver) -> list[str]:
    return [json.loads(request.body)["text"].splitlines()[0] for request in receiver.requests]


@pytest.mark.enforces(
    "alerting.rules",
    "alerting.rules.name",
    "alerting.rules.metric",
    "alerting.rules.threshold",
    "alerting.rules.for_seconds",
    "alerting.emit_alert_events",
)
def test_an_alert_is_pending_then_firing_then_resolved() -> None:
    async def live(emits: bool) -> list[tuple[str, str, str]]:
        made = Alerting({**RULE, "for_seconds": 60}, emit_alert_events=emits)
        assert await made.after(0) == []
        made.use(11)
        assert await made.after(10) == ["pending"]
        assert await made.after(59) == ["pending"]
        assert await made.after(1) == ["firing"]
        assert await made.after(1) == ["firing"]
        (alert,) = made.engine.facts()
        assert alert.since_ms == made.clock.now_ms() - 61_000
        assert made.engine.reported_metrics()["firing"] == 1
        made.use(10)
        assert await made.after(1) == []
        made.use(11)
        assert await made.after(1) == ["pending"]
        made.use(0)
        assert await made.after(1) == []
        return made.events()

    expected = [("DiskFull", "firing", "value 11"), ("DiskFull", "resolved", "value 11")]
    assert asyncio.run(live(True)) == expected
    assert asyncio.run(live(False)) == []


@pytest.mark.enforces("alerting.rules.operator")
@pytest.mark.parametrize(
    ("operator", "held"), [(">", "3"), (">=", "23"), ("<", "1"), ("<=", "12"), ("==", "2"), ("!=", "13")]
)
def test_operators(operator: str, held: str) -> None:
    made = EnumAlertOperator(operator)
    assert "".join(str(value) for value in (1, 2, 3) if made.holds(value, 2)) == held
    assert not made.holds(float("nan"), 2)


@pytest.mark.enforces("alerting.rules.where", "alerting.rules.by", "alerting.rules.combine", "alerting.max_alerts")
def test_series_are_selected_separated_and_combined() -> None:
    async def live(rule: dict[str, object], **settings: object) -> tuple[list[tuple[str, float]], float]:
        made = Alerting({**RULE, **rule}, **settings)
        made.use(20, "a", "x")
        made.use(30, "a", "y")
        made.use(40, "b", "x")
        await made.after(0)
        facts = [(alert.labels.get("disk", ""), alert.value) for alert in made.engine.facts()]
        return facts, made.engine.reported_metrics()["alerts_dropped"]

    assert asyncio.run(live({})) == ([("", 90)], 0)
    assert asyncio.run(live({"where": {"zone": "x"}})) == ([("", 60)], 0)
    assert asyncio.run(live({"by": ["disk"]})) == ([("a", 50), ("b", 40)], 0)
    assert asyncio.run(live({"by": ["disk"]}, max_alerts=1)) == ([("a", 50)], 1)
    assert asyncio.run(live({"combine": "max"})) == ([("", 40)], 0)
    assert asyncio.run(live({"combine": "min"})) == ([("", 20)], 0)


@pytest.mark.enforces("alerting.rules.within_seconds")
def test_the_increase_of_a_counter() -> None:
    async def live() -> None:
        made = Alerting({"name": "Dead", "metric": "dead_total", "within_seconds": 60, "by": ["why"]})
        dead = Counter("dead", "Letters.", ["why"], registry=made.registry)
        dead.labels("old").inc(5)
        assert await made.after(0) == [], "what was before the start is no increase"
        dead.labels("new").inc()
        await made.after(10)
        assert [alert.labels["why"] for alert in made.engine.facts()] == ["new"]
        assert await made.after(59) == ["firing"]
        assert await made.after(2) == []
        dead.remove("new")
        await made.after(1)
        dead.labels("new").inc()
        assert await made.after(1) == ["firing"], "a series that is gone begins again"

    asyncio.run(live())


def test_a_window_has_few_points_and_survives_a_restart_of_the_counter() -> None:
    window = Window(60, 0.0, 100)
    assert window.add(1.0, 110) == 10
    assert window.add(2.0, 3) == 13
    for tick in range(1, 100_000):
        found = window.add(2.0 + tick / 10, 3 + tick)
    assert found == pytest.approx(600, rel=0.05)
    assert len(vars(Window)["_points"].__get__(window)) <= 62


@pytest.mark.enforces("alerting.rules.event")
def test_events_of_handlers_and_of_capabilities() -> None:
    async def live() -> None:
        own = {"name": "Refused", "event": "card_refused", "within_seconds": 60, "threshold": 1}
        theirs = {"name": "Open", "event": "circuit_breaker/open", "within_seconds": 60}
        made = Alerting(own, theirs)
        made.engine.event("card_refused")
        made.engine.event("nobody asks")
        assert await made.after(1) == []
        made.engine.event("card_refused")
        made.reports.report("circuit_breaker", "db", "open", "")
        await made.after(1)
        assert [alert.name for alert in made.engine.facts()] == ["Refused", "Open"]
        assert await made.after(61) == []

    asyncio.run(live())


def test_reports_count_a_limited_number_of_events() -> None:
    reports = Reports()
    for number in range(1_100):
        reports.report("a", "b", str(number), "")
    reports.report("a", "b", "0", "")
    assert len(reports.counts) == 1_000
    assert reports.counts["a", "0"] == 2


@pytest.mark.enforces("alerting.rules.health", "alerting.timeout_seconds")
def test_health_checks() -> None:
    async def live() -> None:
        rules: list[dict[str, object]] = [
            {"name": name, "health": name, "operator": "<", "threshold": 1} for name in ("db", "slow", "none")
        ]
        made = Alerting(*rules, {"name": "No", "health": "no", "operator": "<", "threshold": 1}, timeout_seconds=0.05)
        well = True

        async def probe() -> None:
            if not well:
                raise ConnectionError("gone")

        async def slow() -> None:
            await asyncio.Event().wait()

        async def no() -> bool:
            return False

        for name, each in (("db", probe), ("slow", slow), ("no", no)):
            made.checks.add(HealthCheck(name, each))
        await made.after(0)
        assert [alert.name for alert in made.engine.facts()] == ["slow", "No"]
        assert made.engine.reported_metrics()["without_data"] == 1
        well = False
        await made.after(1)
        assert [alert.name for alert in made.engine.facts()] == ["db", "slow", "No"]

    asyncio.run(live())


@pytest.mark.enforces("alerting.rules.severity", "alerting.rules.labels", "alerting.rules.annotations")
def test_labels_and_texts() -> None:
    async def live() -> None:
        annotations = {"summary": "{labels.disk} of {labels.team} has {value}{labels.nothing}"}
        made = Alerting(
            {**RULE, "by": ["disk"], "severity": "critical", "labels": {"team": "ops"}, "annotations": annotations}
        )
        made.use(12.5, "{value}" + "d" * 300)
        await made.after(0)
        (alert,) = made.engine.facts()
        disk = ("{value}" + "d" * 300)[:256]
        assert alert.annotations == {"summary": f"{disk} of ops has 12.5"}, "a label is data, not a template"
        assert alert.labels == {
            "alertname": "DiskFull",
            "severity": "critical",
            "node": IDENTITY.name,
            "instance": IDENTITY.instance,
            "team": "ops",
            "disk": disk,
        }

    asyncio.run(live())


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"metric": "a", "event": "b"}, "set one of metric, event and health"),
        ({}, "set one of metric, event and health"),
        ({"health": "a", "by": ["x"]}, "where and by select series"),
        ({"event": "a"}, "set within_seconds"),
        ({"health": "a", "within_seconds": 5}, "use for_seconds"),
        ({"metric": "a", "labels": {"severity": "x"}}, "every alert has the label severity"),
        ({"metric": "a", "annotations": {"a": "{value.__class__}"}}, "not {value.__class__}"),
        ({"metric": "a", "annotations": {"a": "{labels[x]}"}}, "not {labels"),
        ({"metric": "a", "annotations": {"a": "a { b"}}, "not a single brace"),
        ({"metric": "a", "threshold": float("nan")}, "finite"),
    ],
)
def test_wrong_rules_are_refused(rule: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ModelAlertingSubcontract.model_validate({"rules": [{"name": "Wrong", **rule}]})


def test_names_are_unique() -> None:
    with pytest.raises(ValidationError, match="DiskFull is the name of two"):
        ModelAlertingSubcontract.model_validate({"rules": [RULE, RULE]})


@pytest.mark.enforces(
    "alerting.alertmanagers",
    "alerting.alertmanagers.name",
    "alerting.alertmanagers.url",
    "alerting.alertmanagers.token",
)
def test_an_alertmanager_hears_of_each_alert_and_again_each_minute() -> None:
    async def live(receiver: Receiver) -> None:
        made = Alerting(alertmanagers=[{"name": "am", "url": f"{receiver.url}/", "token": SecretStr("s3cret")}])
        made.use(11)
        for seconds, requests in ((0, 1), (59, 1), (1, 2)):
            await made.after(seconds)
            await made.deliver()
            assert len(receiver.requests) == requests
        made.use(0)
        await made.after(1)
        await made.deliver()
        await made.engine.close()

    with Receiver().running() as receiver:
        asyncio.run(live(receiver))
        first, _, last = receiver.requests
        assert first.path == "/api/v2/alerts"
        assert first.headers["authorization"] == "Bearer s3cret"
        (began,), (ended,) = json.loads(first.body), json.loads(last.body)
        assert began["labels"]["alertname"] == "DiskFull"
        assert began["labels"] == ended["labels"]
        assert began["startsAt"] == ended["startsAt"] < ended["endsAt"] < began["endsAt"]


@pytest.mark.enforces("alerting.group_by", "alerting.group_wait_seconds", "alerting.group_interval_seconds")
def test_a_group_is_one_notification() -> None:
    async def live(receiver: Receiver) -> None:
        made = Alerting(
            {**RULE, "by": ["disk"]},
            channels=[chat(receiver)],
            group_by=["zone"],
            group_wait_seconds=30,
            group_interval_seconds=300,
        )
        made.use(11, "a")
        await made.after(0)
        made.use(11, "b")
        await made.after(29)
        await made.deliver()
        assert texts(receiver) == []
        await made.after(1)
        await made.deliver()
        assert texts(receiver) == ["*[node_a_effect] FIRING 2: DiskFull*"]
        made.use(11, "c")
        made.use(0, "b")
        await made.after(299)
        await made.deliver()
        assert len(receiver.requests) == 1
        await made.after(1)
        await made.deliver()
        text = json.loads(receiver.requests[-1].body)["text"]
        assert "FIRING 2" in text
        assert "resolved: " in text
        made.use(0, "a")
        made.use(0, "c")
        await made.after(300)
        await made.deliver()
        assert texts(receiver)[-1] == "*[node_a_effect] RESOLVED: DiskFull*"
        await made.after(300)
        assert vars(made.engine)["_groups"].__dict__["_groups"] == {}
        made.use(11, "a")
        await made.after(1)
        made.use(0, "a")
        await made.after(30)
        await made.deliver()
        assert len(receiver.requests) == 3, "it was over before anybody was told"

    with Receiver().running() as receiver:
        asyncio.run(live(receiver))


@pytest.mark.enforces("alerting.repeat_interval_seconds")
def test_an_alert_that_stays_is_repeated() -> None:
    async def live(receiver: Receiver) -> None:
        made = Alerting(
            channels=[chat(receiver)], group_wait_seconds=0, group_interval_seconds=60, repeat_interval_seconds=3_600
        )
        made.use(11)
        for seconds, count in ((0, 1), (60, 1), (3_480, 1), (60, 2)):
            await made.after(seconds)
            await made.deliver()
            assert len(receiver.requests) == count, seconds

    with Receiver().running() as receiver:
        asyncio.run(live(receiver))


@pytest.mark.enforces("alerting.inhibit_equal")
def test_a_critical_alert_inhibits_warnings_about_the_same() -> None:
    async def live(receiver: Receiver, equal: Sequence[str]) -> None:
        warn, crit = ({**RULE, "name": name, "by": ["disk"]} for name in ("Warn", "Crit"))
        made = Alerting(
            {**crit, "severity": "critical", "threshold": 20},
            warn,
            channels=[chat(receiver)],
            group_by=[],
            group_wait_seconds=0,
            inhibit_equal=equal,
        )
        made.use(21, "a")
        made.use(11, "b")
        await made.after(0)
        await made.deliver()

    for equal, count in (((), 3), (("disk",), 2), (("node",), 1)):
        with Receiver().running() as receiver:
            asyncio.run(live(receiver, equal))
            assert f"FIRING {count}: " in texts(receiver)[0]


def test_the_end_of_an_inhibited_alert_is_not_notified() -> None:
    async def live(receiver: Receiver) -> None:
        crit = {**RULE, "name": "Crit", "severity": "critical", "threshold": 5}
        made = Alerting(crit, RULE, channels=[chat(receiver)], group_wait_seconds=0, inhibit_equal=["node"])
        made.use(11)
        await made.after(0)
        made.use(6)
        await made.after(1)
        await made.deliver()

    with Receiver().running() as receiver:
        asyncio.run(live(receiver))
        assert texts(receiver) == ["*[node_a_effect] FIRING 1: Crit*"]


@pytest.mark.enforces(
    "alerting.channels",
    "alerting.channels.name",
    "alerting.channels.kind",
    "alerting.channels.url",
    "alerting.channels.least_severity",
)
def test_a_channel_gets_its_severities() -> None:
    async def live(receiver: Receiver, severity: str) -> int:
        made = Alerting(
            {**RULE, "severity": severity},
            channels=[chat(receiver, least_severity="critical")],
            group_wait_seconds=0,
        )
        made.use(11)
        await made.after(0)
        await made.deliver()
        return len(receiver.requests)

    for severity, count in (("info", 0), ("warning", 0), ("critical", 1)):
        with Receiver().running() as receiver:
            assert asyncio.run(live(receiver, severity)) == count


@pytest.mark.enforces(
    "alerting.channels.host",
    "alerting.channels.port",
    "alerting.channels.starttls",
    "alerting.channels.username",
    "alerting.channels.password",
    "alerting.channels.sender",
    "alerting.channels.recipients",
)
def test_mail_is_sent_by_the_engine_of_notifications(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[ModelNotificationChannel, str, str]] = []

    def sender(channel: ModelNotificationChannel, timeout: float, client: object) -> Send:
        async def send(title: str, text: str) -> None:
            taken.append((channel, title, text))

        assert timeout == 7
        return send

    monkeypatch.setattr("onex.mixins.alerting.receivers.sender_of", sender)
    channel = {
        "name": "ops",
        "kind": "email",
        "host": "mail.example.org",
        "port": 587,
        "starttls": True,
        "username": "mesh",
        "password": "hush",
        "sender": "mesh@example.org",
        "recipients": ["ops@example.org"],
    }

    async def live() -> None:
        rule = {**RULE, "annotations": {"summary": "full"}}
        made = Alerting(rule, channels=[channel], group_wait_seconds=0, timeout_seconds=7)
        made.use(11)
        await made.after(0)
        await made.deliver()

    asyncio.run(live())
    ((used, title, text),) = taken
    assert used == ModelNotificationChannel.model_validate(channel)
    assert title == "[node_a_effect] FIRING 1: DiskFull"
    assert text.startswith("firing: alertname=DiskFull, ")
    assert text.endswith("summary: full")


def test_a_long_group_is_cut() -> None:
    async def live(receiver: Receiver) -> None:
        made = Alerting({**RULE, "by": ["disk"]}, channels=[chat(receiver)], group_wait_seconds=0)
        for number in range(60):
            made.use(11, str(number))
        await made.after(0)
        await made.deliver()

    with Receiver().running() as receiver:
        asyncio.run(live(receiver))
        assert json.loads(receiver.requests[0].body)["text"].endswith("and 10 more")


def test_a_receiver_that_refuses_loses_nothing_and_the_node_is_degraded() -> None:
    async def live(receiver: Receiver) -> None:
        made = Alerting(alertmanagers=[{"name": "am", "url": receiver.url}], emit_alert_events=False)
        made.use(11)
        await made.after(0)
        await made.deliver()
        with pytest.raises(Exception, match="am: am returned status 403"):
            await made.engine.probe()
        made.use(0)
        await made.after(1)
        await made.deliver()
        assert made.engine.reported_metrics()["failed"] == 2
        assert made.events() == [("am", "unreachable", "am returned status 403")]
        await made.deliver()
        await made.engine.probe()
        assert made.events() == [("am", "reached", "")]
        assert made.engine.reported_metrics()["waiting"] == 0

    with Receiver((403, {}, b""), (403, {}, b""), OK).running() as receiver:
        asyncio.run(live(receiver))
        (alert,) = json.loads(receiver.requests[-1].body)
        assert alert["startsAt"] < alert["endsAt"], "it fired and was resolved while the receiver refused"


def test_a_receiver_that_is_away() -> None:
    async def live() -> None:
        made = Alerting(alertmanagers=[{"name": "am", "url": "http://127.0.0.1:1"}])
        made.use(11)
        await made.after(0)
        await made.deliver()
        with pytest.raises(Exception, match="am: am: ConnectError"):
            await made.engine.probe()

    asyncio.run(live())


@pytest.mark.enforces("alerting.max_waiting")
def test_a_limited_number_of_alerts_waits() -> None:
    async def live() -> None:
        rule = {**RULE, "by": ["disk"]}
        made = Alerting(rule, alertmanagers=[{"name": "am", "url": "http://127.0.0.1:1"}], max_waiting=2)
        for number in range(5):
            made.use(11, str(number))
        await made.after(0)
        assert made.engine.reported_metrics()["waiting"] == 2
        assert made.engine.reported_metrics()["dropped"] == 3

    asyncio.run(live())


@pytest.mark.enforces("alerting.interval_seconds", "alerting.base_delay_seconds", "alerting.max_delay_seconds")
def test_a_slow_receiver_delays_neither_rules_nor_the_stop() -> None:
    async def live() -> None:
        async with mute_server() as port:
            url = f"http://127.0.0.1:{port}"
            made = Alerting(
                alertmanagers=[{"name": "am", "url": url}],
                timeout_seconds=0.01,
                interval_seconds=1,
                base_delay_seconds=0.01,
                max_delay_seconds=0.01,
            )
            made.use(11)
            await made.engine.open()
            assert "alerting" in made.checks.all
            while made.engine.reported_metrics()["failed"] < 3:
                await asyncio.sleep(0.01)
            made.use(0)
            while made.engine.facts():
                await asyncio.sleep(0.01)
            await made.engine.close()
            await made.engine.close()
            assert "alerting" not in made.checks.all

    asyncio.run(live())


def test_a_receiver_that_works_gets_alerts_from_the_engine_s_own_task() -> None:
    async def live(receiver: Receiver) -> None:
        made = Alerting(alertmanagers=[{"name": "am", "url": receiver.url}])
        made.use(11)
        await made.engine.open()
        (delivery,) = vars(made.engine)["_alertmanagers"]
        while not made.engine.reported_metrics()["sent"] or vars(delivery)["_arrived"].is_set():
            await asyncio.sleep(0.01)
        assert made.engine.reported_metrics()["waiting"] == 0
        await made.engine.close()

    with Receiver().running() as receiver:
        asyncio.run(live(receiver))
        assert len(receiver.requests) == 1


def test_a_last_attempt_when_the_node_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    async def live(url: str) -> None:
        made = Alerting(alertmanagers=[{"name": "am", "url": url}])
        await made.engine.open()
        made.use(11)
        await made.engine.tick()
        await made.engine.close()

    async def late() -> None:
        async with mute_server() as port:
            await live(f"http://127.0.0.1:{port}")

    with Receiver().running() as receiver:
        asyncio.run(live(receiver.url))
        assert len(receiver.requests) == 1
    monkeypatch.setattr("onex.mixins.alerting.engine._CLOSE_WITHIN", 0.05)
    asyncio.run(late())


def test_a_newer_state_waits_while_the_older_one_is_sent() -> None:
    async def live(receiver: Receiver) -> None:
        made = Alerting(alertmanagers=[{"name": "am", "url": receiver.url}])
        (delivery,) = vars(made.engine)["_alertmanagers"]
        made.use(11)
        await made.after(0)
        sending = asyncio.create_task(delivery.attempt())
        await asyncio.sleep(0)
        made.use(0)
        await made.after(1)
        await sending
        assert delivery.waiting == 1
        await made.deliver()
        assert delivery.waiting == 0

    with Receiver().running() as receiver:
        asyncio.run(live(receiver))
        assert len(receiver.requests) == 2


def test_a_source_that_fails_does_not_end_alerting() -> None:
    async def live() -> None:
        made = Alerting()

        class Broken:
            def collect(self) -> list[object]:
                raise RuntimeError("no figures")

        made.registry.register(Broken())  # type: ignore[arg-type]  # it is broken
        await made.engine.open()
        while not made.engine.reported_metrics()["failed_ticks"]:
            await asyncio.sleep(0.01)
        assert not any(task.done() for task in vars(made.engine)["_tasks"])
        await made.engine.close()

    asyncio.run(live())


def test_a_node_alerts_about_its_own_events() -> None:
    class Node(MixinAlerting, NodeCompute[Note, Note]):
        pass

    rule = {"name": "Refused", "event": "refused", "within_seconds": 60}
    node = Node()
    node.container = container(ModelAlertingSubcontract.model_validate({"rules": [rule]}))
    node.alerts.event("refused")
    asyncio.run(node.alerts.tick())
    assert [alert.name for alert in node.alerts.facts()] == ["Refused"]
