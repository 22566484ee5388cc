"""Hooks of mkdocs: the site has the documents of the repository at the paths that they have there.

So a link between documents is the same in the repository and on the site. A link to anything else in the repository,
such as a folder of examples, becomes plain text on the site. A link to nothing fails the build.
"""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
_DOCUMENTS = (
    "*.md",
    "[a-z]*/README.md",
    "docs/**/*.md",
    "benchmarks/RESULTS.md",
    "benchmarks/plots/*.svg",
    "docs/*.svg",
)
_FOLDERS = {"Capabilities": "docs/capabilities", "Decisions": "docs/decisions"}
_OTHERS = "Project"
"""Sections of the navigation: those that list a folder, and the one for every other document."""
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r"^(```\w+) title=(\S+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[((?:[^][]|\[[^]]*\])*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def _paths() -> list[str]:
    return sorted({path.relative_to(ROOT).as_posix() for each in _DOCUMENTS for path in ROOT.glob(each)})


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the documents that mkdocs.yml does not name to the navigation: of some folders, then all others."""
    sections = {name: paths for section in config.nav for name, paths in section.items()}
    listed = {path for paths in sections.values() for path in paths}
    for path in _paths():
        if path.endswith(".md") and path not in listed:
            of_folder = [name for name, folder in _FOLDERS.items() if path.startswith(f"{folder}/")]
            sections[of_folder[0] if of_folder else _OTHERS] += [path]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of the documents' folder by those of the repository."""
    theme = [file for file in files if not (file.abs_src_path or "").startswith(config.docs_dir)]
    pages = [File.generated(config, path, abs_src_path=str(ROOT / path)) for path in _paths()]
    return Files([*theme, *pages])


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Write titles of code blocks and links in the form of the site."""
    folder = PurePosixPath(page.file.src_uri).parent

    def on_site(link: re.Match[str]) -> str:
        text, target = link[1], link[2]
        path = normpath(str(folder / target))
        is_elsewhere = "://" in target or files.get_file_from_path(path) is not None
        return link[0] if is_elsewhere or not (ROOT / path).exists() else text

    parts, end = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_LINK.sub(on_site, markdown[end : fence.start()]), _TITLE.sub(r'\1 title="\2"', fence[0])]
        end = fence.end()
    return "".join([*parts, _LINK.sub(on_site, markdown[end:])])
