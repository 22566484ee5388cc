"""Clients share the certificates that they trust, until these change."""

import os
import ssl
from pathlib import Path

import certifi
import pytest

from onex.util.tls import trusted


@pytest.fixture(autouse=True)
def _usual(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_certificates_are_read_once_and_verified() -> None:
    assert trusted() is trusted()
    assert (trusted().verify_mode, trusted().check_hostname) == (ssl.CERT_REQUIRED, True)
    assert trusted().cert_store_stats()["x509_ca"] > 50


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_those_of_the_environment_are_others_and_are_read_again_when_they_change(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = trusted()
    file = tmp_path / "certificates.pem"
    first = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----")
    file.write_text("".join(first[:2]) + "\n")
    monkeypatch.setenv(name, str(file if name == "SSL_CERT_FILE" else tmp_path))
    own = trusted()
    assert own is not usual
    assert own is trusted()
    os.utime(file if name == "SSL_CERT_FILE" else tmp_path, ns=(1, 1))
    assert trusted() is not own
    monkeypatch.delenv(name)
    assert trusted() is usual


def test_a_file_that_is_missing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(FileNotFoundError):
        trusted()
