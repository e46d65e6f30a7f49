"""How a DingTalk robot wants its requests signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote_plus


def signed(url: str, secret: str, now_ms: int) -> str:
    """The robot's address with ``timestamp`` (milliseconds; it may be off by an hour) and ``sign``.

    The signature is HMAC-SHA256, keyed by the secret, of the timestamp, a line feed and the secret, in Base64.
    """
    digest = hmac.new(secret.encode(), f"{now_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return f"{url}{'&' if '?' in url else '?'}timestamp={now_ms}&sign={quote_plus(base64.b64encode(digest))}"
