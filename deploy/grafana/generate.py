#!/usr/bin/env python3
"""The dashboards, in one place: run it to write dashboards/*.json anew. Grafana reads those; a test says when they differ from this file."""

import json
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
# The series that the variables at the top of a dashboard leave.
I = 'job="rolegate", instance=~"$instance"'
G = f'{I}, gate=~"$gate"'
GOOD_BAD = {"ok": "green", "allowed": "green", "forward": "green", "completed": "green", "annotate": "orange", "reject": "red", "denied": "red", "failed": "red"}


@dataclass(frozen=True)
class Query:
    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """What one panel shows. A table and a figure show how it is now, or over the range; the others how it goes."""

    title: str
    description: str
    queries: list[Query]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    height: int = 8
    stack: bool = False
    # Value from which on a figure is orange, and from which on red.
    steps: tuple[float, ...] = ()
    names: dict[str, str] = field(default_factory=dict)


def lines(title, description, *queries, **more) -> Panel:
    return Panel(title, description, [Query(*query) for query in queries], **more)


def figure(title, description, expr, **more) -> Panel:
    return Panel(title, description, [Query(expr)], kind="stat", width=4, height=4, **more)


def table(title, description, *expressions, names=None, width=12, **more) -> Panel:
    return Panel(title, description, [Query(expr) for expr in expressions], kind="table", width=width, names=names or {}, **more)


def rate(metric, by, labels=G) -> str:
    return f"sum by ({by}) (rate({metric}{{{labels}}}[$__rate_interval]))"


def grown(metric, by="", labels=G) -> str:
    """How much a counter has grown over the range. increase() counts from a series' first sample on: what was not there at the beginning counts whole."""
    series = f"{metric}{{{labels}}}"
    grouping = f"sum by ({by})" if by else "sum"
    return f"{grouping} ({series} unless {series} offset $__range or increase({series}[$__range]))"


def quantile(metric, by, of=0.99, labels=G) -> str:
    inner = ", ".join([*by.split(", "), "le"]) if by else "le"
    return f"histogram_quantile({of}, sum by ({inner}) (rate({metric}_bucket{{{labels}}}[$__rate_interval])))"


REFUSED = grown("rolegate_verdicts_total", labels=f'{G}, action="reject"')
WOULD_BE = grown("rolegate_verdicts_total", labels=f'{G}, would_be="reject", action!="reject"')
KNOWN_CHAIN = 'chain!~"other|unknown"'
SEEN = 'gate=~"$gate"'

OVERVIEW = [
    figure("Gates up", "Processes that Prometheus can scrape, of those that it knows.", f"sum(up{{{I}}})"),
    figure("Sessions", "Sessions that the cluster has let in.", f"sum(rolegate_sessions{{{G}}})"),
    figure("Statements", "Statements a second of all kinds.", f"sum(rate(rolegate_statements_total{{{G}}}[$__rate_interval]))", unit="reqps"),
    figure("Refused", "Statements that were refused within the time shown.", REFUSED, steps=(1, 100)),
    figure("Would be refused", "Statements that ran in shadow mode, or under an exception, and that enforcement would refuse.", WOULD_BE, steps=(1, 100)),
    figure("Alerts", "Alerts of rolegate that fire now; docs/runbooks.md says what to do about each.", 'count(ALERTS{alertname=~"Rolegate.*", alertstate="firing"}) or vector(0)', steps=(1, 3)),
    lines("Sessions by state", "Sessions now: starting (not let in yet), active (an answer is due), idle, in a transaction.", (f"sum by (state) (rolegate_sessions{{{G}}})", "{{state}}"), stack=True),
    lines("Statements by what was done", "Statements a second that were forwarded, annotated and refused.", (rate("rolegate_statements_total", "verdict"), "{{verdict}}"), unit="reqps"),
    lines("Statements with roles", "Judged statements a second by kind: what the gate is there for.", (rate("rolegate_verdicts_total", "kind") + " > 0", "{{kind}}"), unit="reqps", stack=True),
    lines("Refusals by code", "Findings a second that refuse a statement. docs/findings.md has cause and remedy of each code.", (rate("rolegate_findings_total", "code", f'{G}, severity="reject"') + " > 0", "{{code}}"), unit="reqps", stack=True),
    lines("Time to a verdict", "From the bytes of a message to its verdict: half of the messages are faster than the lower line, all but one in a hundred than the upper.", (quantile("rolegate_decision_seconds", "", 0.5), "half"), (quantile("rolegate_decision_seconds", ""), "99 in 100"), unit="s"),
    lines("Logins", "Logins a second as the cluster answered them.", (rate("rolegate_logins_total", "result"), "{{result}}"), unit="reqps"),
    table("Policy in force", "The version of the policy of each gate and its mode. Replicas with different versions judge differently.", f"count by (gate, version, mode) (rolegate_policy_info{{{G}}})", names={"Value": "replicas"}),
    table("Programs", "Which version runs where.", f"group by (instance, version, commit) (rolegate_build_info{{{I}}})", names={"Value": "is"}),
]

