//! The steps that one judged statement takes through the graph.

use crate::admin::view::chain::{bucket_of, hops_by_place, short};
use crate::admin::view::decision::OverallVerdict;
use crate::admin::view::graph::model::{EdgeKind, EdgeVerdict, NodeKind};
use crate::chain::RoleArn;
use crate::gate::enforcement::Action;
use crate::gate::finding::Finding;
use crate::gate::stored::JudgedStored;
use crate::gate::verdict::{HopResult, JudgedHop, JudgedUse};
use crate::observe::audit::AuditRecord;
use crate::sql::{self, Target};

/// Characters of a literal that a node is named by.
const LONGEST_NAME: usize = 256;

/// A node as a statement names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct NodeName {
    pub(super) id: String,
    pub(super) kind: NodeKind,
    pub(super) name: String,
    pub(super) account: Option<String>,
    pub(super) arn: Option<String>,
}

/// A step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct UsedStep {
    pub(super) from: NodeName,
    pub(super) to: NodeName,
    pub(super) kind: EdgeKind,
    pub(super) verdict: EdgeVerdict,
    pub(super) codes: Vec<String>,
}

impl UsedStep {
    /// The id of its edge.
    pub(super) fn id(&self) -> String {
        edge_id(&self.from, &self.to, self.kind)
    }
}

/// The id of an edge: the same from one answer to the next.
pub(super) fn edge_id(from: &NodeName, to: &NodeName, kind: EdgeKind) -> String {
    format!("{} {} -> {}", kind.as_str(), from.id, to.id)
}

/// The cluster of a gate.
pub(super) fn cluster(gate: &str, cluster: Option<&str>) -> NodeName {
    let name = cluster.filter(|cluster| !cluster.is_empty()).unwrap_or(gate);
    NodeName { id: format!("cluster:{name}"), kind: NodeKind::Cluster, name: name.to_owned(), account: None, arn: None }
}

/// A role, by its ARN or by `account/name`; what is neither is a node of its own kind.
pub(super) fn role(text: &str) -> NodeName {
    let named = short(text);
    let (account, name) = named.split_once('/').unwrap_or(("", &named));
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    NodeName {
        id: format!("role:{named}"),
        kind: NodeKind::Role,
        name: if is_account { name.to_owned() } else { named.clone() },
        account: is_account.then(|| account.to_owned()),
        arn: text.starts_with("arn:").then(|| text.to_owned()),
    }
}

/// An object of a cluster, by its name: what a use tells of it.
pub(super) fn stored_object(name: &str) -> NodeName {
    let (id, name) = (format!("stored:{name}"), name.to_owned());
    NodeName { id, kind: NodeKind::StoredObject, name, account: None, arn: None }
}

/// What a role is used on. Of an object in S3, the bucket and the first part of the path.
pub(super) fn target(target: &Target) -> NodeName {
    let (kind, name) = match target {
        Target::S3Uri(uri) => (NodeKind::Bucket, prefix_of(uri, bucket_of(target))),
        Target::Lambda(name) => (NodeKind::Function, name.clone()),
        Target::SageMaker(name) => (NodeKind::Model, name.clone()),
        Target::CatalogDatabase(name) => (NodeKind::Catalog, name.clone()),
        Target::Secret(name) => (NodeKind::Secret, name.clone()),
        Target::Grantee(name) | Target::Other(name) => (NodeKind::Other, name.clone()),
    };
    let name = sql::mask(name.as_bytes());
    let account = name.starts_with("arn:").then(|| name.split(':').nth(4).unwrap_or_default().to_owned());
    let arn = account.is_some().then(|| name.clone());
    NodeName {
        id: format!("{}:{name}", kind.as_str()),
        kind,
        name,
        account: account.filter(|account| !account.is_empty()),
        arn,
    }
}

fn prefix_of(uri: &str, bucket: Option<&str>) -> String {
    let Some(bucket) = bucket else { return uri.to_owned() };
    let path = uri.get(5_usize.saturating_add(bucket.len()).saturating_add(1)..).unwrap_or_default();
    match path.split_once('/') {
        Some((first, _)) if !first.is_empty() => format!("s3://{bucket}/{first}/"),
        _ => format!("s3://{bucket}/"),
    }
}

