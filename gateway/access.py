"""Who may read what: JSON Web Tokens, the keys that they are signed with, and their scopes."""

import hashlib
import ipaddress
import json
import logging
import math
import os
import time
from http import HTTPStatus
from typing import Any, NamedTuple

import jwt

from pipeline.errors import Denied, UsageError
from pipeline.settings import Settings
from pipeline.telemetry import say

log = logging.getLogger("sharpline.gateway")
#: By how much the clocks of who issues a token and of the gateway may be apart.
LEEWAY_S = 30
#: A header's line of 8 KB is as much as a WebSocket's handshake takes.
MAXIMUM_TOKEN_BYTES = 4_096
MAXIMUM_NAME = 200
FOREVER_S = 2**53
#: What a key of JWKS is good for is said by what it is, never by a token.
ALGORITHMS = {("RSA", None): "RS256", ("EC", "P-256"): "ES256"}
READ = "read:"
#: How a visitor is told what is wrong with a token; the library's own words may quote from it.
REASONS: tuple[tuple[type[jwt.PyJWTError], str, str], ...] = (
    (jwt.ExpiredSignatureError, "token_expired", "the token has expired: get a new one"),
    (jwt.ImmatureSignatureError, "token_not_yet", "the token is not valid yet (nbf, iat)"),
    (jwt.InvalidAudienceError, "token_audience", "the token is for another audience (aud)"),
    (jwt.InvalidIssuerError, "token_issuer", "the token is of another issuer (iss)"),
    (jwt.MissingRequiredClaimError, "token_incomplete", "the token lacks one of exp, aud and iss"),
    (jwt.InvalidSignatureError, "token_forged", "the token is not signed with the gateway's key"),
    (jwt.InvalidAlgorithmError, "token_algorithm", "the token is signed by another algorithm than its key's"),
)
MALFORMED = ("token_malformed", "this is no JSON Web Token that can be understood")


class Visitor(NamedTuple):
    """Who asks. ``name`` is for limits and never to be logged; ``reads`` are topics, ``area.*`` or ``*``."""

    name: str
    reads: tuple[str, ...]
    expires_at_s: float

    def may_read(self, topic: str) -> bool:
        """Whether one of the scopes covers the topic."""
        return any(
            scope in ("*", topic) or (scope.endswith(".*") and topic.startswith(scope[:-1]))
            for scope in self.reads
        )


#: Whoever comes, where no token is asked for.
ANYONE = Visitor("", ("*",), math.inf)
#: Whoever comes, at the addresses that need no token where one is asked for elsewhere.
NOBODY = Visitor("", (), math.inf)


class Keys:
    """The public keys of a JWKS file, by their ``kid``; read again when the file changes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._stamp = self._now()
        self._keys = public_keys(path)

    def of(self, kid: str | None) -> jwt.PyJWK | None:
        """The key of this name, or the only one where a token names none."""
        if (stamp := self._now()) != self._stamp:
            self._stamp = stamp
            try:
                self._keys = public_keys(self._path)
                say(log, "keys read again", keys=len(self._keys))
            except UsageError as error:  # a file that is half written must not lock everybody out
                say(log, "keys cannot be read again; the old ones stay", logging.ERROR, reason=error)
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid or "")

    def _now(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def public_keys(path: str) -> dict[str, jwt.PyJWK]:
    """The keys for RS256 and ES256 in a JWKS file. Raises UsageError, which shows nothing of the file."""
    try:
        with open(path, "rb") as file:
            listed = json.loads(file.read())["keys"]
        keys = {}
        for key in listed:
            if "d" in key or key["kty"] == "oct":
                raise UsageError(f"{path} holds secret keys: the gateway needs the public ones alone")
            algorithm = ALGORITHMS.get((key["kty"], key.get("crv")))
            if algorithm is None or key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
                continue
            keys[str(key.get("kid", ""))] = jwt.PyJWK(key, algorithm)
    except OSError as error:
        raise UsageError(f"the keys of tokens cannot be read from {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, jwt.PyJWTError):
        raise UsageError(f"{path} is not a JWKS file: a JSON object with a list `keys` is needed") from None
    if not keys:
        raise UsageError(f"{path} holds no public key for RS256 (RSA) or ES256 (EC, P-256)")
    return keys


class Tokens:
    """Verifies tokens by a secret (HS256), by public keys (RS256, ES256), or by both."""

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.secret()
        self._keys = Keys(settings.token_keys) if settings.token_keys else None
        self._audience, self._issuer = settings.token_audience, settings.token_issuer or None
        if not self._secret and self._keys is None:
            raise UsageError(
                "who may read? There are no keys to verify tokens with: set SHARPLINE_TOKEN_SECRET_FILE "
                "(`sharpline token --make-secret FILE` makes one) or SHARPLINE_TOKEN_KEYS, or say --open "
                "where anyone may"
            )

    def visitor(self, token: str) -> Visitor:
        """Whose token this is. Raises Denied, which never shows any of it."""
        if len(token) > MAXIMUM_TOKEN_BYTES:
            raise _unauthorized("token_too_long", f"a token has at most {MAXIMUM_TOKEN_BYTES} bytes")
        try:
            header = jwt.get_unverified_header(token)
            key, algorithm = self._key(header.get("alg"), header.get("kid"))
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "aud"] + (["iss"] if self._issuer else [])},
            )
            expires_at_s = float(min(int(claims["exp"]), FOREVER_S)) + LEEWAY_S
            return Visitor(_name(claims, token), _reads(claims), expires_at_s)
        except jwt.PyJWTError as error:
            told = (reason[1:] for reason in REASONS if isinstance(error, reason[0]))
            raise _unauthorized(*next(told, MALFORMED)) from None
        except (ValueError, TypeError, RecursionError):  # what the library does not expect of a token
            raise _unauthorized(*MALFORMED) from None

    def _key(self, algorithm: Any, kid: str | None) -> tuple[Any, str]:
        if algorithm == "HS256" and self._secret:
            return self._secret, algorithm
        if algorithm in ALGORITHMS.values() and self._keys is not None:
            if (key := self._keys.of(kid)) is None:
                raise _unauthorized("token_key", "the token's key (kid) is none of the gateway's")
            return key, key.algorithm_name
        raise _unauthorized("token_algorithm", "the gateway has no key for the token's algorithm (alg)")


def _name(claims: dict[str, Any], token: str) -> str:
    """Whose requests are counted together: those of a subject, else those of a token."""
    name: str = claims.get("sub") or hashlib.sha256(token.encode()).hexdigest()
    return f"token {name[:MAXIMUM_NAME]}"


def _reads(claims: dict[str, Any]) -> tuple[str, ...]:
    """What the scopes that are ours let read; others' are none of our business."""
    given = claims.get("scope", "")
    words = given.split() if isinstance(given, str) else ()
    return tuple(word.removeprefix(READ) for word in words if word.startswith(READ))


def _unauthorized(code: str, message: str) -> Denied:
    return Denied(HTTPStatus.UNAUTHORIZED, code, message)


def tokens_of(settings: Settings, host: str) -> Tokens | None:
    """What verifies the tokens of a gateway that listens on ``host``; None where anyone may read.

    Raises UsageError where keys are needed and there are none.
    """
    has_keys = bool(settings.token_secret or settings.token_secret_file or settings.token_keys)
    if settings.access == "open" or (settings.access == "auto" and is_loopback(host) and not has_keys):
        return None
    return Tokens(settings)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def seconds_left(visitor: Visitor) -> float:
    """Until the visitor's token has expired, by the wall clock that tokens are written by."""
    return visitor.expires_at_s - time.time()
