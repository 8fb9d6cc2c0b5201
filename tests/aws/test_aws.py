"""Facts from AWS itself, read with the real SDK: against moto, and against a small AWS of the test's own for what moto lacks."""

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import boto3
import pytest
from fake import REGION, Account, FakeAws, may_assume, trusts

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from servers import Gate, Process, free_port, http, wait_for  # noqa: E402
from wire import Wire, query  # noqa: E402

ROLEGATE = Path(os.environ["ROLEGATE_BIN"])
STANDIN = Path(os.environ["ROLEGATE_STANDIN"])
HOME, AWAY = "123456789012", "210987654321"
CLUSTER = "warehouse"


def arn(account, name):
    return f"arn:aws:iam::{account}:role/{name}"


A, B, C = arn(HOME, "RoleA"), arn(AWAY, "RoleB"), arn(AWAY, "RoleC")
REDSHIFT = trusts(Service="redshift.amazonaws.com")


def copy(*roles):
    return f"copy venue from 's3://companyb/x' iam_role '{','.join(roles)}'"


STATEMENTS = [copy(A), copy(A, B), copy(A, C), copy(B), copy(B, A), copy(A, arn(AWAY, "Nobody")), copy(arn("999999999999", "X")), copy(arn(HOME, "Loose"))]


def environment(port):
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def aws_section(accounts, **periods):
    lines = ["[facts.aws]", *(f'{key} = "{value}"' for key, value in periods.items())]
    for account, settings in accounts.items():
        lines += ["[[facts.aws.account]]", f'id = "{account}"', *settings]
    return "\n".join(lines) + "\n"


BOTH = {HOME: [f'regions = ["{REGION}"]'], AWAY: [f'role_arn = "{arn(AWAY, "reader")}"']}


def configuration(folder, facts, cluster=CLUSTER):
    folder.mkdir(exist_ok=True)
    path = folder / "rolegate.toml"
    gate = f'[[gate]]\nname = "g"\nlisten = "127.0.0.1:1"\ncluster = "{cluster}"\n[gate.upstream]\naddress = "localhost:5439"\n'
    path.write_text(facts + gate)
    return path


def run(port, *arguments, seconds=120):
    command = [ROLEGATE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, env={**os.environ, **environment(port)}, check=False)


def verdicts(port, config, statements=tuple(STATEMENTS), user="etl"):
    """Verdict and codes of each statement."""
    path = config.with_name("statements.jsonl")
    path.write_text("".join(json.dumps({"id": number, "sql": sql}) + "\n" for number, sql in enumerate(statements)))
    done = run(port, "check", "--config", config, "--user", user, "--input", "jsonl", "--format", "json", path)
    assert done.returncode in (0, 1), done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [(row["verdict"], [finding["code"] for finding in row["findings"]]) for row in rows]


def pulled(port, config, folder):
    """A configuration over what `iam pull` writes."""
    out = folder / "facts"
    done = run(port, "iam", "pull", "--config", config, "--out", out)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == sorted(str(path) for path in out.iterdir())
    return configuration(folder / "files", f'[facts]\niam = ["{out}/[0-9]*.json"]\nclusters = ["{out}/clusters-*.json"]\n')


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    port = free_port()
    folder = tmp_path_factory.mktemp("moto")
    server = Process([Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)], folder / "log")
    wait_for("moto", lambda: http(port, "/moto-api/data.json")[0] == 200, 60)
    home = boto3.Session("AKIAIOSFODNN7EXAMPLE", "x", region_name=REGION)
    client = lambda session, name: session.client(name, endpoint_url=f"http://127.0.0.1:{port}")  # noqa: E731
    lent = client(home, "sts").assume_role(RoleArn=arn(AWAY, "reader"), RoleSessionName="setup")["Credentials"]
    away = boto3.Session(lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"], region_name=REGION)
    iam = client(home, "iam")
    iam.create_role(RoleName="RoleA", AssumeRolePolicyDocument=json.dumps(REDSHIFT))
    policy = iam.create_policy(PolicyName="next", PolicyDocument=json.dumps(may_assume(B)))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="RoleA", PolicyArn=policy)
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=json.dumps(may_assume(B, C)), SetAsDefault=True)
    iam.create_role(RoleName="Loose", AssumeRolePolicyDocument=json.dumps(REDSHIFT))
    other = client(away, "iam")
    other.create_role(RoleName="RoleB", AssumeRolePolicyDocument=json.dumps(trusts(AWS=A)))
    other.create_role(RoleName="RoleC", AssumeRolePolicyDocument=json.dumps(trusts(AWS=arn(HOME, "Other"))))
    client(home, "redshift").create_cluster(
        ClusterIdentifier=CLUSTER, NodeType="ra3.xlplus", MasterUsername="admin", MasterUserPassword="Passw0rd1", IamRoles=[A]
    )
    yield port
    server.stop()


