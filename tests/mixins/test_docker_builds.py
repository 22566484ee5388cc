"""Files of builds: limits, .dockerignore, and images that a Dockerfile builds upon."""

import os
import socket
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from onex.errors import OutageError, RejectedError
from onex.mixins.image_management import ModelImageManagementSubcontract
from onex.mixins.image_management.context import packed
from onex.mixins.image_management.dockerfile import base_images
from onex.mixins.image_management.ignore import IgnoreRules

LINES = {
    "FROM scratch": [],
    "from box:1": ["box:1"],
    "FROM --platform=linux/amd64 box:1 AS base\nFROM base\nCOPY --from=base /a /b": ["box:1"],
    "FROM box:1 as Base\nCOPY --from=BASE /a /b\nCOPY --from=0 /a /b": ["box:1"],
    "FROM box:1\nCOPY --chown=1 --from=other:2 /a /b": ["box:1", "other:2"],
    "FROM box:1\nONBUILD COPY --from=other:2 /a /b": ["box:1", "other:2"],
    "FROM box:1\nCOPY \\\n  # a comment\n  --from=other:2 \\\n /a /b": ["box:1", "other:2"],
    "# continues nothing \\\nFROM box:1": ["box:1"],
    "FROM \\\n\n box:1": ["box:1"],
    "FROM \\\r\n box:1\r\n# FROM evil\nRUN echo FROM evil": ["box:1"],
}


@pytest.mark.parametrize("text", LINES)
def test_images_that_a_dockerfile_builds_upon_are_known(text: str) -> None:
    assert list(base_images(text)) == LINES[text]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# escape=`\nFROM box", "the directive `escape`"),
        ("ARG A\nFROM $A", "has a variable"),
        ("FROM box\nCOPY --from=${A} / /", "has a variable"),
        ("FROM", "a FROM that is not understood"),
        ("FROM a b c", "a FROM that is not understood"),
    ],
)
def test_images_that_cannot_be_known_are_refused(text: str, problem: str) -> None:
    with pytest.raises(RejectedError, match=problem):
        list(base_images(text))


@pytest.mark.parametrize(
    ("rules", "excluded", "included"),
    [
        ("*.log", ["a.log"], ["a/b.log", "a.logs"]),
        ("**/*.log", ["a.log", "a/b/c.log"], ["log"]),
        ("/build/", ["build", "build/a/b"], ["a/build"]),
        ("./a?c", ["abc"], ["ac"]),
        ("a/**", ["a/b", "a/b/c"], ["b"]),
        ("# note\n\n!\n*\n!src\n!src/**", ["a", "b/c"], ["src", "src/x"]),
        ("**/.git", [".git/config", "sub/.git"], ["git"]),
        ("a+b", ["a+b"], ["aab"]),
    ],
)
def test_dockerignore_decides(rules: str, excluded: list[str], included: list[str]) -> None:
    parsed = IgnoreRules.parse(rules)
    assert [path for path in excluded if not parsed.excludes(path)] == []
    assert [path for path in included if parsed.excludes(path)] == []


def pack(
    context: str | Mapping[str, bytes], dockerfile: str = "Dockerfile", **settings: object
) -> tuple[list[str], str]:
    """Return names in the archive, and the digest."""
    wanted = ModelImageManagementSubcontract.model_validate(settings)
    with packed(context, dockerfile, wanted) as made, tarfile.open(fileobj=made.archive) as opened:
        return opened.getnames(), made.digest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a build."""
    app = tmp_path / "contexts" / "app"
    (app / "src").mkdir(parents=True)
    (app / "Dockerfile").write_text("FROM scratch\n")
    (app / "src" / "main").write_text("main")
    (app / "src" / "main.log").write_text("log")
    (app / "link").symlink_to("src/main")
    (tmp_path / "secret").write_text("secret")
    return app


@pytest.mark.enforces("image_management.context_folder")
def test_a_folder_below_the_configured_one_is_packed(folder: Path) -> None:
    root = str(folder.parent)
    names, digest = pack("app", context_folder=root)
    assert names == ["Dockerfile", "link", "src", "src/main", "src/main.log"]
    (folder / ".dockerignore").write_text("**/*.log\nDockerfile\n.dockerignore\n")
    os.utime(folder / "src" / "main", (1, 1))
    assert pack("app", context_folder=root)[0] == ["Dockerfile", "link", "src", "src/main"]
    (folder / ".dockerignore").write_text("src\nlink\n.dockerignore\n!src/main\n")
    assert pack("app", context_folder=root)[0] == ["Dockerfile", "src/main"]
    (folder / ".dockerignore").write_text("*\n")
    assert pack("app", context_folder=root)[0] == ["Dockerfile"]
    (folder / "src" / "Dockerfile").write_text("FROM scratch\n")
    assert pack("app", "src/Dockerfile", context_folder=root)[0] == ["src/Dockerfile"]
    (folder / "src" / "Dockerfile").unlink()
    (folder / ".dockerignore").unlink()
    assert pack("app", context_folder=root) == (names, digest)
    (folder / "src" / "main").write_text("Main")
    assert pack("app", context_folder=root)[1] != digest
    for name, text in (
        ("..", "path of a file is not valid"),
        ("other", "does not exist"),
        ("app/../..", "not valid"),
    ):
        with pytest.raises(RejectedError, match=text):
            pack(name, context_folder=root)
    with pytest.raises(RejectedError, match=r"image_management\.context_folder in the contract allows folders"):
        pack("app")


def test_a_symlink_leads_nowhere(folder: Path) -> None:
    (folder.parent / "out").symlink_to(folder.parent.parent)
    with pytest.raises(RejectedError, match="leads out"):
        pack("out", context_folder=str(folder.parent))
    (folder / ".dockerignore").symlink_to(folder.parent.parent / "secret")
    with pytest.raises(OutageError, match="symbolic links"):
        pack("app", context_folder=str(folder.parent))


def test_a_folder_that_cannot_be_read_is_an_outage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("onex.mixins.image_management.context.os.scandir", full)
    with pytest.raises(OutageError, match="the folder of the build: Permission denied"):
        pack("app", context_folder=str(folder.parent))


def test_a_socket_is_no_part_of_a_build(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)  # the kernel limits the path of a socket
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("s")
        with pytest.raises(RejectedError, match="s is no file, folder or symlink; exclude it"):
            pack("app", context_folder=str(folder.parent))


@pytest.mark.enforces("image_management.max_context_bytes", "image_management.max_context_files")
def test_files_of_a_build_are_limited(folder: Path) -> None:
    root = str(folder.parent)
    tight: list[dict[str, object]] = [{"max_context_files": 4}, {"max_context_bytes": 16}]
    for settings in tight:
        with pytest.raises(RejectedError, match=r"\.dockerignore excludes files"):
            pack("app", "Dockerfile", **{"context_folder": root, **settings})
    pack("app", context_folder=root, max_context_files=5, max_context_bytes=20)
    with pytest.raises(RejectedError, match="path of a file is not valid"):
        pack({"../a": b""})
    with pytest.raises(RejectedError, match="the files of the build have no Dockerfile"):
        pack({"a": b""})
    with pytest.raises(RejectedError, match="other/Dockerfile is larger than"):
        pack({"other/Dockerfile": b"#" * (1024 * 1024 + 1)}, "other/Dockerfile")
    assert pack({"b": b"1", "Dockerfile": b""})[0] == ["Dockerfile", "b"]
