//! The inventory as data: what is stored, what of it is allowed, what is not known.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{
    Casing, Catalog, LearnedFrom, NameRef, NamedAs, ObjectKind, StoredCredential, StoredObject, StoredRole,
};
use crate::chain::RoleArn;
use crate::cli::inventory::judged::judge;
use crate::cli::inventory::usage::Usage;
use crate::gate::policy::Policy;
use crate::iam::DefaultRole;

/// What is looked at, and by what.
pub(super) struct InventorySubject<'a> {
    pub catalog: &'a Catalog,
    pub policy: &'a Policy,
    pub usage: Option<&'a Usage>,
    pub role: Option<&'a RoleArn>,
}

/// The whole inventory.
#[derive(Debug, Serialize)]
pub(super) struct InventoryReport {
    pub objects: Vec<InventoryRow>,
    /// Roles attached to the cluster that nothing stored, and no recorded statement, begins with.
    pub attached_unused: Vec<String>,
    pub unknown: Vec<UnknownView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleAnswer>,
}

/// One credential of one object.
#[derive(Debug, Serialize)]
pub(super) struct InventoryRow {
    pub kind: &'static str,
    pub database: Option<String>,
    pub schema: Option<String>,
    pub name: String,
    pub owner: Option<String>,
    pub grantees: Option<Vec<String>>,
    pub clause: &'static str,
    pub method: &'static str,
    /// The roles with a comma between them; null where it is no chain or not known.
    pub chain: Option<String>,
    /// Why it is not known.
    pub reason: Option<String>,
    /// Stored objects that this one reads: for views, functions and procedures.
    pub reads: Vec<String>,
    pub would_be: Option<&'static str>,
    pub codes: Vec<&'static str>,
    pub findings: Vec<InventoryFinding>,
    /// RFC 3339; null where no recorded statement names it, or none was given.
    pub last_used: Option<String>,
    pub learned_from: String,
}

