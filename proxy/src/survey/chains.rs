//! The credentials of the grid: chains that facts allow, chains that rules name, and strangers. Pure.

use std::collections::{BTreeSet, VecDeque};

use strum::VariantArray as _;

use crate::chain::{AccountId, Chain, MAX_ROLES, RoleArn};
use crate::iam::{Caller, Explorer, Facts};
use crate::rules::RoleTags;
use crate::rules::profile::Test;
use crate::sql::{Clause, MethodKind};
use crate::survey::values::{ANYTHING, RuleValues, STRANGER, product};

/// Chains that are taken from the facts, the shortest first.
const MAX_CHAINS: usize = 100;

/// The longest chain that is taken from the facts.
const MAX_LENGTH: usize = 4;

/// Chains of one rule that are made as long as it asks for.
const MAX_LENGTHENED: usize = 24;

/// How rules see a stored role that the gate does not know.
const UNKNOWN: &str = "unknown";

/// An account that the stranger's role belongs to when nothing else is known.
const STRANGE_ACCOUNT: &str = "000000000000";

/// What a clause holds.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Credential {
    /// Chain, default, access keys, ...
    pub(crate) method: &'static str,
    /// In which clause.
    pub(crate) clause: &'static str,
    /// The roles, in order.
    pub(crate) roles: Vec<RoleArn>,
    /// The tags of each role, where they are known.
    pub(crate) tags: Option<Vec<RoleTags>>,
}

impl Credential {
    fn chain(roles: Vec<RoleArn>) -> Self {
        Self { method: MethodKind::Chain.as_str(), clause: Clause::IamRole.as_str(), roles, tags: None }
    }

    /// How reports call it.
    #[must_use]
    pub(crate) fn label(&self) -> String {
        let roles = self.roles.iter().map(RoleArn::as_str).collect::<Vec<_>>().join(",");
        match (self.method == MethodKind::Chain.as_str(), roles.is_empty()) {
            (true, _) => roles,
            (false, true) => self.method.to_owned(),
            (false, false) => format!("{} ({roles})", self.method),
        }
    }
}

/// Chains that the facts allow from the cluster's roles onwards, undecided steps included; and whether there are more.
#[must_use]
pub(crate) fn allowed(facts: &Facts, caller: Caller<'_>) -> (Vec<Vec<RoleArn>>, bool) {
    let mut explorer = Explorer::new(facts, caller);
    let mut queue: VecDeque<Vec<RoleArn>> = explorer.attached().into_iter().map(|link| vec![link.role]).collect();
    let (mut found, mut are_more) = (Vec::new(), false);
    while let Some(chain) = queue.pop_front() {
        if found.len() >= MAX_CHAINS {
            return (found, true);
        }
        let links = chain.last().map(|role| explorer.next(role).to_vec()).unwrap_or_default();
        for link in links.into_iter().filter(|link| !chain.contains(&link.role)) {
            if chain.len() < MAX_LENGTH && queue.len() < MAX_CHAINS {
                queue.push_back(chain.iter().cloned().chain([link.role]).collect());
            } else {
                are_more = true;
            }
        }
        found.push(chain);
    }
    (found, are_more)
}

/// All credentials: `known` chains, what the rules name, strangers, and every method without a role.
#[must_use]
pub(crate) fn credentials(
    rules: &[RuleValues],
    known: &[Vec<RoleArn>],
    own: Option<AccountId>,
    facts: Option<&Facts>,
) -> Vec<Credential> {
    let own = own.map_or_else(|| STRANGE_ACCOUNT.to_owned(), |account| account.to_string());
    let mut chains: BTreeSet<Vec<RoleArn>> = known.iter().cloned().collect();
    for rule in rules {
        chains.extend(named(rule, &own));
    }
    let stranger = |account: &str| role(account, "/", STRANGER);
    let strangers = [stranger(&own), stranger(STRANGE_ACCOUNT)].map(Vec::from_iter);
    chains.extend(strangers.iter().cloned());
    chains.insert(strangers.concat());
    chains.remove(&Vec::new());
    let mut all: BTreeSet<Credential> = chains.into_iter().map(Credential::chain).collect();
    let methods =
        MethodKind::VARIANTS.iter().filter(|method| **method != MethodKind::Chain).map(|method| method.as_str());
    all.extend(methods.chain([UNKNOWN]).map(|method| Credential { method, ..Credential::chain(Vec::new()) }));
    all.extend(defaults(rules, &all));
    let mut all: Vec<Credential> = all.into_iter().map(|one| tagged(one, facts)).collect();
    let plain = all.clone();
    for clause in clauses(rules) {
        all.extend(plain.iter().map(|one| Credential { clause, ..one.clone() }));
    }
    all.extend(with_tags(rules, &plain));
    all
}