CHAINS = [
    figure("Chains in use", "Different chains since the gates started; those counted under \"unknown\" or \"other\" left out.", f"count(group by (chain) (rolegate_chain_uses_total{{{G}, {KNOWN_CHAIN}}} > 0))"),
    figure("New in a day", "Chains that were first used less than a day ago.", f"count(gate_chain:rolegate_chain_uses:first_seen_timestamp{{{SEEN}}} > time() - 86400) or vector(0)", steps=(1,)),
    figure("Uses", "Uses of chains within the time shown.", grown("rolegate_chain_uses_total")),
    figure("Access keys", "Statements with static access keys within the time shown. There should be none.", grown("rolegate_role_uses_total", labels=f'{G}, method="access_keys"'), steps=(1,)),
    figure("Unknown", "Uses of chains that the facts do not hold, within the time shown.", grown("rolegate_chain_uses_total", labels=f'{G}, chain="unknown"') + " or vector(0)", steps=(1,)),
    figure("Roles in a chain", "Nine in ten uses of chains have at most so many roles.", f"ceil({quantile('rolegate_chain_roles', '', 0.9)})"),
    table("Who uses which chain for what", "Uses within the time shown: chain, user, kind of statement, what names the chain (the statement or what it uses, such as an external schema), what was done and what enforcement would do.", f"sort_desc(topk(100, {grown('rolegate_chain_uses_total', 'chain, user, kind, via, verdict, would_be')} > 0))", width=24, height=10, names={"Value": "uses"}),
    table("First and last seen", "When Prometheus first and last saw each chain in use. First seen is no earlier than the recording rules.", f"1000 * gate_chain:rolegate_chain_uses:first_seen_timestamp{{{SEEN}}}", f"1000 * gate_chain:rolegate_chain_uses:last_seen_timestamp{{{SEEN}}}", unit="dateTimeAsIso", names={"Value #A": "first seen", "Value #B": "last seen"}),
    table("Steps", "Steps of chains within the time shown, from the cluster to the first role and from each role to the next, and whether the facts allow them.", f"sort_desc(topk(100, {grown('rolegate_hops_total', 'source, target, result')} > 0))", names={"Value": "uses"}),
    lines("Uses by chain", "The ten chains that are used most, a second.", (f"topk(10, {rate('rolegate_chain_uses_total', 'chain')} > 0)", "{{chain}}"), unit="reqps", width=12),
    lines("Uses by user", "The ten users that use chains most, a second.", (f"topk(10, {rate('rolegate_chain_uses_total', 'user')} > 0)", "{{user}}"), unit="reqps", width=12),
    lines("Ways to name credentials", "Credential clauses a second: chains, the default role, the session's own identity, access keys, none.", (rate("rolegate_role_uses_total", "method"), "{{method}}"), unit="reqps", width=12, stack=True),
    lines("Statements by kind", "Uses of chains a second by kind of statement.", (rate("rolegate_chain_uses_total", "kind") + " > 0", "{{kind}}"), unit="reqps", width=12, stack=True),
]

