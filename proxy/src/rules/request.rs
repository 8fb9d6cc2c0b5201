//! One credential clause as Cedar sees it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use cedar_policy::{Context, Entities, Entity, EntityUid, RestrictedExpression};
use jiff::Timestamp;
use jiff::civil::Weekday;

use crate::chain::{AccountId, RoleArn};
use crate::rules::RulesError;
use crate::rules::vocabulary::{Vocabulary, action, uid, wrong};

/// What is asked: who does what with which chain on what, and under which circumstances.
#[derive(Clone, Copy, Debug)]
pub struct RuleRequest<'a> {
    /// The database user.
    pub user: &'a str,
    /// The user's groups.
    pub groups: &'a [String],
    /// The database that the session is connected to.
    pub database: &'a str,
    /// `application_name`.
    pub application: &'a str,
    /// Where the session comes from.
    pub client_address: Option<IpAddr>,
    /// The subject of the client's verified TLS certificate.
    pub tls_subject: Option<&'a str>,
    /// That certificate's subject alternative names.
    pub tls_names: &'a [String],
    /// The time that rules on hours see.
    pub now: Timestamp,
    /// The gate's name.
    pub gate: &'a str,
    /// The cluster's name; empty when it is not known.
    pub cluster: &'a str,
    /// The cluster's account.
    pub cluster_account: Option<AccountId>,
    /// The statement's kind, in snake case.
    pub kind: &'a str,
    /// What the clause holds.
    pub method: &'a str,
    /// The clause that names the chain.
    pub clause: &'a str,
    /// The roles of the chain, in their order.
    pub roles: &'a [RoleArn],
    /// The tags of each role of the chain, as `key=value`; `None` when the facts do not tell those of all.
    pub role_tags: Option<&'a [RoleTags]>,
    /// What the chain is used on.
    pub target: Option<TargetFacts<'a>>,
}

/// The tags of one role, as `key=value`.
pub type RoleTags = BTreeSet<String>;

/// What a chain is used on, as far as rules can name it.
#[derive(Clone, Copy, Debug, Default)]
pub struct TargetFacts<'a> {
    /// An S3 bucket.
    pub bucket: Option<&'a str>,
    /// The rest of the S3 URI.
    pub prefix: Option<&'a str>,
    /// A Lambda function or SageMaker endpoint.
    pub function: Option<&'a str>,
    /// A database of the data catalog.
    pub catalog_database: Option<&'a str>,
    /// A secret's ARN.
    pub secret: Option<&'a str>,
    /// Who is granted something.
    pub grantee: Option<&'a str>,
    /// Anything else.
    pub other: Option<&'a str>,
}

closed_sets! {
    /// What kind of thing a chain is used on.
    #[derive(Ord, PartialOrd)]
    pub enum TargetKind {
        /// Nothing that the statement names.
        None,
        /// A bucket.
        S3,
        /// A Lambda function or SageMaker endpoint.
        Function,
        /// A database of the data catalog.
        CatalogDatabase,
        /// A secret.
        Secret,
        /// Who is granted something.
        Grantee,
        /// Anything else.
        Other,
    }
}

impl TargetFacts<'_> {
    /// What kind of target it is: the first part that is known.
    fn kind(&self) -> TargetKind {
        let kinds = [
            (self.bucket, TargetKind::S3),
            (self.function, TargetKind::Function),
            (self.catalog_database, TargetKind::CatalogDatabase),
            (self.secret, TargetKind::Secret),
            (self.grantee, TargetKind::Grantee),
            (self.other, TargetKind::Other),
        ];
        kinds.into_iter().find(|(part, _)| part.is_some()).map_or(TargetKind::None, |(_, kind)| kind)
    }
}

/// Attributes that some rule looks at.
struct Attributes<'a> {
    words: &'a Vocabulary,
    given: HashMap<String, RestrictedExpression>,
}

impl Attributes<'_> {
    /// Adds an attribute, if it has a value and some rule looks at it.
    fn give<V>(&mut self, name: &str, value: impl Into<Option<V>>, express: impl FnOnce(V) -> RestrictedExpression) {
        if let Some(value) = value.into().filter(|_| self.words.names(name)) {
            self.given.insert(name.to_owned(), express(value));
        }
    }
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

/// The account of a role.
fn account(role: &RoleArn) -> RestrictedExpression {
    text(&role.account().to_string())
}

/// A set of texts.
fn texts<'a>(values: impl Iterator<Item = &'a str>) -> RestrictedExpression {
    RestrictedExpression::new_set(values.map(text))
}

