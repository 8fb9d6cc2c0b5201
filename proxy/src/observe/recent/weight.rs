//! How much memory a record takes, about: what sessions choose counts to the byte.

use std::mem::size_of;

use crate::gate::finding::Finding;
use crate::gate::stored::JudgedStored;
use crate::gate::verdict::{JudgedHop, JudgedUse};
use crate::observe::audit::AuditRecord;

/// What keeping a record takes beside the record: its places in the store's tables.
const PLACES: usize = 256;

/// What a string takes beside its bytes.
const STRING: usize = size_of::<String>();

/// Bytes that a record takes.
pub(super) fn weight(record: &AuditRecord) -> usize {
    let required = [&record.gate, &record.user, &record.login_user, &record.database, &record.application];
    let more = [&record.policy_version, &record.fingerprint, &record.statement];
    let optional = [&record.cluster, &record.client_address, &record.tls_subject, &record.break_glass, &record.nonce];
    let names = record.groups.iter().chain(&record.exceptions).map(|name| STRING.saturating_add(name.len()));
    let rules = record.rules.iter().map(|rule| size_of_val(rule).saturating_add(rule.id.len()));
    let parts = required.into_iter().chain(more).map(String::len);
    let parts = parts.chain(optional.into_iter().flatten().map(String::len)).chain(names).chain(rules);
    let parts = parts.chain(record.role_uses.iter().map(of_use)).chain(record.hops.iter().map(of_hop));
    let parts = parts.chain(record.findings.iter().map(of_finding)).chain(record.stored_uses.iter().map(of_stored));
    parts.fold(size_of::<AuditRecord>().saturating_add(PLACES), usize::saturating_add)
}

pub(super) fn of_use(role_use: &JudgedUse) -> usize {
    let roles = role_use.roles.iter().map(|role| STRING.saturating_add(role.len()));
    let roles = roles.fold(0, usize::saturating_add);
    let target = role_use.target.as_ref().map_or(0, |target| target.name().len());
    // The method holds the roles once more, as the literal that they were split from.
    size_of::<JudgedUse>().saturating_add(roles.saturating_mul(2)).saturating_add(target)
}

pub(super) fn of_stored(used: &JudgedStored) -> usize {
    let names = used.roles.iter().chain(&used.through).map(|name| STRING.saturating_add(name.len()));
    names.fold(size_of::<JudgedStored>().saturating_add(used.object.len()), usize::saturating_add)
}

fn of_hop(hop: &JudgedHop) -> usize {
    size_of::<JudgedHop>().saturating_add(hop.source.len()).saturating_add(hop.target.len())
}

fn of_finding(finding: &Finding) -> usize {
    let told = [Some(&finding.message), finding.detail.as_ref(), finding.hint.as_ref()];
    let told = told.into_iter().flatten().map(String::len);
    told.fold(size_of::<Finding>(), usize::saturating_add)
}
