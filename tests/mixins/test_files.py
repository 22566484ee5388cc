"""MixinFiles."""

import asyncio
import errno
import fcntl
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Barrier, current_thread

import pytest

from onex.capability import AgentEnvironment, HealthChecks
from onex.errors import CompositionError, OutageError, RejectedError
from onex.mixins.files import MixinFiles, ModelFilesSubcontract
from onex.mixins.files.change import FileChange
from onex.mixins.files.engine import FilesEngine
from onex.mixins.files.lock import CommitLock
from onex.mixins.files.store import FileStore
from onex.node import NodeEffect
from onex.util.atomic_file import open_folder, replace_file
from tests.mixins.helpers import CURRENT_MESSAGE, FakeCurrentMessage, container

OUTSIDE_OF_MESSAGES = FakeCurrentMessage()
Use = Callable[[FilesEngine], Awaitable[None]]


def settings_of(**settings: object) -> ModelFilesSubcontract:
    return ModelFilesSubcontract.model_validate(settings)


def with_files(folder: Path, use: Use, message: FakeCurrentMessage = OUTSIDE_OF_MESSAGES, **settings: object) -> None:
    """Open the files of a folder, use them, and close them."""

    async def live() -> None:
        engine = FilesEngine(settings_of(**settings), folder, message)
        await engine.open()
        try:
            await use(engine)
        finally:
            await engine.close()

    asyncio.run(live())


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and ".onex-changes" not in file.parts
    }


def left_over(folder: Path) -> list[str]:
    return sorted(file.name for file in (folder / ".onex-changes").iterdir() if file.name not in ("lock", "appended"))


def test_files_by_path(tmp_path: Path) -> None:
    async def use(files: FilesEngine) -> None:
        assert await files.read("a/b/c.txt") is None
        assert not await files.exists("a/b/c.txt")
        assert await files.list() == await files.list("a") == []
        await files.write("a/b/c.txt", b"one")
        await files.write("a/b/c.txt", b"two")
        await files.write("z", b"")
        await files.append("a/log", b"1;")
        await files.append("a/log", b"2;")
        assert await files.read("a/b/c.txt") == b"two"
        assert await files.read("z") == b""
        assert await files.read("a/log") == b"1;2;"
        assert await files.exists("z")
        assert await files.list() == ["a/b/c.txt", "a/log", "z"]
        assert await files.list("a") == ["a/b/c.txt", "a/log"]
        assert await files.delete("z")
        assert not await files.delete("z")
        assert not await files.delete("no/such")
        assert files.reported_metrics() == {
            "reads": 4.0, "changes": 5.0, "failed": 0.0, "repeated_appends": 0.0, "recovered": 0.0
        }  # fmt: skip

    with_files(tmp_path / "deep" / "files", use)
    assert contents(tmp_path / "deep" / "files") == {"a/b/c.txt": b"two", "a/log": b"1;2;"}
    assert left_over(tmp_path / "deep" / "files") == []


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../a", "a/../b", "a/./b", "a//b", "a/", ".", "a\\b", "a\nb", "a\0b", "\ud800", "é" * 200,
     "/".join("a" * 17), ".onex-changes/lock"],
)  # fmt: skip
def test_paths_stay_in_the_folder(tmp_path: Path, path: str) -> None:
    async def use(files: FilesEngine) -> None:
        for deed in (files.read(path), files.exists(path), files.write(path, b""), files.append(path, b"")):
            with pytest.raises(RejectedError, match="the path of a file is not valid"):
                await deed
        with pytest.raises(RejectedError, match="the path of a file is not valid"):
            await files.delete(path)
        if path:
            with pytest.raises(RejectedError, match="the path of a file is not valid"):
                await files.list(path)

    with_files(tmp_path, use)
    assert contents(tmp_path) == {}


