//! Counts and records uses of stored credentials, which are no part of what a client is told of them.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use crate::gate::verdict::JudgedStatement;
use crate::observe::audit::{AuditEvent, AuditRecord, StoredRecords};
use crate::observe::metrics::{FactsSay, JudgedLabels};
use crate::session::notes::SessionNumbers;
use crate::session::record::{self, Decided, account_and_name};
use crate::session::service::Service;
use crate::session::statements::VerdictFor;

/// Uses that a session remembers to have recorded. One with more begins anew.
const MAX_REMEMBERED: usize = 1024;

/// The uses that were recorded of a session.
#[derive(Debug, Default)]
pub(crate) struct RecordedUses(HashSet<u64>);

impl RecordedUses {
    /// Whether a use of a statement was not recorded yet.
    pub(crate) fn is_first(&mut self, user: &str, statement: &JudgedStatement) -> bool {
        if self.0.len() >= MAX_REMEMBERED {
            self.0.clear();
        }
        let mut is_first = false;
        for one in &statement.stored {
            let mut hasher = DefaultHasher::new();
            (user, one.via, &one.object, &one.roles, statement.action, statement.would_be).hash(&mut hasher);
            is_first |= self.0.insert(hasher.finish());
        }
        is_first
    }
}

/// Counts the uses of a message, and gives the numbers of the statements that are to be recorded for them.
pub(crate) fn count(service: &Service, ruled: &VerdictFor, recorded: &mut RecordedUses) -> Vec<usize> {
    let user = &ruled.principal.user;
    let records = service.audit.stored_uses();
    let mut numbers = Vec::new();
    let statements = ruled.verdict.statements.iter().enumerate().filter(|(_, statement)| !statement.stored.is_empty());
    for (number, statement) in statements {
        let JudgedStatement { kind, would_be, action, .. } = *statement;
        let labels = JudgedLabels { user, kind, would_be, action, id: None };
        for one in &statement.stored {
            let names: Vec<String> = one.roles.iter().map(|role| account_and_name(role)).collect();
            let chain = if names.is_empty() { one.method.to_owned() } else { names.join(">") };
            // The cluster vouches for what it stores.
            service.metrics.chain_use(&chain, names.len(), FactsSay::Known, one.via, &labels);
        }
        let is_recorded = match records {
            StoredRecords::Off => false,
            StoredRecords::First => recorded.is_first(user, statement),
            StoredRecords::All => true,
        };
        if is_recorded && !statement.is_told() {
            numbers.push(number);
        }
    }
    numbers
}

/// The records of these statements of a message.
#[must_use]
pub(crate) fn events(
    service: &Service,
    numbers: SessionNumbers,
    ruled: &VerdictFor,
    text: &[u8],
    (decided, recorded): (Decided, &[usize]),
) -> Vec<AuditEvent> {
    let policy = service.gate.policy();
    let VerdictFor { verdict, principal } = ruled;
    let circumstances = record::circumstances(service, &policy, (numbers, principal, text), decided);
    let statements = recorded.iter().filter_map(|number| verdict.statements.get(*number));
    let record = |statement| {
        let record = AuditRecord::of(&circumstances, verdict, statement);
        AuditEvent::Verdict(Arc::new(AuditRecord { id: service.next_id(), ..record }))
    };
    statements.map(record).collect()
}
