"""Run Python code in new namespaces. This script imports only Python's standard library.

``python -I launcher.py SPEC``, where SPEC is the JSON of :class:`Spec`. Linux only. The namespaces are those of
users, mounts, processes, networks, IPC and host names. The code has a new root folder: its readable paths, one
writable folder, and no ``/proc``. The script exits with the code of the process, or with a line on stderr.

The code runs in this process, with the modules that it has imported already.
"""

import ctypes
import json
import os
import platform
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import NamedTuple, NoReturn

_NEW_MOUNTS, _NEW_NAMES, _NEW_IPC, _NEW_USERS = 1 << 17, 1 << 26, 1 << 27, 1 << 28
_NEW_PIDS, _NEW_NET = 1 << 29, 1 << 30
_READ_ONLY, _NO_SUID, _NO_DEV, _NO_EXEC, _REMOUNT, _NO_ATIME = 1, 2, 4, 8, 32, 1024
_BIND, _RECURSIVE, _PRIVATE, _RELATIVE_ATIME = 4096, 16_384, 1 << 18, 1 << 21
_DETACH, _DIE_WITH_PARENT, _NO_NEW_PRIVILEGES = 2, 1, 38
_word = ctypes.c_ulong
"""A number as system calls take it: as wide as a pointer."""
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_NOBODY = 65_534
_MIB = 1024 * 1024
_MOST_FILES = 256
_NOT_WRITTEN = 120
"""Exit code of an interpreter whose output could not be written."""
_WORK, _OLD = "onex-work", "onex-old"
"""Folders of the new root. A folder that the code may read would be hidden by one of the same name."""


class Spec(NamedTuple):
    """The code, and what it may use."""

    code: str
    folder: str
    """Mounted as ``/onex-work``: the working directory, and the only folder whose files remain."""
    readable: list[str]
    """Folders and files that the code may read, at the same paths."""
    seconds: int
    """Limit of processor time, in seconds."""
    namespaces: bool


def main() -> int:
    """Run the code that the first argument names, and return its exit code. Raises OSError without namespaces."""
    spec = Spec(**json.loads(sys.argv[1]))
    _limit(spec.seconds)
    if not spec.namespaces:
        os.chdir(spec.folder)
        _run(spec.code)
    ready, send_ready = os.pipe()
    go, send_go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ready)
        os.close(send_go)
        os._exit(_guarded(spec, send_ready, go))
    os.close(send_ready)
    os.close(go)
    if os.read(ready, 1):
        _map_users(child)
        os.write(send_go, b"x")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _guarded(spec: Spec, send_ready: int, go: int) -> int:
    try:
        _prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        _call("unshare", _word(_NEW_USERS | _NEW_MOUNTS | _NEW_PIDS | _NEW_NET | _NEW_IPC | _NEW_NAMES))
        os.write(send_ready, b"x")
        if not os.read(go, 1):
            return 1
        first = os.fork()  # the process that creates the namespace of processes is not in it
        if first == 0:
            _enter(spec)
        return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF
    except OSError as error:
        sys.stderr.write(f"no namespaces: {error}\n")
        return 1


def _enter(spec: Spec) -> None:
    """Run the code in this process. Does not return."""
    try:
        _new_root(spec)
        if os.getuid() == 0:
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        _prctl(_NO_NEW_PRIVILEGES, 1)
        _prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        os.chdir(f"/{_WORK}")
    except OSError as error:
        sys.stderr.write(f"no namespaces: {error}\n")
        sys.stderr.flush()
        os._exit(1)
    _run(spec.code)


def _run(code: str) -> NoReturn:
    """Run the code as the whole program. It has no open file but the standard streams."""
    os.closerange(3, _MOST_FILES)
    os.environ.clear()
    os.environ.update(_environment())
    sys.argv = ["-c"]
    sys.dont_write_bytecode = True
    sys.path.insert(0, ".")
    status = 0
    try:
        exec(compile(code, "<code>", "exec"), {"__name__": "__main__"})
    except SystemExit as error:
        status = _status(error)
    except BaseException:  # noqa: BLE001 - what an interpreter does
        traceback.print_exc()
        status = 1
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        status = status or _NOT_WRITTEN
    os._exit(status)


