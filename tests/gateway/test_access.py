"""Which tokens are believed, by which key, and what they let read."""

import base64
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from gateway.access import ANYONE, NOBODY, Tokens, Visitor, public_keys, tokens_of
from pipeline.errors import Denied, UsageError
from pipeline.settings import Settings
from tests.gateway.tokens import CLAIMS, EC, RSA, SECRET, by_hand, keys_file, minted, public

SHARED = Settings(token_secret=SECRET)


def denied(settings: Settings, token: str) -> Denied:
    with pytest.raises(Denied) as caught:
        Tokens(settings).visitor(token)
    assert len(token) < 20 or token[10:] not in str(caught.value)
    assert caught.value.status == 401
    assert caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize(
    ("scopes", "topic", "may"),
    [
        (("*",), "bets.value", True),
        (("bets.*",), "bets.value", True),
        (("bets.value",), "bets.value", True),
        (("bets.value",), "bets.value2", False),
        (("bets.*",), "betsy.value", False),
        (("bets.*",), "bets", False),
        (("odds.*", "games.states"), "games.states", True),
        (("odds.*", "games.states"), "games.probabilities", False),
        (("b*",), "bets.value", False),
        (("bets",), "bets.value", False),
        ((), "bets.value", False),
        (("",), "", True),
    ],
)
def test_a_scope_covers_a_topic_an_area_or_everything(scopes: tuple[str, ...], topic: str, may: bool) -> None:
    assert Visitor("", scopes, math.inf).may_read(topic) is may


def test_where_no_token_is_asked_for_anyone_reads_and_at_open_addresses_nobody_does() -> None:
    assert ANYONE.may_read("bets.value")
    assert not NOBODY.may_read("bets.value")


def test_a_token_says_who_what_and_until_when() -> None:
    token = minted("openid read:bets.* write:bets.value read:odds.fair", sub="alice")

    visitor = Tokens(SHARED).visitor(token)

    assert visitor.name == "token alice"
    assert visitor.reads == ("bets.*", "odds.fair")
    assert visitor.expires_at_s == pytest.approx(time.time() + 3630, abs=60)


def test_tokens_without_a_name_are_counted_each_by_itself() -> None:
    names = {Tokens(SHARED).visitor(minted(jti=jti)).name for jti in ("a", "b")}

    assert len(names) == 2


@pytest.mark.parametrize("scope", [None, "", "openid profile", "write:*", 7, ["read:*"]])
def test_a_token_whose_scope_lets_it_read_nothing_is_good_for_nothing(scope: Any) -> None:
    assert Tokens(SHARED).visitor(minted(scope)).reads == ()


@pytest.mark.parametrize(
    ("token", "code"),
    [
        pytest.param(minted(key="another secret, as long as the first one"), "token_forged", id="forged"),
        pytest.param(minted(lasts_s=-31), "token_expired", id="expired"),
        pytest.param(minted(lasts_s=None), "token_incomplete", id="for ever"),
        pytest.param(minted(exp="soon"), "token_malformed", id="until soon"),
        pytest.param(minted(nbf=int(time.time()) + 3000), "token_not_yet", id="not yet"),
        pytest.param(minted(aud="another"), "token_audience", id="another audience"),
        pytest.param(minted(aud=None), "token_incomplete", id="no audience"),
        pytest.param(minted(key=None, algorithm="none"), "token_algorithm", id="alg none"),
        pytest.param(by_hand({"alg": "HS512"}, CLAIMS), "token_algorithm", id="another hash"),
        pytest.param(minted(key=RSA, algorithm="RS256"), "token_algorithm", id="RS256 and no such key"),
        pytest.param(minted(sub=7), "token_malformed", id="a number for a name"),
        pytest.param(by_hand({"alg": "HS256", "kid": 7}, CLAIMS), "token_malformed", id="a number for a key"),
        pytest.param(
            by_hand({"alg": "HS256", "crit": ["x"], "x": 1}, CLAIMS),
            "token_malformed",
            id="unknown extension",
        ),
        pytest.param("", "token_malformed", id="empty"),
        pytest.param("a.b.c", "token_malformed", id="no JSON"),
        pytest.param("é.é.é", "token_malformed", id="no ASCII"),
        pytest.param(by_hand([], CLAIMS), "token_malformed", id="a list for a header"),
        pytest.param(by_hand({"alg": ["HS256"]}, CLAIMS), "token_algorithm", id="a list for alg"),
        pytest.param(by_hand({}, CLAIMS), "token_algorithm", id="no alg"),
        pytest.param(minted(headers={"x": "y" * 5000}), "token_too_long", id="too long"),
    ],
)
def test_a_token_that_cannot_be_believed_is_told_why(token: str, code: str) -> None:
    assert denied(SHARED, token).code == code


