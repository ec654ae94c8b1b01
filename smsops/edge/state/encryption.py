"""Encryption at rest: AES-256-GCM under a key derived from a secret, with a fallback key for rotation.

What is encrypted is bound to its stack and its name, so that nobody can put one blob in another's place. The
envelope is one line of JSON; it names the algorithm, the salt of the derivation (scrypt) and the nonce.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from typing import Any

from smsops.errors import StateError
from smsops.model.values import Secret, canonical

_MARK = b'{"smsops_encrypted":'
_VERSION = 1
_ALGORITHM = "AES-256-GCM"
_NONCE = 12


class Keys:
    """The keys of one stack. Without any, content goes through as it is, and encrypted content is refused.

    The first key encrypts; all of them decrypt. With a key, plain content is refused, unless `accept_plain`. `hint` says
    which other key it may have been where none fits.
    """

    def __init__(
        self, stack: str, secrets: Sequence[Secret] = (), *, accept_plain: bool = False, hint: str = ""
    ) -> None:
        self._hint = hint
        self._stack = stack
        self._secrets = tuple(secrets)
        self._accept_plain = accept_plain
        self._salt: bytes | None = None
        self._derived: dict[tuple[int, bytes], bytes] = {}

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def seal(self, content: bytes, name: str) -> bytes:
        """The content as it is to be stored under a name."""
        if not self._secrets:
            return content
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if self._salt is None:
            self._salt = os.urandom(16)
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(self._key(0, self._salt)).encrypt(nonce, content, self._context(name))
        envelope = {
            "smsops_encrypted": _VERSION,
            "algorithm": _ALGORITHM,
            "salt": _text(self._salt),
            "nonce": _text(nonce),
            "content": _text(sealed),
        }
        return json.dumps(envelope, separators=(",", ":")).encode()

    def open(self, content: bytes, name: str) -> bytes:
        """The content of what was stored under a name; StateError where no key opens it, or plain content is refused."""
        if not content.startswith(_MARK):
            if not self._secrets or self._accept_plain:
                return content
            raise StateError(
                f"{name} is not encrypted, and this stack demands it",
                code="SMS451",
                detail="If you have just turned encryption on, run: smsops state encrypt. "
                "If not, somebody else may have written it.",
            )
        if not self._secrets:
            raise StateError(
                f"{name} is encrypted, and there is no key",
                code="SMS452",
                detail="Say encryption: {key: {env: NAME}} in smsops.yaml.",
            )
        return self._decrypt(_envelope(content, name), name)

    def _decrypt(self, envelope: dict[str, bytes], name: str) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        for number in range(len(self._secrets)):
            key = self._key(number, envelope["salt"])
            try:
                content = AESGCM(key).decrypt(envelope["nonce"], envelope["content"], self._context(name))
            except InvalidTag:
                continue
            if number == 0:
                self._salt = envelope["salt"]  # deriving a key is slow on purpose: once a run is enough
            return content
        raise StateError(
            f"{name} cannot be decrypted",
            code="SMS453",
            detail="The key is another one than it was encrypted with (encryption.fallback_key takes the old one), "
            f"or the content was changed.{self._hint}",
        )

    def _key(self, number: int, salt: bytes) -> bytes:
        if (number, salt) not in self._derived:
            secret = self._secrets[number].reveal().encode(errors="surrogateescape")
            self._derived[number, salt] = hashlib.scrypt(secret, salt=salt, n=2**14, r=8, p=1, dklen=32)
        return self._derived[number, salt]

    def _context(self, name: str) -> bytes:
        return canonical([_VERSION, self._stack, name])


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _envelope(content: bytes, name: str) -> dict[str, bytes]:
    try:
        document: dict[str, Any] = json.loads(content)
        if (document["smsops_encrypted"], document["algorithm"]) != (_VERSION, _ALGORITHM):
            raise ValueError(document["algorithm"])
        parts = {part: base64.b64decode(document[part], validate=True) for part in ("salt", "nonce", "content")}
        if len(parts["nonce"]) != _NONCE:
            raise ValueError(len(parts["nonce"]))
        return parts
    except (ValueError, KeyError, TypeError, RecursionError):
        raise StateError(
            f"{name} is encrypted in a way that this smsops does not know, or damaged",
            code="SMS402",
            detail="Use the smsops that wrote it, or restore it from a backup.",
        ) from None
