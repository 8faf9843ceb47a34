"""The compose file: what can be known of it without an engine."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from pipeline.errors import BrokerUnavailable
from pipeline.local import children, docker, jars, kraft, readiness
from pipeline.settings import Settings
from tests.conftest import ROOT

COMPOSE = ROOT / "docker-compose.kafka.yml"
SHARPLINE = Path(sys.executable).with_name("sharpline")
APPS = {"topics", "games", "markets", "bets", "gateway", "producer", "lag-exporter", "sink"}
#: Of them those that only `--profile store` starts.
STORING = {"sink"}
AROUND = {"kafka", "registry", "postgres", "prometheus", "grafana"}


def filled(value: Any, given: dict[str, str]) -> Any:
    """What was read, with its `${NAME:-default}` and `${NAME:+replacement}` as Compose fills them in."""

    def one(match: re.Match[str]) -> str:
        there = given.get(match["name"], "")
        return there or match["other"] if match["how"] == "-" else match["other"] if there else ""

    if isinstance(value, dict):
        return {name: filled(each, given) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, given) for each in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(?P<name>\w+):(?P<how>[-+])(?P<other>[^}]*)\}", one, value)
    return value


def services(**given: str) -> dict[str, dict[str, Any]]:
    """The services, where these variables are set."""
    read: dict[str, dict[str, Any]] = filled(yaml.safe_load(COMPOSE.read_text()), given)["services"]
    return read


SERVICES = services()
EACH = pytest.mark.parametrize("name", SERVICES)
EACH_APP = pytest.mark.parametrize("name", sorted(APPS))


def mounts(name: str) -> dict[str, str]:
    """Of a service: where a file of the tree or a volume appears in the container."""
    parts = [volume.split(":") for volume in SERVICES[name].get("volumes", [])]
    return {target: source for source, target, *_ in parts}


def test_the_services_are_those_of_the_design() -> None:
    assert set(SERVICES) == APPS | AROUND
    assert {name for name in SERVICES if SERVICES[name].get("profiles") == ["apps"]} == APPS - STORING
    stored = {name for name in SERVICES if SERVICES[name].get("profiles") == ["store"]}
    assert stored == {"postgres"} | STORING


def test_kafka_alone_needs_no_setting_at_all() -> None:
    unasked = [name for name in SERVICES if "profiles" not in SERVICES[name]]

    assert unasked == ["kafka", "registry", "prometheus", "grafana"]
    assert "$" not in str(SERVICES)


@EACH
def test_each_image_is_named_by_a_version(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")

    assert re.match(r"v?\d+\.\d+", tag), SERVICES[name]["image"]


@EACH
def test_each_service_is_watched_and_kept_within_limits(name: str) -> None:
    service = SERVICES[name]
    limits = service["deploy"]["resources"]["limits"]

    assert float(limits["cpus"]) > 0
    assert re.fullmatch(r"\d+[MG]", limits["memory"])
    assert service["logging"]["driver"] == "json-file"
    assert service["logging"]["options"]["max-size"]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["stop_grace_period"]
    if name == "topics":  # once, and the others wait for it
        assert service["restart"] == "no"
        assert "healthcheck" not in service
    else:
        assert service["restart"] == ("on-failure" if name == "producer" else "unless-stopped")
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@EACH
def test_only_this_machine_reaches_the_published_ports(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


def test_no_two_services_publish_the_same_port() -> None:
    published = [port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", [])]

    assert len(published) == len(set(published))


@EACH_APP
def test_each_app_waits_for_the_topics_and_they_for_the_broker(name: str) -> None:
    awaited = {"kafka": {"condition": "service_healthy"}}
    if name != "topics":
        awaited["topics"] = {"condition": "service_completed_successfully"}
    if name in STORING:
        awaited["postgres"] = {"condition": "service_healthy"}

    assert SERVICES[name]["depends_on"] == awaited


@EACH_APP
def test_each_app_can_write_to_its_own_folder_alone(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert mounts(name) == ({"/data": name} if "--data" in service["command"] else {})


@EACH_APP
def test_each_command_is_one_that_sharpline_has(name: str) -> None:
    """With `--help` at its end it is parsed, an unknown option refused, and nothing done."""
    command = SERVICES[name]["command"]
    answer = subprocess.run(
        [SHARPLINE, *command, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200"},
    )

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(f"Usage: sharpline {command[0]} ")
    if command[0] in ("process", "produce"):
        assert re.search(rf"[{{|]{command[1]}[|}}]", answer.stdout.splitlines()[0])


@EACH_APP
def test_each_setting_is_one_that_sharpline_reads(name: str) -> None:
    settings = Settings.read(SERVICES[name]["environment"])

    assert settings == Settings(kafka="kafka:19092", log="json")


def test_health_is_asked_where_the_app_listens() -> None:
    for name in APPS - {"topics"}:
        command, check = SERVICES[name]["command"], SERVICES[name]["healthcheck"]["test"]
        port = command[command.index("--port") + 1]

        assert command[command.index("--host") + 1] == "0.0.0.0"
        assert check[:3] == ["CMD", "python", "-c"]
        assert re.search(rf"'http://127\.0\.0\.1:{port}/(readyz|livez)'", check[3])
        compile(check[3], name, "exec")


def test_prometheus_scrapes_the_apps_where_they_are() -> None:
    scraped = {
        target: group["labels"]["app"]
        for group in json.loads((ROOT / "deploy" / "prometheus" / "targets" / "compose.json").read_text())
        for target in group["targets"]
    }
    listening = {
        f"{name}:{SERVICES[name]['command'][SERVICES[name]['command'].index('--port') + 1]}": name
        for name in APPS - {"topics"} - STORING
    }

    assert scraped == listening


def test_prometheus_finds_its_files() -> None:
    service, mounted = SERVICES["prometheus"], mounts("prometheus")
    folder = ROOT / mounted["/etc/prometheus"]
    configuration = yaml.safe_load((folder / "prometheus.yml").read_text())

    assert "--config.file=/etc/prometheus/prometheus.yml" in service["command"]
    assert (
        f"--storage.tsdb.path={next(at for at, of in mounted.items() if of == 'prometheus')}"
        in service["command"]
    )
    for pattern in configuration["rule_files"]:
        assert list(folder.glob(pattern)), pattern
    for pattern in configuration["scrape_configs"][0]["file_sd_configs"][0]["files"]:
        assert folder / "targets" / "compose.json" in list(folder.glob(pattern))


def test_grafana_finds_its_source_and_its_dashboards() -> None:
    mounted = mounts("grafana")
    provisioning = ROOT / mounted["/etc/grafana/provisioning"]
    sources = [
        source
        for file in (provisioning / "datasources").glob("*.y*ml")
        for source in yaml.safe_load(file.read_text())["datasources"]
    ]
    providers = [
        provider
        for file in (provisioning / "dashboards").glob("*.y*ml")
        for provider in yaml.safe_load(file.read_text())["providers"]
    ]

    assert [source["url"] for source in sources] == ["http://prometheus:9090"]
    assert [ROOT / mounted[provider["options"]["path"]] for provider in providers] == [
        ROOT / "deploy" / "grafana" / "dashboards"
    ]
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (ROOT / mounted[str(home.parent)] / home.name).is_file()


def test_grafana_has_an_administrator_only_with_a_password() -> None:
    """Its own default is admin, admin. Of its variables an empty one changes nothing."""
    without, with_one = (services(**given)["grafana"] for given in ({}, {"GRAFANA_PASSWORD": "chosen"}))

    for grafana, value in ((without, ""), (with_one, "false")):
        assert "cfg:default.security.disable_initial_admin_creation=true" in grafana["command"]
        assert grafana["environment"]["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == value
    assert with_one["environment"]["GF_SECURITY_ADMIN_PASSWORD"] == "chosen"
    assert without["environment"]["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


def test_the_broker_is_that_of_the_demo_and_the_tests() -> None:
    assert SERVICES["kafka"]["image"] == docker.image()


#: Of KAFKA_..., the image's scripts take these for themselves.
OF_THE_IMAGE = {"KAFKA_HEAP_OPTS"}


def properties() -> dict[str, str]:
    """What the image writes into server.properties: KAFKA_LOG_DIRS is log.dirs."""
    return {
        name.removeprefix("KAFKA_").replace("_", ".").lower(): value
        for name, value in SERVICES["kafka"]["environment"].items()
        if name.startswith("KAFKA_") and name not in OF_THE_IMAGE
    }


@pytest.mark.kafka
def test_kafka_knows_each_of_its_settings(kafka: str) -> None:
    """A broker takes a misspelt one without a word."""
    admin = AdminClient({"bootstrap.servers": kafka})
    resource = ConfigResource(ResourceType.BROKER, "1")
    known = admin.describe_configs([resource])[resource].result(60)

    assert set(properties()) <= {name for name, entry in known.items() if not entry.is_sensitive}


def test_the_settings_that_our_own_brokers_have_too_are_the_same() -> None:
    lines = kraft.properties(log_dir="", port=0, controller_port=0).splitlines()
    ours = dict(line.split("=", 1) for line in lines)
    alike = properties().keys() & ours.keys() - {
        "advertised.listeners",
        "controller.quorum.voters",
        "listener.security.protocol.map",
        "listeners",
        "log.dirs",
    }

    assert len(alike) > 10
    assert {name: properties()[name] for name in alike} == {name: ours[name] for name in alike}


@contextmanager
def node(folder: Path, settings: dict[str, str], bootstrap: str) -> Iterator[None]:
    """A node from the jars with these settings."""
    try:
        java = jars.installed(lambda _: None)
    except BrokerUnavailable as error:
        if docker.engine_answers():
            pytest.skip(f"here Compose itself can show it: {error}")
        raise
    configuration, log = folder / "server.properties", folder / "broker.log"
    configuration.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    cluster_id = SERVICES["kafka"]["environment"]["CLUSTER_ID"]
    format_ = java.command(
        "kafka.tools.StorageTool",
        "format",
        f"--cluster-id={cluster_id}",
        "-c",
        configuration,
        options=jars.QUICK,
    )
    subprocess.run(format_, check=True, capture_output=True, timeout=60)
    process = children.start(java.command("kafka.Kafka", configuration, options=jars.QUICK), log=log)
    try:
        readiness.wait(bootstrap, process, log)
        yield
    finally:
        children.stop(process, 0.0)


@pytest.mark.kafka
def test_who_comes_in_by_a_listener_is_sent_on_to_an_address_it_can_reach(tmp_path: Path) -> None:
    inside, host, controller = kraft.free_ports(3)
    here = {"19092": str(inside), ":9092": f":{host}", "29093": str(controller), "kafka:": "127.0.0.1:"}
    settings = properties()
    for name in ("listeners", "advertised.listeners", "controller.quorum.voters"):
        for there, value in here.items():
            settings[name] = settings[name].replace(there, value)
    settings["log.dirs"] = str(tmp_path / "log")

    with node(tmp_path, settings, f"127.0.0.1:{host}"):
        for port in (inside, host):
            brokers = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"}).list_topics(timeout=60).brokers
            assert [(broker.host, broker.port) for broker in brokers.values()] == [("127.0.0.1", port)]


def test_the_apps_are_of_one_image_which_a_variable_goes_back_from() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert {SERVICES[name]["image"] for name in APPS} == {f"sharpline:{version}"}
    assert services(TAG="0.0.9")["games"]["image"] == "sharpline:0.0.9"


def test_compose_itself_accepts_the_file() -> None:
    """It needs no engine for that, only its program: the plugin, or `docker-compose` on the path."""
    plugin = (
        shutil.which("docker")
        and not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    )
    alone = shutil.which("docker-compose")
    if not (plugin or alone):
        pytest.skip("no Docker Compose here")
    compose = ["docker", "compose"] if plugin else [str(alone)]

    answer = subprocess.run(
        [*compose, "--file", str(COMPOSE), "--profile", "*", "config", "--format", "json"],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
    )

    assert answer.returncode == 0, answer.stderr
    assert set(json.loads(answer.stdout)["services"]) == set(SERVICES)