/// The steps of a statement.
pub(super) fn steps(record: &AuditRecord) -> Vec<UsedStep> {
    let by_place = hops_by_place(record);
    let judged = |role_use: &JudgedUse| by_place.get(&role_use.span.start).map(Vec::as_slice).unwrap_or_default();
    let written = record.role_uses.iter().flat_map(|role_use| steps_of(record, role_use, judged(role_use)));
    written.chain(record.stored_uses.iter().flat_map(|used| steps_of_stored(record, used))).collect()
}

/// Whether a statement passes the node or the edge of this id.
pub(in crate::admin) fn passes(record: &AuditRecord, id: &str) -> bool {
    steps(record).iter().any(|step| step.from.id == id || step.to.id == id || step.id() == id)
}

/// The steps of a stored chain. Nothing but the rules judges it here: the cluster's own account has been asked when it was stored.
fn steps_of_stored(record: &AuditRecord, used: &JudgedStored) -> Vec<UsedStep> {
    let credential = used.credential();
    let of_it = |finding: &&Finding| finding.is_stored && finding.credential.as_deref() == Some(credential.as_str());
    let codes: Vec<String> = record.findings.iter().filter(of_it).map(|one| one.code.as_str().to_owned()).collect();
    let (mut from, mut steps) = (stored_object(&used.object), Vec::new());
    for (number, arn) in used.roles.iter().enumerate() {
        let (to, kind) = (role(arn), if number == 0 { EdgeKind::Stores } else { EdgeKind::Hop });
        let codes = if number == 0 { codes.clone() } else { Vec::new() };
        steps.push(UsedStep { from, to: to.clone(), kind, verdict: of_statement(record), codes });
        from = to;
    }
    steps
}

/// A literal that is no chain: a node of its own, so that nothing is told of roles that it only resembles.
fn no_chain(role_use: &JudgedUse) -> NodeName {
    let name: String = role_use.credential().chars().take(LONGEST_NAME).collect();
    NodeName { id: format!("literal:{name}"), kind: NodeKind::Other, name, account: None, arn: None }
}

fn steps_of(record: &AuditRecord, role_use: &JudgedUse, judged: &[&JudgedHop]) -> Vec<UsedStep> {
    let is_chain = || role_use.roles.iter().all(|role| RoleArn::parse(role).is_ok());
    let names: Vec<NodeName> = if judged.is_empty() && !is_chain() {
        vec![no_chain(role_use)]
    } else if role_use.roles.is_empty() {
        judged.iter().map(|hop| role(&hop.target)).collect()
    } else {
        role_use.roles.iter().map(|arn| role(arn)).collect()
    };
    let mut from = cluster(&record.gate, record.cluster.as_deref());
    let mut steps = Vec::new();
    for (number, to) in names.into_iter().enumerate() {
        let kind = if number == 0 { EdgeKind::Attachment } else { EdgeKind::Hop };
        let findings =
            record.findings.iter().filter(|finding| finding.hop == Some(number) && finding.at == role_use.span.start);
        let codes = findings.map(|finding| finding.code.as_str().to_owned()).collect();
        let verdict = of_hop(record, judged.get(number).copied());
        steps.push(UsedStep { from, to: to.clone(), kind, verdict, codes });
        from = to;
    }
    steps.extend(role_use.target.as_ref().map(|reached| {
        UsedStep {
            from,
            to: target(reached),
            kind: EdgeKind::Reach,
            verdict: of_statement(record),
            codes: record
                .findings
                .iter()
                .filter(|finding| finding.hop.is_none())
                .map(|finding| finding.code.as_str().to_owned())
                .collect(),
        }
    }));
    steps
}

/// How a step stands: by what the facts say of it, or with its statement where they say nothing.
fn of_hop(record: &AuditRecord, hop: Option<&JudgedHop>) -> EdgeVerdict {
    match hop.map(|hop| hop.result) {
        Some(HopResult::Allowed) => EdgeVerdict::Allowed,
        Some(HopResult::Unknown) => EdgeVerdict::Undecided,
        Some(HopResult::Denied) if record.action == Action::Reject => EdgeVerdict::Refused,
        Some(HopResult::Denied) => EdgeVerdict::WouldBeRefused,
        None => of_statement(record),
    }
}

fn of_statement(record: &AuditRecord) -> EdgeVerdict {
    match OverallVerdict::of(record) {
        OverallVerdict::Allowed => EdgeVerdict::Allowed,
        OverallVerdict::Undecided => EdgeVerdict::Undecided,
        OverallVerdict::WouldBeRefused => EdgeVerdict::WouldBeRefused,
        OverallVerdict::Refused => EdgeVerdict::Refused,
    }
}