def test_verdicts_from_moto_are_those_of_a_pulled_snapshot(moto, tmp_path):
    live = configuration(tmp_path / "live", aws_section(BOTH))
    found = verdicts(moto, live)
    assert [verdict for verdict, _codes in found] == ["forward", "forward"] + ["reject"] * 6, found
    assert found[2][1] == ["RG203"] and found[3][1] == ["RG201"] and found[5][1] == ["RG206"], found
    assert verdicts(moto, pulled(moto, live, tmp_path)) == found


def small_world():
    """Pages of one item, roles in every state, a workgroup. Both companies' roles in one account, as the fake has only one."""
    roles = [(A, REDSHIFT, may_assume(arn(HOME, "RoleB"))), (arn(HOME, "RoleB"), trusts(AWS=A), None), (arn(HOME, "Adding"), REDSHIFT, None)]
    serverless = trusts(Service=["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"])
    roles.append((arn(HOME, "Serverless"), serverless, None))
    namespace = f"arn:aws:redshift:{REGION}:{HOME}:namespace:n"
    head = {"ClusterNamespaceArn": namespace, "AvailabilityZone": f"{REGION}a"}
    clusters = [
        {"ClusterIdentifier": "first", **head, "IamRoles": []},
        {"ClusterIdentifier": CLUSTER, **head, "IamRoles": [(A, "in-sync"), (arn(HOME, "Adding"), "adding")]},
    ]
    workgroup = {"workgroupName": "wg", "workgroupId": "id", "workgroupArn": f"arn:aws:redshift-serverless:{REGION}:{HOME}:workgroup/wg", "namespaceName": "ns"}
    namespaces = [{"namespaceName": "other", "iamRoles": []}, {"namespaceName": "ns", "iamRoles": [f"IamRole(applyStatus=in-sync, iamRoleArn={arn(HOME, 'Serverless')})"]}]
    return Account(roles, clusters, [workgroup], namespaces)


ONE = {HOME: [f'regions = ["{REGION}"]', "serverless = true"]}
CHAIN = copy(A, arn(HOME, "RoleB"))


@pytest.fixture
def fake():
    server = FakeAws(small_world())
    yield server
    server.stop()


def test_pages_encodings_and_states(fake, tmp_path):
    config = configuration(tmp_path / "live", aws_section(ONE))
    statements = [CHAIN, copy(arn(HOME, "Adding")), copy(arn(HOME, "Serverless"))]
    found = verdicts(fake.port, config, statements)
    assert found == [("forward", []), ("reject", ["RG201"]), ("reject", ["RG201"])]
    assert fake.calls.count("GetAccountAuthorizationDetails") == 4 and fake.calls.count("DescribeClusters") == 2
    workgroup = configuration(tmp_path / "wg", aws_section(ONE), "wg")
    assert verdicts(fake.port, workgroup, statements)[2] == ("forward", [])
    assert verdicts(fake.port, pulled(fake.port, config, tmp_path), statements) == found


