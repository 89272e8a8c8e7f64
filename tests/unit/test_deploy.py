"""deploy/: what its files say of each other holds; checkers of schemas see none of that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from headgate.cli.main import all_commands
from tests.support import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
IMAGES = {"headgate": "Containerfile", "headgate-serving": "Containerfile.serving"}
NAME = "app.kubernetes.io/name"


def objects(folder: Path = DEPLOY / "kubernetes" / "trial") -> list[dict[str, Any]]:
    """What a kustomization brings, with those that it names."""
    file = yaml.safe_load((folder / "kustomization.yaml").read_text())
    found: list[dict[str, Any]] = [
        {"kind": "ConfigMap", "metadata": {"name": made["name"]}, "files": made["files"]}
        for made in file.get("configMapGenerator", [])
    ]
    for resource in file.get("resources", []):
        path = folder / resource
        found += objects(path) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    return found


OBJECTS = objects()
WORKLOADS = [found for found in OBJECTS if found["kind"] in ("Deployment", "StatefulSet")]


def named(kind: str) -> set[str]:
    """The names of all objects of a kind."""
    return {found["metadata"]["name"] for found in OBJECTS if found["kind"] == kind}


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    """The pod's specification."""
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


def containers(workload: dict[str, Any]) -> list[dict[str, Any]]:
    """All containers of a workload."""
    return [*pod(workload).get("initContainers", []), *pod(workload)["containers"]]


def values(document: Any, key: str) -> Iterator[Any]:
    """Everything below a document that has this key."""
    if isinstance(document, dict):
        yield from (value for name, value in document.items() if name == key)
    below = document.values() if isinstance(document, dict) else document
    for part in below if isinstance(document, dict | list) else ():
        yield from values(part, key)


def by_name(workload: dict[str, Any]) -> Any:
    """How services, policies and budgets find its pods."""
    return workload["spec"]["template"]["metadata"]["labels"][NAME]


@pytest.mark.parametrize("service", SERVICES)
def test_compose_names_what_is_there(service: str) -> None:
    """Services, secrets, configs, volumes and networks that a service names are declared; files exist."""
    found = SERVICES[service]
    volumes = {mount.split(":")[0] for mount in found.get("volumes", [])}
    environment = found.get("environment", {}).values()
    mounted = {value.removeprefix("/run/secrets/") for value in environment if "/run/secrets/" in str(value)}

    assert set(found.get("depends_on", {})) <= set(SERVICES)
    assert set(found["networks"]) <= set(COMPOSE["networks"])
    assert volumes <= set(COMPOSE["volumes"])
    assert set(found.get("secrets", [])) <= set(COMPOSE["secrets"])
    # Prometheus reads its one by the path in prometheus.yml.
    assert mounted == set(found.get("secrets", [])) - {"metrics_key"}
    for config in found.get("configs", []):
        assert (DEPLOY / COMPOSE["configs"][config["source"]]["file"]).is_file()
    for port in found.get("ports", []):
        assert port.startswith("127.0.0.1:"), "published to others"
    if "build" in found:
        assert found["build"]["dockerfile"] == f"deploy/{IMAGES[found['image'].partition(':')[0]]}"


def test_compose_declares_nothing_unused() -> None:
    """Each volume, secret and network is somebody's."""
    for kind in ("volumes", "secrets", "networks"):
        used = chain.from_iterable(found.get(kind, []) for found in SERVICES.values())
        assert {str(name).partition(":")[0] for name in used} == set(COMPOSE[kind])