/// The keyword with each role that it could stand for, where a rule tells it apart.
fn defaults(rules: &[RuleValues], all: &BTreeSet<Credential>) -> Vec<Credential> {
    let method = MethodKind::Default.as_str();
    if !rules.iter().any(|rule| rule.texts("method").contains(method)) {
        return Vec::new();
    }
    all.iter().filter(|one| one.roles.len() == 1).map(|one| Credential { method, ..one.clone() }).collect()
}

/// The role of a name in an account.
fn role(account: &str, path: &str, name: &str) -> Option<RoleArn> {
    RoleArn::parse(&format!("arn:aws:iam::{account}:role{path}{name}")).ok()
}

fn tagged(one: Credential, facts: Option<&Facts>) -> Credential {
    let tags = |role: &RoleArn| facts?.tag_words(role);
    let tags = if one.roles.is_empty() { None } else { one.roles.iter().map(tags).collect() };
    Credential { tags, ..one }
}

/// Clauses that rules name, but for the usual one.
fn clauses(rules: &[RuleValues]) -> BTreeSet<&'static str> {
    let named: BTreeSet<String> = rules.iter().flat_map(|rule| rule.texts("clause")).collect();
    let known = named.iter().filter_map(|name| name.parse::<Clause>().ok()).map(Clause::as_str);
    known.filter(|clause| *clause != Clause::IamRole.as_str()).collect()
}

/// Chains with the tags that rules name, and without any.
fn with_tags(rules: &[RuleValues], plain: &[Credential]) -> Vec<Credential> {
    let attributes = ["tags_of_any_role", "tags_of_every_role", "tags_of_first_role", "tags_of_last_role"];
    let named: RoleTags = rules.iter().flat_map(|rule| attributes.iter().flat_map(|name| rule.texts(name))).collect();
    if !rules.iter().any(|rule| attributes.iter().any(|name| rule.looks_at(name))) {
        return Vec::new();
    }
    let named = if named.is_empty() { RoleTags::from([format!("{STRANGER}=x")]) } else { named };
    let none = RoleTags::new();
    let mut all = Vec::new();
    for one in plain.iter().filter(|one| !one.roles.is_empty()) {
        for (first, others) in [(&none, &none), (&named, &named), (&named, &none), (&none, &named)] {
            let tags = one.roles.iter().enumerate().map(|(place, _)| if place == 0 { first } else { others });
            all.push(Credential { tags: Some(tags.cloned().collect()), ..one.clone() });
        }
    }
    all
}

/// Chains that a rule's comparisons could be about.
fn named(rule: &RuleValues, own: &str) -> Vec<Vec<RoleArn>> {
    let of =
        |attributes: &[&str]| -> BTreeSet<String> { attributes.iter().flat_map(|name| rule.texts(name)).collect() };
    let arn = |text: &String| RoleArn::parse(text).or_else(|_| RoleArn::parse(&completed(text, own))).ok();
    let whole = |text: &String| Chain::parse(text).or_else(|_| Chain::parse(&completed(text, own))).ok();
    let roles: Vec<RoleArn> = of(&["first_role", "last_role", "roles"]).iter().filter_map(arn).collect();
    let middle: Vec<RoleArn> = of(&["middle_roles"]).iter().filter_map(arn).collect();
    let other = || role(own, "/", STRANGER);
    let mut chains: Vec<Vec<RoleArn>> =
        of(&["chain"]).iter().filter_map(whole).map(|chain| chain.roles().to_vec()).collect();
    chains.push(roles.clone());
    for one in &roles {
        chains.push(vec![one.clone()]);
        chains.push(other().into_iter().chain([one.clone()]).collect());
        chains.push([one.clone()].into_iter().chain(other()).collect());
        chains.extend(roles.iter().filter(|two| *two != one).map(|two| vec![one.clone(), two.clone()]));
    }
    chains.extend(middle.iter().map(|one| other().into_iter().chain([one.clone()]).chain(other()).collect()));
    let accounts = of(&["last_account", "accounts"]);
    chains.extend(accounts.iter().map(|account| role(account, "/", STRANGER).into_iter().collect()));
    chains.push(accounts.iter().filter_map(|account| role(account, "/", STRANGER)).collect());
    chains.extend(parts(&accounts, &of(&["paths", "common_path"]), &of(&["names", "common_name"]), own));
    chains.extend(lengthened(rule, &chains, own));
    chains.retain(|chain| chain.len() <= MAX_ROLES);
    chains
}

