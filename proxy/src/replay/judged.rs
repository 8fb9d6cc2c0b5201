//! What a policy says of one recorded statement. Pure.

use jiff::Timestamp;

use crate::gate::judge_alone;
use crate::gate::policy::Policy;
use crate::gate::principal::{Attributes, Principal};
use crate::gate::verdict::Verdict;
use crate::history::StatementRecord;
use crate::sql::{self, Reading, StatementKind};

closed_sets! {
    /// Why nothing can be said of a statement.
    #[derive(Ord, PartialOrd)]
    pub enum CannotTell {
        /// The cluster blanked its credentials.
        Hidden,
        /// Part of its text is missing.
        Truncated,
        /// It may have been made up by another text.
        Doubtful,
        /// It carries credentials, and nobody knows whose it is.
        UserUnknown,
        /// The verdict depends on a time that the source does not tell.
        TimeUnknown,
    }
}

impl CannotTell {
    /// In words, of statements.
    #[must_use]
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Hidden => "the source hides their roles",
            Self::Truncated => "part of their text is missing",
            Self::Doubtful => "another text may have made them up",
            Self::UserUnknown => "nobody knows whose they are; read an export of SVV_USER_INFO with them",
            Self::TimeUnknown => "a rule looks at the time, which the source does not tell",
        }
    }
}

/// What a policy says of a record.
#[derive(Debug)]
pub(crate) enum Judged {
    /// Nothing in it is to be judged.
    Plain,
    /// It cannot be judged.
    CannotTell(CannotTell),
    /// It was judged.
    Verdict(Box<Verdict>),
}

/// Judges a record for its own user, database, application, address and time.
#[must_use]
pub(crate) fn judge(policy: &Policy, record: &StatementRecord<'_>) -> Judged {
    if !record.is_whole() {
        return Judged::CannotTell(if record.doubtful {
            CannotTell::Doubtful
        } else if record.hidden {
            CannotTell::Hidden
        } else {
            CannotTell::Truncated
        });
    }
    let text = record.text.as_bytes();
    if sql::is_plain(text, policy.dialect()) {
        return Judged::Plain;
    }
    let time = record.timestamp();
    let now = time.unwrap_or(Timestamp::UNIX_EPOCH);
    let Some(verdict) = judge_alone(policy, text, &principal(record), now) else { return Judged::Plain };
    let has_uses = verdict.statements.iter().any(|statement| !statement.uses.is_empty());
    if has_uses && record.user.is_none() {
        return Judged::CannotTell(CannotTell::UserUnknown);
    }
    if verdict.depends_on_time && time.is_none() {
        return Judged::CannotTell(CannotTell::TimeUnknown);
    }
    Judged::Verdict(Box::new(verdict))
}

/// Who sent a recorded statement.
#[must_use]
pub(crate) fn principal(record: &StatementRecord<'_>) -> Principal {
    let text = |known: &Option<std::borrow::Cow<'_, str>>| known.as_deref().unwrap_or_default().to_owned();
    Principal::new(Attributes {
        database: text(&record.database),
        application: text(&record.application),
        client_address: record.client_address.as_deref().and_then(|address| address.parse().ok()),
        ..Attributes::of_login(record.user.as_deref().unwrap_or_default())
    })
}

/// Kind and target of what can be read of a text: enough to say what cannot be judged.
#[must_use]
pub(crate) fn kind_and_target(policy: &Policy, text: &str) -> (StatementKind, Option<String>) {
    let Reading::Analysed(analysis) = sql::read(text.as_bytes(), policy.dialect()) else {
        return (StatementKind::None, None);
    };
    let statement = analysis.statements.into_iter().next();
    statement.map_or((StatementKind::None, None), |statement| {
        let target = statement.role_uses.iter().find_map(|role_use| role_use.target.as_ref());
        (statement.kind, target.map(crate::replay::groups::bucket))
    })
}

#[cfg(test)]
mod tests;
