//! The policy in force: IAM facts, organisation rules, user groups and severities, with one version over all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::Mode;
use crate::gate::exception::Exception;
use crate::gate::modes::Modes;
use crate::gate::principal::{Principal, database_user};
use crate::gate::stored::Stored;
use crate::gate::stored::fresh::FreshCatalog;
use crate::iam::{Caller, Cluster, EvaluationMode, ExternalIdOn, Facts, StatedContext};
use crate::rules::RuleSet;
use crate::sql::Dialect;

/// The cluster behind a gate, and how its chains are evaluated.
#[derive(Clone, Debug)]
pub struct Iam {
    /// Roles, policies and clusters.
    pub facts: Arc<Facts>,
    /// The cluster's name in the facts.
    pub cluster: String,
    /// The Redshift guide's rules or IAM's own.
    pub mode: EvaluationMode,
    /// On which hops the database user is sent.
    pub external_id: ExternalIdOn,
    /// What the operator says of condition keys.
    pub stated: Arc<StatedContext>,
}

impl Iam {
    /// Who asks when a question is put to these facts now: a database user of a cluster, by the name of its login, with an external id in place
    /// of the user's own if one is given.
    #[must_use]
    pub fn caller<'a>(&'a self, cluster: &'a Cluster, user: &'a str, external_id: Option<&'a str>) -> Caller<'a> {
        Caller {
            cluster,
            database_user: database_user(user),
            written_user: Some(user).filter(|login| database_user(login) != *login),
            external_id,
            external_id_on: self.external_id,
            mode: self.mode,
            stated: &self.stated,
            now: Timestamp::now(),
        }
    }
}

/// The groups that the cluster's own catalogue puts users in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum ClusterGroups {
    /// The catalogue is not read: only the configuration's groups exist.
    #[default]
    NotRead,
    /// It has not been read yet, so nobody's groups are known.
    Unknown,
    /// Users by group.
    Known(Arc<BTreeMap<String, Vec<String>>>),
}

/// What a policy is made of.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The gate's name.
    pub gate: String,
    /// The lexical rules of the backend.
    pub dialect: Dialect,
    /// `None`: only what needs no facts is judged.
    pub iam: Option<Iam>,
    /// The organisation's rules.
    pub rules: Arc<RuleSet>,
    /// Users by group.
    pub groups: BTreeMap<String, Vec<String>>,
    /// What the cluster says of groups.
    pub catalog: ClusterGroups,
    /// What the cluster stores, and what becomes of its use.
    pub stored: Stored,
    /// Severities that differ from the defaults.
    pub severities: BTreeMap<Code, Severity>,
    /// Whether refusals are carried out or only recorded.
    pub modes: Modes,
    /// Refusals that are borne with for a while.
    pub exceptions: Arc<[Arc<Exception>]>,
    /// Groups whose members nothing is refused.
    pub break_glass: Vec<String>,
}

impl Parts {
    /// No facts, no rules, default severities: what can be judged from the text alone.
    #[must_use]
    pub fn without_facts() -> Self {
        Self {
            gate: String::new(),
            dialect: Dialect::Redshift,
            iam: None,
            rules: Arc::new(RuleSet::none()),
            groups: BTreeMap::new(),
            catalog: ClusterGroups::NotRead,
            stored: Stored::none(),
            severities: BTreeMap::new(),
            modes: Modes::default(),
            exceptions: Arc::from([]),
            break_glass: Vec::new(),
        }
    }
}

/// An immutable policy. A change makes a new value with a new generation.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) parts: Parts,
    version: String,
    generation: u64,
    /// Over all but what the cluster stores.
    base: PolicyBase,
}

/// What stays the same where only the cluster's stored objects change.
#[derive(Clone, Debug)]
struct PolicyBase {
    version: String,
    generation: u64,
}

/// Counts policies, so that no two of a process share cached verdicts.
static GENERATION: AtomicU64 = AtomicU64::new(1);

fn next_generation() -> u64 {
    GENERATION.fetch_add(1, Ordering::Relaxed)
}

