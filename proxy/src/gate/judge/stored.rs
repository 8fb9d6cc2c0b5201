//! Uses of stored credentials: what the names of a statement stand for, and what the rules say of it.

use crate::catalog::{Casing, NameRef, NamedAs, ObjectName, StoredCredential, StoredObject, StoredUse, Via};
use crate::chain::Chain;
use crate::gate::codes::Code;
use crate::gate::finding::Finding;
use crate::gate::judge::chains::default_chain;
use crate::gate::judge::context::JudgeContext;
use crate::gate::judge::organisation::{RuleFindings, RuledUse, could_forbid, judge_use};
use crate::gate::naming::Naming;
use crate::gate::principal::Principal;
use crate::gate::stored::JudgedStored;
use crate::sql::{Clause, Mention, MentionedAs, NamePart, StatementNames, Target};

/// Uses of one statement that are judged. Of those beyond it is said that there are more.
pub(crate) const MAX_STORED_USES: usize = 64;

/// One use and what was said of it.
pub(super) struct RuledStored {
    pub(super) told: JudgedStored,
    /// As it is stored; `None`: it is not known.
    pub(super) used: Option<StoredUse>,
    pub(super) ruled: RuleFindings,
}

/// The uses of stored credentials by a statement, judged.
pub(super) fn judge_stored(context: &JudgeContext<'_>, statement: &StatementNames) -> Vec<RuledStored> {
    found(context, statement).into_iter().map(|found| judged(context, found)).collect()
}

/// A use before it is judged.
struct FoundUse {
    told: JudgedStored,
    used: Option<StoredUse>,
    chain: Option<Chain>,
    clause: Clause,
    target: Option<Target>,
    at: usize,
}

fn judged(context: &JudgeContext<'_>, found: FoundUse) -> RuledStored {
    let FoundUse { told, used: stored, chain, clause, target, at } = found;
    // Where the facts do not tell which role `default` stands for, the rules see none.
    let default = if told.method == "default" { default_chain(context, at).ok().flatten() } else { None };
    let stands_for = chain.as_ref().or(default.as_ref());
    let kind = action_of(told.via);
    let used = RuledUse { kind, method: told.method, clause: clause.as_str(), target: target.as_ref(), at };
    let mut ruled = judge_use(context, used, stands_for);
    if told.method == UNKNOWN && could_forbid(context, kind) {
        let detail = format!("{} is used through its {}", told.object, told.via.as_str());
        ruled.findings.push(context.finding(Code::Rg303, at).detail(detail));
    }
    let credential = told.credential();
    let is_stored =
        |finding: Finding| Finding { is_stored: true, credential: Some(credential.as_str().into()), ..finding };
    ruled.findings = ruled.findings.into_iter().map(is_stored).collect();
    RuledStored { told, used: stored, ruled }
}

const UNKNOWN: &str = "unknown";

/// The kind by which the rules name the action.
const fn action_of(via: Via) -> &'static str {
    match via {
        Via::Statement | Via::Schema | Via::View => "query",
        Via::Function => "call_function",
        Via::Model => "call_model",
        Via::Procedure => "call_procedure",
        Via::Job => "run_job",
    }
}

fn found(context: &JudgeContext<'_>, statement: &StatementNames) -> Vec<FoundUse> {
    let mut found: Vec<FoundUse> = Vec::new();
    let mut is_cut = statement.is_cut;
    for mention in &statement.mentions {
        resolve(context, mention, &mut |one| add(one, &mut found, &mut is_cut));
    }
    if is_cut {
        let told = JudgedStored {
            via: Via::Statement,
            object: "more than can be followed".to_owned(),
            through: Vec::new(),
            method: UNKNOWN,
            roles: Vec::new(),
            certain: false,
        };
        let at = statement.span.start;
        found.push(FoundUse { told, used: None, chain: None, clause: Clause::Absent, target: None, at });
    }
    found
}

fn add(one: FoundUse, found: &mut Vec<FoundUse>, is_cut: &mut bool) {
    let is_same = |known: &FoundUse| {
        known.told.via == one.told.via
            && known.told.object == one.told.object
            && known.told.roles == one.told.roles
            && known.told.method == one.told.method
    };
    let count = found.len();
    match found.iter_mut().find(|known| is_same(known)) {
        Some(known) => known.told.certain |= one.told.certain,
        None if count < MAX_STORED_USES => found.push(one),
        None => *is_cut = true,
    }
}

/// The parts of a name as they may be read, and how many of them name what is used.
struct Reading<'m> {
    name: NameRef<'m>,
    /// A part behind it may be a column's.
    has_rest: bool,
}

fn resolve(context: &JudgeContext<'_>, mention: &Mention, found: &mut dyn FnMut(FoundUse)) {
    let principal = context.principal;
    let naming = &principal.naming;
    let databases = naming.databases(&principal.database);
    for database in &databases {
        let only = databases.len() == 1 && database.is_some();
        for reading in readings(mention, *database) {
            named(context, mention, &reading, only, found);
        }
    }
}

/// Every way to read a name: `a.b.c` is a table of a database, or a table and a field of a column.
fn readings<'m>(mention: &'m Mention, database: Option<&'m str>) -> Vec<Reading<'m>> {
    let parts: Vec<&str> = mention.parts.iter().map(|part| part.text.as_str()).collect();
    let mut readings = Vec::new();
    let mut read = |database, schema, name, has_rest| {
        readings.push(Reading { name: NameRef { database, schema, name }, has_rest });
    };
    match parts.as_slice() {
        [] => {}
        [name] => read(database, None, name, false),
        [schema, name] => read(database, Some(*schema), name, false),
        [first, second, third, rest @ ..] => {
            read(Some(*first), Some(*second), third, !rest.is_empty());
            read(database, Some(*first), second, true);
        }
    }
    readings
}

