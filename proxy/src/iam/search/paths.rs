//! Which chains the facts allow, from the roles attached to a cluster onwards.
//!
//! A trust policy must name the caller whatever else holds (IAM User Guide, "Policy evaluation logic": role trust policies
//! are never implied), so an index of who is named in them gives all candidates for a next hop; each is then judged.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use crate::chain::{AccountId, MAX_ROLES, RoleArn};
use crate::iam::advise::age_of_cluster;
use crate::iam::explain::{Decision, Outcome};
use crate::iam::facts::{Facts, IN_SYNC, Role};
use crate::iam::judge::{Caller, hop, hop_decision, named, service_step};

/// A step that is possible.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// The role that is assumed.
    pub role: RoleArn,
    /// If it is undecided whether the role may be assumed, why: a condition on the database user, for instance.
    pub doubt: Option<String>,
}

/// The chains that were found, the shortest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chains {
    /// Each begins with an attached role.
    pub chains: Vec<Vec<Link>>,
    /// Whether there are more than were asked for.
    pub is_cut: bool,
}

/// Walks from the roles attached to a cluster along every hop that the facts allow.
#[derive(Debug)]
pub struct Explorer<'f> {
    pub(super) facts: &'f Facts,
    pub(super) caller: Caller<'f>,
    /// Roles whose trust policies name a role or a session of it, by account and the role's name
    /// in lower case: another case is a doubt, not a no.
    by_role: HashMap<(AccountId, String), Vec<&'f RoleArn>>,
    /// Roles whose trust policies name an account.
    by_account: HashMap<AccountId, Vec<&'f RoleArn>>,
    /// Roles whose trust policies may name anybody.
    open: Vec<&'f RoleArn>,
    /// Roles that trust policies name and the facts do not hold.
    strangers: BTreeSet<RoleArn>,
    next: HashMap<RoleArn, Vec<Link>>,
}

impl<'f> Explorer<'f> {
    /// Reads all trust policies once.
    #[must_use]
    pub fn new(facts: &'f Facts, caller: Caller<'f>) -> Self {
        let mut explorer = Self {
            facts,
            caller,
            by_role: HashMap::new(),
            by_account: HashMap::new(),
            open: Vec::new(),
            strangers: BTreeSet::new(),
            next: HashMap::new(),
        };
        for account in facts.accounts.values() {
            for (arn, role) in &account.roles {
                explorer.index(arn, role);
            }
        }
        explorer
    }

    fn index(&mut self, arn: &'f RoleArn, role: &Role) {
        let trust = role.trust.parse();
        if trust.fault.is_some() {
            self.open.push(arn);
            return;
        }
        for statement in &trust.statements {
            let Some(texts) = statement.grants_to() else {
                self.open.push(arn);
                continue;
            };
            for text in texts {
                match named(text) {
                    Some((account, None)) => self.by_account.entry(account).or_default().push(arn),
                    Some((account, Some(role))) => {
                        self.strangers.extend(role_of(text).filter(|role| !self.facts.knows(role)));
                        self.by_role.entry((account, role.to_ascii_lowercase())).or_default().push(arn);
                    }
                    // A unique id: of which role it is, only the role itself tells.
                    None => self.open.push(arn),
                }
            }
        }
    }

    /// The attached roles that the cluster may assume.
    #[must_use]
    pub fn attached(&self) -> Vec<Link> {
        let cluster = self.caller.cluster;
        let age = self.facts.outdated_cluster(cluster, self.caller.now).map(|age| age_of_cluster(cluster, age));
        let link = |role: RoleArn| self.attachment(&role, age.clone());
        cluster.attached_roles().into_iter().filter_map(link).collect()
    }

    /// The same, and those of which it is not sure that they are attached: they are being added or removed, or no snapshot holds them.
    pub(super) fn starts(&self) -> Vec<Link> {
        let cluster = self.caller.cluster;
        let mut starts = self.attached();
        for (text, status) in cluster.roles.iter().flatten() {
            let Ok(role) = RoleArn::parse(text) else { continue };
            let doubt = if status != IN_SYNC {
                format!("the status of role {role} on cluster {} is {status}", cluster.name())
            } else if starts.iter().any(|link| link.role == role) || self.facts.knows(&role) {
                continue;
            } else {
                format!(
                    "role {role} is attached to cluster {}, and the snapshot of its account has no such role",
                    cluster.name()
                )
            };
            if self.facts.knows(&role) {
                starts.extend(self.attachment(&role, Some(doubt)));
            } else {
                starts.push(Link { role, doubt: Some(doubt) });
            }
        }
        starts
    }

    /// The step from the cluster to a role; `doubt` is what makes it unsure in any case.
    pub(super) fn attachment(&self, role: &RoleArn, doubt: Option<String>) -> Option<Link> {
        let found = link(service_step(self.facts, role, &self.caller).outcome, role)?;
        Some(Link { doubt: doubt.or(found.doubt), ..found })
    }