def small_organisation():
    """The account in a unit below the root; one policy of each kind; another policy is attached to the account alone."""
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    for_everybody = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
    no_hops = {"Version": "2012-10-17", "Statement": [{"Sid": "NoHops", "Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"}]}
    scp, rcp = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
    attached = {(target, scp): ["p-FullAWSAccess"] for target in ("r-ab12", "ou-ab12-1", "ou-ab12-2")}
    attached |= {(target, rcp): ["p-RCPFullAWSAccess"] for target in ("r-ab12", "ou-ab12-1", "ou-ab12-2", HOME)}
    return {
        "id": "o-a1b2c3d4e5",
        "management": "999999999999",
        "roots": [{"Id": "r-ab12", "PolicyTypes": [{"Type": kind, "Status": "ENABLED"} for kind in (scp, rcp)]}],
        "units": {"r-ab12": [{"Id": "ou-ab12-1", "Name": "Workloads"}, {"Id": "ou-ab12-2", "Name": "Sandbox"}]},
        "accounts": {"r-ab12": [{"Id": "999999999999"}], "ou-ab12-1": [{"Id": HOME}]},
        "attached": {**attached, (HOME, scp): ["p-FullAWSAccess", "p-nohops"]},
        "policies": {
            "p-FullAWSAccess": {"name": "FullAWSAccess", "content": everything},
            "p-RCPFullAWSAccess": {"name": "RCPFullAWSAccess", "content": for_everybody},
            "p-nohops": {"name": "no hops", "content": no_hops},
        },
    }


def test_an_organisation_is_pulled_and_read(fake, tmp_path):
    fake.account.organisation = small_organisation()
    config, out = configuration(tmp_path / "live", aws_section(ONE)), tmp_path / "facts"
    began = time.time()
    done = run(fake.port, "iam", "pull", "--organization", "--config", config, "--out", out)
    assert done.returncode == 0, done.stderr
    written = json.loads((out / "organisation.json").read_text())
    assert began - 1 < datetime.fromisoformat(written["captured_at"]).timestamp() < time.time()
    assert fake.calls.count("DescribePolicy") == 3, "each policy is read once"
    member = written["accounts"][HOME]
    assert (member["org_id"], member["org_path"]) == ("o-a1b2c3d4e5", "o-a1b2c3d4e5/r-ab12/ou-ab12-1/")
    assert [level["level"] for level in member["scps"]] == ["root", "ou-ab12-1 (Workloads)", HOME]
    assert written["accounts"]["999999999999"] == {"management": True, "org_id": "o-a1b2c3d4e5", "org_path": "o-a1b2c3d4e5/r-ab12/"}
    facts = f'[facts]\niam = ["{out}/{HOME}.json"]\nclusters = ["{out}/clusters-*.json"]\nservice_control = ["{out}/organisation.json"]\n'
    files = configuration(tmp_path / "files", facts)
    assert run(fake.port, "config", "check", files).returncode == 0
    assert verdicts(fake.port, files, [copy(A), CHAIN]) == [("forward", []), ("reject", ["RG204"])], "the account's own policy binds the hop, and no service"
    fake.account.organisation["attached"][(HOME, "SERVICE_CONTROL_POLICY")].remove("p-nohops")
    assert run(fake.port, "iam", "pull", f"--organization={HOME}", "--config", config, "--out", out).returncode == 0
    assert verdicts(fake.port, files, [copy(A), CHAIN]) == [("forward", [])] * 2
    # Of a kind that is switched off nothing binds: the file says so, and no step is told to be judged without it.
    for root in fake.account.organisation["roots"]:
        root["PolicyTypes"] = [kind for kind in root["PolicyTypes"] if kind["Type"] != "RESOURCE_CONTROL_POLICY"]
    assert run(fake.port, "iam", "pull", f"--organization={HOME}", "--config", config, "--out", out).returncode == 0
    member = json.loads((out / "organisation.json").read_text())["accounts"][HOME]
    assert (member["rcps"], len(member["scps"])) == ([], 3)
    told = run(fake.port, "iam", "can-assume", "--config", files, A, arn(HOME, "RoleB"))
    assert "not known" not in told.stdout, told.stdout
    refused = run(fake.port, "iam", "pull", "--organization=999999999999", "--config", config, "--out", out)
    assert refused.returncode == 2 and "no [[facts.aws.account]] section has this id" in refused.stderr, refused.stderr