def test_a_clock_may_be_half_a_minute_off() -> None:
    soon = int(time.time()) + 20

    assert Tokens(SHARED).visitor(minted(lasts_s=-20))
    assert Tokens(SHARED).visitor(minted(nbf=soon, iat=soon))


def test_an_issuer_counts_where_one_is_set() -> None:
    settings = Settings(token_secret=SECRET, token_issuer="https://id.example.com")

    assert Tokens(settings).visitor(minted(iss="https://id.example.com"))
    assert denied(settings, minted(iss="https://id.example.org")).code == "token_issuer"
    assert denied(settings, minted()).code == "token_incomplete"


def test_a_token_for_ages_of_the_world_ends_at_some_time() -> None:
    assert Tokens(SHARED).visitor(minted(exp=10**400)).expires_at_s < math.inf


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=50))
def test_no_text_is_a_token(header: str, payload: str, signature: str) -> None:
    parts = [base64.urlsafe_b64encode(text.encode()).decode() for text in (header, payload, signature)]
    for token in (header, ".".join([header, payload, signature]), ".".join(parts)):
        with pytest.raises(Denied):
            Tokens(SHARED).visitor(token)


def test_a_payload_of_a_thousand_brackets_is_only_malformed() -> None:
    deep = b"[" * 1500

    assert denied(SHARED, by_hand(deep, {})).code == "token_malformed"
    assert denied(SHARED, by_hand({"alg": "HS256"}, deep)).code == "token_malformed"


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256")])
def test_public_keys_verify_what_their_private_halves_signed(
    key: Any, algorithm: str, tmp_path: Path
) -> None:
    file = keys_file(tmp_path / "keys.json", public(RSA, kid="r"), public(EC, kid="e"))
    settings = Settings(token_keys=file)
    kid = {"kid": "r" if key is RSA else "e"}

    assert Tokens(settings).visitor(minted(key=key, algorithm=algorithm, headers=kid)).reads == ("*",)
    assert denied(settings, minted(key=key, algorithm=algorithm)).code == "token_key"
    assert denied(settings, minted(key=key, algorithm=algorithm, headers={"kid": "z"})).code == "token_key"
    assert denied(settings, minted()).code == "token_algorithm"


def test_another_key_under_the_same_name_is_a_forgery(tmp_path: Path) -> None:
    settings = Settings(token_keys=keys_file(tmp_path / "keys.json", public(RSA, kid="r")))
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    token = minted(key=other, algorithm="RS256", headers={"kid": "r"})

    assert denied(settings, token).code == "token_forged"


@pytest.mark.parametrize("secret", ["", SECRET])
def test_a_public_key_is_no_secret(secret: str, tmp_path: Path) -> None:
    file = keys_file(tmp_path / "keys.json", public(RSA, kid="r"))
    settings = Settings(token_keys=file, token_secret=secret)
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    # The library itself refuses to sign with it, so this is done by hand, as an attacker would.
    token = by_hand({"alg": "HS256", "kid": "r"}, CLAIMS, pem)

    assert denied(settings, token).code == ("token_forged" if secret else "token_algorithm")