def test_symlinks_and_what_is_no_file_are_refused(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "files"
    outside.mkdir()
    folder.mkdir()
    (outside / "secret").write_text("hush")
    (folder / "there").symlink_to(outside)
    (folder / "link").symlink_to(outside / "secret")
    (folder / "dangling").symlink_to(tmp_path / "new")
    (folder / "second-name").hardlink_to(outside / "secret")
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()

    async def use(files: FilesEngine) -> None:
        for path in ("there/secret", "link", "pipe", "folder"):
            with pytest.raises(RejectedError, match="the path of a file leads|the path of a file is a folder"):
                await files.read(path)
        for path in ("there/secret", "link", "dangling", "second-name", "pipe", "folder"):
            for deed in (files.write(path, b"x"), files.append(path, b"x"), files.delete(path)):
                with pytest.raises(RejectedError, match="the path of a file leads"):
                    await deed
        assert await files.list() == ["second-name"]
        with pytest.raises(RejectedError, match="leads through a file or a symlink"):
            await files.list("there")
        await files.write("file", b"")
        with pytest.raises(RejectedError, match="leads through a file"):
            await files.write("file/below", b"")

    with_files(folder, use)
    assert (outside / "secret").read_text() == "hush"
    assert not (tmp_path / "new").exists()


@pytest.mark.enforces("files.max_file_bytes", "files.max_change_bytes", "files.max_change_files", "files.max_listed")
def test_sizes_and_numbers_are_limited(tmp_path: Path) -> None:
    async def use(files: FilesEngine) -> None:
        await files.write("a", b"123")
        with pytest.raises(RejectedError, match="a file of 5 bytes, 4 are allowed"):
            await files.write("a", b"12345")
        await files.append("a", b"4")
        with pytest.raises(RejectedError, match="a file of 5 bytes, 4 are allowed"):
            await files.append("a", b"5")
        assert await files.read("a") == b"1234"
        (tmp_path / "large").write_bytes(b"12345")
        with pytest.raises(RejectedError, match="a file of more than 4 bytes"):
            await files.read("large")
        with pytest.raises(RejectedError, match="a change of more than 6 bytes"):
            async with files.change() as change:
                change.write("b", b"1234")
                change.write("c", b"123")
        with pytest.raises(RejectedError, match="a change of more than 2 files"):
            async with files.change() as change:
                for name in ("b", "c", "b", "d"):
                    change.write(name, b"")
        assert await files.list() == ["a", "large"]
        await files.write("b", b"")
        with pytest.raises(RejectedError, match="a folder with more than 2 files"):
            await files.list()

    with_files(tmp_path, use, max_file_bytes=4, max_change_bytes=6, max_change_files=2, max_listed=2)


@pytest.mark.enforces("files.file_mode")
def test_permissions_are_those_of_the_contract(tmp_path: Path) -> None:
    async def use(files: FilesEngine) -> None:
        await files.write("in/a", b"")
        await files.append("in/b", b"1")

    def modes(folder: Path) -> list[str]:
        return [oct(path.stat().st_mode)[-3:] for path in (folder / "in", folder / "in" / "a", folder / "in" / "b")]

    before = os.umask(0o077)
    try:
        with_files(tmp_path / "default", use)
        with_files(tmp_path / "shared", use, file_mode="0644")
    finally:
        os.umask(before)
    assert modes(tmp_path / "default") == ["700", "600", "600"]
    assert modes(tmp_path / "shared") == ["755", "644", "644"]


def test_a_change_is_committed_at_the_end_of_its_block_or_dropped(tmp_path: Path) -> None:
    async def use(files: FilesEngine) -> None:
        await files.write("old", b"o")
        async with files.change() as change:
            change.write("new/a", b"1")
            change.append("new/a", b"2")
            change.append("log", b"x")
            change.append("log", b"y")
            change.delete("old")
            change.append("old", b"again")
            assert contents(tmp_path) == {"old": b"o"}
        after = {"log": b"xy", "new/a": b"12", "old": b"again"}
        assert contents(tmp_path) == after
        with pytest.raises(KeyError):
            async with files.change() as change:
                change.write("new/a", b"9")
                change.delete("log")
                raise KeyError
        assert contents(tmp_path) == after
        async with files.change() as change:
            change.delete("none")
        with pytest.raises(RejectedError, match="a change has a file and, at the same path, a folder"):
            async with files.change() as change:
                change.write("log", b"")
                change.write("log/1", b"")
        with pytest.raises(RejectedError, match="leads to a folder"):
            async with files.change() as change:
                change.write("log", b"")
                change.delete("new")
        assert contents(tmp_path) == after

    with_files(tmp_path, use)


@pytest.mark.enforces("files.remembered_appends")
def test_a_message_that_is_handled_again_appends_nothing(tmp_path: Path) -> None:
    async def handle(files: FilesEngine) -> None:
        await files.append("log", b"1")
        await files.append("log", b"1")
        await files.append("log", b"2")
        await files.append("other", b"1")

    async def by_key(files: FilesEngine) -> None:
        async with files.change() as change:
            change.append("log", b"k", key="line-1")
            change.append("log", b"other words", key="line-1")

    with_files(tmp_path, handle, CURRENT_MESSAGE)
    assert contents(tmp_path) == {"log": b"12", "other": b"1"}
    with_files(tmp_path, handle, CURRENT_MESSAGE)
    assert contents(tmp_path) == {"log": b"12", "other": b"1"}
    for message in (CURRENT_MESSAGE, OUTSIDE_OF_MESSAGES):
        with_files(tmp_path, by_key, message)
    with_files(tmp_path, handle, FakeCurrentMessage("m-2"))
    assert contents(tmp_path) == {"log": b"12k12", "other": b"11"}
    with_files(tmp_path, handle)
    assert contents(tmp_path) == {"log": b"12k12112", "other": b"111"}, "outside of messages nothing is remembered"


def test_repeated_appends_are_counted_and_a_deleted_file_forgets(tmp_path: Path) -> None:
    async def use(files: FilesEngine) -> None:
        await files.append("log", b"1")
        await files.append("log", b"1")
        assert files.reported_metrics()["repeated_appends"] == 1.0
        await files.delete("log")
        assert list((tmp_path / ".onex-changes" / "appended").iterdir()) == []
        await files.append("log", b"1")
        assert await files.read("log") == b"1"

    with_files(tmp_path, use, CURRENT_MESSAGE)


@pytest.mark.enforces("files.remembered_appends")
def test_remembered_appends_are_the_latest(tmp_path: Path) -> None:
    async def use(files: FilesEngine) -> None:
        for number in range(5):
            await files.append("log", b"%d" % number, key=str(number))
        (digests,) = (tmp_path / "two" / ".onex-changes" / "appended").iterdir()
        assert digests.stat().st_size == 2 * 16, "at the fifth one, those before the last two are forgotten"
        await files.append("log", b"again", key="4")
        await files.append("log", b"again", key="3")
        assert await files.read("log") == b"01234"
        await files.append("log", b"!", key="0")
        assert await files.read("log") == b"01234!"

    async def forgetful(files: FilesEngine) -> None:
        await files.append("log", b"1", key="1")
        await files.append("log", b"1", key="1")
        assert await files.read("log") == b"11"

    with_files(tmp_path / "two", use, remembered_appends=2)
    with_files(tmp_path / "none", forgetful, remembered_appends=0)


OLD = {"gone": b"old", "log": b"1", "replaced": b"old"}
NEW = {"log": b"12", "made/new": b"new", "replaced": b"new"}


def old_files(folder: Path) -> None:
    store = FileStore(settings_of(), folder)
    change = FileChange(settings_of(), "")
    for path, content in OLD.items():
        change.write(path, content)
    store.commit(change.steps)
    store.close()


def the_change(folder: Path) -> None:
    """Carry out a change with every kind of step."""
    change = FileChange(settings_of(), "m-1")
    change.write("made/new", b"new")
    change.write("replaced", b"new")
    change.append("log", b"2")
    change.delete("gone")
    store = FileStore(settings_of(), folder)
    store.commit(change.steps)
    store.close()


_CALLS = ("fsync", "replace", "unlink", "rmdir", "mkdir", "pwrite")


def ends_at(number: int, work: Callable[[], None]) -> bool:
    """Run the work in another process that ends before its n-th system call. Return whether it reached that call."""
    process = os.fork()
    if process == 0:
        calls = 0

        def counted(call: Callable[..., object]) -> Callable[..., object]:
            def counting(*args: object, **options: object) -> object:
                nonlocal calls
                calls += 1
                if calls == number:
                    os._exit(1)
                return call(*args, **options)

            return counting

        for name in _CALLS:
            setattr(os, name, counted(getattr(os, name)))
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # the child has one thread
def test_a_crash_at_any_call_leaves_all_of_a_change_or_nothing(tmp_path: Path) -> None:
    old_files(tmp_path / "before")
    outcomes: list[str] = []
    for number in range(1, 500):
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "before", folder)
        if not ends_at(number, lambda folder=folder: the_change(folder)):  # type: ignore[misc]
            break
        committed = len(list(folder.glob(".onex-changes/*/journal.json")))
        if number % 2:  # and once more, while it is completed
            ends_at(number % 7, lambda folder=folder: FileStore(settings_of(), folder).close())  # type: ignore[misc]
        store = FileStore(settings_of(), folder)
        assert store.recovered == committed or number % 2
        store.close()
        outcomes.append({str(OLD): "nothing", str(NEW): "all"}.get(str(contents(folder)), str(contents(folder))))
        assert left_over(folder) == []
        the_change(folder)
        assert contents(folder) == NEW, "the message is handled again"
    assert len(outcomes) > 30
    assert set(outcomes) == {"nothing", "all"}
    assert outcomes == sorted(outcomes, reverse=True), "from the commit on it is all"


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_an_outage_and_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(files: FilesEngine) -> None:
        await files.write("a", b"1")
        for call in ("fsync", "replace"):
            with monkeypatch.context() as patch:
                patch.setattr(os, call, full)
                with pytest.raises(OutageError, match="No space left on device"):
                    await files.write("a", b"2")
                with pytest.raises(OutageError, match="No space left on device"):
                    await files.append("a", b"2", key="2")
                if call == "fsync":
                    with pytest.raises(OutageError, match="No space left on device"):
                        await files.probe()
        await files.probe()
        assert await files.read("a") == b"1"
        assert files.reported_metrics()["failed"] == 5.0

    with_files(tmp_path, use)
    assert left_over(tmp_path) == []


