"""A broker as production has it: SASL_SSL with SCRAM, mutual TLS, nothing allowed that is not granted; and a loopback for ourselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package does not mark what it exports
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from ops import kafka
from ops.kafka import LocalBroker
from ops.ports import LOOPBACK, free_port
from streams.rights import Right, without_implied

_AUDIT = "logger.audit.name = kafka.authorizer.logger\nlogger.audit.level = debug\n"
_ASKED = re.compile(r"Principal = User:(\S+) is (Allowed|Denied) operation = (\S+) .*?on resource = (\w+):LITERAL:(\S+) for request")
_KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactional-id": ResourceType.TRANSACTIONAL_ID}
_NAMES = {"Topic": "topic", "Group": "group", "TransactionalId": "transactional-id"}


@dataclass
class SecureBroker:
    """The broker, its authority, and who may do what.

    Parameters
    ----------
    folder
        Certificates, keys and passwords, a file each.
    sasl, tls
        ``host:port`` of the listener with passwords, and of the one with certificates.
    admin
        Who may do everything.
    """

    broker: LocalBroker
    folder: Path
    authority: trustme.CA
    sasl: str
    tls: str
    admin: AdminClient

    @classmethod
    def start(cls, folder: Path, patch: pytest.MonkeyPatch) -> SecureBroker:
        """Start it; its log tells of everything that was allowed, and to whom."""
        patch.setattr(kafka, "LOG4J", kafka.LOG4J.replace("20MB", "1GB") + _AUDIT)  # all of it in one file
        authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        folder.mkdir()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        server = authority.issue_cert(LOOPBACK, "localhost", key_type=trustme.KeyType.ECDSA)
        keystore = folder / "server.pem"
        keystore.write_bytes(_pkcs8(server) + b"".join(part.bytes() for part in server.cert_chain_pems))
        ports = {name: free_port() for name in ("PLAINTEXT", "SASL_SSL", "SSL", "CONTROLLER")}
        listeners = {name: f"{name}://{LOOPBACK}:{port}" for name, port in ports.items()}
        overrides = {
            "listeners": ",".join(listeners.values()),
            "advertised.listeners": ",".join(each for name, each in listeners.items() if name != "CONTROLLER"),
            "listener.security.protocol.map": ",".join(f"{name}:{name}" for name in ("PLAINTEXT", "SASL_SSL", "SSL"))
            + ",CONTROLLER:PLAINTEXT",
            "controller.quorum.voters": f"1@{LOOPBACK}:{ports['CONTROLLER']}",
            "inter.broker.listener.name": "PLAINTEXT",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keystore),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(folder / "ca.pem"),
            "listener.name.ssl.ssl.client.auth": "required",
            "listener.name.sasl_ssl.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": ("org.apache.kafka.common.security.scram.ScramLoginModule required;"),
            "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,RULE:^.*,CN=([^,]+).*$/$1/,DEFAULT",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": "User:ANONYMOUS",
        }
        broker = LocalBroker(folder.parent / "broker", ports["PLAINTEXT"], overrides=overrides)
        broker.start()
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        return cls(broker, folder, authority, f"{LOOPBACK}:{ports['SASL_SSL']}", f"{LOOPBACK}:{ports['SSL']}", admin)

    def grant(self, granted: Mapping[str, Iterable[Right]]) -> None:
        """Make users with a password each, who may do exactly this."""
        changes = []
        for user in granted:
            (self.folder / f"{user}.password").write_text(password_of(user))
            info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
            changes.append(UserScramCredentialUpsertion(user, info, password_of(user).encode()))
        for answer in self.admin.alter_user_scram_credentials(changes).values():
            answer.result(20)
        lines = list(dict.fromkeys(acl(user, right) for user, rights in granted.items() for right in rights))
        for answer in self.admin.create_acls(lines).values():
            answer.result(20)

    def login(self, user: str) -> dict[str, str]:
        """``kafka.security`` of a user with a password."""
        return {
            "protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_username": user,
            "sasl_password_file": str(self.folder / f"{user}.password"),
            "ssl_ca_file": str(self.folder / "ca.pem"),
        }

    def certificate(self, user: str) -> dict[str, str]:
        """``kafka.security`` of a user with a certificate."""
        chain, key = self.folder / f"{user}.crt", self.folder / f"{user}.key"
        if not chain.exists():
            issued = self.authority.issue_cert(f"{user}.test", common_name=user, key_type=trustme.KeyType.ECDSA)
            chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
            key.write_bytes(_pkcs8(issued))
        return {
            "protocol": "SSL",
            "ssl_ca_file": str(self.folder / "ca.pem"),
            "ssl_certificate_file": str(chain),
            "ssl_key_file": str(key),
        }

    def asked(self, user: str) -> tuple[set[Right], set[Right]]:
        """What a user was allowed and denied so far, without what greater rights imply."""
        log = (self.broker.data_dir / "logs" / "kafka.log").read_text(encoding="utf-8")
        found: dict[str, set[Right]] = {"Allowed": set(), "Denied": set()}
        for who, how, operation, resource, name in _ASKED.findall(log):
            if who == user and resource in _NAMES:
                found[how].add(Right(_NAMES[resource], name, operation))
        return without_implied(found["Allowed"]), found["Denied"]


def password_of(user: str) -> str:
    """No user has another's."""
    return f"unmistakable-secret-of-{user}"


def acl(user: str, right: Right) -> Any:
    """A right as a line of the access control list."""
    return AclBinding(
        _KINDS[right.resource],
        right.name,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        getattr(AclOperation, right.operation),
        AclPermissionType.ALLOW,
    )


def _pkcs8(issued: trustme.LeafCert) -> bytes:
    """The private key as Kafka wants it."""
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
