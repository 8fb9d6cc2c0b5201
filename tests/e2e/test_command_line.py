"""`check` and the questions to the IAM facts, on the command line."""

import json
import subprocess

from guide import CHAIN, UNLOAD, A, b
from questions import ask
from servers import BIN


def test_check_judges_files(tmp_path, demo):
    (tmp_path / "good.sql").write_text(f"select 1;\n{UNLOAD};\n")
    (tmp_path / "bad.sql").write_text(f"select 1;\n\n{UNLOAD.replace(CHAIN, b('RoleB'))};\n")
    config = demo.folder / "data" / "rolegate.toml"

    def check(*arguments, groups=("--groups", "etl")):
        command = [BIN / "rolegate", "check", "--config", config, "--user", "etl", *groups, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert check(tmp_path / "good.sql").returncode == 0
    strange = check(tmp_path / "good.sql", groups=())
    assert strange.returncode == 1 and "RG302" in strange.stdout
    assert "note: [gate.catalog] is not asked for the user's groups; say --groups" in strange.stderr
    human = check(tmp_path / "bad.sql")
    assert human.returncode == 1
    assert "bad.sql:5:10: reject RG201" in human.stdout
    machine = check("--format", "json", tmp_path / "good.sql", tmp_path / "bad.sql")
    rows = [json.loads(line) for line in machine.stdout.splitlines()]
    assert [(row["verdict"], row["kind"], row["line"]) for row in rows] == [("forward", "unload", 2), ("reject", "unload", 3)]
    assert check(tmp_path / "missing.sql").returncode == 2
    assert check("--config", "x").returncode == 2


def test_guards_over_all_chains(tmp_path, demo):
    """`iam prove` says of each guard whether it holds, with the shortest chain that breaks it, and tells CI by its exit status."""
    guards = tmp_path / "guards.toml"

    def proved(text, *arguments):
        guards.write_text(text)
        command = [BIN / "rolegate", "iam", "prove", "--config", demo.folder / "data" / "rolegate.toml", *arguments, guards]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    holds = '[[guard]]\nname = "no vault"\nnever_account = "999999999999"\n'
    broken = f'[[guard]]\nname = "nobody"\nrole = "{b("RoleB")}"\nonly = []\nuser = "etl"\n'
    home = "123456789012"
    cluster = f"{home}/us-east-1/demo"
    assert proved(holds)[:2] == (0, "holds: no vault\n")
    status, text, _ = proved(holds + broken)
    assert (status, text) == (1, f"holds: no vault\nbroken: nobody\n  {A},{b('RoleB')}\n  from cluster {cluster}\n")
    status, text, _ = proved(holds + broken, "--format", "json")
    assert status == 1
    nothing = {"counter_example": [], "doubts": [], "note": None}
    assert json.loads(text) == {
        "guards": [
            {"name": "no vault", "holds": True, "cluster": None, **nothing},
            {"name": "nobody", "holds": False, "cluster": cluster, **nothing, "counter_example": [A, b("RoleB")]},
        ]
    }
    undecided = '[[guard]]\nname = "inside"\norganisation = "o-a1b2c3d4e5"\n'
    status, text, _ = proved(undecided, "--format", "json", "--cluster", "demo")
    row = json.loads(text)["guards"][0]
    assert (status, row["holds"], row["counter_example"]) == (1, None, [A]), "no file tells of organisations"
    assert row["doubts"] == [{"hop": 0, "role": A, "why": f"no file of facts.service_control says to which organisation account {home} belongs"}]
    assert "hop 0 cannot be told: no file" in proved(undecided)[1]
    misspelt = broken.replace("role/RoleB", "role/RolB")
    for text in ("[[guard]]\nname = 1\n", '[[guard]]\nname = "x"\nnever_acount = "1"\n', '[[guard]]\nname = "x"\n', "x", misspelt):
        status, out, error = proved(text)
        assert (status, out) == (2, "") and str(guards) in error, error
    assert f'guard "nobody": role {b("RolB")} is not in the IAM facts; did you mean {b("RoleB")}?' in proved(misspelt)[2]


def test_questions_to_the_iam_facts(tmp_path, demo):
    """`iam can-assume` explains a hop, `iam paths` lists chains, `iam unused` says what an audit did not use."""
    config = demo.folder / "data" / "rolegate.toml"

    def iam(*arguments):
        return subprocess.run([BIN / "rolegate", "iam", *arguments, "--config", config], capture_output=True, text=True, check=False)

    allowed = iam("can-assume", "--user", "etl", A, b("RoleB"))
    assert (allowed.returncode, allowed.stdout.startswith("allowed: ")) == (0, True), allowed
    assert "service control policies over account 123456789012 and resource control policies" in allowed.stdout, "the demo has no organisation file"
    denied = iam("can-assume", "--user", "etl", "--format", "json", b("RoleB"), A)
    step = json.loads(denied.stdout)["steps"][0]
    assert denied.returncode == 1 and step["outcome"] == "denied" and step["evidence"] and "{" in step["remedy"], denied
    assert iam("can-assume", "not-an-arn", A).returncode == 2
    paths = iam("paths", "--to", b("RoleB"))
    assert (paths.returncode, paths.stdout) == (0, f"{A},{b('RoleB')}\n")
    assert iam("paths", "--to", b("RoleC")).returncode == 1, "it trusts nobody here"
    assert iam("paths", "--to", b("Nobody")).returncode == 2
    misspelt = iam("paths", "--to", b("RolB"))
    assert misspelt.returncode == 2 and f"did you mean {b('RoleB')}?" in misspelt.stderr
    audit = tmp_path / "audit.jsonl"
    ask(demo.gate, UNLOAD)
    audit.write_text(demo.audit())
    unused = iam("unused", "--audit", audit)
    assert unused.returncode == 0 and f"{A} -> {b('RoleEtl')}" in unused.stdout, unused
    assert f"{A} -> {b('RoleB')}" not in unused.stdout, "it was used"
