//! What is never learned, and why: it is listed for somebody to look at. Pure.

use crate::chain::{Chain, RoleArn};
use crate::gate::codes::{Code, Severity};
use crate::gate::enforcement::Action;
use crate::gate::policy::Policy;
use crate::gate::verdict::Verdict;
use crate::iam::Cluster;
use crate::replay::groups::{OTHERS, Shared};
use crate::replay::judged::CannotTell;
use crate::sql::{MethodKind, StatementKind};

/// Why a statement is not learned from.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReviewReason {
    /// It names access keys.
    StaticKeys,
    /// A role of its chain belongs to another organisation, or to none.
    LeavesOrganisation,
    /// Nobody knows whether every role of its chain belongs to the organisation.
    OrganisationUnknown,
    /// The facts or a rule refuse it.
    Refused,
    /// The facts do not decide it.
    Undecided,
    /// It did not succeed when it was sent.
    Failed,
    /// The cluster blanked its roles.
    Hidden,
    /// Part of its text is missing.
    Truncated,
    /// Another text may have made it up.
    Doubtful,
    /// Nobody knows whose it is.
    UserUnknown,
    /// The verdict depends on a time that the source does not tell.
    TimeUnknown,
    /// It was used less often than `--min-uses` asks.
    Rare,
    /// A name in it is one that rules cannot hold.
    Unwritable,
}

impl ReviewReason {
    /// The reason in words, as a report shows it.
    #[must_use]
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::StaticKeys => "names access keys; use a role",
            Self::LeavesOrganisation => "leaves the organisation",
            Self::OrganisationUnknown => "may leave the organisation: the facts do not tell it of every account",
            Self::Refused => "would be refused",
            Self::Undecided => "is not decided by the facts",
            Self::Failed => "did not succeed when it was sent",
            Self::Hidden => "had its roles blanked by the cluster",
            Self::Truncated => "is cut off",
            Self::Doubtful => "may be made up by another text",
            Self::UserUnknown => "is nobody's, as far as the source tells",
            Self::TimeUnknown => "depends on a time that the source does not tell",
            Self::Rare => "was used too rarely",
            Self::Unwritable => "has a name that rules cannot hold",
        }
    }
}

impl From<CannotTell> for ReviewReason {
    fn from(why: CannotTell) -> Self {
        match why {
            CannotTell::Hidden => Self::Hidden,
            CannotTell::Truncated => Self::Truncated,
            CannotTell::Doubtful => Self::Doubtful,
            CannotTell::UserUnknown => Self::UserUnknown,
            CannotTell::TimeUnknown => Self::TimeUnknown,
        }
    }
}

/// Statements that are listed together.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct ReviewKey {
    /// Why they are.
    pub(crate) reason: ReviewReason,
    /// The gravest finding, where there is one.
    pub(crate) code: Option<Code>,
    /// Whose they are.
    pub(crate) user: String,
    /// The chain, or the word for another credential.
    pub(crate) chain: String,
    /// What they are.
    pub(crate) kind: StatementKind,
    /// The bucket or other target.
    pub(crate) target: Option<String>,
}

impl Shared for ReviewKey {
    fn shared(&mut self) {
        OTHERS.clone_into(&mut self.user);
        OTHERS.clone_into(&mut self.chain);
        self.target = None;
    }
}

/// Why a judged statement is not learned from; nothing if it is.
#[must_use]
pub(crate) fn objection(policy: &Policy, verdict: &Verdict) -> Option<ReviewReason> {
    let uses = || verdict.statements.iter().flat_map(|statement| &statement.uses);
    if uses().any(|role_use| role_use.method.kind() == MethodKind::AccessKeys) {
        return Some(ReviewReason::StaticKeys);
    }
    let chains = uses().filter_map(|role_use| Chain::parse(&role_use.roles.join(",")).ok());
    let within: Vec<Option<bool>> = chains.flat_map(|chain| within_organisation(policy, chain.roles())).collect();
    let findings = verdict.findings();
    let is_undecided = findings.iter().any(|finding| !finding.decided && finding.severity > Severity::Allow);
    if within.contains(&Some(false)) {
        Some(ReviewReason::LeavesOrganisation)
    } else if is_undecided {
        Some(ReviewReason::Undecided)
    } else if verdict.would_be == Action::Reject {
        Some(ReviewReason::Refused)
    } else if within.contains(&None) {
        Some(ReviewReason::OrganisationUnknown)
    } else {
        None
    }
}

/// Whether each role belongs to the cluster's organisation. Without facts nothing is said of any.
fn within_organisation(policy: &Policy, roles: &[RoleArn]) -> Vec<Option<bool>> {
    let Some(iam) = policy.iam() else { return Vec::new() };
    let Some(own) = iam.facts.cluster(&iam.cluster).and_then(Cluster::account) else {
        return roles.iter().map(|_| None).collect();
    };
    // Where no organisation is given, those accounts count as its own of which there is a snapshot.
    let is_near = |role: &RoleArn| iam.facts.has_account(role.account()).then_some(true);
    let within = |role: &RoleArn| match iam.facts.has_organisation() {
        true => iam.facts.same_organisation(own, role.account()),
        false if role.account() == own => Some(true),
        false => is_near(role),
    };
    roles.iter().map(within).collect()
}