def test_an_algorithm_is_its_keys_and_not_the_tokens(tmp_path: Path) -> None:
    settings = Settings(
        token_keys=keys_file(tmp_path / "keys.json", public(EC, kid="e"), public(RSA, kid="r"))
    )

    token = minted(key=RSA, algorithm="RS256", headers={"kid": "e"})

    assert denied(settings, token).code == "token_algorithm"


def test_the_only_key_needs_no_name(tmp_path: Path) -> None:
    settings = Settings(token_keys=keys_file(tmp_path / "keys.json", public(EC)))

    assert Tokens(settings).visitor(minted(key=EC, algorithm="ES256"))


def test_keys_that_change_are_read_again_and_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    tokens = Tokens(Settings(token_keys=keys_file(path, public(RSA, kid="old"))))
    old = minted(key=RSA, algorithm="RS256", headers={"kid": "old"})
    new = minted(key=EC, algorithm="ES256", headers={"kid": "new"})
    assert tokens.visitor(old)

    path.write_text('{"keys": [')
    assert tokens.visitor(old)
    path.unlink()
    assert tokens.visitor(old)
    keys_file(tmp_path / "next.json", public(EC, kid="new"))
    os.replace(tmp_path / "next.json", path)

    assert tokens.visitor(new)
    with pytest.raises(Denied, match="token_key"):
        tokens.visitor(old)


P384 = ec.generate_private_key(ec.SECP384R1())
PRIVATE = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("", "not a JWKS file", id="empty"),
        pytest.param("[]", "not a JWKS file", id="a list"),
        pytest.param('{"keys": [7]}', "not a JWKS file", id="a number for a key"),
        pytest.param('{"keys": [{"kty": "RSA", "n": "!", "e": "!"}]}', "not a JWKS file", id="no numbers"),
        pytest.param('{"keys": []}', "holds no public key", id="no keys"),
        pytest.param(json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}), "secret keys", id="a secret"),
        pytest.param(json.dumps({"keys": [PRIVATE]}), "secret keys", id="a private key"),
        pytest.param(json.dumps({"keys": [public(RSA, use="enc")]}), "holds no public", id="to encrypt"),
        pytest.param(json.dumps({"keys": [public(RSA, alg="HS256")]}), "holds no public", id="RSA for HS256"),
        pytest.param(json.dumps({"keys": [public(P384)]}), "ES256", id="another curve"),
    ],
)
def test_a_file_of_keys_that_cannot_be_used_is_one_sentence_and_shows_nothing(
    text: str, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)

    with pytest.raises(UsageError, match=sentence) as caught:
        public_keys(str(path))
    for secret in ("c2VjcmV0", PRIVATE["d"], PRIVATE["p"]):
        assert secret not in str(caught.value)


def test_a_missing_file_of_keys_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        public_keys(str(tmp_path / "none.json"))


@pytest.mark.parametrize(
    ("settings", "host", "asks"),
    [
        (Settings(), "127.0.0.1", False),
        (Settings(), "localhost", False),
        (Settings(), "::1", False),
        (Settings(access="open"), "0.0.0.0", False),
        (Settings(access="open", token_secret=SECRET), "0.0.0.0", False),
        (SHARED, "0.0.0.0", True),
        (SHARED, "127.0.0.1", True),
        (Settings(access="on", token_secret=SECRET), "::", True),
    ],
)
def test_tokens_are_asked_for_where_others_can_come_or_keys_are_given(
    settings: Settings, host: str, asks: bool
) -> None:
    assert (tokens_of(settings, host) is not None) is asks


@pytest.mark.parametrize(
    ("settings", "host"),
    [(Settings(), "0.0.0.0"), (Settings(), "gateway.example.com"), (Settings(access="on"), "127.0.0.1")],
)
def test_without_keys_it_does_not_start_where_tokens_are_asked_for(settings: Settings, host: str) -> None:
    with pytest.raises(UsageError, match="--open"):
        tokens_of(settings, host)
