"""The admin address: health, and metrics that tell what happened."""

import subprocess

from guide import CHAIN, UNLOAD, A, b
from questions import ask, samples
from servers import http


def test_health(gate):
    assert http(gate.admin, "/healthz") == (200, "ok\n")
    assert http(gate.admin, "/readyz")[0] == 200
    assert http(gate.admin, "/no/such/page")[0] == 404


def test_metrics_tell_what_happened(demo):
    before = samples(http(demo.admin, "/metrics")[1])
    ask(demo.gate, "select 1")
    ask(demo.gate, UNLOAD)
    ask(demo.gate, UNLOAD.replace(CHAIN, b("RoleB")))
    ask(demo.gate, f"create external schema s from data catalog database 'd' iam_role '{A}'", "analyst")
    after = samples(http(demo.admin, "/metrics")[1])
    for sample, difference in {
        'rolegate_sessions_opened_total{gate="demo"}': 4,
        'rolegate_statements_total{gate="demo",kind="unload",verdict="reject"}': 1,
        'rolegate_statements_total{gate="demo",kind="unload",verdict="forward"}': 1,
        'rolegate_statements_total{gate="demo",kind="create_external_schema",verdict="annotate"}': 1,
        'rolegate_findings_total{code="RG201",gate="demo",severity="reject"}': 1,
        'rolegate_chain_uses_total{chain="123456789012/RoleA>210987654321/RoleB",gate="demo",kind="unload",user="etl",verdict="forward",via="statement",would_be="forward"}': 1,
        'rolegate_hops_total{gate="demo",result="denied",source="cluster",target="210987654321/RoleB"}': 1,
    }.items():
        assert after.get(sample, 0) - before.get(sample, 0) == difference, sample


def test_metrics_are_well_formed(demo):
    text = http(demo.admin, "/metrics")[1]
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