def test_throttling_is_waited_out(fake, tmp_path):
    fake.throttle = 3
    assert verdicts(fake.port, configuration(tmp_path / "c", aws_section(ONE)), [CHAIN]) == [("forward", [])]


def test_errors_name_account_call_and_cause(fake, tmp_path):
    fake.expired = True
    done = run(fake.port, "iam", "pull", "--config", configuration(tmp_path / "c", aws_section(ONE)), "--out", tmp_path / "out")
    assert done.returncode == 2
    for word in (HOME, "iam:GetAccountAuthorizationDetails", "ExpiredToken"):
        assert word in done.stderr, done.stderr
    assert not (tmp_path / "out").exists(), "nothing is half written"


@pytest.fixture
def running(fake, tmp_path):
    """A gate whose facts follow the fake, before the stand-in."""
    standin = free_port()
    process = Process([STANDIN, "--listen", f"127.0.0.1:{standin}", "--data", tmp_path / "standin"], tmp_path / "standin.log")
    process.wait_listening(standin)
    periods = {"refresh": "300ms", "max_stale": "3s", "lookup_timeout": "1s", "absent_for": "500ms"}
    gate = Gate(
        tmp_path / "gate",
        standin,
        extra=aws_section(ONE, **periods),
        gate_extra=f'cluster = "{CLUSTER}"',
        dialect="redshift",
        program=ROLEGATE,
        env=environment(fake.port),
    )
    yield gate
    assert gate.stop() == 0
    process.stop()
    shutil.rmtree(tmp_path / "standin", ignore_errors=True)


def code(gate, sql):
    """The finding of a refusal, or nothing."""
    with Wire(gate.port) as wire:
        wire.login("etl", "dev")
        wire.send(query(sql))
        messages = [message.fields()["M"] for message in wire.until_ready() if message.kind == "E"]
        return messages[0][:5] if messages and messages[0].startswith("RG") else ""


def facts(gate):
    return json.loads(http(gate.admin, "/api/v1/facts")[1])


def test_an_outage_changes_no_verdict_within_the_limit(fake, running):
    assert code(running, CHAIN) == ""
    version = facts(running)["version"]
    fake.stop()
    time.sleep(1)
    assert code(running, CHAIN) == "" and facts(running)["version"] == version, "the facts at hand stay in force"
    wait_for("staleness", lambda: facts(running)["fetches"][0]["stale"], 10)
    wait_for("the unknown account", lambda: code(running, CHAIN) == "RG206", 5)
    wait_for("a failed fetch", lambda: facts(running)["fetches"][0]["failures"] > 0, 60)
    assert facts(running)["fetches"][0]["last_error"]
    fake.start()
    wait_for("the way back", lambda: code(running, CHAIN) == "", 60)
    shown = running.metrics()
    assert 'rolegate_facts_fetches_total{result="failed",source="aws"}' in shown
    assert 'rolegate_facts_roles{source="aws"} 4' in shown


def test_an_endpoint_that_hangs_holds_no_statement(fake, running):
    assert code(running, CHAIN) == ""
    fake.delay = 30
    began = time.monotonic()
    assert code(running, CHAIN) == "", "known roles are not asked for"
    assert code(running, copy(A, arn(HOME, "New"))) == "RG206", "an unknown one is waited for no longer than the deadline"
    assert time.monotonic() - began < 5
    fake.delay = 0


def test_a_new_role_is_known_at_its_first_use(fake, running):
    new = arn(HOME, "New")
    assert code(running, copy(A, new)) == "RG206"
    before = fake.calls.count("GetRole")
    assert code(running, copy(A, new)) == "RG206"
    assert fake.calls.count("GetRole") == before, "its absence is remembered"
    fake.account.roles[0] = (A, REDSHIFT, may_assume(arn(HOME, "RoleB"), new))
    fake.account.roles.append((new, trusts(AWS=A), None))
    wait_for("the new role", lambda: code(running, copy(A, new)) == "", 10)