REFUSALS = [
    figure("Refused", "Statements that were refused within the time shown.", REFUSED, steps=(1, 100)),
    figure("Would be refused", "Statements that ran and that enforcement would refuse, within the time shown.", WOULD_BE, steps=(1, 100)),
    figure("Groups concerned", "Groups of users whose statements enforcement would refuse.", f'count(group by (group) (rolegate_refusals_total{{{G}, action!="reject"}} > 0)) or vector(0)', steps=(1,)),
    figure("Gates in shadow", "Processes whose policy refuses nothing.", f'count(rolegate_policy_info{{{G}, mode="shadow"}}) or vector(0)'),
    figure("Not decided", "Findings within the time shown that say that the facts do not tell (RG206, RG207).", grown("rolegate_findings_total", labels=f'{G}, code=~"RG206|RG207"'), steps=(1,)),
    figure("Not readable", "Findings within the time shown of statements that hide or may hide a role.", grown("rolegate_findings_total", labels=f'{G}, code=~"RG102|RG105|RG106|RG109"'), steps=(1,)),
    table("What breaks when I enforce", "Statements within the time shown that ran and would be refused: whose, why, and with which chain. By application, the audit has it: deploy/analytics/queries/would_be_refusals.sql.", f"""sort_desc(topk(100, {grown('rolegate_refusals_total', 'group, code, chain', f'{G}, action!="reject"')} > 0))""", width=12, height=10, names={"Value": "would be refused"}),
    table("What is refused", "Statements within the time shown that were refused: whose, why, and with which chain.", f"""sort_desc(topk(100, {grown('rolegate_refusals_total', 'group, code, chain', f'{G}, action="reject"')} > 0))""", width=12, height=10, names={"Value": "refused"}),
    table("Whose statements would break", "Uses of chains within the time shown that ran and would be refused, by user and kind of statement.", f"""sort_desc(topk(100, {grown('rolegate_chain_uses_total', 'user, chain, kind', f'{G}, would_be="reject", verdict!="reject"')} > 0))""", names={"Value": "would be refused"}),
    table("Steps that the facts refuse", "Steps of chains within the time shown that are denied, or that the facts do not decide.", f"""sort_desc(topk(100, {grown('rolegate_hops_total', 'source, target, result', f'{G}, result!="allowed"')} > 0))""", names={"Value": "uses"}),
    lines("Refused and would be refused", "Statements a second. When none would be refused for as long as you want to be sure of, enforce.", (f'sum(rate(rolegate_verdicts_total{{{G}, would_be="reject", action!="reject"}}[$__rate_interval]))', "would be refused"), (f'sum(rate(rolegate_verdicts_total{{{G}, action="reject"}}[$__rate_interval]))', "refused"), unit="reqps"),
    lines("By code", "Refusals and would-be refusals a second by finding.", (rate("rolegate_refusals_total", "code"), "{{code}}"), unit="reqps", stack=True),
    lines("By group", "Refusals and would-be refusals a second by the user's group.", (rate("rolegate_refusals_total", "group"), "{{group}}"), unit="reqps", stack=True),
    lines("Break-glass and exceptions", "Statements in five minutes that only break-glass, or that an exception, let through, and exceptions by the time that each has left.", (f"sum by (gate) (increase(rolegate_break_glass_total{{{G}}}[5m]))", "break-glass at {{gate}}"), (f"sum(increase(rolegate_exception_uses_total{{{G}}}[5m])) or vector(0)", "by an exception"), (f"max by (days_left) (rolegate_exceptions{{{I}}})", "exceptions: {{days_left}}"), width=8),
    lines("Past the gate", "Statements with roles an hour that the cluster ran and the gate did not pass, and roles that were assumed for none: zero without [gate.coverage].", (f"sum by (gate, kind) (increase(rolegate_unseen_statements_total{{{G}}}[1h]))", "{{gate}}: {{kind}}"), width=8),
    lines("Stored beside the gate", "Stored credentials and attached roles that changed within an hour and that no statement explains which passed the gate: zero without [gate.catalog].", (f"sum by (gate, change) (increase(rolegate_catalog_drift_total{{{G}}}[1h]))", "{{gate}}: {{change}}")),
    lines("Against what is usual", "Refusals in ten minutes, and what is usual for the gate: the alert RolegateRefusalsSurge compares the two.", (f"gate:rolegate_refusals:increase10m{{{SEEN}}}", "{{gate}}"), (f"gate:rolegate_refusals:usual10m{{{SEEN}}}", "usual of {{gate}}")),
    lines("Rules that applied", "Organisation rules a second by what they do.", (rate("rolegate_rule_hits_total", "rule, effect"), "{{rule}}: {{effect}}"), unit="reqps"),
]

