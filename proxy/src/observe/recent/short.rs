//! A record in short, of a statement that is as long as messages may be.

use crate::gate::finding::Finding;
use crate::observe::audit::AuditRecord;
use crate::observe::recent::weight::{of_stored, of_use};

/// What is kept of each list.
const ENTRIES: usize = 16;

/// Bytes of an entry, and of a text within one.
const ENTRY_BYTES: usize = 4_096;
const TEXT_BYTES: usize = 1_024;

/// The same statement with the start of each list, and texts cut. It counts as truncated.
pub(super) fn in_short(record: &AuditRecord) -> AuditRecord {
    let uses = record.role_uses.iter().filter(|role_use| of_use(role_use) <= ENTRY_BYTES);
    let stored = record.stored_uses.iter().filter(|used| of_stored(used) <= ENTRY_BYTES);
    AuditRecord {
        id: record.id.clone(),
        gate: record.gate.clone(),
        cluster: record.cluster.clone(),
        session: record.session,
        backend_pid: record.backend_pid,
        user: record.user.clone(),
        login_user: record.login_user.clone(),
        database: record.database.clone(),
        application: record.application.clone(),
        client_address: record.client_address.clone(),
        client_port: record.client_port,
        tls_subject: record.tls_subject.clone(),
        groups: record.groups.iter().take(ENTRIES).cloned().collect(),
        kind: record.kind,
        would_be: record.would_be,
        action: record.action,
        mode: record.mode,
        exceptions: record.exceptions.iter().take(ENTRIES).cloned().collect(),
        break_glass: record.break_glass.clone(),
        verdict: record.verdict,
        shadow: record.shadow,
        nonce: record.nonce.clone(),
        sqlstate: record.sqlstate,
        policy_version: record.policy_version.clone(),
        facts_version: record.facts_version.clone(),
        facts_age_seconds: record.facts_age_seconds,
        decision_path: record.decision_path,
        decision_seconds: record.decision_seconds,
        role_uses: uses.take(ENTRIES).cloned().collect(),
        stored_uses: stored.take(ENTRIES).cloned().collect(),
        hops: record.hops.iter().take(ENTRIES).cloned().collect(),
        rules: record.rules.iter().take(ENTRIES).cloned().collect(),
        findings: record.findings.iter().take(ENTRIES).map(finding).collect(),
        fingerprint: record.fingerprint.clone(),
        statement: cut(&record.statement),
        truncated: true,
        start: record.start,
    }
}

fn finding(finding: &Finding) -> Finding {
    Finding {
        code: finding.code,
        severity: finding.severity,
        message: cut(&finding.message),
        detail: finding.detail.as_deref().map(cut),
        hint: finding.hint.as_deref().map(cut),
        lenience: finding.lenience.clone(),
        rule: finding.rule.clone(),
        credential: finding.credential.clone().filter(|credential| credential.len() <= TEXT_BYTES),
        ..*finding
    }
}

fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(TEXT_BYTES)).unwrap_or_default().to_owned()
}
