"""What each alert must do, as series for `promtool test rules`: fire, ignore one blip, see the first failures of a fresh process, and
last until its cause is gone. Series are one sample a minute in promtool's notation; a blank first minute is written `_`."""

from dataclasses import dataclass

# A process that has run for long, and one that starts at a given minute.
OLD = {'process_start_time_seconds{job="rolegate", instance="i"}': "-900000x3000"}
I = 'job="rolegate", instance="i"'
G = f'{I}, gate="g"'


def fresh(minute: int) -> dict[str, str]:
    return {f"process_start_time_seconds{{{I}}}": f"_x{minute} {minute * 60}x300"}


@dataclass(frozen=True)
class Case:
    """Series, and how many alerts of the name fire at which minute."""

    series: dict[str, str]
    firing: dict[int, int]


@dataclass(frozen=True)
class Cases:
    fires: Case
    blip: Case
    fresh: Case
    clears: Case


def counted(series: str, fires: int, blip: int, window: int, every: float = 1) -> Cases:
    """Cases of an alert on what a counter grows by within `window` minutes: `fires` are enough, `blip` are not (0: one is enough, and the
    blip is a restart, which counts nothing). It lasts for as long as the counter grows, and for one window more."""
    steady = f"0x20 0+{fires}x60 {fires * 60}x{window + 40}"
    return Cases(
        fires=Case({**OLD, series: f"0x20 0+{fires}x30"}, {19: 0, 45: 1}),
        blip=Case({**OLD, series: f"0x20 {blip}x60" if blip else "7x20 0x60"}, {19: 0, 25: 0, 40: 0}),
        fresh=Case({**fresh(20), series: f"_x20 {fires}x60"}, {19: 0, 20 + min(window, 10) - 1: 1}),
        clears=Case({**OLD, series: steady}, {45: 1, 70: 1, 80: 1, 80 + window + 12: 0}),
    )


def gauge(series: dict[str, str], good: str, bad: str, wait: int, others: dict[str, str] | None = None) -> Cases:
    """Cases of an alert on a gauge that must be `bad` for `wait` minutes."""
    (name,) = series
    others = others or {}
    gone = "stale _" if good == "_" else good
    return Cases(
        fires=Case({**others, name: f"{good}x10 {bad}x{wait + 30}"}, {9: 0, 10 + wait + 3: 1}),
        blip=Case({**others, name: f"{good}x10 {bad} {gone}x{wait + 30}"}, {11: 0, 10 + wait + 3: 0}),
        fresh=Case({**others, name: f"_x10 {bad}x{wait + 30}"}, {9: 0, 10 + wait + 3: 1}),
        clears=Case({**others, name: f"{good}x10 {bad}x{wait + 300} {gone}x20"}, {10 + wait + 290: 1, 10 + wait + 303: 0}),
    )


def refused(action="reject", would_be="reject", mode="enforce"):
    return f'rolegate_verdicts_total{{{G}, kind="copy", would_be="{would_be}", action="{action}", mode="{mode}"}}'


def finding(code):
    return f'rolegate_findings_total{{{G}, code="{code}", severity="reject"}}'


def outcome(word):
    return f'rolegate_statement_outcomes_total{{{G}, kind="copy", outcome="{word}"}}'


ERRORS = f'rolegate_upstream_errors_total{{{G}, reason="refused"}}'
CERTIFICATE = f'rolegate_tls_certificate_not_after_timestamp_seconds{{{G}, leg="frontend", name="gate.crt"}}'
READ = f'rolegate_facts_read_timestamp_seconds{{{I}, source="aws", account="123456789012"}}'
CATALOG, REFRESH = (f"rolegate_catalog_{name}_seconds{{{G}}}" for name in ("read_timestamp", "refresh"))
CONNECTS = f"rolegate_upstream_connect_seconds_count{{{G}}}"
FAILED = f'rolegate_tls_handshakes_total{{{G}, side="frontend", result="failed"}}'
GOOD = f'rolegate_tls_handshakes_total{{{G}, side="frontend", result="ok"}}'
SLOW = [f'rolegate_decision_seconds_bucket{{{G}, path="cold", le="{le}"}}' for le in ("0.001", "0.01", "0.1", "+Inf")]
CHAIN = f'rolegate_chain_uses_total{{{G}, chain="1/A>2/B", user="etl", kind="copy", verdict="forward", via="statement", would_be="forward"}}'
INFO = f'rolegate_policy_info{{{G}, version="v1", mode="enforce"}}'
SHADOW = f'rolegate_policy_info{{{G}, version="v1", mode="shadow"}}'
OTHER = 'rolegate_policy_info{job="rolegate", instance="j", gate="g", version="v2", mode="enforce"}'
FETCH = {result: f'rolegate_facts_fetches_total{{{I}, source="aws", result="{result}"}}' for result in ("ok", "failed")}
RECORDS, CHECKPOINTS = f"rolegate_audit_records_total{{{I}}}", f"rolegate_audit_checkpoints_total{{{I}}}"


