"""The sandbox of generated code: what it shows, what it limits, and where it refuses."""

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from onex.cli.doctor.check import CheckContext, Severity
from onex.cli.doctor.node_checks import sandbox
from onex.contract import resolve_node
from onex.contract.create_node import create_node
from onex.errors import ConfigurationError, ContractError
from onex.sandbox import Sandbox, launcher, run
from onex.settings import Settings
from onex.util.parent_death import PR_SET_PDEATHSIG
from tests.conftest import SERVICES, eventually

NODE = SERVICES / "node_test_generator_effect" / "v1_0_0"


@cache
def has_namespaces() -> bool:
    """Whether this machine allows them."""
    return not asyncio.run(Sandbox("namespaces", 60.0).problem())


PROBE = """
import ctypes, os, socket, sys
def is_open(number):
    try:
        return bool(os.fstat(number))
    except OSError:
        return False
seen = [f"open file {{number}}" for number in range(3, 256) if is_open(number)]
seen += [name for name in os.environ if name not in ("PATH", "HOME", "LANG")]
seen += [path for path in {paths!r} if os.path.exists(path)]
if os.path.isdir("/onex-old"):
    seen += [name for name in os.listdir("/onex-old")]
if 0 in (*os.getresuid(), *os.getresgid(), *os.getgroups()):
    seen.append("root")
if os.getppid() != 0:
    seen.append("processes")
if any(name != "lo" for _, name in socket.if_nameindex()):
    seen.append("interfaces")
if ctypes.CDLL(None).shmget({key}, 1, 0) != -1:
    seen.append("memory of others")
for folder in ("/", "/dev", "/usr", "/usr/lib", *filter(os.path.isdir, sys.path[1:]), sys.prefix):
    seen += ["may write " + folder] if os.access(folder, os.W_OK) else []
try:
    socket.create_connection(("127.0.0.1", {port}), 1)
    seen.append("network")
except OSError:
    pass
open("written", "w").write("x")
print("seen:", seen)
"""
_KEY = 0x6F6E6578


@pytest.fixture
def memory() -> Iterator[int]:
    """A segment of System V memory that every process of this machine finds by its key."""
    library = ctypes.CDLL(None)
    segment = library.shmget(_KEY, 1, 0o1666)
    assert segment != -1
    yield _KEY
    library.shmctl(segment, 0, None)


async def _probe(kind: str, secret: Path, key: int) -> str:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        paths = [str(secret), "/proc/1/environ", "/etc/passwd", "/proc/self", "/sys/class", "/etc/hostname"]
        code = PROBE.format(paths=paths, port=port, key=key)
        ended = await Sandbox(kind, 30.0).run({}, code)  # type: ignore[arg-type]
    assert ended.code == 0, ended.output
    return ended.output


def test_generated_code_sees_nothing_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int
) -> None:
    monkeypatch.setenv("SASL_PASSWORD", "hunter2")
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    if not has_namespaces():
        pytest.skip("no namespaces on this machine")
    assert asyncio.run(_probe("namespaces", secret, memory)) == "seen: []\n"
    output = asyncio.run(_probe("process", secret, memory))
    assert "SASL" not in output
    for seen in ("network", "processes", "memory of others"):
        assert seen in output, "the probe finds what there is"


def test_processes_of_generated_code_end_with_it(tmp_path: Path) -> None:
    """One that leaves its group ends with its namespace, whether the time limit or the code itself ends the run."""
    if not has_namespaces():
        pytest.skip("no namespaces on this machine")
    name = f"onex-left-{os.getpid()}"
    leave = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    null = os.open('/dev/null', os.O_RDWR)\n"
        "    for number in (0, 1, 2):\n        os.dup2(null, number)\n"
        f"    os.execv('/usr/bin/sleep', ['{name}', '60'])\n"
    )
    for after, seconds in (("", 30.0), ("\ntime.sleep(60)", 1.0)):
        asyncio.run(Sandbox("namespaces", seconds).run({}, leave + after))
        eventually(lambda: name.encode() not in _commands(), 5.0, "a process outlives its sandbox")


