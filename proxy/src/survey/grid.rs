//! The grid: every combination of people, kinds of statements, credentials, targets and circumstances; or as many of them as are asked
//! for, spread evenly, and for each rule those that it is about. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use strum::VariantArray as _;

use crate::chain::RoleArn;
use crate::iam::Facts;
use crate::rules::profile::{RuleProfile, Subject};
use crate::rules::{RuleRequest, RuleSet};
use crate::sql::StatementKind;
use crate::survey::chains::{Credential, credentials};
use crate::survey::circumstances::{GateFacts, Surroundings, circumstances};
use crate::survey::people::{Person, people};
use crate::survey::things::{Thing, things};
use crate::survey::values::{RuleValues, texts};

/// Requests about a single rule, where the whole grid is too large.
const CELLS_OF_A_RULE: u64 = 2_000;

/// A step that has no factor in common with any usual number of combinations.
const STEP: u64 = 1_000_003;

/// What is known beside the rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct World<'w> {
    /// The gates.
    pub(crate) gates: Vec<GateFacts>,
    /// Chains that the facts allow.
    pub(crate) chains: Vec<Vec<RoleArn>>,
    /// The facts allow more chains than these.
    pub(crate) more_chains: bool,
    /// The facts, for tags.
    pub(crate) facts: Option<&'w Facts>,
    /// Users by group, of each policy.
    pub(crate) groups: Vec<&'w BTreeMap<String, Vec<String>>>,
}

/// Lists whose combinations are requests.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    people: Vec<Person>,
    kinds: Vec<Vec<StatementKind>>,
    credentials: Vec<Credential>,
    things: Vec<Thing>,
    circumstances: Vec<Surroundings>,
}

/// A request of the grid: who asks for what, at which gate, through which chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell<'g> {
    /// The user, with groups, who asks.
    pub(crate) person: &'g Person,
    /// For what: kinds that no rule tells apart.
    pub(crate) kinds: &'g [StatementKind],
    /// With which credential.
    pub(crate) credential: &'g Credential,
    /// What is read or written.
    pub(crate) thing: &'g Thing,
    /// Where and when.
    pub(crate) circumstances: &'g Surroundings,
}

impl Cell<'_> {
    /// The request; `groups` are those of the person under the policy that is asked.
    #[must_use]
    pub(crate) fn request<'r>(&'r self, groups: &'r [String]) -> RuleRequest<'r> {
        let around = self.circumstances;
        RuleRequest {
            user: &self.person.user,
            groups,
            database: &around.database,
            application: &around.application,
            client_address: Some(around.client_address),
            tls_subject: around.tls_subject.as_deref(),
            tls_names: &around.tls_names,
            now: around.now,
            gate: &around.gate.name,
            cluster: &around.gate.cluster,
            cluster_account: around.gate.account,
            kind: self.kinds.first().copied().unwrap_or(StatementKind::Unknown).as_str(),
            method: self.credential.method,
            clause: self.credential.clause,
            roles: &self.credential.roles,
            role_tags: self.credential.tags.as_deref(),
            target: self.thing.facts(),
        }
    }
}

impl Grid {
    /// The grid of sets of rules.
    #[must_use]
    pub(crate) fn new(sets: &[&RuleSet], world: &World<'_>) -> Self {
        let rules: Vec<&RuleProfile> = sets.iter().flat_map(|rules| rules.profiles()).collect();
        Self::of(&rules, sets, world)
    }

    /// The grid of some rules of sets.
    fn of(rules: &[&RuleProfile], sets: &[&RuleSet], world: &World<'_>) -> Self {
        let values: Vec<RuleValues> = rules.iter().map(|rule| RuleValues::of(rule)).collect();
        // A set that does not look at the clock has no zone of its own.
        let mut zones: Vec<TimeZone> = sets.iter().map(|rules| rules.time_zone()).collect();
        zones.dedup();
        let own = world.gates.first().and_then(|gate| gate.account);
        Self {
            people: people(&values, &world.groups),
            kinds: kinds(&values, sets),
            credentials: credentials(&values, &world.chains, own, world.facts),
            things: things(&values),
            circumstances: circumstances(&values, &world.gates, &zones),
        }
    }

    /// For each rule, the grid of what it alone looks at.
    #[must_use]
    pub(crate) fn of_each(sets: &[&RuleSet], world: &World<'_>) -> Vec<Self> {
        let world = World { chains: world.chains.iter().take(4).cloned().collect(), ..world.clone() };
        sets.iter().flat_map(|rules| rules.profiles()).map(|rule| Self::of(&[rule], sets, &world)).collect()
    }