def slow(first: str, rest: str) -> dict[str, str]:
    """A histogram whose observations are at most 1 ms as `first` says, and at most 100 ms as `rest` says."""
    return {SLOW[0]: first, SLOW[1]: first, SLOW[2]: rest, SLOW[3]: rest}


CASES = {
    "RolegateDown": gauge({f"up{{{I}}}": ""}, "1", "0", 2),
    "RolegateAbsent": Cases(
        fires=Case({f"up{{{I}}}": "1x10"}, {9: 0, 30: 1}),
        blip=Case({f"up{{{I}}}": "1x10 _x3 1x20"}, {14: 0, 20: 0}),
        fresh=Case({'up{job="other"}': "1x30"}, {2: 0, 8: 1}),
        clears=Case({f"up{{{I}}}": "_x200 1x20"}, {100: 1, 199: 1, 205: 0}),
    ),
    "RolegateRestarting": Cases(
        fires=Case({f"process_start_time_seconds{{{I}}}": "0x20 1200x5 1500x5 1800x30"}, {19: 0, 28: 0, 33: 1}),
        blip=Case({f"process_start_time_seconds{{{I}}}": "0x20 1200x60"}, {25: 0, 60: 0}),
        fresh=Case({f"process_start_time_seconds{{{I}}}": "_x20 1200 1260 1320 1380 1440x20"}, {19: 0, 25: 1}),
        clears=Case({f"process_start_time_seconds{{{I}}}": "0+60x60 3600x60"}, {30: 1, 60: 1, 85: 1, 95: 0}),
    ),
    "RolegateBackendUnreachable": Cases(
        fires=Case({**OLD, ERRORS: "0x10 0+2x20", CONNECTS: "5x40"}, {9: 0, 17: 1}),
        blip=Case({**OLD, ERRORS: "0x10 1x40", CONNECTS: "5x50"}, {13: 0, 20: 0}),
        fresh=Case({**fresh(20), ERRORS: "_x20 4x40", CONNECTS: "_x20 0x40"}, {19: 0, 24: 1}),
        # Nobody tries for two hours; then somebody gets through.
        clears=Case({**OLD, ERRORS: "0x10 0+2x10 20x200", CONNECTS: "5x150 7x50"}, {20: 1, 60: 1, 149: 1, 155: 0, 170: 0}),
    ),
    "RolegateBackendErrors": Cases(
        fires=Case({**OLD, ERRORS: "0x10 0+2x40", CONNECTS: "0+5x50"}, {9: 0, 30: 1}),
        blip=Case({**OLD, ERRORS: "0x10 3x40", CONNECTS: "0+5x50"}, {12: 0, 16: 0, 25: 0}),
        fresh=Case({**fresh(20), ERRORS: "_x20 4+2x40", CONNECTS: "_x20 3+3x40"}, {19: 0, 26: 1}),
        clears=Case({**OLD, ERRORS: "0x10 0+2x200 400x30", CONNECTS: "0+5x240"}, {100: 1, 209: 1, 220: 0}),
    ),
    "RolegateTlsHandshakesFailing": Cases(
        fires=Case({**OLD, FAILED: "0x20 0+2x40", GOOD: "0+3x60"}, {19: 0, 45: 1}),
        blip=Case({**OLD, FAILED: "0x20 1x40", GOOD: "5x60"}, {25: 0, 40: 0}),
        fresh=Case({**fresh(20), FAILED: "_x20 8x40", GOOD: "_x20 0x40"}, {19: 0, 27: 1}),
        clears=Case({**OLD, FAILED: "0x20 0+2x200 400x40", GOOD: "0+3x260"}, {100: 1, 219: 1, 235: 0}),
    ),
    "RolegateSessionsRefused": counted(f'rolegate_sessions_refused_total{{{G}, reason="limit_total"}}', 5, 1, 10),
    "RolegateSessionsNearLimit": gauge({f'rolegate_sessions{{{G}, state="idle"}}': ""}, "10", "4500", 5, {f'rolegate_limit{{{G}, limit="sessions"}}': "5000x500"}),
    "RolegateDescriptorsNearLimit": gauge({f"process_open_fds{{{I}}}": ""}, "100", "900", 5, {f"process_max_fds{{{I}}}": "1000x500"}),
    "RolegateDecisionSlow": Cases(
        fires=Case(slow("0+10x20 200+5x40", "0+10x60"), {19: 0, 45: 1}),
        blip=Case(slow("0+200x20 3999+200x40", "0+200x60"), {25: 0, 40: 0}),
        fresh=Case(slow("_x20 0+5x40", "_x20 0+10x40"), {19: 0, 36: 1}),
        clears=Case(slow("0+5x200 1005+10x40", "0+10x240"), {100: 1, 199: 1, 225: 0}),
    ),
    "RolegateCertificateExpiring": gauge({CERTIFICATE: ""}, "9000000", "600000", 10),
    "RolegateCertificateExpired": gauge({CERTIFICATE: ""}, "9000000", "100000", 2),
    "RolegatePanicked": counted(f"rolegate_panics_total{{{I}}}", 1, 0, 60),
    "RolegateErrorsLogged": counted(f'rolegate_log_messages_total{{{I}, level="error"}}', 3, 1, 60),
    "RolegateRefusalsSurge": Cases(
        # Usually one in ten minutes, then one in each.
        fires=Case({**OLD, refused(): "0 0 0 0 0 0 0 0 0 0 1x9 2x9 3x9 4x9 5x9 6x9 7+3x40"}, {60: 0, 90: 1}),
        blip=Case({**OLD, refused(): "0x60 1x60"}, {62: 0, 75: 0}),
        fresh=Case({**fresh(20), refused(): "_x20 12+3x200"}, {19: 0, 24: 1, 200: 1}),
        # For two days, longer than the day that says what is usual; then somewhat more than before, which is not nothing.
        clears=Case({**OLD, refused(): "0+0.9x200 181+30x2900 87182+2x60"}, {199: 0, 220: 1, 1800: 1, 3100: 1, 3130: 0}),
    ),
    "RolegateWouldBeRefused": counted(refused("annotate", mode="shadow"), 3, 1, 60),
    "RolegateNewChain": Cases(
        fires=Case({INFO: "1x3000", CHAIN: "0x2000 1x1000"}, {1999: 0, 2010: 1}),
        blip=Case({INFO: "1x2000 _x20 1x1000", CHAIN: "1x2000 _x20 1x1000"}, {1999: 0, 2030: 0}),
        fresh=Case({INFO: "1x3000", CHAIN: "_x2000 1x1000"}, {1999: 0, 2010: 1}),
        clears=Case({INFO: "1x4000", CHAIN: "0x2000 1x100 _x100 1x1800"}, {2010: 1, 3400: 1, 3450: 0}),
    ),
    "RolegateStaticKeys": counted(f'rolegate_role_uses_total{{{G}, kind="copy", method="access_keys", verdict="annotate"}}', 1, 0, 60),
    "RolegateUnreadableStatements": counted(finding("RG105"), 5, 1, 10),
    "RolegateEnforcementOff": Cases(
        fires=Case({INFO: "1x10 stale", SHADOW: "_x10 1x60"}, {9: 0, 30: 1}),
        # Replicas that change over to enforcement one by one, and a replica in shadow mode for some minutes.
        blip=Case({INFO: "_x20 1x70", SHADOW: "1x27 stale", SHADOW.replace('"i"', '"j"'): "_x50 1x5 stale"}, {10: 0, 27: 0, 40: 0, 60: 0, 75: 0}),
        fresh=Case({INFO: "1x90", SHADOW.replace('"i"', '"j"'): "_x15 1x70"}, {14: 0, 35: 1}),
        clears=Case({INFO: "1x10 stale _x590 1x40", SHADOW: "_x10 1x600 stale"}, {300: 1, 600: 1, 615: 0}),
    ),
    "RolegateBreakGlassUsed": counted(f"rolegate_break_glass_total{{{G}}}", 1, 0, 60),
    "RolegateUnseenStatements": counted(f'rolegate_unseen_statements_total{{{G}, kind="copy"}}', 1, 0, 60),
    "RolegateStoredRolesDrifted": counted(f'rolegate_catalog_drift_total{{{G}, kind="external_schema", change="appeared"}}', 1, 0, 60),
    "RolegateExceptionEnding": gauge({f'rolegate_exceptions{{{I}, days_left="week"}}': ""}, "0", "1", 10),
    "RolegateLoginFailuresSurge": counted(f'rolegate_logins_total{{{G}, result="password"}}', 20, 3, 10),
    "RolegateStatementsFail": Cases(
        fires=Case({**OLD, outcome("failed"): "0x20 0+2x40", outcome("completed"): "0+1x60"}, {19: 0, 45: 1}),
        blip=Case({**OLD, outcome("failed"): "0x20 1x40", outcome("completed"): "5x60"}, {25: 0, 40: 0}),
        fresh=Case({**fresh(20), outcome("failed"): "_x20 8x40", outcome("completed"): "_x20 0x40"}, {19: 0, 27: 1}),
        clears=Case({**OLD, outcome("failed"): "0x20 0+2x200 400x40", outcome("completed"): "0+1x260"}, {100: 1, 219: 1, 235: 0}),
    ),
    "RolegatePolicyUndecided": counted(finding("RG207"), 5, 1, 10),
    "RolegateCatalogUnread": Cases(
        fires=Case({REFRESH: "_x10 300x30"}, {9: 0, 18: 1}),
        blip=Case({REFRESH: "_x10 300x40", CATALOG: "_x13 780x40"}, {12: 0, 30: 0}),
        fresh=Case({REFRESH: "300x30"}, {3: 0, 8: 1}),
        clears=Case({REFRESH: "300x100", CATALOG: "_x50 3000x50"}, {40: 1, 49: 1, 55: 0}),
    ),
    # Read every five minutes, and old after twenty.
    "RolegateCatalogStale": Cases(
        fires=Case({REFRESH: "300x60", CATALOG: "0x60"}, {19: 0, 30: 1}),
        blip=Case({REFRESH: "300x60", CATALOG: "0x22 1380x30"}, {24: 0, 40: 0}),
        fresh=Case({REFRESH: "_x60 300x60", CATALOG: "_x60 0x60"}, {59: 0, 70: 1}),
        clears=Case({REFRESH: "300x120", CATALOG: "0x80 4860x40"}, {50: 1, 79: 1, 85: 0}),
    ),
    # Files may be a week old, what AWS says an hour.
    "RolegateFactsStale": Cases(
        fires=Case({READ: "0x100", READ.replace("aws", "file"): "0x100"}, {60: 0, 75: 1}),
        blip=Case({READ: "0x62 3720x40"}, {61: 0, 75: 0, 100: 0}),
        fresh=Case({READ: "_x100 0x40"}, {99: 0, 115: 1}),
        clears=Case({READ: "0x300 18000x40", READ.replace("aws", "file"): "0x340"}, {100: 1, 299: 1, 305: 0}),
    ),
    "RolegateFactsFetchFailing": Cases(
        fires=Case({**OLD, FETCH["ok"]: "0+1x5 5x60", FETCH["failed"]: "0x6 0+1x60"}, {6: 0, 50: 1}),
        blip=Case({**OLD, FETCH["ok"]: "0 0 0 0 0 1 1 1 1 1 2 2 2 2 2 2 2 2 2 2 3x40", FETCH["failed"]: "0x15 1x60"}, {18: 0, 30: 0, 36: 0}),
        fresh=Case({**fresh(20), FETCH["ok"]: "_x20 0x40", FETCH["failed"]: "_x20 2x40"}, {19: 0, 27: 1}),
        clears=Case({**OLD, FETCH["ok"]: "0x300 1x60", FETCH["failed"]: "0+1x300 300x60"}, {100: 1, 299: 1, 303: 0}),
    ),
    "RolegateReloadRefused": gauge({f"rolegate_config_last_reload_successful{{{I}}}": ""}, "1", "0", 2),
    "RolegateRestartPending": gauge({f'rolegate_config_restart_pending{{{I}, key="log.format"}}': ""}, "0", "1", 60),
    "RolegatePolicyDiffers": gauge({OTHER: ""}, "_", "1", 15, {INFO: "1x500"}),
    "RolegateAttachedRolesNearQuota": gauge({f"rolegate_attached_roles{{{G}}}": ""}, "10", "48", 15, {f"rolegate_attached_roles_quota{{{G}}}": "50x500"}),
    "RolegateAuditFailing": gauge({f"rolegate_audit_failing{{{I}}}": ""}, "0", "1", 2),
    "RolegateAuditRecordsLost": counted(f"rolegate_audit_dropped_total{{{I}}}", 1, 0, 60),
    "RolegateAuditRefusesStatements": counted(f"rolegate_audit_refused_statements_total{{{I}}}", 1, 0, 10),
    "RolegateAuditQueueFilling": gauge({f"rolegate_audit_queue_records{{{I}}}": ""}, "0", "6000", 2, {f"rolegate_audit_queue_limit_records{{{I}}}": "8192x500"}),
    "RolegateCheckpointsStopped": Cases(
        fires=Case({**OLD, RECORDS: "0+5x90", CHECKPOINTS: "0+1x20 20x70"}, {19: 0, 70: 1}),
        blip=Case({**OLD, RECORDS: "0+5x90", CHECKPOINTS: "0+1x20 20x5 21+1x60"}, {25: 0, 70: 0}),
        fresh=Case({**fresh(20), RECORDS: "_x20 1+5x90", CHECKPOINTS: "_x20 0x90"}, {19: 0, 40: 0, 65: 1}),
        clears=Case({**OLD, RECORDS: "0+5x300", CHECKPOINTS: "0x200 1+1x60"}, {100: 1, 199: 1, 205: 0}),
    ),
    "RolegateLabelOverflow": counted(f'rolegate_label_overflow_total{{{I}, family="rolegate_hops_total"}}', 1, 0, 60),
}
