"""The files under deploy/: read, and their commands run. No image is built here: that needs a Docker engine."""

import configparser
import importlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from danqing.cli import serve as cli_serve
from danqing.server.api_keys import ApiKeyStore
from danqing.server.main import CONNECTION_DRAIN_SECONDS, SHUTDOWN_SECONDS
from danqing.settings import read_settings
from tests.serving import MODEL, Serving, make_home, serving

pytestmark = pytest.mark.slow

DEPLOY = Path(__file__).parent.parent.parent / "deploy"


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with their arguments."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text("utf-8"))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def words_of(name: str) -> list[str]:
    """The last instruction of that name that is a list of words."""
    return json.loads(next(rest for word, rest in reversed(instructions()) if word == name))


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["danqing"]


def unit() -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=True)
    found.read(DEPLOY / "danqing.service", encoding="utf-8")
    return found


def test_the_image_runs_as_nobody_in_particular() -> None:
    words = [word for word, _ in instructions()]
    assert set(words) <= {
        *("FROM", "ARG", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE"),
        *("HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"),
    }
    users = [rest for word, rest in instructions() if word == "USER"]
    assert users == ["danqing"]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert "latest" not in (DEPLOY / "Dockerfile").read_text("utf-8")


def test_what_the_image_copies_is_there() -> None:
    ignored = (DEPLOY.parent / ".dockerignore").read_text("utf-8")
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (DEPLOY.parent / source.removeprefix("./")).exists(), source
                assert f"!{source}" in ignored


def test_all_three_start_the_same_service(tmp_path: Path) -> None:
    """Their command, with a port of the test's own, serves; their healthcheck finds it."""
    assert words_of("ENTRYPOINT") == ["danqing"]
    assert words_of("CMD") == compose()["command"]
    unit_words = shlex.split(unit()["Service"]["ExecStart"])
    assert Path(unit_words[0]).name == "danqing"
    make_home(tmp_path)
    key = ApiKeyStore(tmp_path / "service" / "keys.json").add("a")
    last = tuple("0" if word == "8866" else word for word in unit_words[1:])
    for command in (words_of("CMD"), unit_words[1:]):
        command = tuple("0" if word == "8866" else word for word in command)
        with serving(tmp_path, command=command, painting=command == last) as service:
            with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {key}"}) as client:
                assert MODEL in client.get(f"http://127.0.0.1:{service.port}/v1/models").text
            if command == last:
                check_health(service)


def check_health(service: Serving) -> None:
    _, _, check = next(rest for word, rest in instructions() if word == "HEALTHCHECK").partition("CMD ")
    program, *rest = json.loads(check)
    assert program == "python"
    words = [word.replace(":8866", f":{service.port}") for word in rest]
    assert subprocess.run([sys.executable, *words], check=False, timeout=30).returncode == 0


def test_there_is_time_to_end_in_order() -> None:
    needed = SHUTDOWN_SECONDS + CONNECTION_DRAIN_SECONDS
    assert float(compose()["stop_grace_period"].removesuffix("s")) > needed
    assert float(unit()["Service"]["TimeoutStopSec"]) > needed
    assert needed < 10


def test_the_composition_is_closed() -> None:
    service = compose()
    assert service["ports"] == ["127.0.0.1:8866:8866"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists()
    home = next(rest for word, rest in instructions() if word == "ENV" and "DANQING_HOME" in rest)
    assert service["volumes"][0].partition(":")[2] in home


def test_the_unit_writes_only_where_its_state_is() -> None:
    service = unit()["Service"]
    assert service["User"] == "danqing"
    assert service["ProtectSystem"] == "strict"
    assert f"DANQING_HOME=/var/lib/{service['StateDirectory']}" in service["Environment"]
    assert read_settings().service.name == "service"


def options_of(words: list[str]) -> set[str]:
    return {word for word in words if word.startswith("--")}


def serve_options() -> set[str]:
    command = cli_serve.build()
    return {name for parameter in command.params for name in parameter.opts}


def test_the_ray_cluster_file_matches_the_schema_of_ray() -> None:
    ray: Any = pytest.importorskip("ray", reason='pip install "danqing[ray]"')
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text("utf-8"))
    text = (DEPLOY / "ray" / "cluster.yaml").read_text("utf-8")
    config = yaml.safe_load(text)
    validate: Any = importlib.import_module("jsonschema").validate
    validate(config, schema)
    command = re.search(r'"danqing (serve .*)"', text)
    assert command is not None
    assert options_of(shlex.split(command[1])) <= serve_options()


def test_the_kubernetes_manifest_is_consistent() -> None:
    text = (DEPLOY / "kubernetes" / "raycluster.yaml").read_text("utf-8")
    cluster, claim, service = yaml.safe_load_all(text)
    assert [part["kind"] for part in (cluster, claim, service)] == ["RayCluster", "PersistentVolumeClaim", "Service"]
    assert cluster["apiVersion"] == "ray.io/v1"
    pins = (DEPLOY.parent / "constraints.txt").read_text("utf-8").splitlines()
    assert f"ray=={cluster['spec']['rayVersion']}" in pins
    head = cluster["spec"]["headGroupSpec"]["template"]["spec"]
    ray, door = head["containers"]
    assert options_of(door["args"]) <= serve_options()
    assert door["args"][0] == "serve"
    assert str(service["spec"]["ports"][0]["port"]) in door["args"]
    assert service["spec"]["ports"][0]["targetPort"] in [port["name"] for port in door["ports"]]
    assert service["spec"]["selector"]["ray.io/cluster"] == cluster["metadata"]["name"]
    volumes = {volume["name"] for volume in head["volumes"]}
    for container in (ray, door):
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert set(mounts) <= volumes
        assert (mounts["ray"], mounts["shm"]) == ("/tmp/ray", "/dev/shm")
    (group,) = cluster["spec"]["workerGroupSpecs"]
    assert str(group["maxReplicas"]) == door["args"][door["args"].index("--max-workers") + 1]
    images = {c["image"] for c in (ray, door, *group["template"]["spec"]["containers"])}
    assert len(images) == 1, "the versions of Ray and Danqing must be the same everywhere"


def test_the_kubernetes_manifest_matches_the_schemas() -> None:
    """Objects and pods against the schemas of Kubernetes; the rest of the RayCluster against the fields of its definition."""
    library: Any = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    text = (DEPLOY / "kubernetes" / "raycluster.yaml").read_text("utf-8")
    cluster, *objects = yaml.safe_load_all(text)
    head, (workers,) = cluster["spec"]["headGroupSpec"], cluster["spec"]["workerGroupSpecs"]
    pods = [{"apiVersion": "v1", "kind": "Pod", **group["template"]} for group in (head, workers)]
    for checked in (*objects, *pods):
        library.validate(checked, library.latest_version(), strict=True)
    with pytest.raises(library.ValidationError):
        library.validate({**pods[0], "spek": {}}, library.latest_version(), strict=True)
    assert set(cluster["spec"]) <= {"rayVersion", "enableInTreeAutoscaling", "headGroupSpec", "workerGroupSpecs"}
    assert set(head) == {"rayStartParams", "template"}
    required = {"groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"}
    assert required <= set(workers) <= {*required, "replicas"}
    for group in (head, workers):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
