"""Takes a generated year of a company through replay, learn, replay under what was learned, diff and lint; and says whether each of the
bad statements is among those listed for review, and nothing else is.

usage: company_year.py [--program PATH] [--statements N] [--groups N] [--chains N] [--users N] [--min-uses N] [--folder DIR]
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from company import BAD, Company

PROGRAM = Path(__file__).resolve().parents[1] / "target" / "dist" / "rolegate"


class Steps:
    """Runs the program, and measures each run."""

    def __init__(self, program: Path, folder: Path):
        self.program, self.folder = program, folder

    def run(self, name: str, arguments: list[str], expected: int, rules: list[str] | None = None) -> str:
        environment = dict(os.environ, **({"ROLEGATE__POLICY__RULES": json.dumps(rules)} if rules else {}))
        out, err = self.folder / "out", self.folder / "err"
        began = time.monotonic()
        with out.open("wb") as stdout, err.open("wb") as stderr:
            child = os.posix_spawn(
                self.program, [str(self.program), *arguments], environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, stdout.fileno(), 1), (os.POSIX_SPAWN_DUP2, stderr.fileno(), 2)],
            )
            _, status, usage = os.wait4(child, 0)
        took = time.monotonic() - began
        print(f"  {name:32} {took:8.2f} s {usage.ru_utime + usage.ru_stime:8.2f} s of processors {usage.ru_maxrss / 1024:8.0f} MB", flush=True)
        code = os.waitstatus_to_exitcode(status)
        if code != expected:
            raise SystemExit(f"{name}: exit status {code}, not {expected}: {err.read_text()[:2000]}")
        return out.read_text()


def listed(report: dict) -> Counter:
    """What is for review: (reason, user, chain, bucket), and how often."""
    rows = Counter()
    for row in report["for_review"]:
        bucket = (row["target"] or "").removeprefix("s3://").split("/")[0]
        rows[row["reason"], row["user"], row["chain"], bucket] += row["count"]
    return rows


def missing(bad: Counter, rows: Counter) -> list[str]:
    """The bad that are not listed, and what is listed and not bad."""
    left = rows.copy()
    problems = []
    for (kind, user, chain, bucket), count in bad.items():
        reasons = dict(BAD)[kind]
        key = next((key for key in left if key[0] in reasons and key[1:] == (user, chain, bucket) and left[key] >= count), None)
        if key is None:
            problems.append(f"not listed: {count} x {kind} by {user} through {chain} on {bucket}")
        else:
            left[key] -= count
    return problems + [f"listed, and good: {count} x {key}" for key, count in left.items() if count]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=PROGRAM)
    parser.add_argument("--statements", type=int, default=2_000_000)
    parser.add_argument("--groups", type=int, default=6)
    parser.add_argument("--chains", type=int, default=5, help="of each group")
    parser.add_argument("--users", type=int, default=40)
    parser.add_argument("--min-uses", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="where everything is kept; a folder that is removed when not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return year(options, folder.resolve())


def year(options: argparse.Namespace, folder: Path) -> int:
    company = Company(groups=options.groups, chains_of_a_group=options.chains, users=options.users)
    company.write_facts(folder)
    history, config = folder / "year.jsonl", str(folder / "company.toml")
    with history.open("w", buffering=1 << 20) as out:
        out.writelines(company.history(options.statements))
    bad = company.bad.total()
    print(f"{options.statements} statements of {options.users} users in {options.groups} groups, {bad} of them bad: {history.stat().st_size / 1e6:.0f} MB")
    steps, learned = Steps(options.program.resolve(), folder), str(folder / "proposed" / "learned.cedar")
    forbids = str(folder / "forbids.cedar")
    problems = []

    def check(what: str, found, expected) -> None:
        if found != expected:
            problems.append(f"{what}: {found}, not {expected}")

    replay = ["replay", "--config", config, "--format", "json", str(history)]
    before = json.loads(steps.run("replay, everything permitted", replay, 1))["summary"]
    check("statements", before["statements"], options.statements)
    by_facts = sum(count for (kind, *_), count in company.bad.items() if "rare" not in dict(BAD)[kind] and kind != "static keys")
    check("refused by facts", before["would_be"]["reject"], by_facts)
    proposed = ["--out", str(folder / "proposed"), "--overwrite", "--min-uses", str(options.min_uses), "--format", "json"]
    report = json.loads(steps.run("learn", ["learn", "--config", config, *proposed, str(history)], 0))
    check("rules", len(report["rules"]), options.groups * options.chains * 2)
    problems += missing(company.bad, listed(report))
    rules = [learned, forbids]
    after = json.loads(steps.run("replay, what was learned permitted", replay, 1, rules))["summary"]
    check("refused under what was learned", after["would_be"]["reject"], bad)
    check("annotated under what was learned", after["would_be"]["annotate"], 0)
    # Rules are compared in folders of their own.
    for name, files in (("old", [folder / "open.cedar", folder / "forbids.cedar"]), ("new", [Path(learned), folder / "forbids.cedar"])):
        (folder / name).mkdir(exist_ok=True)
        for file in files:
            (folder / name / file.name).write_bytes(file.read_bytes())
    sides = [str(folder / "old"), str(folder / "new")]
    diff = ["policy", "diff", "--config", config, "--format", "json", *sides]
    over_grid = json.loads(steps.run("diff over a grid", diff, 1))
    check("newly let through on the grid", [row for row in over_grid["differences"] if row["from"] == "reject"], [])
    over_history = json.loads(steps.run("diff over the history", [*diff, str(history)], 1))
    check("different in the history", over_history["summary"]["different"], bad - by_facts)
    lint = json.loads(steps.run("lint", ["policy", "lint", "--config", config, "--format", "json", sides[1]], 0))
    check("findings of lint", lint["findings"], [])
    steps.run("cases", ["policy", "test", str(folder / "proposed" / "learned.test.toml")], 0)
    for problem in problems[:20]:
        print(problem, file=sys.stderr)
    if not problems:
        kinds = Counter()
        for (kind, *_), count in company.bad.items():
            kinds[kind] += count
        print(f"all {bad} bad statements are for review, and nothing else is: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
