"""Debian's packages that these tests need; each is missing or there, and a missing one fails."""

import subprocess
from pathlib import Path

import pytest

PACKAGES = Path(__file__).with_name("packages.txt").read_text().split()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_installed(package: str) -> None:
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}", package]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.stdout.strip() == "ii", f"{package} is missing: apt-get install {' '.join(PACKAGES)}"
