"""Verification of client certificates."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from onex.errors import AccessDeniedError, CompositionError
from onex.mixins.authentication.protocol_authentication import Principal
from onex.util.clock import ProtocolClock

_NAMES = (x509.UniformResourceIdentifier, x509.DNSName, x509.RFC822Name)


def identify(trusted_ca: str, certificate: bytes, clock: ProtocolClock) -> Principal:
    """Return the principal of a PEM client certificate. ``trusted_ca`` is the PEM file with the accepted authorities.

    Raise AccessDeniedError for a certificate that they did not issue, or that is not valid now.
    """
    if not trusted_ca:
        raise CompositionError("no authority is trusted; set `trusted_ca` of MixinAuthentication in the contract")
    store = Store(x509.load_pem_x509_certificates(Path(trusted_ca).read_bytes()))
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    try:
        leaf, *intermediates = x509.load_pem_x509_certificates(certificate)
        PolicyBuilder().store(store).time(now).build_client_verifier().verify(leaf, intermediates)
    except (VerificationError, ValueError) as error:
        raise AccessDeniedError(f"the client certificate is not accepted: {error}") from None
    return Principal(_subject(leaf), issuer=leaf.issuer.rfc4514_string())


def _subject(leaf: x509.Certificate) -> str:
    """Return the first alternative name: URI, DNS name or mail address, in this order. Otherwise the common name.

    Every accepted certificate has the extension for alternative names.
    """
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    for kind in _NAMES:
        if values := names.get_values_for_type(kind):
            return str(values[0])
    common = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else leaf.subject.rfc4514_string()
