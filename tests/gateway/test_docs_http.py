"""docs/http.md names every address and parameter, and shows an error as it is told."""

import json
import re

import pytest
from msgspec.structs import fields
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.http.endpoint import Endpoint
from gateway.http.table import ENDPOINTS
from gateway.hub import Hub
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "http.md").read_text()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_every_address_and_its_parameters_are_listed(endpoint: Endpoint) -> None:
    (row,) = re.findall(rf"^\| `{re.escape(endpoint.path)}` \|.*\| (.*)\|$", TEXT, re.MULTILINE)

    assert re.findall(r"`(\w+)`", row) == [field.encode_name for field in fields(endpoint.query)]


def test_the_error_that_is_shown_is_the_one_that_is_told() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    hub = Hub()
    hub.ready.set()
    with TestClient(create_app(hub)) as client:
        told = client.get("/v1/events?sport=chess&limit=0").json()

    assert json.loads(shown) == told
