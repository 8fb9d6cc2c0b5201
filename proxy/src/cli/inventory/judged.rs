//! What facts and rules say of a stored credential today, as if its owner stored it now.

use jiff::Timestamp;

use crate::catalog::{ObjectKind, StoredCredential, StoredObject, StoredRole};
use crate::gate::enforcement::Action;
use crate::gate::finding::Finding;
use crate::gate::policy::Policy;
use crate::gate::principal::{Attributes, Principal};
use crate::sql::{Analysis, Method, RoleUse, Statement, StatementKind, Watch};

/// What enforcement would do, and why.
#[derive(Debug)]
pub(super) struct StoredVerdict {
    pub would_be: Action,
    pub findings: Vec<Finding>,
}

/// Judges a credential of an object; `None` where it is not known or there is nothing to judge.
pub(super) fn judge(
    policy: &Policy,
    object: &StoredObject,
    role: &StoredRole,
    now: Timestamp,
) -> Option<StoredVerdict> {
    let method = match &role.credential {
        StoredCredential::Chain(chain) => Method::Chain(chain.to_string()),
        StoredCredential::Default => Method::Default,
        StoredCredential::Session => Method::Session,
        StoredCredential::All => Method::All,
        StoredCredential::Keys => Method::AccessKeys,
        StoredCredential::Cut(_) | StoredCredential::Hidden | StoredCredential::Unknown(_) => return None,
    };
    let kind = match object.kind {
        ObjectKind::ExternalSchema => StatementKind::CreateExternalSchema,
        ObjectKind::ExternalFunction => StatementKind::CreateExternalFunction,
        ObjectKind::Model => StatementKind::CreateModel,
        ObjectKind::CopyJob => StatementKind::CopyJob,
        ObjectKind::IdentityProvider => StatementKind::CreateIdentityProvider,
        ObjectKind::Procedure => StatementKind::CreateProcedure,
        ObjectKind::AssumeroleGrant => StatementKind::GrantAssumerole,
        ObjectKind::Datashare => StatementKind::CreateDatabase,
        ObjectKind::View | ObjectKind::Function | ObjectKind::DefaultRole | ObjectKind::AttachedRole => return None,
    };
    let role_use = RoleUse { clause: role.clause, method, span: 0..0, target: object.target.clone(), within: None };
    let statement = Statement {
        kind,
        span: 0..0,
        role_uses: vec![role_use],
        faults: Vec::new(),
        effects: Vec::new(),
        watch: Watch::default(),
    };
    let owner = object.owner.as_deref().unwrap_or_default();
    let database = object.name.database.as_deref().unwrap_or_default().to_owned();
    let principal = Principal::new(Attributes { database, ..Attributes::of_login(owner) });
    let verdict = policy.judge(b"", Analysis { statements: vec![statement] }, &principal, now);
    let judged = verdict.statements.into_iter().next()?;
    Some(StoredVerdict { would_be: judged.would_be, findings: judged.findings })
}
