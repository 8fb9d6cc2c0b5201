"""The Terraform module, and what `init` writes for it, read as HCL: without Terraform nothing is planned."""

import functools
import re
import subprocess
from pathlib import Path

import hcl2
import pytest
from servers import BIN, ROOT

MODULE = ROOT / "deploy/terraform"
FILES = sorted(MODULE.glob("*.tf"))


@functools.cache
def parsed(path: Path) -> dict:
    with path.open() as text:
        return hcl2.load(text)


def plain(text: str) -> str:
    return text.strip('"')


def declared(path_list) -> tuple[dict, dict, dict]:
    """Variables, resources by type and name, and outputs."""
    variables, resources, outputs = {}, {}, {}
    for path in path_list:
        found = parsed(path)
        for block in found.get("variable", []):
            variables.update({plain(name): body for name, body in block.items()})
        for block in found.get("output", []):
            outputs.update({plain(name): body for name, body in block.items()})
        for block in found.get("resource", []):
            for kind, named in block.items():
                resources.update({(plain(kind), plain(name)): body for name, body in named.items()})
        for block in found.get("data", []):
            for kind, named in block.items():
                resources.update({("data." + plain(kind), plain(name)): body for name, body in named.items()})
    return variables, resources, outputs


def test_what_is_named_is_declared_and_what_is_declared_is_used():
    variables, resources, _ = declared(FILES)
    text = "\n".join(path.read_text() for path in FILES)
    used = set(re.findall(r"\bvar\.(\w+)", text))
    assert used == set(variables), used ^ set(variables)
    for kind, name in re.findall(r"\b(aws_\w+)\.(\w+)", text):
        assert (kind, name) in resources or ("data." + kind, name) in resources, f"{kind}.{name}"
    assert all("description" in body and "type" in body for body in variables.values())


def test_the_gate_is_the_only_way_in():
    _, resources, _ = declared(FILES)
    into_cluster = [body for (kind, _), body in resources.items() if kind.endswith("ingress_rule") and "cluster_security_group_id" in str(body["security_group_id"])]
    assert len(into_cluster) == 1 and "aws_security_group.gate.id" in str(into_cluster[0]["referenced_security_group_id"])
    for (kind, name), body in resources.items():
        if kind.endswith("ingress_rule"):
            assert "0.0.0.0/0" not in str(body), f"{name} lets everybody in"
    assert resources[("aws_lb", "this")]["internal"] is True


def test_other_networks_come_by_privatelink_when_they_are_named():
    _, resources, _ = declared(FILES)
    service = resources[("aws_vpc_endpoint_service", "this")]
    assert "length(var.privatelink_principals) > 0" in str(service["count"]) and service["acceptance_required"] is True
    assert "aws_lb.this.arn" in str(service["network_load_balancer_arns"])


def test_the_task_is_confined():
    text = (MODULE / "main.tf").read_text()
    gate = text.split('name                   = "rolegate"')[1]
    for words in ["readonlyRootFilesystem = true", 'user                   = "10001:10001"', 'drop = ["ALL"]', '"health", "--config"', "softLimit = 65536", "readOnly = true"]:
        assert words in gate, words
    periods = [int(seconds) for seconds in re.findall(r'DRAIN_\w+", value = "(\d+)s"', gate)]
    assert len(periods) == 2 and sum(periods) < int(re.search(r"stopTimeout\s+= (\d+)", gate)[1])


@pytest.mark.parametrize("region", ["eu-west-1", None])
def test_what_init_writes_calls_the_module_as_it_is(tmp_path, region):
    endpoint = f"w.abc.{region}.redshift.amazonaws.com" if region else "db.example"
    made = subprocess.run([BIN / "rolegate", "init", tmp_path / "g", "--cluster-endpoint", endpoint, "--platform", "ecs"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    main = parsed(tmp_path / "g/main.tf")
    (module,) = [body for block in main["module"] for body in block.values()]
    variables, _, outputs = declared(FILES)
    given = {key for key in module if not key.startswith("__")} - {"source"}
    required = {name for name, body in variables.items() if "default" not in body}
    assert required <= given <= set(variables), (required - given, given - set(variables))
    assert "module.rolegate.endpoint" in str(main["output"]) and "endpoint" in outputs
    assert (region or "us-east-1") in str(main["provider"])