HEALTH = [
    figure("Gates up", "Processes that Prometheus can scrape.", f"sum(up{{{I}}})"),
    figure("Restarts", "Starts of processes within the time shown.", f"sum(changes(process_start_time_seconds{{{I}}}[$__range]))", steps=(1, 3)),
    figure("Panics", "Each is a bug and ends one session at most.", f"sum(rolegate_panics_total{{{I}}})", steps=(1, 1)),
    figure("Audit records lost", "Within the time shown. A record of event gap in the audit says which.", grown("rolegate_audit_dropped_total", labels=I), steps=(1, 1)),
    figure("Certificate ends in", "The certificate that expires first, of all gates and legs.", f"min(rolegate_tls_certificate_not_after_timestamp_seconds{{{G}}} - time())", unit="s"),
    figure("Backend errors", "Connections to the cluster that failed within the time shown.", grown("rolegate_upstream_errors_total"), steps=(1, 10)),
    lines("Sessions against their limit", "Share of max_sessions and of max_unauthenticated that is in use.", (f'sum by (instance, gate) (rolegate_sessions{{{G}}}) / on (instance, gate) rolegate_limit{{{G}, limit="sessions"}}', "{{instance}} {{gate}}: sessions"), (f'rolegate_connections_unauthenticated{{{G}}} / on (instance, gate) rolegate_limit{{{G}, limit="unauthenticated"}}', "{{instance}} {{gate}}: not let in yet"), unit="percentunit"),
    lines("Who holds most", "Sessions of the one user, and of the one address, that has most of them.", (f"max by (gate, holder) (rolegate_sessions_most_held{{{G}}})", "{{gate}}: {{holder}}")),
    lines("Descriptors in use", "Share of the file descriptors that the process may have. A session needs two.", (f"process_open_fds{{{I}}} / process_max_fds{{{I}}}", "{{instance}}"), unit="percentunit"),
    lines("Sessions opened and ended", "Sessions a second, and why they ended.", (rate("rolegate_sessions_opened_total", "gate"), "opened"), (rate("rolegate_sessions_closed_total", "reason"), "ended: {{reason}}"), unit="reqps"),
    lines("Connections turned away", "Before authentication, a second, by reason.", (rate("rolegate_sessions_refused_total", "reason"), "{{reason}}"), unit="reqps", stack=True),
    lines("Logins that failed", "A second, by what the cluster said, or by who went away.", (rate("rolegate_logins_total", "result", f'{G}, result!="ok"'), "{{result}}"), unit="reqps", stack=True),
    lines("Connections to the cluster", "Failed ones a second, by reason.", (rate("rolegate_upstream_errors_total", "reason"), "{{reason}}"), unit="reqps"),
    lines("Time to reach the cluster", "Name, TCP and TLS: all but one in a hundred are faster.", (quantile("rolegate_upstream_connect_seconds", "gate"), "{{gate}}"), unit="s"),
    lines("TLS handshakes", "A second, by side and result.", (rate("rolegate_tls_handshakes_total", "side, result"), "{{side}}: {{result}}"), unit="reqps"),
    lines("Time to a verdict, by path", "All but one message in a hundred are faster: scan (nothing to judge), cached, cold.", (quantile("rolegate_decision_seconds", "path"), "{{path}}"), unit="s"),
    lines("Time at the cluster", "Statements with roles, from sending to the answer: all but one in a hundred are faster.", (quantile("rolegate_statement_seconds", "outcome"), "{{outcome}}"), unit="s"),
    lines("Outcome at the cluster", "Statements with roles a second, as the cluster answered.", (rate("rolegate_statement_outcomes_total", "outcome"), "{{outcome}}"), unit="reqps", stack=True),
    lines("CPU", "Cores in use by each process.", (f"rate(process_cpu_seconds_total{{{I}}}[$__rate_interval])", "{{instance}}")),
    lines("Memory", "Resident memory of each process.", (f"process_resident_memory_bytes{{{I}}}", "{{instance}}"), unit="bytes"),
    lines("Bytes relayed", "A second, by direction.", (rate("rolegate_relayed_bytes_total", "direction"), "{{direction}}"), unit="Bps"),
    lines("Size of messages", "All but one message in a hundred are smaller.", (quantile("rolegate_statement_bytes", "gate"), "{{gate}}"), unit="bytes"),
    lines("Cancel requests", "A second by result, and how many are under way.", (rate("rolegate_cancels_total", "result"), "{{result}}"), (f"sum(rolegate_cancels_in_flight{{{G}}})", "under way")),
    lines("Log messages", "A second, by level. The level error is for what somebody must act on.", (rate("rolegate_log_messages_total", "level", I), "{{level}}"), unit="reqps"),
    lines("Audit records", "Written, folded (one record stands for many refusals) and lost, a second.", (f"sum(rate(rolegate_audit_records_total{{{I}}}[$__rate_interval]))", "written"), (f"sum(rate(rolegate_audit_folded_total{{{I}}}[$__rate_interval]))", "folded"), (f"sum(rate(rolegate_audit_dropped_total{{{I}}}[$__rate_interval]))", "lost"), unit="reqps"),
    lines("Audit queue", "Share of the queue that is in use, and 1 while the audit cannot be written.", (f"rolegate_audit_queue_records{{{I}}} / rolegate_audit_queue_limit_records{{{I}}}", "{{instance}}: queue"), (f"rolegate_audit_failing{{{I}}}", "{{instance}}: cannot be written"), unit="percentunit"),
    lines("Audit proofs", "Checkpoints, files that were begun, and statements refused since they could not be recorded, a second.", (f"sum(rate(rolegate_audit_checkpoints_total{{{I}}}[$__rate_interval]))", "checkpoints"), (rate("rolegate_audit_files_total", "reason", I), "files: {{reason}}"), (f"sum(rate(rolegate_audit_refused_statements_total{{{I}}}[$__rate_interval]))", "refused"), unit="reqps"),
    lines("Series", "Share of [metrics] max_series that is in use, and series that left for \"other\" a second.", (f"rolegate_series{{{I}}} / rolegate_series_limit{{{I}}}", "{{instance}}"), (f"sum(rate(rolegate_label_overflow_total{{{I}}}[$__rate_interval])) or vector(0)", "left for other"), unit="percentunit", width=12),
    table("Certificates", "Days until each certificate expires, the first to expire on top.", f"sort((rolegate_tls_certificate_not_after_timestamp_seconds{{{G}}} - time()) / 86400)", names={"Value": "days"}),
]

