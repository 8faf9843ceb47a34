"""``sharpline token``: mint a token for the gateway, while developing."""

import os
import re
import secrets
import time
from dataclasses import replace

import click

from pipeline.errors import UsageError
from pipeline.settings import Settings
from pipeline.topics import ANSWERS

UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
#: What is not in a topic and has a scope all the same.
OTHERS = ("metrics",)
ENTROPY_BYTES = 48


@click.command(
    epilog="Example: sharpline token --make-secret secret.txt --scope read:bets.value --for 8h",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    metavar="read:TOPIC",
    help="What it lets read: read:bets.value, read:bets.*, read:*; several may be given.",
)
@click.option("--for", "lasts", default="1h", show_default=True, metavar="TIME", help="As 90s, 15m, 8h, 7d.")
@click.option("--name", default="", help="Whom it is for (sub); the requests of a name are counted together.")
@click.option(
    "--secret-file",
    metavar="FILE",
    help="What signs it; default is SHARPLINE_TOKEN_SECRET or ..._SECRET_FILE.",
)
@click.option(
    "--make-secret",
    metavar="FILE",
    help="A new file for a new secret, readable by you alone; it signs the token.",
)
def token(
    scopes: tuple[str, ...], lasts: str, name: str, secret_file: str | None, make_secret: str | None
) -> None:
    """Mint a token (HS256) for a gateway that has the same secret, and print it alone.

    For development, and for programs of your own. Whoever has users lets their identity provider sign
    tokens, and gives the gateway its public keys (SHARPLINE_TOKEN_KEYS).
    """
    scope = " ".join(_known(part) for given in scopes for part in given.split())
    seconds = _seconds(lasts)
    settings = Settings.read()
    if secret_file and make_secret:
        raise UsageError("--secret-file and --make-secret are two secrets: give one")
    if make_secret:
        _make(make_secret)
    if file := make_secret or secret_file:
        settings = replace(settings, token_secret="", token_secret_file=file)
    secret = settings.secret()
    if not secret:
        raise UsageError(
            "there is no secret to sign with: give --secret-file FILE, set SHARPLINE_TOKEN_SECRET_FILE, "
            "or have one made with --make-secret FILE"
        )
    import jwt  # it loads cryptography, for which no other command should wait

    now_s = int(time.time())
    claims = {"aud": settings.token_audience, "iat": now_s, "exp": now_s + seconds, "scope": scope}
    claims |= {"sub": name} if name else {}
    claims |= {"iss": settings.token_issuer} if settings.token_issuer else {}
    click.echo(jwt.encode(claims, secret, algorithm="HS256"))


def _known(scope: str) -> str:
    """A scope that lets something be read. Raises UsageError."""
    verb, _, what = scope.partition(":")
    areas = {f"{topic.partition('.')[0]}.*" for topic in ANSWERS}
    if verb == "read" and what in {"*", *areas, *ANSWERS, *OTHERS}:
        return scope
    known = ", ".join(["read:*", *(f"read:{one}" for one in (*sorted(areas), *ANSWERS, *OTHERS))])
    raise UsageError(f"unknown scope {scope!r}; there are {known}")


def _seconds(lasts: str) -> int:
    """How long a time is. Raises UsageError."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", lasts)
    if found is None:
        raise UsageError(f"--for is {lasts!r} and should be a time like 90s, 15m, 8h or 7d")
    return int(found[1]) * UNITS_S[found[2]]


def _make(path: str) -> None:
    """Write a new secret where there is no file yet. Raises UsageError."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(
            f"no secret is written to {path}: {error.strerror}; --secret-file uses one that is there"
        ) from None
    with open(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(ENTROPY_BYTES) + "\n")
