"""``sharpline token``: a token that the gateway believes, and what is said where there can be none."""

import stat
import time
from pathlib import Path

import jwt
import pytest

from tests.pipeline.test_cli import sharpline

SECRET = "a secret of more than thirty-two bytes, for tests"


def claims(token: str, secret: str = SECRET) -> dict[str, object]:
    return jwt.decode(token, secret, algorithms=["HS256"], audience="sharpline")


def test_a_token_is_all_that_is_printed_and_says_what_was_asked_for() -> None:
    asked = ("token", "--scope", "read:bets.*", "--scope", "read:odds.fair read:metrics", "--for", "15m")
    answer = sharpline(*asked, "--name", "alice", SHARPLINE_TOKEN_SECRET=SECRET)

    said = claims(answer.stdout.strip())
    assert answer.stderr == ""
    assert said["scope"] == "read:bets.* read:odds.fair read:metrics"
    assert said["sub"] == "alice"
    assert said["exp"] == pytest.approx(time.time() + 900, abs=60)


def test_audience_and_issuer_are_those_that_the_gateway_asks_for() -> None:
    settings = {"SHARPLINE_TOKEN_AUDIENCE": "betting", "SHARPLINE_TOKEN_ISSUER": "me"}
    answer = sharpline("token", "--scope", "read:*", SHARPLINE_TOKEN_SECRET=SECRET, **settings)

    token = answer.stdout.strip()
    assert jwt.decode(token, SECRET, algorithms=["HS256"], audience="betting", issuer="me")


def test_a_secret_is_made_for_its_owner_alone_and_never_over_another(tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    made = sharpline("token", "--make-secret", str(file), "--scope", "read:*")
    used = sharpline("token", "--secret-file", str(file), "--scope", "read:*")
    again = sharpline("token", "--make-secret", str(file), "--scope", "read:*")

    secret = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert claims(made.stdout.strip(), secret)
    assert claims(used.stdout.strip(), secret)
    assert again.returncode == 2
    assert "File exists" in again.stderr
    assert file.read_text().strip() == secret


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (("--scope", "read:betz"), {}, "unknown scope 'read:betz'; there are read:*, read:bets.*"),
        (("--scope", "bets.value"), {}, "unknown scope 'bets.value'"),
        (("--scope", "read:*", "--for", "soon"), {}, "should be a time like 90s"),
        (("--scope", "read:*", "--for", "0s"), {}, "should be a time like 90s"),
        (("--scope", "read:*"), {}, "there is no secret to sign with"),
        (("--scope", "read:*"), {"SHARPLINE_TOKEN_SECRET": "short"}, "has 5 bytes and needs 32"),
        (("--scope", "read:*", "--secret-file", "none"), {}, "cannot be read from none"),
        (("--scope", "read:*", "--secret-file", "/dev/null"), {}, "has 0 bytes and needs 32"),
        (("--scope", "read:*", "--make-secret", "no/where"), {}, "No such file or directory"),
        (("--scope", "read:*", "--make-secret", "a", "--secret-file", "b"), {}, "give one"),
    ],
)
def test_what_cannot_be_minted_is_one_sentence(
    arguments: tuple[str, ...], environment: dict[str, str], sentence: str
) -> None:
    answer = sharpline("token", *arguments, **environment)

    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert sentence in line
