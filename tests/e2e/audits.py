"""Audits as hundreds of replicas write them over months, with the answers that the queries of deploy/analytics must give."""

import gzip
import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

ACCOUNT = "arn:aws:iam::123456789012:role/"
OTHER = "arn:aws:iam::210987654321:role/"
TEAMS = {"etl": "platform", "loader": "platform", "analyst": "insights"}
# What the database says; only who is in no team is known by it.
GROUPS = {"etl": ["etl", "loaders"], "reporter": ["reports", "readers"]}
USERS = [*TEAMS, "reporter", "guest"]
CHAINS = [[f"{ACCOUNT}RoleA"], [f"{ACCOUNT}RoleA", f"{OTHER}RoleB"], [f"{ACCOUNT}RoleC", f"{OTHER}RoleD", f"{OTHER}RoleE"]]
# What external schemas hold.
STORED = [[f"{ACCOUNT}RoleSpectrum"], [f"{ACCOUNT}RoleSpectrum", f"{OTHER}RoleGlue"]]
# (code, what enforcement does) of each third of the statements that are not simply let through.
WRONG = [("RG201", "reject"), ("RG301", "reject"), ("RG108", "annotate")]


@dataclass
class Expected:
    """What the generator wrote, added up beside it."""

    records: int = 0
    used: dict = field(default_factory=lambda: defaultdict(lambda: [0, 0, set()]))  # (month, gate, chain, kind): ran, refused, users
    seen: dict = field(default_factory=dict)  # (gate, chain): first, last, of what was let through
    refused: dict = field(default_factory=lambda: defaultdict(int))  # (team, code)
    would_be: dict = field(default_factory=lambda: defaultdict(int))  # (team, application, code, kind)
    steps: dict = field(default_factory=dict)  # (gate, source, target): last


def stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def verdict(log: str, seq: int, time: datetime, chance: random.Random) -> dict:
    """A record of a statement, as docs/audit.schema.json has it."""
    code, severity = chance.choice([(None, "forward")] * 5 + WRONG)
    mode = chance.choice(["enforce", "enforce", "shadow"])
    glass = severity == "reject" and chance.random() < 0.1
    action = "annotate" if severity == "reject" and (mode == "shadow" or glass) else severity
    folded = action == "reject" and chance.random() < 0.1
    user = chance.choice(USERS)
    findings = [{"code": code, "severity": severity, "message": f"{code}: no", "detail": None, "hint": None, "hop": None}] if code else []
    kind = chance.choice(["copy", "unload"])
    roles = chance.choice(CHAINS)
    record = {
        "v": 2, "log": log, "host": f"gate-{log}", "instance": log, "seq": seq, "prev": "A" * 43 + "=", "id": f"{log}-{seq}", "time": stamp(time),
        "event": "folded" if folded else "break_glass" if glass else "verdict", "gate": chance.choice(["warehouse", "finance"]), "session": seq, "user": user,
        "login_user": user, "database": "dev", "application": chance.choice(["dbt", "airflow"]), "client_address": "10.0.0.1", "kind": kind,
        "groups": GROUPS.get(user, []),
        "would_be": severity, "action": action, "mode": mode, "verdict": action, "shadow": action != severity, "nonce": None,
        "policy_version": "0123456789abcdef", "findings": findings, "statement": f"{kind} …", "truncated": False,
        "role_uses": [{"clause": "iam_role", "method": "chain", "roles": roles, "target": "s3://b/x"}],
    }  # fmt: skip
    if glass:
        record |= {"break_glass": "oncall"}
    if chance.random() < 0.1:
        used = chance.choice(STORED)
        record |= {"stored_uses": [{"via": "schema", "object": "lake", "method": "chain", "roles": used, "certain": True}]}
    return {**record, "count": chance.randint(2, 50), "since": stamp(time)} if folded else record


def others(log: str, seq: int, time: datetime) -> dict:
    """A record of something else than a statement."""
    return {
        "v": 1, "log": log, "seq": seq, "prev": "A" * 43 + "=", "id": f"{log}-{seq}", "time": stamp(time), "event": "login", "gate": "warehouse",
        "session": seq, "user": "etl", "database": "dev", "application": "dbt", "client_address": "10.0.0.1", "tls_subject": None,
    }  # fmt: skip


def add(expected: Expected, record: dict, time: datetime):
    expected.records += 1
    if record["event"] == "login":
        return
    count, ran, gate = record.get("count", 1), record["action"] != "reject", record["gate"]
    (use,) = record["role_uses"]
    chain, team = ">".join(use["roles"]), TEAMS.get(record["user"], "reports readers" if record["user"] == "reporter" else "no team")
    month = expected.used[(time.replace(day=1, hour=0, minute=0, second=0, microsecond=0, tzinfo=None), gate, chain, record["kind"])]
    month[0 if ran else 1] += count
    month[2].add(record["user"])
    if ran:
        first, last = expected.seen.get((gate, chain), (time, time))
        expected.seen[gate, chain] = (min(first, time), max(last, time))
        for roles in [use["roles"], *(stored["roles"] for stored in record.get("stored_uses", []))]:
            for source, target in zip(["cluster", *roles], roles, strict=False):
                expected.steps[gate, source, target] = max(time, expected.steps.get((gate, source, target), time))
    for finding in record["findings"]:
        if finding["severity"] == "reject" and not ran:
            expected.refused[team, finding["code"]] += count
        if record["would_be"] == "reject" and ran:
            expected.would_be[team, record["application"], finding["code"], record["kind"]] += count


def write(folder: Path, replicas: int, months: int, records: int) -> Expected:
    """`records` of each replica on one day of each month, compressed; the newest are of yesterday."""
    chance = random.Random(1)
    expected = Expected()
    newest = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    for replica in range(replicas):
        log = f"{replica:016x}"
        for month in range(months):
            day = newest - timedelta(days=30 * (months - 1 - month))
            lines = []
            for number in range(records):
                time = day + timedelta(seconds=chance.randrange(86_000), microseconds=chance.randrange(10**6))
                make = others if number == 0 else verdict
                record = make(log, month * records + number, time, *([] if number == 0 else [chance]))
                add(expected, record, time)
                lines.append(json.dumps(record, ensure_ascii=False))
            path = folder / "audit" / f"day={day:%Y-%m-%d}" / f"replica-{replica}" / "audit.jsonl.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), 1))
    return expected


def write_teams(folder: Path):
    (folder / "teams").mkdir(exist_ok=True)
    (folder / "teams" / "teams.csv").write_text("".join(f"{user},{team}\n" for user, team in TEAMS.items()))


def write_grants(folder: Path, grants):
    (folder / "grants").mkdir(exist_ok=True)
    lines = [json.dumps({"gate": gate, "source": source, "target": target}) for gate, source, target in grants]
    (folder / "grants" / "grants.jsonl").write_text("".join(f"{line}\n" for line in lines))
