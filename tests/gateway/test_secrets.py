"""Neither tokens nor what signs them are in anything that a gateway writes, says or measures."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pipeline.cluster import create_topics
from pipeline.local import kraft
from pipeline.settings import Settings
from tests.conftest import ROOT
from tests.gateway.tokens import RSA, SECRET, keys_file, minted, public

WITHIN_S = 60


def ready(address: str) -> None:
    give_up_at = time.monotonic() + WITHIN_S
    while time.monotonic() < give_up_at:
        try:
            if httpx.get(f"{address}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass  # not listening yet
        time.sleep(0.05)
    raise AssertionError("not ready")


@pytest.mark.kafka
def test_no_secret_and_no_token_is_in_anything_that_a_gateway_says(kafka: str, tmp_path: Path) -> None:
    create_topics(kafka, Settings(), [])
    (port,) = kraft.free_ports(1)
    keys = keys_file(tmp_path / "keys.json", public(RSA, kid="r"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SHARPLINE_")}
    environment |= {
        "SHARPLINE_TOKEN_SECRET": SECRET,
        "SHARPLINE_TOKEN_KEYS": keys,
        "SHARPLINE_LOG_LEVEL": "debug",
        "SHARPLINE_LOG": "json",
    }
    tokens = [
        minted(sub="a-name-that-nobody-else-has"),
        minted("read:games.*"),
        minted(lasts_s=-60),
        minted(lasts_s=-25),  # ends while it is in use
        minted(key="another secret, as long as the first one"),
        minted(key=RSA, algorithm="RS256", headers={"kid": "r"}),
        minted(key=RSA, algorithm="RS256", headers={"kid": "a-key-that-nobody-else-has"}),
        minted(headers={"x": "y" * 5_000}),
        "no-token-at-all-but-somebody-s-password",
    ]
    address, said = f"http://127.0.0.1:{port}", []
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "--kafka", kafka, "--port", str(port), "--instance", "secrets"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        ready(address)
        for token in tokens:
            headers = {"Authorization": f"Bearer {token}"}
            for path in ("/v1/events", "/v1/events/nothing", "/nowhere", "/metrics"):
                answer = httpx.get(f"{address}{path}", headers=headers)
                said.append(f"{answer.headers} {answer.text}")
            try:
                offered = ["sharpline.v1", f"bearer.{token}"]
                with connect(f"ws://127.0.0.1:{port}/v1/stream", subprotocols=offered) as socket:
                    socket.send('{"op": "nothing"}')
                    said += [f"{socket.response}", *(str(socket.recv(timeout=WITHIN_S)) for _ in range(2))]
            except InvalidStatus as error:
                said.append(f"{error.response} {error.response.body!r}")
        metrics = httpx.get(f"{address}/metrics", headers={"Authorization": f"Bearer {tokens[0]}"})
    finally:
        process.terminate()
        log, _ = process.communicate(timeout=WITHIN_S)
    everything = "\n".join([log, metrics.text, *said])

    assert '"access":"tokens"' in log
    assert '"code":"token_forged"' in log
    assert 'sharpline_gateway_turned_away_total{code="token_expired"}' in metrics.text
    parts = {part for token in tokens for part in token.split(".") if len(part) > 100}
    for secret in (SECRET, "a-name-that", "a-key-that", "somebody-s-password", *parts):
        assert secret not in everything
    assert all(token.rpartition(".")[2] not in everything for token in tokens)
