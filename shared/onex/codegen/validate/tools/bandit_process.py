"""The process of bandit: ``python -I bandit_process.py``. See :mod:`onex.codegen.validate.tools`."""

import io
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def check(request: dict[str, object]) -> object:
    """Return bandit's issues in the files of a request, as lists of path, line, test, severity and text."""
    from bandit.core.config import BanditConfig
    from bandit.core.constants import LOW
    from bandit.core.manager import BanditManager

    files, skipped = request["files"], request["skipped"]
    assert isinstance(files, dict)
    assert isinstance(skipped, list)
    manager = BanditManager(BanditConfig(), "file", profile={"exclude": set(skipped)}, ignore_nosec=True, quiet=True)
    for path, text in sorted(files.items()):
        data = str(text).encode()
        # The public way reads files; this is the step after, with the text that was parsed already.
        manager._parse_file(path, io.BytesIO(data), [path])
    issues = manager.get_issue_list(sev_level=LOW, conf_level=LOW)
    refused = [[str(name), str(why)] for name, why in manager.skipped]
    return {
        "issues": [[i.fname, int(i.lineno), str(i.test_id), str(i.severity), str(i.text)] for i in issues],
        "refused": refused,
    }


if __name__ == "__main__":
    from serving import serve  # type: ignore[import-not-found]  # next to this script, which runs alone

    serve(check)
