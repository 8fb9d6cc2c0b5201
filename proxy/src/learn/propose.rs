//! From uses to the fewest permits that let all of them through. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::learn::place::{S3Place, UseTimes};
use crate::learn::uses::{Sample, UseClass, UseCount, Uses};

/// Users that a rule's evidence names.
const MAX_NAMED_USERS: usize = 8;

/// For whom a permit is.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Grantee {
    /// The members of a group.
    Group(String),
    /// One user.
    User(String),
}

/// How much a proposal is wider than what was seen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Generalisation {
    /// Permits are for groups, where users have any.
    pub(crate) by_group: bool,
    /// A permit used less often is not proposed.
    pub(crate) min_uses: u64,
}

/// One permit, with its evidence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ProposedPermit {
    /// Who is permitted.
    pub(crate) grantee: Grantee,
    /// What is permitted.
    pub(crate) class: UseClass,
    /// Where in the bucket.
    pub(crate) place: S3Place,
    /// How often it was used, and when.
    pub(crate) seen: UseTimes,
    /// How many users used it.
    pub(crate) users: usize,
    /// Some of them.
    pub(crate) named: BTreeSet<String>,
    /// How many members the group has.
    pub(crate) members: Option<usize>,
    /// A statement that it lets through.
    pub(crate) sample: Option<(String, Sample)>,
}

/// A use that no permit is proposed for: it was too rare.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RareUse {
    /// Whose it was.
    pub(crate) user: String,
    /// What it was.
    pub(crate) class: UseClass,
    /// Where in the bucket.
    pub(crate) place: S3Place,
    /// How often, and when.
    pub(crate) seen: UseTimes,
}

/// The permits that a history speaks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Proposals {
    /// In order of what they are for.
    pub(crate) permits: Vec<ProposedPermit>,
    /// What they do not let through.
    pub(crate) rare: Vec<RareUse>,
    /// Permits that rules cannot hold.
    pub(crate) unwritable: Vec<ProposedPermit>,
    /// Uses that were not counted, because there were too many distinct ones.
    pub(crate) left_out: u64,
}

/// Users by group.
pub(crate) type Members = BTreeMap<String, Vec<String>>;

/// Proposes permits. None of them can be left out without refusing some use.
#[must_use]
pub(crate) fn propose(uses: Uses, members: &Members, how: Generalisation) -> Proposals {
    let mut groups: HashMap<&str, Vec<&str>> = HashMap::new();
    for (group, users) in members.iter().filter(|_| how.by_group) {
        for user in users {
            groups.entry(user).or_default().push(group);
        }
    }
    let mut all = Proposals { left_out: uses.left_out(), ..Proposals::default() };
    for (class, users) in uses.by_class() {
        let one = Class { what: class, users, groups: &groups, members };
        one.propose(how.min_uses, &mut all);
    }
    all
}

/// The uses of one class: permits of different classes let nothing through in common.
struct Class<'m> {
    what: UseClass,
    users: Vec<(String, UseCount)>,
    groups: &'m HashMap<&'m str, Vec<&'m str>>,
    members: &'m Members,
}

/// What is to be let through: the uses of one user in one place.
struct Point<'u> {
    user: &'u str,
    place: S3Place,
    seen: UseTimes,
    sample: Option<&'u Sample>,
}

type Permit = (Grantee, S3Place);