/// What the catalogue may take the name for.
const fn kinds(named_as: MentionedAs) -> &'static [NamedAs] {
    match named_as {
        MentionedAs::Relation | MentionedAs::Within => &[NamedAs::Relation],
        MentionedAs::Schema => &[NamedAs::Schema],
        MentionedAs::Function => &[NamedAs::Function],
        MentionedAs::Procedure => &[NamedAs::Procedure],
        MentionedAs::Job => &[NamedAs::Job],
        MentionedAs::Any => &[NamedAs::Any],
    }
}

fn named(
    context: &JudgeContext<'_>,
    mention: &Mention,
    reading: &Reading<'_>,
    is_only_database: bool,
    found: &mut dyn FnMut(FoundUse),
) {
    let (principal, stored) = (context.principal, context.policy.stored());
    let catalog = stored.catalog();
    let naming = &principal.naming;
    let casing = if naming.is_cased == Some(true) { Casing::Exact } else { Casing::Folded };
    let is_cased = naming.is_cased.is_some() || mention.parts.iter().all(is_caseless);
    let certain = mention.is_exact && is_only_database && is_cased && !reading.has_rest;
    let mut is_met = false;
    for named_as in kinds(mention.named_as) {
        for used in stored.uses(*named_as, reading.name, casing) {
            if mention.named_as == MentionedAs::Within && used.via != Via::Schema {
                continue;
            }
            let is_within = reading.name.schema.is_none() && used.via != Via::Schema && used.via != Via::Job;
            let Some(is_found) =
                (if is_within { is_found(principal, naming, reading.name.name, used) } else { Some(true) })
            else {
                continue;
            };
            is_met = true;
            add_uses(used, certain && is_found, mention.span.start, found);
        }
    }
    // What it reads is not known here: it may be any name.
    if !is_met && mention.parts.iter().any(|part| part.is_open) {
        return found(uncovered(mention, reading));
    }
    let is_covered = reading.name.database.is_none_or(|database| catalog.covers(database));
    if !is_met && !is_covered && mention.is_exact && catalog.is_read() && !reading.has_rest {
        found(uncovered(mention, reading));
    }
}

/// Whether letters in quotes make no difference.
fn is_caseless(part: &NamePart) -> bool {
    !part.is_quoted || !part.text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether a name without a schema is that of what is stored; `None`: it is found elsewhere.
fn is_found(principal: &Principal, naming: &Naming, name: &str, used: &StoredUse) -> Option<bool> {
    let own = |object: &ObjectName| object.schema.as_deref().map(str::to_owned);
    let schema = match used.through.first() {
        Some(first) => own(first),
        None => used.object.called.as_ref().and_then(own).or_else(|| own(&used.object.name)),
    };
    match naming.finds_in(schema.as_deref(), &principal.user) {
        Some(false) => None,
        Some(true) => Some(!(naming.may_be_temporary(name) && used.via == Via::View)),
        None => Some(false),
    }
}

fn add_uses(used: &StoredUse, certain: bool, at: usize, found: &mut dyn FnMut(FoundUse)) {
    let through: Vec<String> = used.through.iter().map(ToString::to_string).collect();
    let StoredObject { name, roles, target, .. } = &*used.object;
    for role in roles {
        let (method, chain) = method(&role.credential);
        let names = chain.map(|chain| chain.roles().iter().map(|role| role.as_str().to_owned()).collect());
        let told = JudgedStored {
            via: used.via,
            object: name.to_string(),
            through: through.clone(),
            method,
            roles: names.unwrap_or_default(),
            certain,
        };
        let (used, chain) = (Some(used.clone()), chain.cloned());
        found(FoundUse { told, used, chain, clause: role.clause, target: target.clone(), at });
    }
}

const fn method(credential: &StoredCredential) -> (&'static str, Option<&Chain>) {
    match credential {
        StoredCredential::Chain(chain) => ("chain", Some(chain)),
        StoredCredential::Default => ("default", None),
        StoredCredential::Session => ("session", None),
        StoredCredential::All => ("all", None),
        StoredCredential::Keys => ("access_keys", None),
        StoredCredential::Cut(_) | StoredCredential::Hidden | StoredCredential::Unknown(_) => (UNKNOWN, None),
    }
}

/// A name in a database of which nothing was read, or one that may be any.
fn uncovered(mention: &Mention, reading: &Reading<'_>) -> FoundUse {
    let via = match mention.named_as {
        MentionedAs::Relation | MentionedAs::Within | MentionedAs::Schema | MentionedAs::Any => Via::Schema,
        MentionedAs::Function => Via::Function,
        MentionedAs::Procedure => Via::Procedure,
        MentionedAs::Job => Via::Job,
    };
    let NameRef { database, schema, name } = reading.name;
    let parts: Vec<&str> = [database, schema, Some(name)].into_iter().flatten().collect();
    let told = JudgedStored {
        via,
        object: parts.join("."),
        through: Vec::new(),
        method: UNKNOWN,
        roles: Vec::new(),
        certain: false,
    };
    FoundUse { told, used: None, chain: None, clause: Clause::Absent, target: None, at: mention.span.start }
}
