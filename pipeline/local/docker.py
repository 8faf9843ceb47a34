"""The broker in a container of the official image, with the same settings as from the jars.

The container ends with this process as well: its shell waits for the end of its standard input, which is
a pipe from the `docker` command, which is ours. When we are killed, the pipe closes and the broker stops.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from pipeline.local import children, kraft

ENGINE_ANSWERS_S = 5.0

# Arguments: the id of a new cluster, the data folder. As a job in the background `cat` would read /dev/null,
# hence the third file descriptor.
SCRIPT = """
cd "$1"
export PATH="/opt/kafka/bin:$PATH"
[ -f log/meta.properties ] || kafka-storage.sh format --cluster-id="$0" -c server.properties || exit 1
exec 3<&0
kafka-server-start.sh server.properties &
broker=$!
trap 'kill -TERM $broker' TERM
(cat <&3 >/dev/null; kill -TERM $broker) &
wait $broker
wait $broker
"""


def image() -> str:
    """The official image of the version that the jars have."""
    return f"apache/kafka:{kraft.version()}"


def engine_answers() -> bool:
    """Whether there is a Docker engine to ask, not only its command."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        question = [docker, "version", "--format", "{{.Server.Version}}"]
        answer = subprocess.run(question, capture_output=True, timeout=ENGINE_ANSWERS_S)
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0


def missing_image(say: Callable[[str], None]) -> str:
    """Have the image here, pulled if need be; the reason why not, or nothing when it is."""
    if subprocess.run(["docker", "image", "inspect", image()], capture_output=True).returncode == 0:
        return ""
    say(f"pulling the broker's image {image()}")
    answer = subprocess.run(["docker", "pull", "--quiet", image()], capture_output=True, text=True)
    return answer.stderr.strip() if answer.returncode != 0 else ""


def launch(data: Path, port: int, controller_port: int, *, short_lived: bool) -> subprocess.Popen[bytes]:
    """Start the node on ``data``; it is formatted there first if it holds no cluster yet."""
    (data / "server.properties").write_text(
        kraft.properties(log_dir="/data/log", port=port, controller_port=controller_port, host="0.0.0.0")
    )
    compilers = " -XX:TieredStopAtLevel=1" if short_lived else ""
    return children.start(
        ["docker", "run", "--rm", "--interactive", "--name", container(port)]
        + ["--publish", f"127.0.0.1:{port}:{port}", "--volume", f"{data}:/data"]
        + ["--user", f"{os.getuid()}:{os.getgid()}", "--env", "LOG_DIR=/tmp/logs"]
        + ["--env", "KAFKA_HEAP_OPTS=-Xms256m -Xmx768m"]
        + ["--env", f"KAFKA_JVM_PERFORMANCE_OPTS=-XX:+UseSerialGC{compilers}"]
        + ["--entrypoint", "sh", image(), "-c", SCRIPT, kraft.cluster_id(), "/data"],
        log=data / "broker.log",
        stdin=subprocess.PIPE,
        dies_with_us=False,  # it must outlive us for as long as it takes to pass the end of its input on
    )


def container(port: int) -> str:
    """Name of the container whose broker listens on this port."""
    return f"sharpline-kafka-{port}"


def kill(port: int) -> None:
    """End the container that its `docker run` left behind, if it did."""
    subprocess.run(["docker", "kill", container(port)], capture_output=True)
