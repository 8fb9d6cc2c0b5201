"""A generated year of a company: its IAM facts, its groups, and a history in which a few statements are bad.

Every good use belongs to a group: each of its chains has a bucket of its own, from which it is loaded and to which it is unloaded. What is bad
is one of nine kinds, each labelled with the reasons for which `rolegate learn` may list it.
"""

import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

OWN, PARTNER, FOREIGN = "111122223333", "210987654321", "999999999999"

# (what is done, reasons for review)
BAD = [
    ("static keys", {"static_keys"}),
    ("a chain that leaves the organisation", {"leaves_organisation"}),
    ("a role that is not attached", {"refused"}),
    ("a hop that is not trusted", {"refused"}),
    ("a role that does not exist", {"refused", "undecided"}),
    ("a malformed chain", {"refused"}),
    ("a disguised chain", {"refused"}),
    ("another group's chain", {"rare"}),
    ("a bucket that is nobody's", {"rare"}),
]

TABLES = ["sales.orders", "sales.items", "web.events", "web.sessions", "finance.ledger", "hr.people", "stock.moves", "crm.contacts"]
COLUMNS = ["customer_id", "order_date", "amount", "country", "channel", "campaign", "quantity", "discount", "currency", "status"]


def arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


@dataclass
class Company:
    """Who there is, and who may do what."""

    groups: int = 6
    chains_of_a_group: int = 5
    users: int = 40
    seed: int = 7
    # The labels of what is bad: (kind, user, chain, bucket), and how often.
    bad: Counter = field(default_factory=Counter)

    def __post_init__(self):
        self.random = random.Random(self.seed)
        self.group_names = [f"team{number}" for number in range(self.groups)]
        self.members = {name: [] for name in self.group_names}
        for number in range(self.users):
            group = self.group_names[number % self.groups]
            self.members[group].append(f"{group}_user{number // self.groups}")
        self.chains = {group: [self.chain(group, number) for number in range(self.chains_of_a_group)] for group in self.group_names}

    def chain(self, group: str, number: int) -> list[str]:
        entry = arn(OWN, f"{group}-entry")
        if number == 0:
            return [entry]
        middle = [arn(OWN, f"{group}-step")] if number % 3 == 0 else []
        return [entry, *middle, arn(PARTNER if number % 2 else OWN, f"{group}-role{number}")]

    def write_facts(self, folder: Path) -> None:
        """Snapshots of both accounts, the cluster, the organisation, and a configuration under which everything is permitted."""
        may: dict[str, set[str]] = {}
        trusts: dict[str, set[str]] = {}
        for chain in itertools.chain.from_iterable(self.chains.values()):
            for role in chain:
                may.setdefault(role, set())
                trusts.setdefault(role, set())
            for source, target in itertools.pairwise(chain):
                may[source].add(target)
                trusts[target].add(source)
        for account in (OWN, PARTNER):
            roles = [self.role(name, may[name], trusts[name]) for name in sorted(may) if f"::{account}:" in name]
            snapshot = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles, "Policies": [], "IsTruncated": False}
            (folder / f"{account}.iam.json").write_text(json.dumps(snapshot))
        attached = [{"IamRoleArn": arn(OWN, f"{group}-entry"), "ApplyStatus": "in-sync"} for group in self.group_names]
        namespace = f"arn:aws:redshift:us-east-1:{OWN}:namespace:8d4c1b2a-0f3e-4c5d-9a6b-7e8f90a1b2c3"
        cluster = {"ClusterIdentifier": "warehouse", "ClusterNamespaceArn": namespace, "ClusterStatus": "available", "DBName": "dev", "IamRoles": attached}
        (folder / "warehouse.cluster.json").write_text(json.dumps({"Clusters": [cluster]}))
        member = {"org_id": "o-a1b2c3d4e5", "scps": [], "rcps": []}
        accounts = {OWN: member, PARTNER: member, FOREIGN: {"org_id": "none"}}
        (folder / "organisation.json").write_text(json.dumps({"accounts": accounts}))
        (folder / "open.cedar").write_text('@id("all") permit (principal, action, resource);\n')
        (folder / "forbids.cedar").write_text('@id("no-jobs") forbid (principal, action == Rolegate::Action::"CopyJob", resource);\n')
        groups = "\n".join(f"{group} = {json.dumps(users)}" for group, users in self.members.items())
        (folder / "company.toml").write_text(
            f'[policy]\nrules = ["open.cedar", "forbids.cedar"]\n[policy.groups]\n{groups}\n'
            '[facts]\niam = ["*.iam.json"]\nclusters = ["*.cluster.json"]\nservice_control = ["organisation.json"]\n'
            '[[gate]]\nname = "warehouse"\ncluster = "warehouse"\nlisten = "127.0.0.1:5439"\n[gate.upstream]\naddress = "localhost:5440"\n'
        )

    @staticmethod
    def role(name: str, may: set[str], trusts: set[str]) -> dict:
        trusted = {"AWS": sorted(trusts)} if trusts else {"Service": "redshift.amazonaws.com"}
        policies = []
        if may:
            allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": sorted(may)}
            policies = [{"PolicyName": "assume", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allow]}}]
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}]}
        short = name.rsplit("/", 1)[1]
        return {
            "Path": "/", "RoleName": short, "RoleId": f"AROA{short.upper().replace('-', ''):X<16}"[:20], "Arn": name,
            "CreateDate": "2026-01-05T09:00:00Z", "AssumeRolePolicyDocument": trust, "InstanceProfileList": [], "RolePolicyList": policies,
            "AttachedManagedPolicies": [], "Tags": [],
        }

    def history(self, statements: int, with_roles: float = 0.04, bad: float = 0.003) -> Iterator[str]:
        """The records of a year as JSON lines, in order of their time: so many statements, these shares of them with roles and bad."""
        goods = itertools.cycle(
            [(group, number, kind) for group in self.group_names for number in range(self.chains_of_a_group) for kind in ("copy", "unload")]
        )
        turns = Counter()
        bads = itertools.cycle(range(len(BAD)))
        start, step = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=365) / statements
        every_bad, every_role = round(1 / bad) if bad else 0, round(1 / with_roles) if with_roles else 0
        for number in range(statements):
            time = start + step * number
            if every_bad and number % every_bad == every_bad // 2:
                user, text = self.bad_statement(next(bads), number, time)
            elif every_role and number % every_role == 0:
                group, chain, kind = next(goods)
                turns[group] += 1
                user = self.members[group][turns[group] % len(self.members[group])]
                text = self.statement(kind, self.chains[group][chain], f"{group}-bucket{chain}", number, time)
            else:
                user = self.members[self.group_names[number % self.groups]][number % 3 % (self.users // self.groups)]
                text = self.ordinary(number)
            yield self.record(number + 1, time, user, text)

    @staticmethod
    def record(line: int, time: datetime, user: str, text: str) -> str:
        record = {
            "source": "year.jsonl", "line": line, "from": "audit", "time": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "user": user,
            "database": "dev", "application": "dbt", "client_address": "10.1.2.3", "text": text,
        }
        return json.dumps(record, separators=(",", ":")) + "\n"

    @staticmethod
    def statement(kind: str, chain: list[str], bucket: str, number: int, time: datetime) -> str:
        roles = ",".join(chain)
        if kind == "copy":
            return f"copy staging.load_{number % 50} from 's3://{bucket}/in/{time:%Y/%m/%d}/part-{number}.parquet' iam_role '{roles}' format as parquet"
        return f"unload ('select * from sales.orders') to 's3://{bucket}/out/{time:%Y/%m/%d}/part_' iam_role '{roles}' parquet"

    def ordinary(self, number: int) -> str:
        """A statement of about 300 bytes, in which nothing is to be judged."""
        table, other = TABLES[number % 8], TABLES[(number // 8) % 8]
        first, second, third = COLUMNS[number % 10], COLUMNS[(number // 10) % 10], COLUMNS[(number // 100) % 10]
        match number % 4:
            case 0:
                return (
                    f"select a.{first}, a.{second}, count(*) as orders, sum(b.{third}) as total from {table} a join {other} b on a.customer_id = "
                    f"b.customer_id where a.order_date between '2026-01-01' and '2026-06-30' and a.country in ('DE', 'FR', 'NL') and b.status <> "
                    f"'cancelled' and a.quantity > {number % 97} group by 1, 2 order by total desc limit 100"
                )
            case 1:
                return (
                    f"insert into {table} ({first}, loaded_at, note) select {second}, getdate(), 'batch {number}' from staging.load_{number % 50} s "
                    f"where not exists (select 1 from {table} t where t.customer_id = s.customer_id and t.order_date = s.order_date) "
                    f"and s.amount is not null and s.{third} is not null"
                )
            case 2:
                return (
                    f"with recent as (select customer_id, {first}, row_number() over (partition by customer_id order by order_date desc) as n from "
                    f"{table} where order_date > dateadd(day, -{number % 90}, current_date)) select r.customer_id, r.{first}, coalesce(c.{second}, "
                    f"'none') as second from recent r left join {other} c on c.customer_id = r.customer_id where r.n = 1"
                )
            case _:
                return (
                    f"update {table} set {first} = s.{first}, status = 'done', changed_at = getdate() from staging.load_{number % 50} s where "
                    f"{table}.customer_id = s.customer_id and {table}.order_date >= '2026-02-01' and ({table}.{second} is null or s.{third} > "
                    f"{number % 1000}) -- nightly merge of the finance models, run {number}"
                )

    def bad_statement(self, kind: int, number: int, time: datetime) -> tuple[str, str]:
        group = self.random.choice(self.group_names)
        other = self.random.choice([name for name in self.group_names if name != group])
        user = self.random.choice(self.members[group])
        chain_number = self.random.randrange(self.chains_of_a_group)
        chain, bucket = self.chains[group][chain_number], f"{group}-bucket{chain_number}"
        entry = arn(OWN, f"{group}-entry")
        match kind:
            case 0:
                self.bad[BAD[kind][0], user, "access_keys", bucket] += 1
                keys = f"access_key_id 'AKIA{number:016}' secret_access_key 'secret{number}'"
                return user, f"copy staging.load_1 from 's3://{bucket}/in/x' {keys} csv"
            case 1:
                chain = [entry, arn(FOREIGN, "visitor")]
            case 2:
                chain = [arn(PARTNER, f"{group}-role1")]
            case 3:
                chain = [entry, arn(PARTNER, f"{other}-role1")]
            case 4:
                chain = [entry, arn(OWN, f"ghost{number}")]
            case 5:
                chain = [entry, " " + arn(PARTNER, f"{group}-role1")]
            case 7:
                chain, bucket = self.chains[other][chain_number], f"{other}-bucket{chain_number}"
            case 8:
                bucket = f"stray{number}"
        self.bad[BAD[kind][0], user, ",".join(chain), bucket] += 1
        text = self.statement("copy", chain, bucket, number, time)
        return user, text.replace(":role/", ":role/'\n'", 1) if kind == 6 else text
