"""The OpenAPI document: the one that is checked in, valid, and whole."""

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Mount, Route

from gateway import openapi
from gateway.app import create_app
from gateway.http.table import ENDPOINTS
from gateway.hub import Hub
from pipeline.calculator import CALCULATORS
from tests.conftest import ROOT

DOCUMENT: dict[str, Any] = json.loads(openapi.text())


def test_the_document_that_is_checked_in_is_the_one_that_is_served() -> None:
    said = "python -m gateway.openapi > docs/openapi.json"

    assert (ROOT / "docs" / "openapi.json").read_bytes() == openapi.text(), said


def test_it_is_an_openapi_document() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_every_address_is_described() -> None:
    told = set(DOCUMENT["paths"])
    served = set()
    for route in create_app(Hub()).routes:
        if isinstance(route, Mount):
            served |= {re.sub(r":int}", "}", route.path + inner.path) for inner in route.routes}
        elif isinstance(route, Route) and route.include_in_schema:
            served.add(route.path)
    calculators = {f"/v1/calculate/{what}" for what in CALCULATORS}

    assert told == (served - {"/v1/calculate/{what}"}) | calculators


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_every_endpoint_and_parameter_says_what_it_is(endpoint: Any) -> None:
    told = DOCUMENT["paths"][endpoint.path]["get"]

    assert told["summary"].endswith(".")
    for parameter in told.get("parameters", []):
        while "$ref" in parameter:
            parameter = DOCUMENT["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
        assert parameter["description"]


def test_fields_of_records_are_explained_as_in_their_avro_schemas() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    assert (
        schemas["ClosingPrice"]["properties"]["seen_at_ms"]["description"] == "Unix ms, our clock: last seen."
    )
    assert {
        name for name, field in schemas["GameState"]["properties"].items() if "description" not in field
    } == set()


def test_what_is_told_is_told_whole() -> None:
    row = DOCUMENT["components"]["schemas"]["EventRow"]

    assert set(row["required"]) == set(row["properties"])
