"""Workers rewrite the assertions of new and changed modules, each a share."""

from pathlib import Path

import pytest

from tests.rewriting import rewrite_share

pytest_plugins = ["pytester"]


def _names(files: object) -> list[str]:
    assert isinstance(files, list)
    return [file.name for file in files]


@pytest.fixture
def config(pytester: pytest.Pytester) -> pytest.Config:
    """A run of three modules that were never imported."""
    pytester.makepyfile(**{f"test_{name}": "def test_it(): assert [1] == [2]" for name in "abc"})
    return pytester.parseconfig("-p", "no:cacheprovider", str(pytester.path))


def test_shares_are_all_modules_and_what_is_rewritten_is_no_work_again(
    config: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    assert _names(rewrite_share(config, 1, 2)) == ["test_b.py"]
    assert _names(rewrite_share(config, 0, 2)) == ["test_a.py", "test_c.py"]
    assert _names(rewrite_share(config, 0, 1)) == []


def test_a_changed_module_is_rewritten_again(
    config: pytest.Config, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    rewrite_share(config, 0, 1)
    changed = Path(pytester.path / "test_b.py")
    changed.write_text("def test_it(): assert [1] == [2, 3]")
    assert rewrite_share(config, 0, 1) == [changed]


def test_pytest_reads_what_was_written(
    config: pytest.Config, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    rewrite_share(config, 0, 1)
    monkeypatch.setattr("_pytest.assertion.rewrite._rewrite_test", _refuse)
    done = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    done.assert_outcomes(failed=3)
    done.stdout.fnmatch_lines(["*At index 0 diff: 1 != 2*"])


def test_where_no_bytecode_is_written_nothing_is_rewritten(
    config: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert _names(rewrite_share(config, 0, 1)) == []


def _refuse(*_: object) -> None:
    raise AssertionError("rewritten a second time")