@pytest.mark.parametrize("starts", [True, False])
def test_a_run_ends_with_the_task_that_waits_for_it(
    starts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the task is cancelled while the process is being started."""
    name = f"onex-cancelled-{os.getpid()}-{starts}"
    code = f"import os; os.execv('/usr/bin/sleep', ['{name}', '60'])"

    async def cancelled() -> None:
        running = asyncio.create_task(Sandbox("process", 60.0).run({}, code))
        await asyncio.sleep(0)
        if starts:
            await asyncio.to_thread(eventually, lambda: name.encode() in _commands(), 10.0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    ended: list[bool] = []
    remove = tempfile.TemporaryDirectory.cleanup

    def noted(folder: "tempfile.TemporaryDirectory[str]") -> None:
        ended.append(name.encode() not in _commands())
        remove(folder)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tempfile.TemporaryDirectory, "cleanup", noted)
    asyncio.run(cancelled())
    assert name.encode() not in _commands()
    assert all(ended), "its folder is gone, and it has not ended"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["namespaces", "process"])
def test_a_process_that_keeps_the_output_open_delays_nothing(kind: str) -> None:
    sandbox = Sandbox(kind, 1.0)  # type: ignore[arg-type]
    if kind == "namespaces" and not has_namespaces():
        pytest.skip("no namespaces on this machine")
    leave = "import os, time\nif os.fork() == 0:\n    os.setsid()\ntime.sleep(30)\n"

    async def bounded() -> str:
        async with asyncio.timeout(15.0):
            return (await sandbox.run({}, leave)).output

    assert asyncio.run(bounded()) == "it took longer than 1 s"


@pytest.mark.parametrize("kind", ["namespaces", "process"])
def test_a_flood_of_output_hangs_nothing(kind: str) -> None:
    sandbox = Sandbox(kind, 60.0)  # type: ignore[arg-type]
    if kind == "namespaces" and not has_namespaces():
        pytest.skip("no namespaces on this machine")

    async def flood() -> None:
        async with asyncio.timeout(50.0):
            ended = await sandbox.run({}, "import os\nwhile True: os.write(1, b'x' * 65536)")
        assert ended.code != 0
        assert ended.output == "x" * len(ended.output)
        assert 1 << 17 < len(ended.output) < 1 << 20

    asyncio.run(flood())


def _commands() -> bytes:
    found = b""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found += file.read_bytes()
    return found


@pytest.mark.parametrize("kind", ["namespaces", "process"])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("while True: pass", "it took longer than 2 s"),
        ("x = bytearray(6 << 30)", "MemoryError"),
        ("open('big', 'wb').write(bytes(64 << 20))", "File too large"),
        ("while True: print('x' * 100_000)", "xxx"),
        ("kept = [open('/dev/null') for _ in range(300)]", "Too many open files"),
    ],
)
def test_generated_code_has_limits(kind: str, code: str, words: str) -> None:
    sandbox = Sandbox(kind, 2.0 if "longer" in words else 30.0)  # type: ignore[arg-type]
    if kind == "namespaces" and not has_namespaces():
        pytest.skip("no namespaces on this machine")
    ended = asyncio.run(sandbox.run({}, code))
    assert ended.code != 0
    assert words in ended.output


def test_processor_time_has_a_limit_of_its_own(tmp_path: Path) -> None:
    """Many processes use more of it than the time limit."""
    spec = launcher.Spec("while True: pass", str(tmp_path), [], 1, False)
    command = [sys.executable, "-I", launcher.__file__, json.dumps(spec._asdict())]
    done = subprocess.run(command, check=False, capture_output=True)
    assert done.returncode in (-signal.SIGXCPU, -signal.SIGKILL)


def test_without_namespaces_the_node_refuses_unless_it_may_do_with_less(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = NODE
    broken = tmp_path / "broken_launcher.py"
    broken.write_text(Path(launcher.__file__).read_text().replace('"unshare", ', '"unshare", 1 << 40 | '))
    folders = [*run._python_folders(), str(tmp_path)]
    monkeypatch.setattr("onex.sandbox.run._python_folders", lambda: folders)
    monkeypatch.setattr("onex.sandbox.run._LAUNCHER", broken.stem)
    with pytest.raises(ConfigurationError, match="set ONEX_SANDBOX=process"):
        asyncio.run(create_node(resolve_node(folder, environment={})).start())  # type: ignore[attr-defined]
    asyncio.run(create_node(resolve_node(folder, environment={"ONEX_SANDBOX": "process"})).start())  # type: ignore[attr-defined]
    with pytest.raises(ContractError, match="config.sandbox"):
        resolve_node(folder, environment={"ONEX_SANDBOX": "none"})


def test_doctor_warns_of_generated_code_without_a_sandbox() -> None:
    nodes = [resolve_node(NODE)]
    found = {
        kind: [*sandbox(cast(CheckContext, SimpleNamespace(settings=Settings(sandbox=kind), nodes=nodes)))]
        for kind in ("namespaces", "process")
    }
    assert not found["namespaces"]
    assert found["process"][0].severity is Severity.WARNING


def test_the_launcher_has_the_number_that_others_import() -> None:
    assert launcher._DIE_WITH_PARENT == PR_SET_PDEATHSIG


def test_users_that_are_not_root_have_namespaces_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    python = Path("/usr/bin/python3")
    if os.getuid() != 0 or not python.exists() or not has_namespaces():
        pytest.skip("needs root, who becomes another user, and a Python that everybody may read")
    with tempfile.TemporaryDirectory() as root:
        work = Path(root) / "outer" / "work"
        work.mkdir(parents=True)
        shown = Path(root) / "shown"
        shown.mkdir()
        for path in (Path(root), work.parent, work, shown):
            os.chown(path, 65_533, 65_533)
        script = shutil.copy(launcher.__file__, root)
        os.chmod(script, 0o644)
        code = f"print(os.getuid(), os.getpid(), os.path.exists('/proc'), os.access({str(shown)!r}, os.W_OK))"
        spec = launcher.Spec(f"import os; {code}", str(work), ["/usr", "/bin", "/lib", "/lib64", str(shown)], 5, True)
        done = subprocess.run(
            [str(python), "-I", script, json.dumps(spec._asdict())],
            user=65_533,
            group=65_533,
            extra_groups=[],
            env={},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, "65534 1 False False\n"), done.stderr


def test_an_installation_below_a_common_folder_is_not_hidden() -> None:
    """The folder of the code is mounted under a name that this machine does not have, so that it covers nothing."""
    if not has_namespaces():
        pytest.skip("no namespaces on this machine")
    ended = asyncio.run(Sandbox("namespaces", 60.0).run({}, "import os; print(os.getcwd())"))
    assert ended.code == 0
    assert ended.output.strip().startswith("/onex-")
    assert not Path(ended.output.strip()).exists()
