"""JDB's encryption of requests: AES-128-CBC over JSON, key and iv as plain characters, base64url (JDB guide page)."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16


def decrypt(x: str, key: str, iv: str) -> dict[str, Any]:
    """Return the JSON object inside ``x``.

    The document pads with blanks on the right; clients in the field also pad with NULs, with an extra block, or
    PKCS-like, and leave out the ``=``, so all of that is accepted. Raises ``ValueError`` for anything else.
    """
    try:
        sealed = base64.b64decode(x.rstrip("=") + "=" * (-len(x.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("x is not base64url") from error
    if not sealed or len(sealed) % BLOCK:
        raise ValueError("x is not a sequence of full AES blocks")
    decryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(iv.encode())).decryptor()
    plain = decryptor.update(sealed) + decryptor.finalize()
    if plain[-plain[-1] :] == bytes([plain[-1]]) * plain[-1] and 1 <= plain[-1] <= BLOCK:
        plain = plain[: -plain[-1]]
    content = json.loads(plain.rstrip(b" \0").decode())
    if not isinstance(content, dict):
        raise ValueError("x does not hold an object")  # noqa: TRY004
    return content
