"""The statements of the guide's two companies, and the nine ways in which they can be wrong."""

from dataclasses import dataclass

A = "arn:aws:iam::123456789012:role/RoleA"


def b(name: str) -> str:
    return f"arn:aws:iam::210987654321:role/{name}"


CHAIN = f"{A},{b('RoleB')}"

# As printed in "Chaining IAM roles in Amazon Redshift", Amazon Redshift Management Guide.
UNLOAD = f"""unload ('select * from venue limit 10')
to 's3://companyb/redshift/venue_pipe_'
IAM_ROLE '{CHAIN}'"""

COPY = f"""copy venue
from 's3://companyb/redshift/venue_pipe_'
IAM_ROLE '{CHAIN}'"""

EXTERNAL_SCHEMA = f"""create external schema spectrumexample
from data catalog
database 'exampledb'
iam_role '{CHAIN}'"""

EXTERNAL_FUNCTION = f"""create external function lambda_example(varchar)
returns varchar
stable
lambda 'exampleLambdaFunction'
iam_role '{CHAIN}'"""


@dataclass(frozen=True)
class Refusal:
    name: str
    user: str
    code: str
    chain: str
    # Words that the message must hold for a person to understand it.
    says: tuple = ()

    @property
    def sql(self) -> str:
        # The name makes the text unlike every other, so that its absence from the backend's record proves something.
        return f"unload ('select ''{self.name}''') to 's3://companyb/refused/{self.name}_' iam_role '{self.chain}'"


REFUSALS = [
    Refusal("RoleB alone", "etl", "RG201", b("RoleB"), ("attached",)),
    Refusal("wrong order", "etl", "RG201", f"{b('RoleB')},{A}", ("attached",)),
    Refusal("not trusted", "etl", "RG203", f"{CHAIN},{b('RoleC')}", ("trust",)),
    Refusal("not permitted", "etl", "RG202", f"{A},{b('RoleD')}", ("sts:AssumeRole",)),
    Refusal("space after comma", "etl", "RG101", f"{A}, {b('RoleB')}", ("space",)),
    Refusal("unknown role", "etl", "RG206", f"{A},{b('RoleX')}", ("RoleX",)),
    Refusal("other user", "analyst", "RG205", f"{A},{b('RoleEtl')}", ("sts:ExternalId",)),
    Refusal("forbidden by a rule", "analyst", "RG301", CHAIN, ("no-cross-account-unload",)),
    Refusal("two clauses", "etl", "RG103", f"{A}' iam_role '{A}", ("more than one",)),
]
