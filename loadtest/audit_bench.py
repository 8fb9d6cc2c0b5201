"""Writes an audit of a gigabyte and measures how long `rolegate audit verify` takes for it.

usage: audit_bench.py [--megabytes N] [--seconds LIMIT]
"""

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROLEGATE = Path(__file__).resolve().parents[1] / "target" / "release" / "rolegate"
LOG = "00112233445566ff"

VERDICT = {
    "event": "verdict", "gate": "warehouse", "cluster": "analytics", "session": 7, "backend_pid": 4711, "user": "etl", "login_user": "etl",
    "database": "dev", "application": "dbt", "client_address": "10.1.2.3", "client_port": 55555, "tls_subject": None, "groups": ["etl"],
    "kind": "copy", "would_be": "forward", "action": "forward", "mode": "enforce", "verdict": "forward", "shadow": False, "nonce": None,
    "policy_version": "0011223344556677", "facts_version": "0011223344556677", "facts_age_seconds": 60, "decision_path": "cached",
    "decision_seconds": 0.000012,
    "role_uses": [{"clause": "iam_role", "method": "chain", "roles": ["arn:aws:iam::123456789012:role/RoleA"], "target": "s3://b/x"}],
    "hops": [{"source": "cluster", "target": "123456789012/RoleA", "result": "allowed"}], "rules": [], "findings": [],
    "fingerprint": "0011223344556677", "truncated": False,
    "statement": "copy sales.orders from 's3://companyb/orders/2026/11/' iam_role 'arn:aws:iam::123456789012:role/RoleA' format as parquet",
}


def write(path: Path, size: int) -> int:
    """Writes a whole log of about so many bytes; returns the number of its records."""
    body = json.dumps(VERDICT, separators=(",", ":"))[1:]
    previous, written, number = None, 0, 0
    with path.open("wb", buffering=1 << 20) as out:
        while written < size:
            prev = "null" if previous is None else f'"{previous}"'
            head = f'{{"v":2,"log":"{LOG}","seq":{number},"prev":{prev},"id":"{LOG}-{number}","time":"2026-11-28T01:02:03.{number % 1000000:06}Z",'
            line = (head + body).encode()
            previous = base64.b64encode(hashlib.sha256(b"\0" + line).digest()).decode()
            out.write(line + b"\n")
            written, number = written + len(line) + 1, number + 1
    return number


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=10.0, help="above this it fails")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audit.jsonl"
        records = write(path, options.megabytes * 1024 * 1024)
        began = time.monotonic()
        done = subprocess.run([ROLEGATE, "audit", "verify", path], capture_output=True, text=True, check=False)
        took = time.monotonic() - began
        found = json.loads(done.stdout)
        print(f"{path.stat().st_size / 1e9:.2f} GB, {records} records: verified in {took:.1f} s")
    if done.returncode or found["problems"] or found["records"] != records:
        print(f"it should be whole: {done.stdout[:500]}", file=sys.stderr)
        return 1
    return int(took > options.seconds)


if __name__ == "__main__":
    sys.exit(main())
