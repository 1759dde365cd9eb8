"""Content credentials (C2PA): a signed statement that a file was made by a trained model. Needs the extra "c2pa".

The signature covers the whole file, so that it is added last, and every later change of the file makes it invalid.
"""

import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import danqing
from danqing.errors import InvalidRequest, MissingExtra
from danqing.provenance.containers import container_of
from danqing.settings import Settings

# c2pa's types are incomplete.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

if TYPE_CHECKING:
    from c2pa import Signer

_GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_MARKER = b"jumdc2pa\x00\x11\x00\x10"  # the description box of a manifest store, the same in all formats


def check_certificate(settings: Settings) -> None:
    """Check that files can be signed if a certificate is configured. Call it before painting.

    Raises:
        MissingExtra: c2pa-python is not installed.
        InvalidRequest: the certificate or its key cannot be used.
    """
    if settings.c2pa_certificate is not None:
        _load_signer(settings.c2pa_certificate, settings.c2pa_key, settings.c2pa_timestamp_url)


def sign(data: bytes, settings: Settings) -> bytes:
    """Sign a file with the configured certificate; without one it is returned unchanged.

    Raises:
        MissingExtra, InvalidRequest: as for `check_certificate`.
    """
    if settings.c2pa_certificate is None:
        return data
    signer = _load_signer(settings.c2pa_certificate, settings.c2pa_key, settings.c2pa_timestamp_url)
    from c2pa import Builder, C2paError

    media_type = container_of(data).media_type
    action = {"action": "c2pa.created", "digitalSourceType": _GENERATED}
    manifest = {
        "claim_generator_info": [{"name": "danqing", "version": danqing.__version__}],
        "format": media_type,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    target = io.BytesIO()
    try:
        Builder.from_json(json.dumps(manifest)).sign(signer, media_type, io.BytesIO(data), target)
    except C2paError as error:
        raise _unusable(settings.c2pa_certificate, str(error)) from error
    return target.getvalue()


def has_credentials(data: bytes) -> bool:
    """Check if a file has content credentials, without verifying them."""
    return _MARKER in data


def verify(data: bytes) -> str | None:
    """Verify the content credentials of a file.

    Returns:
        Trusted, Valid (the file is unchanged, the certificate is not on a list of trusted ones) or Invalid; None without
        credentials or without c2pa-python.
    """
    if not has_credentials(data) or find_spec("c2pa") is None:
        return None
    from c2pa import C2paError, Reader

    try:
        with Reader(container_of(data).media_type, io.BytesIO(data)) as reader:
            return reader.get_validation_state()
    except C2paError:
        return "Invalid"


def _load_signer(certificate: Path, key: Path | None, timestamp_url: str | None) -> "Signer":
    try:
        from c2pa import C2paError, C2paSignerInfo, Signer
    except ImportError as error:
        raise MissingExtra(
            '内容凭证需要安装：pip install "danqing[c2pa]"；或去掉环境变量 DANQING_C2PA_CERTIFICATE。',
            'Content credentials need: pip install "danqing[c2pa]"; or unset the variable DANQING_C2PA_CERTIFICATE.',
        ) from error
    try:
        private_key = (key or certificate).read_bytes()
        info = C2paSignerInfo(_algorithm(private_key), certificate.read_bytes(), private_key, timestamp_url)
        return Signer.from_info(info)
    except (OSError, ValueError, TypeError, C2paError) as error:
        raise _unusable(certificate, str(error)) from error


def _algorithm(key: bytes) -> str:
    """Return C2PA's name of the signature algorithm of a private key."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    private = load_pem_private_key(key, None)
    if isinstance(private, EllipticCurvePrivateKey):
        return {384: "es384", 521: "es512"}.get(private.key_size, "es256")
    return "ed25519" if isinstance(private, Ed25519PrivateKey) else "ps256"


def _unusable(certificate: Path, reason: str) -> InvalidRequest:
    return InvalidRequest(
        f"内容凭证的证书 {certificate} 或其私钥不能使用：{reason}。请检查环境变量 DANQING_C2PA_CERTIFICATE 和 DANQING_C2PA_KEY。",
        f"The certificate {certificate} of the content credentials or its key cannot be used: {reason}. Check the variables "
        "DANQING_C2PA_CERTIFICATE and DANQING_C2PA_KEY.",
    )