POLICY = [
    figure("Policies in force", "Different policies of the gates shown; one for each gate when all replicas agree.", f"count(group by (gate, version, mode) (rolegate_policy_info{{{G}}}))"),
    figure("Files are good", "1 if all processes could load what their files hold now, else 0.", f"min(rolegate_config_last_reload_successful{{{I}}})"),
    figure("Keys that wait", "Keys whose written value takes effect at the next start.", f"sum(rolegate_config_restart_pending{{{I}}}) or vector(0)", steps=(1,)),
    figure("Roles known", "Roles in the IAM facts.", f"max(sum by (instance) (rolegate_facts_roles{{{I}}}))"),
    figure("Accounts known", "Accounts in the IAM facts.", f"max(sum by (instance) (rolegate_facts_accounts{{{I}}}))"),
    figure("Oldest facts", "Age of what is known of the account that was read longest ago.", f"max(time() - rolegate_facts_read_timestamp_seconds{{{I}}})", unit="s"),
    table("Policy in force", "Version and mode of the policy of each gate, on how many replicas, and the configuration that they belong to.", f"count by (gate, version, mode) (rolegate_policy_info{{{G}}})", names={"Value": "replicas"}),
    table("Configuration in force", "A hash over the effective values, by process.", f"group by (instance, version) (rolegate_config_info{{{I}}})", names={"Value": "is"}),
    lines("Reloads", "Within five minutes, by result: applied, unchanged, refused.", (f"sum by (result) (increase(rolegate_reloads_total{{{I}}}[5m]))", "{{result}}")),
    lines("Since the last reload", "Time since the policy in force was loaded.", (f"time() - rolegate_reload_timestamp_seconds{{{I}}}", "{{instance}}"), unit="s"),
    lines("Age of facts", "What is known of each account, by source: files are as old as the snapshot.", (f"max by (source, account) (time() - rolegate_facts_read_timestamp_seconds{{{I}}})", "{{account}} ({{source}})"), unit="s"),
    lines("Background reads", "Reads of AWS and of the cluster's catalogue and history within five minutes, by result.", (f"sum by (source, result) (increase(rolegate_facts_fetches_total{{{I}}}[5m]))", "{{source}}: {{result}}")),
    lines("Time of background reads", "All but one read in a hundred take less.", (quantile("rolegate_facts_fetch_seconds", "source, result", labels=I), "{{source}}: {{result}}"), unit="s"),
    lines("Age of the catalogue", "How long ago the cluster's catalogue was read, and how often it is to be.", (f"max by (gate) (time() - rolegate_catalog_read_timestamp_seconds{{{G}}})", "{{gate}}"), (f"max by (gate) (rolegate_catalog_refresh_seconds{{{G}}})", "{{gate}}: refresh"), unit="s"),
    lines("Readings of the catalogue", "Within five minutes, by result, and views that could not be read in full.", (f"sum by (gate, result) (increase(rolegate_catalog_readings_total{{{G}}}[5m]))", "{{gate}}: {{result}}"), (f"max by (gate) (sum by (gate, instance) (rolegate_catalog_gap{{{G}}}))", "{{gate}}: gaps")),
    lines("What the cluster stores", "Objects that keep or reach credentials, by kind.", (f"max by (gate, kind) (rolegate_catalog_objects{{{G}}})", "{{gate}}: {{kind}}")),
    lines("Attached roles", "Roles attached to the cluster, and how many can be.", (f"max by (gate) (rolegate_attached_roles{{{G}}})", "{{gate}}: attached"), (f"max by (gate) (rolegate_attached_roles_quota{{{G}}})", "{{gate}}: quota")),
    lines("Policy cache", "Share of the verdicts that the cache held.", (f'sum(rate(rolegate_policy_cache_requests_total{{{I}, result="hit"}}[$__rate_interval])) / sum(rate(rolegate_policy_cache_requests_total{{{I}}}[$__rate_interval]))', "hits"), unit="percentunit"),
    lines("Entries of the cache", "Verdicts in the caches, and those removed a second, by cause.", (f"sum(rolegate_policy_cache_entries{{{I}}})", "entries"), (rate("rolegate_policy_cache_evictions_total", "cause", I), "removed: {{cause}}")),
    lines("Not decided", "Findings a second that say that the facts do not tell: an unknown role (RG206), a condition (RG207).", (rate("rolegate_findings_total", "code", f'{G}, code=~"RG206|RG207"'), "{{code}}"), unit="reqps"),
    table("Rules that applied", "Organisation rules within the time shown. One that never applies is one too many, or one that is wrong.", f"sort_desc({grown('rolegate_rule_hits_total', 'rule, effect')})", names={"Value": "statements"}),
    table("Keys that wait for a restart", "The keys whose written value is not in force.", f"max by (instance, key) (rolegate_config_restart_pending{{{I}}}) > 0", names={"Value": "waits"}),
]

