"""Certificates, keys and tokens of one cluster. Made anew at each start, valid for it alone."""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .kubeconfig import write_kubeconfig
from .spec import NODE_NAME, ClusterSpec, Files

VALIDITY = dt.timedelta(days=365)

_USERS = {
    "admin": ("admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kubelet": (f"system:node:{NODE_NAME}", "system:nodes"),
    "kube-proxy": ("system:kube-proxy", ""),
    # These two come with no role of their own in Kubernetes, and serve this cluster alone.
    "kwok": ("localcluster:kwok", "system:masters"),
    "coredns": ("localcluster:coredns", "system:masters"),
}


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def write_pki(spec: ClusterSpec) -> None:
    """Write every certificate, key, token and kubeconfig of a cluster into its folder."""
    files = spec.files
    files.pki("").mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = _make_authority()
    files.pki("ca.crt").write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
    services = ipaddress.ip_network(spec.addresses.services)
    names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names.append("kubernetes.default.svc.cluster.local")
    addresses = ["127.0.0.1", spec.addresses.server, str(services[1])]
    _issue(files, authority, "apiserver", user="kube-apiserver", names=names, addresses=addresses)
    _issue(files, authority, "apiserver-kubelet-client", user="kube-apiserver", group="system:masters")
    _issue(
        files, authority, "kubelet", user="kubelet", names=[NODE_NAME], addresses=["127.0.0.1", spec.addresses.server]
    )
    service_accounts = ec.generate_private_key(ec.SECP256R1())
    _write_private(files, "service-accounts.key", service_accounts)
    public = service_accounts.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    files.pki("service-accounts.pub").write_bytes(public)
    _write_tokens(spec)


def _write_tokens(spec: ClusterSpec) -> None:
    lines = []
    for component, (user, group) in _USERS.items():
        token = secrets.token_urlsafe(24)
        lines.append(f'{token},{user},{user},"{group}"\n' if group else f"{token},{user},{user}\n")
        target = spec.files.kubeconfig if component == "admin" else spec.files.component_kubeconfig(component)
        write_kubeconfig(target, spec, token=token, user=component)
    spec.files.tokens.touch(mode=0o600)
    spec.files.tokens.write_text("".join(lines))


def _make_authority() -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("localcluster")
    builder = _builder(name, name, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    # Python's strict verification (the default since 3.13) wants key usage and both key identifiers to be there.
    usage = _key_usage(signs_certificates=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return _Authority(builder.sign(key, hashes.SHA256()), key)


def _issue(
    files: Files,
    authority: _Authority,
    file_name: str,
    *,
    user: str,
    group: str = "",
    names: Sequence[str] = (),
    addresses: Sequence[str] = (),
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(user, group), authority.certificate.subject, key.public_key())
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in dict.fromkeys(addresses)]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if alternatives else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(issuer, critical=False)
    certificate = builder.sign(authority.key, hashes.SHA256())
    files.pki(f"{file_name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_private(files, f"{file_name}.key", key)


def _builder(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + VALIDITY)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(user: str, group: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
    if group:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(attributes)


def _write_private(files: Files, name: str, key: ec.EllipticCurvePrivateKey) -> None:
    target = files.pki(name)
    target.touch(mode=0o600)
    target.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
