"""Packages are written as a whole or not at all, whatever the system refuses, and wherever the process is killed."""

import errno
import fcntl
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from onex.codegen.write import WriteError, differences, list_backups, restore_package, system, write_package
from onex.codegen.write.backups import MOST_BACKUPS
from onex.codegen.write.manifest import MANIFEST
from onex.codegen.write.places import services_folder
from onex.codegen.write.swap import recover
from onex.contract import find_contracts
from onex.errors import RejectedError

PACKAGE = "node_x_effect/v1_0_0"
FIRST = {
    f"{PACKAGE}/contract.yaml": "name: one\n",
    f"{PACKAGE}/models/__init__.py": "one\n",
    f"{PACKAGE}/node.py": "one\n",
}
SECOND = {
    f"{PACKAGE}/contract.yaml": "name: two\n",
    f"{PACKAGE}/models/__init__.py": "two\n",
    f"{PACKAGE}/node.py": "two\n",
    f"{PACKAGE}/test_node.py": "two\n",
}


def content(root: Path) -> dict[str, str]:
    """The files of the package, without what the generator remembers."""
    folder = root / PACKAGE
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST]
    return {f"{PACKAGE}/{path.relative_to(folder).as_posix()}": path.read_text() for path in files}


def leftovers(root: Path) -> list[str]:
    return [path.name for path in (root / PACKAGE).parent.iterdir() if path.name.startswith(".")]


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: these tests end no machine."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


class _KilledError(BaseException):
    """The process ends here: no later call of the system happens."""


class Faults:
    """Counts the calls that change the disk, and lets one of them fail, or be the last one of the process."""

    def __init__(self, at: int | None = None, *, kill: bool = False) -> None:
        self.calls = 0
        self._at = at
        self._kill = kill

    def wrap(self, call: Callable[..., object]) -> Callable[..., object]:
        def counted(*arguments: object, **options: object) -> object:
            self.calls += 1
            if self._at is not None and self._kill and self.calls >= self._at:
                raise _KilledError
            if self.calls == self._at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))
            return call(*arguments, **options)

        return counted

    def install(self, patch: pytest.MonkeyPatch) -> None:
        for name in ("mkdir", "write", "fsync", "rename", "unlink", "rmdir"):
            patch.setattr(os, name, self.wrap(getattr(os, name)))
        patch.setattr(system, "exchange", self.wrap(system.exchange))


Change = Callable[[Path], object]


def _write(root: Path) -> object:
    return write_package(SECOND, root)


def _write_with_backup(root: Path) -> object:
    return write_package(SECOND, root, backup=True)


def _restore(root: Path) -> object:
    return restore_package(root, PACKAGE)


CHANGES: dict[str, tuple[Change, Mapping[str, str], Mapping[str, str]]] = {
    "write over": (_write, FIRST, SECOND),
    "write over with a backup": (_write_with_backup, FIRST, SECOND),
    "restore": (_restore, SECOND, FIRST),
}


def before(root: Path, change: Change) -> None:
    write_package(FIRST, root)
    if change is _restore:
        write_package(SECOND, root, backup=True)


def calls_of(change: Change, root: Path) -> int:
    faults = Faults()
    with pytest.MonkeyPatch.context() as patch:
        faults.install(patch)
        change(root)
    return faults.calls


