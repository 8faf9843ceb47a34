"""Tokens and keys as an identity provider, a friend or an attacker would make them."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

SECRET = "a secret of more than thirty-two bytes, for tests"
CLAIMS = {"aud": "sharpline", "exp": 2**40, "scope": "read:*"}
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


def minted(
    scope: str | None = "read:*",
    key: Any = SECRET,
    algorithm: str = "HS256",
    lasts_s: float | None = 3600,
    headers: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A token for the gateway; a claim of None is left out."""
    given = {"aud": "sharpline", "exp": lasts_s and int(time.time() + lasts_s), "scope": scope, **claims}
    payload = {name: value for name, value in given.items() if value is not None}
    return jwt.encode(payload, key, algorithm=algorithm, headers=headers)


def by_hand(header: Any, payload: Any, secret: bytes = SECRET.encode()) -> str:
    """A token that the library would not sign, signed with a secret, or what an attacker takes for one."""
    signed = f"{_part(header)}.{_part(payload)}"
    return f"{signed}.{_text(jwt.get_algorithm_by_name('HS256').sign(signed.encode(), secret))}"


def _part(value: Any) -> str:
    return _text(value if isinstance(value, bytes) else json.dumps(value).encode())


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def public(key: Any, **members: Any) -> dict[str, Any]:
    """The public half as a JWKS file lists it."""
    kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**json.loads(kind.to_jwk(key.public_key())), **members}


def keys_file(path: Path, *keys: dict[str, Any]) -> str:
    path.write_text(json.dumps({"keys": keys}))
    return str(path)