/// Why a credential would be refused, and what helps.
#[derive(Debug, Serialize)]
pub(super) struct InventoryFinding {
    pub code: &'static str,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

/// A system view of which not everything is known.
#[derive(Debug, Serialize)]
pub(super) struct UnknownView {
    pub view: &'static str,
    pub reason: String,
}

/// What follows from removing a role.
#[derive(Debug, Serialize)]
pub(super) struct RoleAnswer {
    pub role: String,
    pub attached: bool,
    pub default: bool,
    /// Stored objects that stop working.
    pub breaks: Vec<String>,
    /// What still names the role afterwards: whoever makes a role of its name again is given what they lead to.
    pub stays_open: Vec<String>,
    /// Objects whose credentials are not known, so that they may name it.
    pub cannot_tell: usize,
}

impl InventoryReport {
    pub(super) fn of(subject: &InventorySubject<'_>) -> Self {
        let now = Timestamp::now();
        let concerned = |object: &StoredObject, role: &StoredRole| {
            subject.role.is_none_or(|wanted| names(subject, object, role, wanted))
        };
        let mut objects = Vec::new();
        for object in subject.catalog.objects() {
            if object.roles.is_empty() && object.kind != ObjectKind::Datashare && subject.role.is_none() {
                objects.push(row(subject, object, None, now));
            }
            let roles = object.roles.iter().filter(|role| concerned(object, role));
            objects.extend(roles.map(|role| row(subject, object, Some(role), now)));
        }
        let unknown = subject.catalog.views().iter().filter_map(|((view, _), state)| {
            Some(UnknownView { view: view.as_str(), reason: state.gap()?.to_owned() })
        });
        Self {
            objects,
            attached_unused: if subject.role.is_some() { Vec::new() } else { attached_unused(subject) },
            unknown: unknown.collect(),
            role: subject.role.map(|role| answer(subject, role)),
        }
    }
}

fn row(
    subject: &InventorySubject<'_>,
    object: &StoredObject,
    role: Option<&StoredRole>,
    now: Timestamp,
) -> InventoryRow {
    let verdict = role.and_then(|role| judge(subject.policy, object, role, now));
    let findings = verdict.as_ref().map(|verdict| verdict.findings.as_slice()).unwrap_or_default();
    let (method, chain, reason) = credential(role.map(|role| &role.credential));
    let own = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    let last = subject.usage.and_then(|usage| usage.of(&object.name.to_string()));
    InventoryRow {
        kind: object.kind.as_str(),
        database: own(&object.name.database),
        schema: own(&object.name.schema),
        name: object.name.name.to_string(),
        owner: own(&object.owner),
        grantees: object.grantees.as_ref().map(|names| names.iter().map(ToString::to_string).collect()),
        clause: role.map_or("none", |role| role.clause.as_str()),
        method,
        chain,
        reason,
        reads: reads(subject.catalog, object),
        would_be: verdict.as_ref().map(|verdict| verdict.would_be.as_str()),
        codes: findings.iter().map(|finding| finding.code.as_str()).collect::<BTreeSet<_>>().into_iter().collect(),
        findings: findings
            .iter()
            .map(|finding| InventoryFinding {
                code: finding.code.as_str(),
                message: finding.message.clone(),
                detail: finding.detail.clone(),
                hint: finding.hint.clone(),
            })
            .collect(),
        last_used: last.filter(|at| *at != Timestamp::UNIX_EPOCH).map(|at| at.to_string()),
        learned_from: match object.from {
            LearnedFrom::View(view) => view.to_string(),
            LearnedFrom::Statement(kind) => kind.to_string(),
            LearnedFrom::Facts => "facts".to_owned(),
        },
    }
}

/// The word for a credential, its chain, and why it is not known.
fn credential(credential: Option<&StoredCredential>) -> (&'static str, Option<String>, Option<String>) {
    let Some(credential) = credential else { return ("none", None, None) };
    let reason = match credential {
        StoredCredential::Unknown(reason) => Some(reason.to_string()),
        StoredCredential::Cut(begins) => Some(format!("cut by the cluster; it begins with {begins}")),
        StoredCredential::Hidden => Some("blanked by the cluster".to_owned()),
        _ => None,
    };
    (credential.as_str(), credential.chain().map(ToString::to_string), reason)
}

/// What a view, function or procedure reaches that is stored elsewhere.
fn reads(catalog: &Catalog, object: &StoredObject) -> Vec<String> {
    let named_as = match object.kind {
        ObjectKind::View => NamedAs::Relation,
        ObjectKind::Procedure => NamedAs::Procedure,
        ObjectKind::Function => NamedAs::Function,
        _ => return Vec::new(),
    };
    let name = NameRef {
        database: object.name.database.as_deref(),
        schema: object.name.schema.as_deref(),
        name: &object.name.name,
    };
    let used = catalog.uses(named_as, name, Casing::Exact).filter(|used| !used.through.is_empty());
    used.map(|used| used.object.name.to_string()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The role that `default` stands for.
fn default_role(policy: &Policy) -> Option<&RoleArn> {
    let iam = policy.iam()?;
    match iam.facts.cluster(&iam.cluster)?.default_role() {
        DefaultRole::Is(role) => Some(role),
        _ => None,
    }
}

fn names(subject: &InventorySubject<'_>, object: &StoredObject, role: &StoredRole, wanted: &RoleArn) -> bool {
    match &role.credential {
        StoredCredential::Chain(chain) => chain.roles().contains(wanted),
        StoredCredential::Default => default_role(subject.policy) == Some(wanted),
        StoredCredential::All => object.kind == ObjectKind::AssumeroleGrant,
        _ => false,
    }
}

fn attached_unused(subject: &InventorySubject<'_>) -> Vec<String> {
    let Some(iam) = subject.policy.iam() else { return Vec::new() };
    let Some(cluster) = iam.facts.cluster(&iam.cluster) else { return Vec::new() };
    let stored = |role: &RoleArn| {
        let begins = |kept: &StoredRole| match &kept.credential {
            StoredCredential::Chain(chain) => chain.roles().first() == Some(role),
            StoredCredential::Default => default_role(subject.policy) == Some(role),
            _ => false,
        };
        subject.catalog.objects().iter().any(|object| object.roles.iter().any(begins))
    };
    let ran = |role: &RoleArn| {
        subject.usage.is_some_and(|usage| {
            usage.names_first(role.as_str()) || (usage.uses_default() && default_role(subject.policy) == Some(role))
        })
    };
    let unused = cluster.attached_roles().into_iter().filter(|role| !stored(role) && !ran(role));
    unused.map(|role| role.to_string()).collect()
}

fn answer(subject: &InventorySubject<'_>, role: &RoleArn) -> RoleAnswer {
    let (mut breaks, mut stays_open, mut cannot_tell) = (BTreeSet::new(), BTreeSet::new(), 0_usize);
    let mut broken = BTreeSet::new();
    for object in subject.catalog.objects() {
        for kept in &object.roles {
            let label = format!("{} {}", object.kind, object.name);
            cannot_tell = cannot_tell.saturating_add(usize::from(!kept.credential.is_known()));
            if !names(subject, object, kept, role) {
                continue;
            }
            if object.kind != ObjectKind::AssumeroleGrant {
                breaks.insert(label.clone());
                broken.insert(object.name.to_string());
            }
            if kept.credential.chain().is_some() {
                stays_open.insert(label);
            }
        }
    }
    // What reads an object may stand before it.
    for object in subject.catalog.objects() {
        if reads(subject.catalog, object).iter().any(|name| broken.contains(name)) {
            breaks.insert(format!("{} {}", object.kind, object.name));
        }
    }
    let iam = subject.policy.iam();
    let cluster = iam.and_then(|iam| iam.facts.cluster(&iam.cluster));
    RoleAnswer {
        role: role.to_string(),
        attached: cluster.is_some_and(|cluster| cluster.attached_roles().contains(role)),
        default: default_role(subject.policy) == Some(role),
        breaks: breaks.into_iter().collect(),
        stays_open: stays_open.into_iter().collect(),
        cannot_tell,
    }
}

#[cfg(test)]
mod tests;