@pytest.fixture(params=["exchange", "two renames"])
def replacing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to replace a folder. The second one is that of systems and file systems without an exchange."""
    if request.param == "two renames":
        monkeypatch.setattr(system, "exchange", lambda one, other: False)
    return str(request.param)


@pytest.mark.parametrize("name", CHANGES)
def test_a_system_that_refuses_any_call_leaves_the_old_package(name: str, replacing: str, tmp_path: Path) -> None:
    change, old, new = CHANGES[name]
    before(tmp_path / "counted", change)
    total = calls_of(change, tmp_path / "counted")
    assert total > 15
    refused = 0
    for at in range(1, total + 1):
        root = tmp_path / str(at)
        before(root, change)
        with pytest.MonkeyPatch.context() as patch:
            Faults(at).install(patch)
            try:
                change(root)
            except WriteError as error:
                refused += 1
                is_there = "the new files are there, and the disk did not confirm them" in str(error)
                assert is_there or "No space left on device; nothing was changed" in str(error)
                assert content(root) == (new if is_there else old), at
                assert str(root) in str(error)
            else:
                assert content(root) == new, at  # what failed was the removal of what nobody needs
        change(root)
        assert content(root) == new, at
        assert leftovers(root) == []
    assert refused > 8


@pytest.mark.parametrize("name", CHANGES)
def test_a_process_that_is_killed_anywhere_leaves_one_of_the_two_packages(
    name: str, replacing: str, tmp_path: Path
) -> None:
    change, old, new = CHANGES[name]
    before(tmp_path / "counted", change)
    for at in range(1, calls_of(change, tmp_path / "counted") + 1):
        root = tmp_path / str(at)
        before(root, change)
        with pytest.MonkeyPatch.context() as patch:
            Faults(at, kill=True).install(patch)
            with pytest.raises(_KilledError):
                change(root)
        if replacing == "exchange":
            assert content(root) in (old, new), at
        recover(root / PACKAGE)
        assert content(root) in (old, new), at
        assert leftovers(root) == []
        assert len(find_contracts([root])) == 1
        change(root)
        assert content(root) == new, at


def test_a_first_package_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "counted").mkdir()
    for at in range(1, calls_of(_write, tmp_path / "counted") + 1):
        root = tmp_path / str(at)
        root.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            Faults(at).install(patch)
            try:
                write_package(SECOND, root)
            except WriteError as error:
                assert (root / PACKAGE).exists() is ("the new files are there" in str(error))
        write_package(SECOND, root)
        assert content(root) == SECOND


def test_what_a_person_changed_is_lost_with_overwrite_only(tmp_path: Path) -> None:
    write_package(FIRST, tmp_path)
    (tmp_path / PACKAGE / "node.py").write_text("mine\n")
    (tmp_path / PACKAGE / "store.py").write_text("mine too\n")
    with pytest.raises(RejectedError, match=r"node\.py: changed by hand, and would be lost; pass --overwrite"):
        write_package(SECOND, tmp_path)
    assert content(tmp_path)[f"{PACKAGE}/node.py"] == "mine\n"
    report = write_package(SECOND, tmp_path, overwrite=True)
    assert content(tmp_path) == SECOND | {f"{PACKAGE}/store.py": "mine too\n"}
    assert report.written == ("contract.yaml", "models/__init__.py", "node.py", "test_node.py")


def test_a_file_without_a_manifest_counts_as_changed(tmp_path: Path) -> None:
    write_package(FIRST, tmp_path)
    for damaged in (b"", b"{", b"[]", b'{"rendered": 1}', b'{"rendered": "!"}', b'{"rendered": "eA=="}', b"\xff"):
        (tmp_path / PACKAGE / MANIFEST).write_bytes(damaged)
        with pytest.raises(RejectedError, match="changed by hand"):
            write_package(SECOND, tmp_path)
    (tmp_path / PACKAGE / MANIFEST).unlink()
    with pytest.raises(RejectedError, match="changed by hand"):
        write_package(SECOND, tmp_path)
    write_package(FIRST, tmp_path)
    write_package(SECOND, tmp_path)


def test_a_merged_file_may_be_replaced_and_stays_a_file_of_its_author(tmp_path: Path) -> None:
    write_package(FIRST, tmp_path)
    node = f"{PACKAGE}/node.py"
    (tmp_path / node).write_text("mine\n")
    write_package(SECOND | {node: "two, and mine\n"}, tmp_path, base=SECOND)
    with pytest.raises(RejectedError, match=r"node\.py: changed by hand"):
        write_package(SECOND, tmp_path)


def test_files_that_are_not_rendered_any_more_go_unless_they_were_changed(tmp_path: Path) -> None:
    write_package(SECOND, tmp_path)
    assert write_package(FIRST, tmp_path).removed == ("test_node.py",)
    assert content(tmp_path) == FIRST
    write_package(SECOND, tmp_path)
    (tmp_path / PACKAGE / "test_node.py").write_text("mine\n")
    assert write_package(FIRST, tmp_path).removed == ()


def test_the_same_package_again_writes_nothing(tmp_path: Path) -> None:
    write_package(FIRST, tmp_path)
    assert calls_of(lambda root: write_package(FIRST, root), tmp_path) == 0
    assert write_package(FIRST, tmp_path).written == ()


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/x", "node_x_effect/../../x", "node_x_effect/v1_0_0/../../x", "node_x_effect/v1_0_0/a\0b", "x.py",
     "node_x_effect//v1_0_0/x", "node_x_effect/v1_0_0/ü", "node_x_effect/v1_0_0/-rf", "node_y_effect/v1_0_0/x"],
)  # fmt: skip
def test_paths_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RejectedError):
        write_package({**FIRST, name: "x"}, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["node_x_effect", PACKAGE, f"{PACKAGE}/models", f"{PACKAGE}/node.py", ".onex"])
def test_symbolic_links_are_refused(place: str, tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    write_package(FIRST, outside)
    (outside / ".onex").mkdir()
    if place == ".onex":
        write_package(FIRST, root)
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).symlink_to(outside / place)
    with pytest.raises(RejectedError, match="is a symbolic link"):
        write_package(SECOND, root, overwrite=True, backup=True)
    assert content(outside) == FIRST


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "node_x_effect").write_text("")
    with pytest.raises(RejectedError, match="is a file, and the package needs a folder there"):
        write_package(FIRST, tmp_path)


def test_two_runs_do_not_write_together(tmp_path: Path) -> None:
    write_package(FIRST, tmp_path)
    other = os.open(tmp_path / "node_x_effect", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(RejectedError, match="another run writes there"):
        write_package(SECOND, tmp_path)
    os.close(other)
    write_package(SECOND, tmp_path)


def test_backups_are_bounded_and_the_oldest_goes(tmp_path: Path) -> None:
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    ids = []
    for number in range(MOST_BACKUPS + 3):
        files = {**FIRST, f"{PACKAGE}/node.py": f"{number}\n"}
        ids.append(write_package(files, tmp_path, backup=True, now=lambda: now).backup)
    assert ids[:3] == ["", "20260131T120000.000000Z", "20260131T120000.000001Z"]
    assert [backup.id for backup in list_backups(tmp_path, PACKAGE)] == ids[-MOST_BACKUPS:]
    restore_package(tmp_path, PACKAGE, ids[-2])
    assert content(tmp_path)[f"{PACKAGE}/node.py"] == f"{MOST_BACKUPS}\n"


def test_a_restored_package_is_the_one_before_with_what_a_person_added(tmp_path: Path) -> None:
    write_package(FIRST, tmp_path)
    (tmp_path / PACKAGE / "my notes.txt").write_text("mine\n")
    write_package(SECOND, tmp_path, backup=True)
    restore_package(tmp_path, PACKAGE)
    assert content(tmp_path) == FIRST | {f"{PACKAGE}/my notes.txt": "mine\n"}
    write_package(SECOND, tmp_path)  # the manifest came back too: nothing counts as changed by hand


def test_a_restoration_loses_no_change_without_overwrite(tmp_path: Path) -> None:
    write_package(FIRST, tmp_path)
    write_package(SECOND, tmp_path, backup=True)
    (tmp_path / PACKAGE / "node.py").write_text("mine\n")
    with pytest.raises(RejectedError, match=r"node\.py: changed by hand"):
        restore_package(tmp_path, PACKAGE)
    restore_package(tmp_path, PACKAGE, overwrite=True)
    assert content(tmp_path) == FIRST


def test_an_unknown_backup_names_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(RejectedError, match="has no backup; --backup makes one"):
        restore_package(tmp_path, PACKAGE)
    write_package(FIRST, tmp_path)
    backup = write_package(SECOND, tmp_path, backup=True).backup
    with pytest.raises(RejectedError, match=f"has no backup 'x'; there are {backup}"):
        restore_package(tmp_path, PACKAGE, "x")


@pytest.mark.parametrize("name", ["../out.py", "/etc/out.py", "a/../../out.py"])
def test_a_backup_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    import zipfile

    write_package(FIRST, tmp_path)
    write_package(SECOND, tmp_path, backup=True)
    file = list_backups(tmp_path, PACKAGE)[0].file
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(name, "x")
    with pytest.raises(RejectedError, match="leads out of the package"):
        restore_package(tmp_path, PACKAGE)
    file.write_bytes(b"PK no archive")
    with pytest.raises(RejectedError, match="is damaged"):
        restore_package(tmp_path, PACKAGE)
    assert content(tmp_path) == SECOND


def test_differences_are_those_that_a_writing_makes(tmp_path: Path) -> None:
    write_package(FIRST, tmp_path)
    found = {each.name: list(each.lines) for each in differences(SECOND, tmp_path)}
    assert list(found) == list(SECOND)
    assert found[f"{PACKAGE}/node.py"] == [
        f"--- a/{PACKAGE}/node.py",
        f"+++ b/{PACKAGE}/node.py",
        "@@ -1 +1 @@",
        "-one",
        "+two",
    ]
    assert found[f"{PACKAGE}/test_node.py"][0] == "--- /dev/null"
    write_package(SECOND, tmp_path)
    assert differences(SECOND, tmp_path) == []
    gone = {each.name: list(each.lines)[:2] for each in differences(FIRST, tmp_path)}[f"{PACKAGE}/test_node.py"]
    assert gone == [f"--- a/{PACKAGE}/test_node.py", "+++ /dev/null"]
    (tmp_path / PACKAGE / "node.py").write_bytes(b"two\r\n")
    assert len(differences(SECOND, tmp_path)) == 1


def test_a_folder_that_may_not_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path / "node_x_effect"))

        def deny(*arguments: object, **options: object) -> None:
            raise denied

        patch.setattr(os, "mkdir", deny)
        with pytest.raises(WriteError) as raised:
            write_package(FIRST, tmp_path)
    assert str(raised.value).startswith(f"{tmp_path}/node_x_effect: Permission denied; nothing was changed")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("output", "services"),
    [("s", "s"), ("s/node_x_effect", "s"), ("s/node_x_effect/v1_0_0", "s"), ("s/v1_0_0", "s/v1_0_0")],
)
def test_an_output_may_name_the_node_or_its_version(output: str, services: str) -> None:
    assert services_folder(Path(output), PACKAGE) == Path(services)


def test_contracts_in_hidden_folders_are_not_found(tmp_path: Path) -> None:
    for folder in ("a", ".onex/a", "b/.v1_0_0.new"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "contract.yaml").write_text("")
    assert find_contracts([tmp_path]) == [tmp_path / "a" / "contract.yaml"]
    assert find_contracts([tmp_path / ".onex"]) == [tmp_path / ".onex" / "a" / "contract.yaml"]


def test_what_was_written_over_bodies_by_hand_can_be_taken_back(tmp_path: Path) -> None:
    write_package(FIRST, tmp_path)
    node = f"{PACKAGE}/node.py"
    (tmp_path / node).write_text("mine\n")
    write_package(SECOND | {node: "two, and mine\n"}, tmp_path, base=SECOND, backup=True)
    restore_package(tmp_path, PACKAGE)
    assert content(tmp_path) == FIRST | {node: "mine\n"}