impl Class<'_> {
    fn propose(&self, min_uses: u64, all: &mut Proposals) {
        let points = self.points();
        let assigned: BTreeSet<Permit> =
            points.iter().map(|point| (self.grantee(point.user), point.place.clone())).collect();
        let used = self.used(&points, &assigned);
        let kept = assigned.into_iter().filter(|permit| used.get(permit).is_some_and(|count| *count >= min_uses));
        let kept = self.least(&points, &kept.collect());
        let (let_through, rare): (Vec<_>, Vec<_>) =
            points.into_iter().partition(|point| self.permits_of(point).any(|permit| kept.contains(&permit)));
        all.permits.extend(self.proposals(&let_through, &kept));
        all.rare.extend(rare.into_iter().map(|point| RareUse {
            user: point.user.to_owned(),
            class: self.what.clone(),
            place: point.place,
            seen: point.seen,
        }));
    }

    /// All places are of one depth, so that whether one permit covers another's uses shows in their places alone.
    fn points(&self) -> Vec<Point<'_>> {
        let depth = self.users.iter().map(|(_, count)| count.places.depth()).min().unwrap_or_default();
        let mut points = Vec::new();
        for (user, count) in &self.users {
            let mut places = count.places.clone();
            places.draw(depth);
            points.extend(places.iter().map(|(place, seen)| Point {
                user,
                place: place.clone(),
                seen: *seen,
                sample: count.sample.as_ref(),
            }));
        }
        points
    }

    /// The smallest group of a user, or the user.
    fn grantee(&self, user: &str) -> Grantee {
        let size = |group: &&str| self.members.get(*group).map_or(0, Vec::len);
        let groups = self.groups.get(user).into_iter().flatten().copied();
        groups
            .min_by_key(|group| (size(group), *group))
            .map_or_else(|| Grantee::User(user.to_owned()), |group| Grantee::Group(group.to_owned()))
    }

    /// Every permit that would let a use through.
    fn permits_of<'p>(&'p self, point: &'p Point<'_>) -> impl Iterator<Item = Permit> + 'p {
        let groups = self.groups.get(point.user).into_iter().flatten();
        let grantees = groups.map(|group| Grantee::Group((*group).to_owned()));
        let all: Vec<Grantee> = grantees.chain([Grantee::User(point.user.to_owned())]).collect();
        all.into_iter().flat_map(|grantee| point.place.wider().map(move |place| (grantee.clone(), place)))
    }

    /// How many uses each permit would let through.
    fn used(&self, points: &[Point<'_>], permits: &BTreeSet<Permit>) -> HashMap<Permit, u64> {
        let mut used: HashMap<Permit, u64> = HashMap::new();
        for point in points {
            for permit in self.permits_of(point).filter(|permit| permits.contains(permit)) {
                let count = used.entry(permit).or_default();
                *count = count.saturating_add(point.seen.count);
            }
        }
        used
    }

    /// Leaves out permits, the least used first, until each lets something through that no other does.
    fn least(&self, points: &[Point<'_>], permits: &BTreeSet<Permit>) -> BTreeSet<Permit> {
        let covering: Vec<Vec<Permit>> = points
            .iter()
            .map(|point| self.permits_of(point).filter(|permit| permits.contains(permit)).collect())
            .collect();
        let mut covered: HashMap<&Permit, Vec<usize>> = HashMap::new();
        for (number, by) in covering.iter().enumerate() {
            for permit in by {
                covered.entry(permit).or_default().push(number);
            }
        }
        let uses = |numbers: &Vec<usize>| {
            let counts = numbers.iter().filter_map(|number| points.get(*number)).map(|point| point.seen.count);
            counts.fold(0, u64::saturating_add)
        };
        let mut order: Vec<(u64, &Permit)> = covered.iter().map(|(permit, numbers)| (uses(numbers), *permit)).collect();
        order.sort_unstable();
        let mut left: Vec<usize> = covering.iter().map(Vec::len).collect();
        let mut kept = permits.clone();
        for (_, permit) in order {
            let numbers = covered.get(permit).map(Vec::as_slice).unwrap_or_default();
            if numbers.iter().all(|number| left.get(*number).is_some_and(|others| *others > 1)) {
                kept.remove(permit);
                for number in numbers {
                    if let Some(others) = left.get_mut(*number) {
                        *others = others.saturating_sub(1);
                    }
                }
            }
        }
        kept
    }

    fn proposals(&self, points: &[Point<'_>], permits: &BTreeSet<Permit>) -> Vec<ProposedPermit> {
        let mut proposals: BTreeMap<&Permit, ProposedPermit> = BTreeMap::new();
        let mut users: HashMap<&Permit, BTreeSet<&str>> = HashMap::new();
        for point in points {
            for permit in self.permits_of(point) {
                let Some(permit) = permits.get(&permit) else { continue };
                let proposal = proposals.entry(permit).or_insert_with(|| self.proposal(permit));
                proposal.seen.add(point.seen);
                if proposal.sample.is_none() {
                    let sample = point.sample.map(|sample| sample.on(&self.what.name, point.place.text()));
                    proposal.sample = sample.map(|sample| (point.user.to_owned(), sample));
                }
                users.entry(permit).or_default().insert(point.user);
            }
        }
        for (permit, proposal) in &mut proposals {
            let users = users.remove(permit).unwrap_or_default();
            proposal.users = users.len();
            proposal.named = users.into_iter().take(MAX_NAMED_USERS).map(str::to_owned).collect();
        }
        proposals.into_values().collect()
    }

    fn proposal(&self, (grantee, place): &Permit) -> ProposedPermit {
        let members = match grantee {
            Grantee::Group(group) => self.members.get(group).map(Vec::len),
            Grantee::User(_) => None,
        };
        ProposedPermit {
            grantee: grantee.clone(),
            class: self.what.clone(),
            place: place.clone(),
            seen: UseTimes::default(),
            users: 0,
            named: BTreeSet::new(),
            members,
            sample: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::uses::UseKey;
    use crate::rules::TargetKind;
    use crate::sql::{MethodKind, StatementKind};

    fn class() -> UseClass {
        UseClass {
            kind: StatementKind::Copy,
            method: MethodKind::Chain,
            roles: "A,B".to_owned(),
            target: TargetKind::S3,
            name: "b".to_owned(),
        }
    }

    fn members() -> Members {
        let group = |name: &str, users: &[&str]| (name.to_owned(), users.iter().map(ToString::to_string).collect());
        Members::from([group("all", &["ann", "bob", "eve"]), group("etl", &["ann", "bob"])])
    }

    fn proposed(uses: &[(&str, &str, u64)], depth: usize, min_uses: u64) -> (Vec<String>, Vec<String>) {
        let mut all = Uses::default();
        for (user, path, count) in uses {
            let key = UseKey { user: (*user).to_owned(), class: class() };
            all.add(key, path, depth, UseTimes::at(*count, None), || None);
        }
        let how = Generalisation { by_group: true, min_uses };
        let found = propose(all, &members(), how);
        let permit = |one: &ProposedPermit| format!("{:?} {} {}", one.grantee, one.place, one.seen.count);
        let rare = |one: &RareUse| format!("{} {} {}", one.user, one.place, one.seen.count);
        (found.permits.iter().map(permit).collect(), found.rare.iter().map(rare).collect())
    }

    /// (uses, depth, least uses, permits, what is too rare)
    #[test]
    fn table() {
        type Row<'r> = (&'r [(&'r str, &'r str, u64)], usize, u64, &'r [&'r str], &'r [&'r str]);
        let rows: &[Row<'_>] = &[
            (&[("ann", "in/x", 2), ("bob", "in/y", 1)], 1, 1, &["Group(\"etl\") in/* 3"], &[]),
            (&[("ann", "in/x", 2), ("eve", "in/y", 1)], 1, 1, &["Group(\"all\") in/* 3"], &[]),
            (&[("mal", "in/x", 2)], 1, 1, &["User(\"mal\") in/* 2"], &[]),
            (&[("ann", "in/x", 2), ("ann", "x", 1)], 2, 1, &["Group(\"etl\") in/x 2", "Group(\"etl\") x 1"], &[]),
            (&[("ann", "in/1", 2), ("ann", "in/x", 1)], 2, 1, &["Group(\"etl\") in/* 3"], &[]),
            (&[("ann", "in/x", 2), ("mal", "in/x", 1)], 1, 2, &["Group(\"etl\") in/* 2"], &["mal in/* 1"]),
            (&[("ann", "in/x", 1), ("bob", "in/y", 1)], 1, 2, &["Group(\"etl\") in/* 2"], &[]),
            (&[("ann", "in/x", 1)], 0, 1, &["Group(\"etl\") * 1"], &[]),
        ];
        for (uses, depth, least, permits, rare) in rows {
            let (found, too_rare) = proposed(uses, *depth, *least);
            assert_eq!(
                (found.as_slice(), too_rare.as_slice()),
                (
                    permits.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice(),
                    rare.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice(),
                ),
                "{uses:?}"
            );
        }
    }
}
