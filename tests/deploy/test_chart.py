"""The Helm chart: rendered by helm itself, held to the schemas of Kubernetes and of the Prometheus operator, and to a policy."""

import copy
import json
import re
import subprocess

import kubernetes_validate
import pytest
import yaml
from servers import BIN, ROOT
from tools import CHART, HELM, MODELS

EXAMPLES = sorted((ROOT / "deploy/helm/examples").glob("*.yaml"))
VALUES = [(), *(("--values", path) for path in EXAMPLES)]
KUBERNETES = "1.33"
OPERATOR = "monitoring.coreos.com"


def helm(*arguments):
    return subprocess.run([HELM, *map(str, arguments)], capture_output=True, text=True, check=False)


def render(*arguments):
    done = helm("template", "gate", CHART, "--namespace", "warehouse", *arguments)
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def of_kind(objects, kind):
    return [found for found in objects if found["kind"] == kind]


def deployment(objects):
    (found,) = of_kind(objects, "Deployment")
    return found, found["spec"]["template"]["spec"], found["spec"]["template"]["spec"]["containers"][0]


def policy(objects):
    """What a manifest must be, whatever the values: sentences that are not true of it."""
    _, pod, container = deployment(objects)
    env = {entry["name"]: entry.get("value") for entry in container["env"]}
    drain = sum(int(env[f"ROLEGATE__RUNTIME__DRAIN_{what}"].removesuffix("s")) for what in ("DELAY", "TIMEOUT"))
    checks = {
        "runs as root": not pod["securityContext"].get("runAsNonRoot") or pod["securityContext"].get("runAsUser", 0) == 0,
        "has no seccomp profile": pod["securityContext"].get("seccompProfile", {}).get("type") != "RuntimeDefault",
        "may write its root": not container["securityContext"].get("readOnlyRootFilesystem"),
        "may gain privileges": container["securityContext"].get("allowPrivilegeEscalation") is not False,
        "keeps capabilities": container["securityContext"].get("capabilities", {}).get("drop") != ["ALL"],
        "holds a token of the cluster": pod.get("automountServiceAccountToken") is not False,
        "has no limit of memory": "memory" not in container["resources"].get("limits", {}),
        "has no readiness": container.get("readinessProbe", {}).get("httpGet", {}).get("path") != "/readyz",
        "has no liveness": container.get("livenessProbe", {}).get("httpGet", {}).get("path") != "/healthz",
        "has no start-up probe": "startupProbe" not in container,
        "is killed while it drains": pod["terminationGracePeriodSeconds"] <= drain,
        "is not spread": len(pod.get("topologySpreadConstraints", [])) < 2,
        "mounts parts of volumes, which are never renewed": any("subPath" in mount for mount in container["volumeMounts"]),
        "may write a mount": not all(mount.get("readOnly") for mount in container["volumeMounts"]),
        "shows the admin address to a load balancer": any(
            port["name"] == "admin" for service in of_kind(objects, "Service") if service["spec"]["type"] != "ClusterIP" for port in service["spec"]["ports"]
        ),
    }
    return [what for what, is_so in checks.items() if is_so]


def of_the_operator(objects):
    """Validates objects with the models that are generated from the operator's own types."""
    program = """
      import * as models from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
      let text = ""; for await (const part of process.stdin) text += part;
      for (const one of JSON.parse(text)) new models[one.kind](one).validate();
    """
    script = MODELS / "validate.mjs"
    script.write_text(program)
    return subprocess.run(["node", script], input=json.dumps(objects), capture_output=True, text=True, check=False)


@pytest.mark.parametrize("values", VALUES, ids=lambda values: values[1].stem if values else "defaults")
def test_what_is_rendered_is_valid_and_safe(values):
    objects = render(*values)
    operators = [found for found in objects if found["apiVersion"].startswith(OPERATOR)]
    for found in objects:
        if found not in operators:
            kubernetes_validate.validate(found, KUBERNETES, strict=True)
    checked = of_the_operator(operators)
    assert checked.returncode == 0, checked.stderr
    assert policy(objects) == []
    names = [(found["kind"], found["metadata"]["name"]) for found in objects]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("values", VALUES, ids=lambda values: values[1].stem if values else "defaults")