def test_a_journal_that_may_not_be_on_disk_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_files(tmp_path)

    def written_and_failed(folder: int, name: str, content: bytes) -> None:
        replace_file(folder, name, content)
        full()

    monkeypatch.setattr("onex.mixins.files.commit.replace_file", written_and_failed)
    with pytest.raises(OutageError, match="No space left on device"):
        the_change(tmp_path)
    assert contents(tmp_path) == OLD
    assert left_over(tmp_path) == []


def test_a_commit_that_cannot_be_completed_is_an_outage_until_it_can(tmp_path: Path) -> None:
    old_files(tmp_path)
    (tmp_path / "folder").mkdir()
    changes = tmp_path / ".onex-changes" / "by-hand"
    changes.mkdir()
    (tmp_path / ".onex-changes" / "a-not-committed").mkdir()
    (tmp_path / ".onex-changes" / "a-not-committed" / "0").write_bytes(b"new")
    (changes / "0").write_bytes(b"new")
    (changes / "journal.json").write_text('{"steps": [{"kind": "write", "path": "folder"}]}')
    with pytest.raises(OutageError, match="by-hand is committed and cannot be completed .Is a directory."):
        FileStore(settings_of(), tmp_path)
    (changes / "journal.json").write_text('{"steps": [{"kind": "write", "path": "../folder"}]}')
    with pytest.raises(OutageError, match="cannot be completed .RejectedError."):
        FileStore(settings_of(), tmp_path)
    (changes / "journal.json").write_text("{")
    with pytest.raises(OutageError, match="cannot be completed .ValidationError."):
        FileStore(settings_of(), tmp_path)
    (changes / "journal.json").write_text('{"steps": [{"kind": "write", "path": "file"}]}')
    FileStore(settings_of(), tmp_path).close()
    assert contents(tmp_path) == {**OLD, "file": b"new"}
    assert left_over(tmp_path) == []


