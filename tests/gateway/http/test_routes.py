from starlette.testclient import TestClient

from gateway.http.table import ENDPOINTS


def test_the_index_names_every_address(client: TestClient) -> None:
    text = client.get("/v1").text

    for path in (
        *(endpoint.path for endpoint in ENDPOINTS),
        "/v1/stream",
        "/v1/calculate/",
        "/v1/openapi.json",
        "/v1/asyncapi.json",
        "/registry/subjects",
        "/healthz",
        "/livez",
        "/readyz",
        "/metrics",
    ):
        assert path in text