def test_the_configuration_is_one_that_the_gate_takes(tmp_path, values):
    """Files as the volume lays them out, read with the container's environment."""
    objects = render(*values)
    _, pod, container = deployment(objects)
    (data,) = [found["data"] for found in of_kind(objects, "ConfigMap") if "rolegate.toml" in found["data"]]
    (volume,) = [volume["projected"] for volume in pod["volumes"] if volume["name"] == "config"]
    for source in volume["sources"]:
        for item in source.get("configMap", {}).get("items", []):
            path = tmp_path / item["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(data[item["key"]])
    config = tmp_path / "rolegate.toml"
    # What the mounts of secrets would hold is not here: files that are named are checked where they are mounted.
    named = re.findall(r'"(/var/lib/rolegate/[^"]+)"', config.read_text()) + [entry["value"] for entry in container["env"] if str(entry.get("value")).startswith("/var/lib/")]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert all(any(path.startswith(mount + "/") for mount in mounts) for path in named), (named, mounts)
    sections = re.split(r"^(?=\[)", config.read_text(), flags=re.MULTILINE)
    config.write_text("".join(section for section in sections if not re.match(r"\[+(facts|gate\.tls|gate\.catalog)", section)))
    env = {entry["name"]: entry["value"] for entry in container["env"] if entry["name"] != "ROLEGATE__ADMIN__TOKEN_FILE"}
    env["ROLEGATE__ADMIN__INSECURE"] = "true"
    done = subprocess.run([BIN / "rolegate", "config", "show", config], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert 'listen = "0.0.0.0:9439"' in done.stdout and 'listen = "0.0.0.0:5439"' in done.stdout


def test_the_policy_sees_what_is_wrong():
    objects = render()
    _, pod, container = deployment(objects)
    broken = [
        (pod["securityContext"], "runAsNonRoot", False, "runs as root"),
        (container["securityContext"], "readOnlyRootFilesystem", False, "may write its root"),
        (container["securityContext"], "capabilities", {}, "keeps capabilities"),
        (container["resources"], "limits", {}, "has no limit of memory"),
        (container, "readinessProbe", {}, "has no readiness"),
        (pod, "terminationGracePeriodSeconds", 30, "is killed while it drains"),
    ]
    for place, key, value, what in broken:
        kept = copy.deepcopy(place[key])
        place[key] = value
        assert policy(objects) == [what]
        place[key] = kept


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("replicaCount=0", "replicaCount"),
        ("image.digest=sha256:12", "digest"),
        ("colour=blue", "colour"),
        ("service.type=ExternalName", "type"),
        ("networkPolicy.redshiftCIDRs[0]=anywhere", "redshiftCIDRs"),
        ("drain.timeoutSeconds=0", "timeoutSeconds"),
    ],
)
def test_values_that_cannot_be_are_refused(setting, words):
    done = helm("template", "gate", CHART, "--set", setting)
    assert done.returncode != 0 and words in done.stderr, done


def test_autoscaling_needs_a_goal():
    done = helm("template", "gate", CHART, "--set", "autoscaling.enabled=true,autoscaling.targetSessions=0,autoscaling.targetCPUUtilizationPercentage=0")
    assert done.returncode != 0 and "autoscaling needs" in done.stderr


def test_rules_and_dashboards_are_those_of_deploy():
    objects = render("--values", ROOT / "deploy/helm/examples/network-load-balancer.yaml")
    (rules,) = of_kind(objects, "PrometheusRule")
    files = [path for path in (ROOT / "deploy/prometheus").glob("*.yml") if not path.name.endswith(".test.yml")]
    groups = [group for path in files for group in yaml.safe_load(path.read_text()).get("groups", [])]
    assert groups and rules["spec"]["groups"][1:] == groups
    (dashboards,) = [found for found in of_kind(objects, "ConfigMap") if found["metadata"]["name"].endswith("-dashboards")]
    files = {path.name: path.read_text() for path in (ROOT / "deploy/grafana/dashboards").glob("*.json")}
    assert len(files) > 3 and dashboards["data"] == files
    assert sum(map(len, files.values())) < 900_000, "a ConfigMap holds 1 MiB"


def test_behind_a_load_balancer_the_client_addresses_are_taken_from_its_subnets():
    objects = render("--values", ROOT / "deploy/helm/examples/network-load-balancer.yaml")
    (service,) = [found for found in of_kind(objects, "Service") if found["spec"]["type"] == "LoadBalancer"]
    annotations = service["metadata"]["annotations"]
    prefix = "service.beta.kubernetes.io/aws-load-balancer-"
    assert "proxy_protocol_v2.enabled=true" in annotations[prefix + "target-group-attributes"]
    assert annotations[prefix + "healthcheck-protocol"] == "tcp"
    env = {entry["name"]: entry.get("value") for entry in deployment(objects)[2]["env"]}
    assert json.loads(env["ROLEGATE__GATE__0__PROXY_PROTOCOL_FROM"]) == ["10.20.1.0/24", "10.20.2.0/24"]
    assert "ROLEGATE__ADMIN__INSECURE" not in env, "there is a token"
    plain = render("--set", "service.type=LoadBalancer")
    (service,) = [found for found in of_kind(plain, "Service") if found["spec"]["type"] == "LoadBalancer"]
    assert service["metadata"]["annotations"][prefix + "healthcheck-path"] == "/readyz"


def test_behind_a_load_balancer_every_part_is_there():
    objects = render("--values", ROOT / "deploy/helm/examples/network-load-balancer.yaml")
    kinds = {found["kind"] for found in objects}
    wanted = {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "ServiceMonitor", "PrometheusRule", "NetworkPolicy", "ConfigMap", "ServiceAccount"}
    assert wanted <= kinds, wanted - kinds
    (autoscaler,) = of_kind(objects, "HorizontalPodAutoscaler")
    assert [metric["pods"]["metric"]["name"] for metric in autoscaler["spec"]["metrics"] if metric["type"] == "Pods"] == ["rolegate_sessions_open"]
    assert "replicas" not in deployment(objects)[0]["spec"], "the autoscaler's to set"
    (network,) = of_kind(objects, "NetworkPolicy")
    assert {*network["spec"]["policyTypes"]} == {"Ingress", "Egress"}
    ports = {port["port"] for rule in network["spec"]["egress"] for port in rule.get("ports", [])}
    assert ports == {53, 443, 5439}, ports


def test_helm_finds_nothing_to_mend():
    done = helm("lint", "--strict", CHART)
    assert done.returncode == 0, done.stdout + done.stderr