/// A text that fits a pattern such as `*:role/Name`, made a chain's.
fn completed(text: &str, own: &str) -> String {
    let part = |part: &str| match part.split_once(":role/") {
        Some((_, name)) => format!("arn:aws:iam::{own}:role/{name}"),
        None if part == ANYTHING => format!("arn:aws:iam::{own}:role/{STRANGER}"),
        None => part.to_owned(),
    };
    text.split(',').map(part).collect::<Vec<_>>().join(",")
}

/// Roles of the accounts, paths and names that a rule is about, each with each.
fn parts(
    accounts: &BTreeSet<String>,
    paths: &BTreeSet<String>,
    names: &BTreeSet<String>,
    own: &str,
) -> Vec<Vec<RoleArn>> {
    let with = |named: &BTreeSet<String>, usual: &str| named.iter().cloned().chain([usual.to_owned()]).collect();
    let lists: [Vec<String>; 3] = [with(names, STRANGER), with(paths, "/"), with(accounts, own)];
    let one = |parts: Vec<String>| match parts.as_slice() {
        [name, path, account] if path.ends_with('/') => role(account, path, name),
        [name, path, account] => role(account, &format!("{path}/"), name),
        _ => None,
    };
    product(&lists, MAX_CHAINS).into_iter().map(|parts| one(parts).into_iter().collect()).collect()
}

/// Chains of the lengths that a rule asks for, and one more and one less: of strangers alone, and those that the rule is about with strangers
/// behind, before or between, or with their last role once more.
fn lengthened(rule: &RuleValues, chains: &[Vec<RoleArn>], own: &str) -> Vec<Vec<RoleArn>> {
    let number = |test: &Test| if let Test::Number(number) = test { Some(*number) } else { None };
    let near = |number: i64| [number.saturating_sub(1), number, number.saturating_add(1)];
    let lengths =
        rule.attribute("length").filter_map(number).flat_map(near).filter_map(|length| usize::try_from(length).ok());
    let lengths: BTreeSet<usize> = lengths.filter(|length| (1..=MAX_ROLES).contains(length)).collect();
    let bases: BTreeSet<&[RoleArn]> = chains.iter().map(Vec::as_slice).chain([[].as_slice()]).collect();
    let strangers: Vec<RoleArn> =
        (0..MAX_ROLES).filter_map(|place| role(own, "/", &format!("{STRANGER}-{place}"))).collect();
    let of = |base: &[RoleArn], length: usize| -> Vec<Vec<RoleArn>> {
        let more = length.checked_sub(base.len()).filter(|more| *more > 0);
        let Some(more) = more.and_then(|more| strangers.get(..more)) else { return Vec::new() };
        let (first, last) = base.split_at(base.len().min(1));
        let again: Vec<RoleArn> =
            base.last().into_iter().flat_map(|role| std::iter::repeat_n(role.clone(), more.len())).collect();
        let mut all = vec![
            [base, more].concat(),
            [more, base].concat(),
            [first, more, last].concat(),
            [base, again.as_slice()].concat(),
        ];
        all.retain(|chain| chain.len() == length);
        all
    };
    let all = bases
        .into_iter()
        .take(MAX_LENGTHENED)
        .flat_map(|base| lengths.iter().flat_map(move |length| of(base, *length)));
    all.collect()
}

#[cfg(test)]
mod tests;
