"""Decrypt JDB's requests as the vendor does."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def decrypt(x: str, key: str = "0123456789abcdef", iv: str = "fedcba9876543210") -> str:
    """Return the parameters: base64url, AES-128-CBC, without trailing blanks."""
    raw = base64.urlsafe_b64decode(x + "=" * (-len(x) % 4))
    decryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(iv.encode())).decryptor()
    return (decryptor.update(raw) + decryptor.finalize()).decode().rstrip(" ")