impl Policy {
    /// A policy of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let (base, version) = versions(&parts);
        let generation = next_generation();
        Self { parts, version, generation, base: PolicyBase { version: base, generation } }
    }

    /// The same under the generation of `before`, if it says the same: verdicts of the one are those of the other.
    #[must_use]
    pub fn continuing(self, before: &Self) -> Self {
        let generation = if self.version == before.version { before.generation } else { self.generation };
        let base = if self.base.version == before.base.version { before.base.clone() } else { self.base };
        Self { generation, base, ..self }
    }

    /// The same with other objects that are newer than the catalogue, under a generation of its own where verdicts may differ.
    #[must_use]
    pub(crate) fn with_fresh(&self, fresh: &Arc<FreshCatalog>, may_differ: bool) -> Self {
        let stored = self.parts.stored.with_fresh(Arc::clone(fresh));
        let generation = if may_differ { next_generation() } else { self.generation };
        let (parts, version, base) = (Parts { stored, ..self.parts.clone() }, self.version.clone(), self.base.clone());
        Self { parts, version, generation, base }
    }

    /// Unique within this process, and the same as long as nothing but what the cluster stores is different.
    #[must_use]
    pub(super) const fn base_generation(&self) -> u64 {
        self.base.generation
    }

    /// A hash over everything that the policy holds: equal policies have equal versions, on every replica.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Unique within this process.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The lexical rules of the backend.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.parts.dialect
    }

    /// Whether the gate as a whole carries refusals out or only records them.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.parts.modes.of_gate()
    }

    /// Which modes are set.
    #[must_use]
    pub fn modes(&self) -> &Modes {
        &self.parts.modes
    }

    /// The groups that break the glass.
    #[must_use]
    pub fn break_glass(&self) -> &[String] {
        &self.parts.break_glass
    }

    /// The exceptions, those that are over included.
    #[must_use]
    pub fn exceptions(&self) -> &[Arc<Exception>] {
        &self.parts.exceptions
    }

    /// The IAM side, when there are facts.
    #[must_use]
    pub fn iam(&self) -> Option<&Iam> {
        self.parts.iam.as_ref()
    }

    /// The same policy over other facts; without effect if it has none.
    #[must_use]
    pub fn with_facts(&self, facts: &Arc<Facts>) -> Self {
        let mut parts = self.parts.clone();
        if let Some(iam) = &mut parts.iam {
            iam.facts = Arc::clone(facts);
        }
        Self::new(parts)
    }

    /// Whether the groups of users come from the cluster's catalogue too, read or not yet.
    #[must_use]
    pub fn reads_catalog(&self) -> bool {
        *self.catalog() != ClusterGroups::NotRead
    }

    /// The same policy with other groups of the cluster.
    #[must_use]
    pub fn with_catalog(&self, catalog: ClusterGroups) -> Self {
        Self::new(Parts { catalog, ..self.parts.clone() })
    }

    /// The same policy with what was read of the cluster's stored credentials.
    #[must_use]
    pub fn with_stored(&self, stored: Stored) -> Self {
        Self::new(Parts { stored, ..self.parts.clone() })
    }

    /// What the cluster stores, and what becomes of its use.
    #[must_use]
    pub const fn stored(&self) -> &Stored {
        &self.parts.stored
    }

    /// The same policy under other rules of the organisation.
    #[must_use]
    pub fn with_rules(&self, rules: Arc<RuleSet>) -> Self {
        Self::new(Parts { rules, ..self.parts.clone() })
    }

    /// The same policy with another severity of a code.
    #[must_use]
    pub fn with_severity(&self, code: Code, severity: Severity) -> Self {
        let mut parts = self.parts.clone();
        parts.severities.insert(code, severity);
        Self::new(parts)
    }

    /// The organisation's rules.
    #[must_use]
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.parts.rules
    }

    /// The users that the configuration puts in groups, by group.
    #[must_use]
    pub fn configured_groups(&self) -> &BTreeMap<String, Vec<String>> {
        &self.parts.groups
    }

    /// The groups of the cluster.
    #[must_use]
    pub fn catalog(&self) -> &ClusterGroups {
        &self.parts.catalog
    }

    /// The severity of a code.
    #[must_use]
    pub fn severity(&self, code: Code) -> Severity {
        self.parts.severities.get(&code).copied().unwrap_or_else(|| code.row().severity)
    }

    /// The groups of a principal: its own where it says them.
    #[must_use]
    pub fn groups_of_principal(&self, principal: &Principal) -> Vec<String> {
        principal.groups.clone().unwrap_or_else(|| self.groups_of(&principal.user))
    }

    /// Whether the principal may be in groups that are not known yet: the catalogue was not read, and nobody else says them.
    #[must_use]
    pub fn groups_are_unknown(&self, principal: &Principal) -> bool {
        principal.groups.is_none() && self.parts.catalog == ClusterGroups::Unknown
    }

    /// The groups that the configuration or the cluster puts a user in.
    #[must_use]
    pub fn groups_of(&self, user: &str) -> Vec<String> {
        let holds = |users: &Vec<String>| users.iter().any(|member| member == user);
        let of = |groups: &BTreeMap<String, Vec<String>>| {
            groups.iter().filter(|(_, users)| holds(users)).map(|(group, _)| group.clone()).collect::<Vec<_>>()
        };
        let mut groups = of(&self.parts.groups);
        if let ClusterGroups::Known(known) = &self.parts.catalog {
            groups.extend(of(known));
        }
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

/// The versions of all but what the cluster stores, and of all.
fn versions(parts: &Parts) -> (String, String) {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    };
    add(&format!("{:?}", parts.dialect));
    add(parts.rules.version());
    if let Some(iam) = &parts.iam {
        add(iam.facts.version());
        add(&iam.cluster);
        add(&format!("{:?} {:?} {:?}", iam.mode, iam.external_id, iam.stated));
    }
    add(&format!("{:?} {:?} {:?}", parts.groups, parts.catalog, parts.severities));
    add(&format!("{:?} {:?} {:?} {}", parts.modes, parts.exceptions, parts.break_glass, parts.stored.mode()));
    let base = hash.clone();
    hash.update(parts.stored.catalog().version());
    let shown = |hash: Sha256| hash.finalize().first_chunk::<8>().map(hex::encode).unwrap_or_default();
    (shown(base), shown(hash))
}
