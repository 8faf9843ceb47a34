"""The page's files: what is served, how, and that nothing else is."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from gateway.http import static
from tests.conftest import ROOT

SOURCES = sorted(path for path in (ROOT / "gateway" / "page").iterdir())
#: What may be loaded at the first look, compressed.
MOST_BYTES = 150_000


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where npm would put the charts' library, whether or not it did."""
    monkeypatch.setattr(static, "LIBRARY", tmp_path)
    static.sources.cache_clear()
    yield tmp_path
    static.sources.cache_clear()


def test_the_page_stands_at_the_root(client: TestClient) -> None:
    answer = client.get("/")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    assert answer.content == (ROOT / "gateway" / "page" / "index.html").read_bytes()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_every_file_is_served_as_what_it_is(client: TestClient, source: Path) -> None:
    answer = client.get(f"/page/{source.name}")

    assert answer.content == source.read_bytes()
    assert answer.headers["content-type"] == static.KINDS[source.suffix]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_is_sent_once(client: TestClient) -> None:
    first = client.get("/page/app.js")
    again = client.get("/page/app.js", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["content-encoding"] == "gzip"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fguard.py", "%2e%2e/http/static.py", "../guard.py", ""])
def test_nothing_else_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/page/{name}").status_code == 404


def test_what_the_page_loads_is_there_and_its_own() -> None:
    text = (ROOT / "gateway" / "page" / "index.html").read_text()
    loaded = re.findall(r'(?:src|href)="([^"#]*)"', text)

    assert {address.removeprefix("page/") for address in loaded if address != "v1"} <= {
        p.name for p in SOURCES
    }
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", text), (
        "inline: the policy forbids it"
    )


def test_modules_import_only_one_another() -> None:
    names = {path.name for path in SOURCES}
    for source in SOURCES:
        if source.suffix == ".js":
            imported = re.findall(r'from "([^"]*)"', source.read_text())
            assert {name.removeprefix("./") for name in imported} <= names, source.name


def test_the_charts_are_served_where_npm_installed_them(client: TestClient, library: Path) -> None:
    for name in static.LIBRARY_FILES:
        (library / name).write_text(f"/* {name} */")
    (library / "other.js").write_text("")

    assert client.get("/page/uPlot.iife.min.js").text == "/* uPlot.iife.min.js */"
    assert client.get("/page/other.js").status_code == 404


def test_without_npm_there_is_a_page_without_charts(client: TestClient, library: Path) -> None:
    shutil.rmtree(library)

    assert client.get("/page/uPlot.iife.min.js").status_code == 404
    assert client.get("/").status_code == 200


def test_the_page_is_light(client: TestClient) -> None:
    names = [*(path.name for path in SOURCES), *static.LIBRARY_FILES]
    answers = [client.get(f"/page/{name}") for name in names]
    sent = [int(answer.headers["content-length"]) for answer in answers if answer.status_code == 200]

    assert sum(sent) <= MOST_BYTES