DASHBOARDS = {
    "overview": ("overview", OVERVIEW),
    "chains": ("role chains", CHAINS),
    "refusals": ("refusals and shadow", REFUSALS),
    "health": ("health and saturation", HEALTH),
    "policy": ("policy and facts", POLICY),
}


def variable(name: str, label: str, query: str) -> dict:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "refresh": 2,
        "sort": 1,
    }


def target(query: Query, number: int, panel: Panel) -> dict:
    made = {"refId": "ABCDEFGH"[number], "datasource": SOURCE, "expr": query.expr, "legendFormat": query.legend or "__auto"}
    if panel.kind in ("table", "stat"):
        made |= {"instant": True, "range": False}
    return made | ({"format": "table"} if panel.kind == "table" else {})


def defaults(panel: Panel) -> dict:
    made = {"unit": panel.unit, "min": 0} if panel.kind == "timeseries" else {"unit": panel.unit}
    if panel.kind == "timeseries":
        made["custom"] = {"fillOpacity": 30 if panel.stack else 5, "lineWidth": 1, "showPoints": "never", "stacking": {"mode": "normal" if panel.stack else "none"}}
    elif panel.unit == "short":
        made["decimals"] = 0
    if panel.steps:
        colours = zip(("orange", "red"), panel.steps, strict=False)
        made["thresholds"] = {"mode": "absolute", "steps": [{"color": "green", "value": None}, *({"color": colour, "value": value} for colour, value in colours)]}
    return made


