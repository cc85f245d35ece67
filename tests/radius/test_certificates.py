"""The files of RadSec: what is wrong with one is said by the setting that names it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hotspot.doctor import examine
from hotspot.radius.certificates import BadCertificate, tls_context
from hotspot.settings import Settings
from tests.radius.certificates import DAY, Authority, Issued
from tests.radius.radsec_peer import files


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (lambda ca, folder: {"radsec_cert": None}, "HOTSPOT_RADSEC_CERT: RadSec is on and needs this file"),
        (lambda ca, folder: {"radsec_ca": folder / "no"}, "HOTSPOT_RADSEC_CA: can't read .*/no: No such file"),
        (lambda ca, folder: {"radsec_key": folder}, "HOTSPOT_RADSEC_KEY: can't read .*: Is a directory"),
        (lambda ca, folder: {"radsec_key": ca.file}, "HOTSPOT_RADSEC_KEY: there is no plain key in PEM form in"),
        (lambda ca, folder: {"radsec_key": ca.issue("a", password=b"x").key}, "HOTSPOT_RADSEC_KEY: there is no plain"),
        (lambda ca, folder: {"radsec_key": ca.issue("b").key}, "HOTSPOT_RADSEC_KEY: .* is not the key of"),
        (lambda ca, folder: {"radsec_cert": ca.issue("c").key}, "HOTSPOT_RADSEC_CERT: there is no certificate in PEM"),
        (lambda ca, folder: _both(ca.issue("d", starts=-2 * DAY, ends=-DAY)), "HOTSPOT_RADSEC_CERT: .* expired on 20"),
        (lambda ca, folder: _both(ca.issue("e", starts=DAY)), "HOTSPOT_RADSEC_CERT: .* is not valid before 20"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_by_its_setting(
    settings: Settings,
    authority: Authority,
    own: Issued,
    tmp_path: Path,
    wrong: Callable[[Authority, Path], dict[str, Path]],
    problem: str,
) -> None:
    bad = files(settings, authority, own).model_copy(update=wrong(authority, tmp_path))

    with pytest.raises(BadCertificate, match=problem) as caught:
        tls_context(bad, now=datetime.now(UTC))

    found = [finding.text for finding in examine(bad, now=datetime.now(UTC)) if finding.check == "RadSec"]
    assert found == [str(caught.value)]


def test_the_doctor_finds_right_files_well_and_nothing_without_radsec(
    settings: Settings, authority: Authority, own: Issued
) -> None:
    def found(settings: Settings) -> list[bool]:
        return [finding.is_well for finding in examine(settings, now=datetime.now(UTC)) if "RadSec" in finding.check]

    assert found(files(settings, authority, own)) == [True, True]  # its port, its files
    assert found(settings) == []


def test_an_authority_that_expired_is_said(settings: Settings, authority: Authority, own: Issued) -> None:
    with pytest.raises(BadCertificate, match="expired on"):
        tls_context(files(settings, authority, own), now=datetime.now(UTC) + timedelta(days=365))


def _both(issued: Issued) -> dict[str, Path]:
    return {"radsec_cert": issued.cert, "radsec_key": issued.key}