def _status(error: SystemExit) -> int:
    match error.code:
        case None:
            return 0
        case int() as code:
            return code & 0xFF
        case text:
            sys.stderr.write(f"{text}\n")
            return 1


def _map_users(child: int) -> None:
    """Map the user: root stays root until the mounts are made, then becomes nobody. Other users are nobody."""
    user = os.getuid()
    users = f"0 0 1\n{_NOBODY} {_NOBODY} 1\n" if user == 0 else f"{_NOBODY} {user} 1\n"
    groups = f"0 0 1\n{_NOBODY} {_NOBODY} 1\n" if user == 0 else f"{_NOBODY} {os.getgid()} 1\n"
    folder = Path("/proc") / str(child)
    if user != 0:
        (folder / "setgroups").write_text("deny")
    (folder / "uid_map").write_text(users)
    (folder / "gid_map").write_text(groups)


def _new_root(spec: Spec) -> None:
    _mount("none", "/", "", _RECURSIVE | _PRIVATE)
    root = Path(spec.folder).parent / "root"
    root.mkdir()
    _mount("tmpfs", str(root), "tmpfs", _NO_SUID | _NO_DEV, "size=64m,mode=755")
    for name in ("tmp", _WORK, _OLD, "dev"):
        (root / name).mkdir(mode=0o755)
    (root / "tmp").chmod(0o1777)
    for device in ("/dev/null", "/dev/urandom", "/dev/zero"):
        _show(device, root)
    for path in _outermost(spec.readable):
        if os.path.islink(path):  # such as /lib in current distributions
            (root / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (root / path.lstrip("/")).symlink_to(os.readlink(path))
        else:
            _show(path, root)
    for target in _mounts_below(str(root)):
        if not target.startswith(f"{root}/dev/"):
            _read_only(target)
    _mount(spec.folder, str(root / _WORK), "", _BIND)
    _call_number(_PIVOT_ROOT[platform.machine()], str(root).encode(), str(root / _OLD).encode())
    os.chdir("/")
    _call("umount2", f"/{_OLD}".encode(), _word(_DETACH))


def _show(path: str, root: Path) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.isdir(path):
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    _mount(path, str(target), "", _BIND | _RECURSIVE)


def _read_only(target: str) -> None:
    """Remount as read-only. Another namespace of users may not remove flags that a mount already has."""
    flags = os.statvfs(target).f_flag
    inherited = flags & (_NO_SUID | _NO_DEV | _NO_EXEC | _NO_ATIME)
    inherited |= _RELATIVE_ATIME if flags & 4096 else 0
    _mount("none", target, "", _BIND | _REMOUNT | _READ_ONLY | _NO_SUID | inherited)


def _mounts_below(root: str) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [where for line in lines if (where := line.split()[4]).startswith(f"{root}/")]


def _outermost(paths: list[str]) -> list[str]:
    outermost: list[str] = []
    for path in sorted(set(paths)):
        if os.path.exists(path) and not any(path.startswith(f"{outer}/") for outer in outermost):
            outermost.append(path)
    return outermost


def _limit(seconds: int) -> None:
    for limit, value in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 16 * _MIB),
        (resource.RLIMIT_AS, 4096 * _MIB),
        (resource.RLIMIT_NOFILE, _MOST_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (allowed, allowed))


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    _call("mount", source.encode(), target.encode(), kind.encode() or None, _word(flags), data.encode() or None)


def _prctl(option: int, value: int) -> None:
    _call("prctl", *map(_word, (option, value, 0, 0, 0)))


def _call_number(number: int, *arguments: bytes) -> None:
    _call("syscall", _word(number), *arguments)


def _call(name: str, *arguments: bytes | ctypes.c_ulong | None) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main())