    /// How many requests there are.
    #[must_use]
    pub(crate) fn size(&self) -> u64 {
        let lengths =
            [self.people.len(), self.kinds.len(), self.credentials.len(), self.things.len(), self.circumstances.len()];
        lengths.iter().map(|length| u64::try_from(*length).unwrap_or(u64::MAX)).fold(1, u64::saturating_mul)
    }

    /// The request of a number below the length.
    #[must_use]
    pub(crate) fn cell(&self, number: u64) -> Option<Cell<'_>> {
        let mut rest = number;
        let people = pick(&self.people, &mut rest);
        let kinds = pick(&self.kinds, &mut rest);
        let credential = pick(&self.credentials, &mut rest);
        let thing = pick(&self.things, &mut rest);
        let around = pick(&self.circumstances, &mut rest);
        Some(Cell { person: people?, kinds: kinds?, credential: credential?, thing: thing?, circumstances: around? })
    }

    /// The numbers of all requests, or of so many that are spread evenly.
    #[must_use]
    pub(crate) fn numbers(&self, most: u64) -> Vec<u64> {
        let length = self.size();
        if length <= most {
            return (0..length).collect();
        }
        let step = u128::from(STEP);
        (0..most)
            .filter_map(|number| u64::try_from(u128::from(number).saturating_mul(step) % u128::from(length)).ok())
            .collect()
    }
}

/// Grids and the numbers of their requests that are looked at.
#[derive(Clone, Debug)]
pub(crate) struct Survey {
    /// Each grid with the numbers.
    pub(crate) parts: Vec<(Grid, Vec<u64>)>,
    /// How many requests there would be.
    pub(crate) whole: u64,
    /// Not all of them are looked at.
    pub(crate) is_sampled: bool,
    /// The facts allow chains that are in no request.
    pub(crate) more_chains: bool,
}

impl Survey {
    /// The whole grid, or `most` requests of it and those that each rule is about.
    #[must_use]
    pub(crate) fn new(sets: &[&RuleSet], world: &World<'_>, most: u64) -> Self {
        let grid = Grid::new(sets, world);
        let (whole, numbers) = (grid.size(), grid.numbers(most));
        let is_sampled = whole > most;
        let mut parts = vec![(grid, numbers)];
        if is_sampled {
            parts.extend(Grid::of_each(sets, world).into_iter().map(|grid| {
                let numbers = grid.numbers(CELLS_OF_A_RULE);
                (grid, numbers)
            }));
        }
        Self { parts, whole, is_sampled, more_chains: world.more_chains }
    }

    /// How many requests are looked at.
    #[must_use]
    pub(crate) fn asked(&self) -> u64 {
        let counts = self.parts.iter().map(|(_, numbers)| u64::try_from(numbers.len()).unwrap_or(u64::MAX));
        counts.fold(0, u64::saturating_add)
    }
}

fn pick<'g, T>(list: &'g [T], rest: &mut u64) -> Option<&'g T> {
    let length = u64::try_from(list.len()).ok().filter(|length| *length > 0)?;
    let place = *rest % length;
    *rest /= length;
    list.get(usize::try_from(place).ok()?)
}

/// Kinds of statements, those together that no rule tells apart.
fn kinds(rules: &[RuleValues], sets: &[&RuleSet]) -> Vec<Vec<StatementKind>> {
    let named: BTreeSet<String> =
        rules.iter().flat_map(|rule| rule.tests(&Subject::Action).flat_map(texts).collect::<Vec<_>>()).collect();
    let mut classes: BTreeMap<Vec<bool>, Vec<StatementKind>> = BTreeMap::new();
    for kind in StatementKind::VARIANTS.iter().copied().filter(|kind| *kind != StatementKind::None) {
        let is_in = |name: &String| sets.iter().any(|rules| rules.is_action_in(kind.as_str(), name));
        classes.entry(named.iter().map(is_in).collect()).or_default().push(kind);
    }
    classes.into_values().collect()
}

impl std::fmt::Display for Cell<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.kinds.first().map_or("", |kind| kind.as_str());
        write!(formatter, "{}: {kind} through {}", self.person.label, self.credential.label())?;
        let thing = self.thing.label();
        if !thing.is_empty() {
            write!(formatter, " on {thing}")?;
        }
        write!(formatter, " ({})", self.circumstances.label())
    }
}

#[cfg(test)]
mod tests;
