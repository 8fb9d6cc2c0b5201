"""A small AWS: what moto lacks. Pages, documents percent-encoded everywhere, roles on their way to a cluster, serverless workgroups,
and endpoints that throttle, refuse, hang or die."""

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote
from xml.sax.saxutils import escape

IAM = "https://iam.amazonaws.com/doc/2010-05-08/"
REDSHIFT = "http://redshift.amazonaws.com/doc/2012-12-01/"
REGION = "us-east-1"


def trusts(**principal):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}


def may_assume(*roles):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": list(roles)}]}


def encoded(document) -> str:
    return quote(json.dumps(document), safe="")


class Raw(str):
    """Text that is XML already."""


def element(name, value) -> str:
    """A value as XML: mappings are children, lists are members, the rest is text."""
    if isinstance(value, dict):
        inner = "".join(element(key, child) for key, child in value.items())
    elif isinstance(value, list):
        inner = "".join(element("member", child) for child in value)
    else:
        inner = value if isinstance(value, Raw) else escape(str(value))
    return f"<{name}>{inner}</{name}>"


@dataclass
class Account:
    """What one account holds. Roles are (ARN, trust policy, permissions policy or None)."""

    roles: list = field(default_factory=list)
    clusters: list = field(default_factory=list)
    workgroups: list = field(default_factory=list)
    namespaces: list = field(default_factory=list)
    organisation: dict = field(default_factory=dict)

    def find(self, name):
        return next((role for role in self.roles if role[0].rsplit("/", 1)[1] == name), None)


def role_detail(role):
    arn, trust, permissions = role
    inline = [{"PolicyName": "own", "PolicyDocument": encoded(permissions)}] if permissions else []
    return {**role_head(arn, trust), "RolePolicyList": inline, "AttachedManagedPolicies": [], "InstanceProfileList": []}


def role_head(arn, trust):
    name = arn.rsplit("/", 1)[1]
    return {
        "Path": "/",
        "RoleName": name,
        "RoleId": f"AROA{name.upper()}",
        "Arn": arn,
        "CreateDate": "2026-01-02T03:04:05Z",
        "AssumeRolePolicyDocument": encoded(trust),
    }


class FakeAws:
    """Serves one account on a port of its own, until it is stopped."""

    def __init__(self, account: Account):
        self.account = account
        self.calls = []
        # How many calls to throttle, whether credentials are out of date, and how long every answer takes.
        self.throttle, self.expired, self.delay = 0, False, 0.0
        fake = self

        class Handler(BaseHTTPRequestHandler):
            # A connection for every call, so that a stopped server answers nobody any more.
            protocol_version = "HTTP/1.0"

            def log_message(self, *_arguments):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, kind, text = fake.answer(self.headers.get("X-Amz-Target", ""), body.decode())
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.handler = Handler
        self.port = 0
        self.start()

    def start(self):
        """Listens, again on the same port after a stop."""
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), self.handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, target, body):
        time.sleep(self.delay)
        fields = {} if target else {key: values[0] for key, values in parse_qs(body).items()}
        action = target.rsplit(".", 1)[-1] or fields.get("Action", "")
        self.calls.append(action)
        if self.throttle > 0:
            self.throttle -= 1
            return self.error(400, "Throttling", "Rate exceeded")
        if self.expired:
            return self.error(403, "ExpiredToken", "The security token included in the request is expired")
        if target:
            return 200, "application/x-amz-json-1.1", json.dumps((self.organizations if target.startswith("AWSOrganizations") else self.serverless)(action, json.loads(body or "{}")))
        result = getattr(self, action)(fields)
        if result is None:
            return self.error(404, "NoSuchEntity", "The role cannot be found")
        space = REDSHIFT if action == "DescribeClusters" else IAM
        return 200, "text/xml", f'<{action}Response xmlns="{space}">{element(action + "Result", result)}<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>'

    @staticmethod
    def error(status, code, message):
        error = element("Error", {"Type": "Sender", "Code": code, "Message": message})
        return status, "text/xml", f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"

    def page(self, items, marker):
        """One item a page: the smallest pages that are legal."""
        place = int(marker or 0)
        more = place + 1 < len(items)
        return items[place : place + 1], str(place + 1) if more else ""

    def GetAccountAuthorizationDetails(self, fields):
        roles, marker = self.page(self.account.roles, fields.get("Marker"))
        result = {"IsTruncated": "true" if marker else "false", "RoleDetailList": [role_detail(role) for role in roles], "Policies": []}
        return {**result, "Marker": marker} if marker else result

    def GetRole(self, fields):
        role = self.account.find(fields["RoleName"])
        return role and {"Role": role_head(role[0], role[1])}

    def ListRolePolicies(self, fields):
        role = self.account.find(fields["RoleName"])
        return {"PolicyNames": ["own"] if role[2] else [], "IsTruncated": "false"}

    def GetRolePolicy(self, fields):
        role = self.account.find(fields["RoleName"])
        return {"RoleName": fields["RoleName"], "PolicyName": "own", "PolicyDocument": encoded(role[2])}

    def ListAttachedRolePolicies(self, _fields):
        return {"AttachedPolicies": [], "IsTruncated": "false"}

    def DescribeClusters(self, fields):
        clusters, marker = self.page(self.account.clusters, fields.get("Marker"))
        shown = "".join(element("Cluster", {**cluster, "IamRoles": {}}).replace("<IamRoles></IamRoles>", self.cluster_roles(cluster)) for cluster in clusters)
        return {"Marker": marker, "Clusters": Raw(shown)}

    @staticmethod
    def cluster_roles(cluster):
        roles = "".join(element("ClusterIamRole", {"IamRoleArn": arn, "ApplyStatus": status}) for arn, status in cluster["IamRoles"])
        return f"<IamRoles>{roles}</IamRoles>"

    def serverless(self, action, request):
        key, items = {"ListWorkgroups": ("workgroups", self.account.workgroups), "ListNamespaces": ("namespaces", self.account.namespaces)}[action]
        page, marker = self.page(items, request.get("nextToken"))
        return {key: page, **({"nextToken": marker} if marker else {})}

    def organizations(self, action, request):
        """An organisation as {"roots", "units" and "accounts" by parent, "attached" by target and kind, "policies" by id}."""
        held = self.account.organisation
        if action == "DescribeOrganization":
            return {"Organization": {"Id": held["id"], "MasterAccountId": held["management"]}}
        if action == "DescribePolicy":
            policy = held["policies"][request["PolicyId"]]
            return {"Policy": {"PolicySummary": {"Id": request["PolicyId"], "Name": policy["name"]}, "Content": json.dumps(policy["content"])}}
        key, items = {
            "ListRoots": lambda: ("Roots", held["roots"]),
            "ListOrganizationalUnitsForParent": lambda: ("OrganizationalUnits", held["units"].get(request["ParentId"], [])),
            "ListAccountsForParent": lambda: ("Accounts", held["accounts"].get(request["ParentId"], [])),
            "ListPoliciesForTarget": lambda: ("Policies", [{"Id": id} for id in held["attached"].get((request["TargetId"], request["Filter"]), [])]),
        }[action]()
        page, marker = self.page(items, request.get("NextToken"))
        return {key: page, **({"NextToken": marker} if marker else {})}