impl RuleRequest<'_> {
    /// The request and its entities. They fit the schema by construction, so they are not validated each time.
    pub(super) fn to_cedar(self, words: &Vocabulary) -> Result<(cedar_policy::Request, Entities), RulesError> {
        let user = uid(&words.user, self.user);
        let groups: HashSet<EntityUid> = self.groups.iter().map(|group| uid(&words.group, group)).collect();
        let name = action(self.kind);
        let action = words.actions.get(&name).ok_or_else(|| wrong(format!("the schema has no action \"{name}\"")))?;
        let mut entities: Vec<Entity> =
            groups.iter().map(|group| Entity::new_no_attrs(group.clone(), HashSet::new())).collect();
        entities.push(action.clone());
        let name = HashMap::from([("name".to_owned(), text(self.user))]);
        entities.push(Entity::new(user.clone(), name, groups).map_err(wrong)?);
        entities.push(Entity::new(words.chain.clone(), self.attributes(words)?, HashSet::new()).map_err(wrong)?);
        let entities = Entities::from_entities(entities, None).map_err(wrong)?;
        let context = Context::from_pairs(self.circumstances(words)).map_err(wrong)?;
        let request =
            cedar_policy::Request::new(user, action.uid(), words.chain.clone(), context, None).map_err(wrong)?;
        Ok((request, entities))
    }

    fn attributes(&self, words: &Vocabulary) -> Result<HashMap<String, RestrictedExpression>, RulesError> {
        let leaves = self.cluster_account.is_some_and(|own| self.roles.iter().any(|role| role.account() != own));
        let length = i64::try_from(self.roles.len()).map_err(wrong)?;
        let target = self.target.unwrap_or_default();
        let mut attributes = Attributes { words, given: HashMap::new() };
        attributes.give("method", self.method, text);
        attributes.give("clause", self.clause, text);
        attributes.give("roles", self.roles, |roles: &[RoleArn]| texts(roles.iter().map(RoleArn::as_str)));
        let all_at_home = self.cluster_account.is_some_and(|own| self.roles.iter().all(|role| role.account() == own));
        attributes.give("chain", self.roles, |roles: &[RoleArn]| {
            text(&roles.iter().map(RoleArn::as_str).collect::<Vec<_>>().join(","))
        });
        attributes.give("middle_roles", self.roles, |roles: &[RoleArn]| {
            let middle = roles.get(1..roles.len().saturating_sub(1)).unwrap_or_default();
            texts(middle.iter().map(RoleArn::as_str))
        });
        attributes.give("paths", self.roles, |roles: &[RoleArn]| texts(roles.iter().map(RoleArn::path)));
        attributes.give("names", self.roles, |roles: &[RoleArn]| texts(roles.iter().map(RoleArn::name)));
        attributes.give("common_path", self.roles, |roles: &[RoleArn]| text(common(roles.iter().map(RoleArn::path))));
        attributes.give("common_name", self.roles, |roles: &[RoleArn]| text(common(roles.iter().map(RoleArn::name))));
        self.tags(&mut attributes);
        attributes.give("all_in_cluster_account", all_at_home, RestrictedExpression::new_bool);
        attributes
            .give("accounts", self.roles, |roles: &[RoleArn]| RestrictedExpression::new_set(roles.iter().map(account)));
        attributes.give("length", length, RestrictedExpression::new_long);
        attributes.give("leaves_cluster_account", leaves, RestrictedExpression::new_bool);
        attributes.give("first_role", self.roles.first().map(RoleArn::as_str), text);
        attributes.give("last_role", self.roles.last().map(RoleArn::as_str), text);
        attributes.give("last_account", self.roles.last(), account);
        attributes.give("target_kind", target.kind().as_str(), text);
        attributes.give("target_bucket", target.bucket, text);
        attributes.give("target_prefix", target.prefix, text);
        attributes.give("target_function", target.function, text);
        attributes.give("target_catalog_database", target.catalog_database, text);
        attributes.give("target_secret", target.secret, text);
        attributes.give("target_grantee", target.grantee, text);
        attributes.give("target_other", target.other, text);
        Ok(attributes.given)
    }

    /// The tags of the roles, as far as the facts tell those of all: a rule has to say what holds when they do not.
    fn tags(&self, attributes: &mut Attributes<'_>) {
        let Some(tags) = self.role_tags else { return };
        let set = |tags: &RoleTags| texts(tags.iter().map(String::as_str));
        let every = |tags: &[RoleTags]| {
            let in_all = |first: &RoleTags| {
                first.iter().filter(|tag| tags.iter().all(|set| set.contains(*tag))).cloned().collect()
            };
            tags.first().map(in_all).unwrap_or_default()
        };
        attributes.give("tags_of_any_role", tags, |tags: &[RoleTags]| set(&tags.iter().flatten().cloned().collect()));
        attributes.give("tags_of_every_role", tags, |tags: &[RoleTags]| set(&every(tags)));
        attributes.give("tags_of_first_role", tags.first(), set);
        attributes.give("tags_of_last_role", tags.last(), set);
    }

    fn circumstances(&self, words: &Vocabulary) -> HashMap<String, RestrictedExpression> {
        let mut pairs = Attributes { words, given: HashMap::new() };
        pairs.give("database", self.database, text);
        pairs.give("application", self.application, text);
        pairs.give("gate", self.gate, text);
        pairs.give("cluster", self.cluster, text);
        pairs.give("cluster_account", self.cluster_account, |account: AccountId| text(&account.to_string()));
        pairs.give("client_address", self.client_address, |address: IpAddr| {
            RestrictedExpression::new_ip(address.to_string())
        });
        pairs.give("tls_subject", self.tls_subject, text);
        pairs.give("tls_names", self.tls_names, |names: &[String]| texts(names.iter().map(String::as_str)));
        pairs.give("now", self.now, |now: Timestamp| {
            RestrictedExpression::new_datetime(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        });
        let local = words.time_zone.to_datetime(self.now);
        pairs.give("weekday", weekday(local.weekday()), text);
        pairs.give("hour", i64::from(local.hour()), RestrictedExpression::new_long);
        pairs.given
    }
}

/// The words of weekdays, from Monday.
pub(super) const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

fn weekday(day: Weekday) -> &'static str {
    let place = usize::try_from(day.to_monday_zero_offset()).unwrap_or_default();
    WEEKDAYS.get(place).copied().unwrap_or_default()
}

/// What all texts begin with; nothing when there are none.
fn common<'a>(mut values: impl Iterator<Item = &'a str>) -> &'a str {
    let first = values.next().unwrap_or_default();
    values.fold(first, |so_far, value| {
        let same = so_far.char_indices().zip(value.chars()).find(|((_, one), other)| one != other);
        let end = same.map_or(so_far.len().min(value.len()), |((at, _), _)| at);
        so_far.get(..end).unwrap_or_default()
    })
}
