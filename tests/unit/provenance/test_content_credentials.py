"""Content credentials, signed with a made-up certificate."""

# cryptography is optional, so that its types may be unknown.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from danqing.errors import InvalidRequest
from danqing.provenance.content_credentials import check_certificate, has_credentials, verify
from danqing.provenance.file_label import add_label, read_label
from danqing.settings import Settings, read_settings
from tests.unit.provenance.files import KINDS, make_file

pytest.importorskip("c2pa", reason="the extra c2pa is not installed")
x509: Any = pytest.importorskip("cryptography.x509")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key, its certificate and that of the authority that issued it."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    chain = [_issue("Danqing", key, root_key, authority=False), _issue("Root", root_key, root_key, authority=True)]
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "chain.pem").write_bytes(b"".join(item.public_bytes(pem) for item in chain))
    (folder / "key.pem").write_bytes(private)
    return folder


def _issue(subject: str, key: Any, root_key: Any, *, authority: bool) -> Any:
    """A certificate for a key, valid for a month."""
    from cryptography.hazmat.primitives import hashes

    now, public = datetime.now(UTC), key.public_key()
    unused = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    usage = x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **unused)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name("Root"))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
    )
    if not authority:
        purposes = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purposes, critical=False)
    return builder.sign(root_key, hashes.SHA256())


def _name(text: str) -> Any:
    oid = x509.NameOID
    return x509.Name([x509.NameAttribute(oid.COMMON_NAME, text), x509.NameAttribute(oid.ORGANIZATION_NAME, "Made up")])


@pytest.fixture
def settings(certificate: Path) -> Settings:
    return replace(read_settings(), c2pa_certificate=certificate / "chain.pem", c2pa_key=certificate / "key.pem")


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_signed_after_they_are_labelled(kind: str, settings: Settings, tmp_path: Path) -> None:
    check_certificate(settings)
    signed = add_label(make_file(kind, tmp_path), settings=settings)
    found = read_label(signed)

    assert found.credentials
    assert found.label is not None
    assert found.label.complete
    assert verify(signed) == "Valid"


def test_a_changed_file_is_invalid(settings: Settings, tmp_path: Path) -> None:
    signed = bytearray(add_label(make_file("jpeg", tmp_path), settings=settings))
    signed[-200] ^= 1
    assert verify(bytes(signed)) == "Invalid"


def test_files_without_a_certificate_are_not_signed(tmp_path: Path) -> None:
    labelled = add_label(make_file("png", tmp_path))
    assert not has_credentials(labelled)
    assert verify(labelled) is None


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_wrong_certificate_is_named(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "none.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InvalidRequest, match=r"none\.pem"):
        check_certificate(replace(read_settings(), c2pa_certificate=file))