def test_a_folder_that_changes_while_it_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_files(tmp_path)
    (tmp_path / "sub").mkdir()
    store, stat = FileStore(settings_of(), tmp_path), os.stat
    failures: list[OSError] = [FileNotFoundError(), PermissionError(errno.EACCES, "denied")]

    def deleted(name: str, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        if name == "log":
            raise FileNotFoundError
        if name == "sub":
            raise failures.pop(0)
        return stat(name, dir_fd=dir_fd, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "stat", deleted)
    assert store.list(()) == ["gone", "replaced"]
    with pytest.raises(OutageError, match="denied"):
        store.list(())
    store.close()
    store.close()


@pytest.mark.enforces("files.lock_timeout_seconds")
def test_one_commit_at_a_time(tmp_path: Path) -> None:
    old_files(tmp_path)
    store = FileStore(settings_of(lock_timeout_seconds=0.02), tmp_path)
    with (tmp_path / ".onex-changes" / "lock").open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(OutageError, match="another process commits for longer than 0.02 s"):
            store.commit({})
    store.commit({})
    store.close()
    with open_folder(tmp_path) as folder:
        lock = CommitLock(folder, 0.02)
        with lock.acquired(), pytest.raises(OutageError, match="another commit takes longer than 0.02 s"):
            with lock.acquired():
                raise AssertionError("not reached")
        lock.close()


@pytest.mark.enforces("files.threads")
def test_the_disk_blocks_no_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together, names = Barrier(6), set[str]()

    def waiting(_: FileStore, __: object) -> bool:
        together.wait(30)
        names.add(current_thread().name)
        return True

    monkeypatch.setattr(FileStore, "exists", waiting)

    async def use(files: FilesEngine) -> None:
        assert all(await asyncio.gather(*(files.exists("a") for _ in range(6))))

    with_files(tmp_path, use, threads=6)
    assert len(names) == 6
    assert all(name.startswith("files") for name in names)


def test_files_are_closed_when_the_node_is_not_started(tmp_path: Path) -> None:
    async def live() -> None:
        engine = FilesEngine(settings_of(), tmp_path, OUTSIDE_OF_MESSAGES)
        with pytest.raises(CompositionError, match="the files are not open; start the node first"):
            await engine.read("a")
        await engine.close()
        assert engine.reported_metrics()["recovered"] == 0.0

    asyncio.run(live())


@pytest.mark.enforces("files.folder")
def test_a_node_has_a_folder_and_a_health_check(tmp_path: Path) -> None:
    class Node(MixinFiles, NodeEffect):
        pass

    async def live(node: Node) -> None:
        files = node.files
        assert isinstance(files, FilesEngine)
        await files.open()
        await node.container.get(HealthChecks).all["files"].probe()
        await files.write("a", b"1")
        await files.close()

    for settings, folder in (
        (settings_of(), tmp_path / "home" / "files" / "node_a_effect"),
        (settings_of(folder=str(tmp_path / "own")), tmp_path / "own"),
    ):
        node = Node()
        node.container = container(settings, AgentEnvironment(home=tmp_path / "home"))
        asyncio.run(live(node))
        assert contents(folder) == {"a": b"1"}


def test_a_replaced_file_is_whole_or_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_folder(tmp_path) as folder:
        replace_file(folder, "a", b"1")
        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space"):
            replace_file(folder, "a", b"2")
    assert contents(tmp_path) == {"a": b"1"}