def overrides(panel: Panel) -> list[dict]:
    if panel.kind != "timeseries":
        return []
    return [
        {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}]}
        for name, colour in GOOD_BAD.items()
    ]


def options(panel: Panel) -> dict:
    if panel.kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value", "graphMode": "none"}
    if panel.kind == "table":
        return {"showHeader": True, "cellHeight": "sm"}
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}


def render(panel: Panel, number: int, place: tuple[int, int]) -> dict:
    made = {
        "id": number,
        "title": panel.title,
        "description": panel.description,
        "type": panel.kind,
        "datasource": SOURCE,
        "gridPos": {"x": place[0], "y": place[1], "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": defaults(panel), "overrides": overrides(panel)},
        "options": options(panel),
        "targets": [target(query, place, panel) for place, query in enumerate(panel.queries)],
    }
    if panel.kind == "table":
        merge = [{"id": "merge", "options": {}}] if len(panel.queries) > 1 else []
        organize = {"excludeByName": {"Time": True, "job": True}, "renameByName": panel.names}
        made["transformations"] = [*merge, {"id": "organize", "options": organize}]
    return made


def laid_out(panels: list[Panel]) -> list[dict]:
    """The panels in rows of 24 columns, in their order."""
    x = y = tallest = 0
    made = []
    for number, panel in enumerate(panels, 1):
        if x + panel.width > 24:
            x, y, tallest = 0, y + tallest, 0
        made.append(render(panel, number, (x, y)))
        x, tallest = x + panel.width, max(tallest, panel.height)
    return made


def dashboard(name: str, title: str, panels: list[Panel]) -> dict:
    return {
        "title": f"rolegate: {title}",
        "uid": f"rolegate-{name}",
        "tags": ["rolegate"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "links": [{"type": "dashboards", "tags": ["rolegate"], "title": "rolegate", "asDropdown": True, "keepTime": True, "includeVars": True}],
        "templating": {
            "list": [
                {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
                variable("gate", "Gate", "label_values(rolegate_sessions_opened_total, gate)"),
                variable("instance", "Instance", "label_values(rolegate_build_info, instance)"),
            ]
        },
        "annotations": {
            "list": [
                {
                    "name": "Reloads",
                    "datasource": SOURCE,
                    "enable": True,
                    "expr": f"changes(rolegate_reload_timestamp_seconds{{{I}}}[2m]) > 0",
                    "iconColor": "blue",
                    "titleFormat": "{{instance}} loaded a new configuration",
                }
            ]
        },
        "panels": laid_out(panels),
    }


def files() -> dict[str, str]:
    """Each file's name and text."""
    return {
        f"rolegate-{name}.json": json.dumps(dashboard(name, title, panels), indent=1, ensure_ascii=False) + "\n"
        for name, (title, panels) in DASHBOARDS.items()
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text)