    /// Roles whose trust policies name this role or its account, or may name anybody; without a name: any role of the account.
    pub(super) fn trusting(&self, account: AccountId, name: Option<&str>) -> Vec<&'f RoleArn> {
        let by_role = name.and_then(|name| self.by_role.get(&(account, name.to_ascii_lowercase())));
        let by_account = self.by_account.get(&account);
        by_role.into_iter().chain(by_account).flatten().chain(&self.open).copied().collect()
    }

    /// Roles whose trust policies may name anybody.
    pub(super) fn open(&self) -> &[&'f RoleArn] {
        &self.open
    }

    /// The accounts that trust policies name.
    pub(super) fn named_accounts(&self) -> impl Iterator<Item = AccountId> {
        self.by_account.keys().copied().chain(self.by_role.keys().map(|(account, _)| *account))
    }

    /// The roles that trust policies name and the facts do not hold.
    pub(super) fn strangers(&self) -> &BTreeSet<RoleArn> {
        &self.strangers
    }

    /// The roles that a role may assume, in order of ARN; itself is left out.
    pub fn next(&mut self, role: &RoleArn) -> &[Link] {
        if !self.next.contains_key(role) {
            let found = self.look(role);
            self.next.insert(role.clone(), found);
        }
        self.next.get(role).map(Vec::as_slice).unwrap_or_default()
    }

    fn look(&self, role: &RoleArn) -> Vec<Link> {
        let named = self.trusting(role.account(), Some(role.name())).into_iter();
        let mut candidates: Vec<&RoleArn> = named.filter(|other| *other != role).collect();
        candidates.sort_unstable();
        candidates.dedup();
        let judged = candidates.into_iter();
        judged
            .filter_map(|target| match hop_decision(self.facts, role, target, &self.caller) {
                Decision::Denied => None,
                Decision::Allowed => Some(Link { role: target.clone(), doubt: None }),
                Decision::Unknown => link(hop(self.facts, role, target, 1, &self.caller).outcome, target),
            })
            .collect()
    }

    /// Every role that some chain reaches, the attached ones included.
    pub fn reachable(&mut self) -> Vec<RoleArn> {
        let mut queue: VecDeque<(RoleArn, usize)> = self.attached().into_iter().map(|link| (link.role, 1)).collect();
        let mut seen: HashSet<RoleArn> = queue.iter().map(|(role, _)| role.clone()).collect();
        let mut found = Vec::new();
        while let Some((role, length)) = queue.pop_front() {
            if length < MAX_ROLES {
                for link in self.next(&role) {
                    if seen.insert(link.role.clone()) {
                        queue.push_back((link.role.clone(), length.saturating_add(1)));
                    }
                }
            }
            found.push(role);
        }
        found.sort_unstable();
        found
    }

    /// The chains that end at `target`, the shortest first, at most `limit`, none longer than `max_roles` roles or with a
    /// role twice.
    pub fn chains_to(&mut self, target: &RoleArn, max_roles: usize, limit: usize) -> Chains {
        let starts = self.starts();
        let distance = self.distances_to(target, &starts, max_roles);
        let mut queue: VecDeque<Vec<Link>> = starts.into_iter().map(|link| vec![link]).collect();
        let mut found = Chains::default();
        while let Some(chain) = queue.pop_front() {
            let Some(last) = chain.last() else { continue };
            if last.role == *target {
                if found.chains.len() >= limit {
                    found.is_cut = true;
                    break;
                }
                found.chains.push(chain);
                continue;
            }
            // Only roles from which the target can still be reached within the limit are followed.
            let left = max_roles.saturating_sub(chain.len());
            let role = last.role.clone();
            for link in self.next(&role) {
                let is_near = distance.get(&link.role).is_some_and(|hops| *hops < left);
                if is_near && !chain.iter().any(|before| before.role == link.role) {
                    queue.push_back(chain.iter().cloned().chain([link.clone()]).collect());
                }
            }
        }
        found
    }

    /// How many hops each role that is reachable from these is away from `target`.
    fn distances_to(&mut self, target: &RoleArn, starts: &[Link], max_roles: usize) -> HashMap<RoleArn, usize> {
        let mut before: HashMap<RoleArn, Vec<RoleArn>> = HashMap::new();
        let mut seen: HashSet<RoleArn> = starts.iter().map(|link| link.role.clone()).collect();
        let mut level: Vec<RoleArn> = seen.iter().cloned().collect();
        for _hop in 1..max_roles {
            let mut deeper = Vec::new();
            for role in level.iter().filter(|role| *role != target) {
                for link in self.next(role).to_vec() {
                    before.entry(link.role.clone()).or_default().push(role.clone());
                    if seen.insert(link.role.clone()) {
                        deeper.push(link.role);
                    }
                }
            }
            level = deeper;
        }
        let mut distance = HashMap::from([(target.clone(), 0)]);
        let mut queue = VecDeque::from([target.clone()]);
        while let Some(role) = queue.pop_front() {
            let further = distance.get(&role).map_or(1, |hops: &usize| hops.saturating_add(1));
            for source in before.get(&role).into_iter().flatten() {
                if !distance.contains_key(source) {
                    distance.insert(source.clone(), further);
                    queue.push_back(source.clone());
                }
            }
        }
        distance
    }
}

/// The role that a text names, by its ARN or by that of a session.
fn role_of(text: &str) -> Option<RoleArn> {
    let of_session = || {
        let (start, rest) = text.split_once(":assumed-role/")?;
        let role = format!("{}:role/{}", start.replacen(":sts:", ":iam:", 1), rest.split('/').next()?);
        RoleArn::parse(&role).ok()
    };
    RoleArn::parse(text).ok().or_else(of_session)
}

fn link(outcome: Outcome, role: &RoleArn) -> Option<Link> {
    match outcome {
        Outcome::Allowed => Some(Link { role: role.clone(), doubt: None }),
        Outcome::Unknown(refusal) => Some(Link { role: role.clone(), doubt: Some(refusal.evidence) }),
        Outcome::Denied(_) => None,
    }
}