@pytest.mark.parametrize("file", IMAGES.values())
def test_what_is_copied_into_an_image_is_there(file: str) -> None:
    """A COPY from the project names files and folders of the project; scripts can be run."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / file).read_text(), re.MULTILINE)
    sources = " ".join(lines).split()

    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    scripts = [ROOT / source for source in sources if source.startswith("deploy/")]
    assert all(script.stat().st_mode & 0o111 for script in scripts)


def test_commands_exist() -> None:
    """Every `headgate` command that a container runs is one."""
    lists = [
        *(found.get("command") or [] for found in SERVICES.values()),
        *(container.get("args") or [] for workload in WORKLOADS for container in containers(workload)),
    ]
    served = (DEPLOY / "Containerfile.serving").read_text()
    lists.append(re.findall(r'"([^"]+)"', served.rpartition("ENTRYPOINT")[2])[1:])
    verbs = {words[1] for words in lists if words and words[0] == "headgate"}
    assert {"serve", "mage", "receive", "up"} == verbs

    assert verbs - set(all_commands()) == set()


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda found: str(found["metadata"]["name"]))
def test_workloads_are_hardened_and_whole(workload: dict[str, Any]) -> None:
    """No root, no writable image, limits, probes; mounts have volumes, volumes what they are made of."""
    spec = pod(workload)
    claims = {made["metadata"]["name"] for made in workload["spec"].get("volumeClaimTemplates", [])}
    volumes = {volume["name"]: volume for volume in spec["volumes"]}

    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["automountServiceAccountToken"] is False
    for container in containers(workload):
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes.keys() | claims
    for container in spec["containers"]:
        assert {"livenessProbe", "readinessProbe"} <= container.keys()
        ports = {port["name"] for port in container["ports"]}
        asked = {probe["port"] for kind in ("httpGet", "tcpSocket") for probe in values(container, kind)}
        assert asked <= ports
    assert {found["name"] for found in values(spec["volumes"], "configMap")} <= named("ConfigMap")
    bound = {found["claimName"] for found in values(spec["volumes"], "persistentVolumeClaim")}
    assert bound <= named("PersistentVolumeClaim")
    assert workload["spec"]["selector"]["matchLabels"] == workload["spec"]["template"]["metadata"]["labels"]
    if workload["kind"] == "StatefulSet":
        assert workload["spec"]["serviceName"] in named("Service")


def test_services_policies_and_budgets_meet_pods() -> None:
    """Each selects pods and ports that are there; where one has to stay there are more."""
    pods = {by_name(workload): workload for workload in WORKLOADS}
    ports = {
        name: {port["name"] for ports in values(pod(workload), "ports") for port in ports}
        for name, workload in pods.items()
    }
    for found in OBJECTS:
        spec = found.get("spec", {})
        if found["kind"] == "Service":
            assert {port["targetPort"] for port in spec["ports"]} <= ports[spec["selector"][NAME]]
        if found["kind"] == "PodDisruptionBudget":
            assert pods[spec["selector"]["matchLabels"][NAME]]["spec"]["replicas"] > spec["minAvailable"]
        if found["kind"] == "NetworkPolicy":
            selected = {labels.get(NAME) for labels in values(spec, "matchLabels")} - {None}
            selected.update(*values(list(values(spec, "matchExpressions")), "values"))
            assert selected <= pods.keys()


def test_secrets_are_named_as_the_page_makes_them() -> None:
    """Manifests read the keys that docs/packaging.md creates; compose reads the same as files."""
    page = (ROOT / "docs/packaging.md").read_text()
    made = set(re.findall(r"--from-(?:literal|file)=([a-z-]+)=", page))
    read = {(found["name"], found["key"]) for found in values(WORKLOADS, "secretKeyRef")}
    mounted = [
        volume["secret"] for found in WORKLOADS for volume in pod(found)["volumes"] if "secret" in volume
    ]
    read |= {(found["secretName"], item["key"]) for found in mounted for item in found["items"]}

    assert read == {("headgate", key) for key in made}
    assert {key.replace("-", "_") for key in made} == set(COMPOSE["secrets"])


def test_every_image_of_the_project_has_a_containerfile() -> None:
    """Images of others carry a version; the kustomization names the project's."""
    kustomization = yaml.safe_load((DEPLOY / "kubernetes/base/kustomization.yaml").read_text())
    images = {container["image"] for workload in WORKLOADS for container in containers(workload)}

    own = {image for image in images if image.startswith("headgate")}
    assert own == set(IMAGES) == {image["name"] for image in kustomization["images"]}
    assert all(re.search(r":v?\d", image) for image in images - own)
    composed = {found["image"] for found in SERVICES.values()}
    assert images - own == {image for image in composed if not image.startswith("headgate")}


def test_prometheus_scrapes_services_that_are_there() -> None:
    """By a name that both Kubernetes and compose resolve, at the port that serving has."""
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    [discovery] = [found for job in config["scrape_configs"] for found in job.get("dns_sd_configs", [])]
    aliases = SERVICES["serving"]["networks"]["monitoring"]["aliases"]

    assert set(discovery["names"]) == set(aliases) <= named("Service")
    assert f'"--port", "{discovery["port"]}"' in (DEPLOY / "Containerfile.serving").read_text()
    assert all((DEPLOY / "prometheus" / file).is_file() for file in config["rule_files"])
    [config_map] = [found for found in OBJECTS if found["kind"] == "ConfigMap"]
    assert set(config_map["files"]) == {"prometheus.yml", *config["rule_files"]}


def test_alerts_ask_for_metrics_that_serving_has() -> None:
    """Every series that a rule names is one of Prometheus' own or of `headgate serve`."""
    rules = (DEPLOY / "prometheus/alerts.yml").read_text()
    code = (ROOT / "python/headgate/serving/metrics.py").read_text()
    asked = {re.sub("_(total|bucket)$", "", name) for name in re.findall(r"\bheadgate_\w+", rules)}

    assert asked
    assert asked <= set(re.findall(r'"(headgate_\w+)"', code))
