//! Stored credentials, as far as the cluster shows them.

use std::sync::Arc;

use crate::chain::Chain;
use crate::sql::{Clause, Method};

/// A credential that an object keeps.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum StoredCredential {
    /// A role, or a chain of roles.
    Chain(Chain),
    /// The cluster's default role.
    Default,
    /// The identity of whoever uses the object.
    Session,
    /// Every role, of a grant.
    All,
    /// Access keys or another secret that is no role.
    Keys,
    /// The view holds a limited number of characters and they are full: what the text begins with.
    Cut(Arc<str>),
    /// The cluster blanks it.
    Hidden,
    /// There is one, or may be, and it could not be read: why.
    Unknown(Arc<str>),
}

impl StoredCredential {
    /// What the decoded text of a role stands for. A text that is no chain is unknown: the cluster took it, so it means something.
    #[must_use]
    pub(crate) fn of_text(text: &str) -> Self {
        let text = text.trim();
        match text {
            "" => Self::Hidden,
            _ if text.eq_ignore_ascii_case("default") => Self::Default,
            _ if text.eq_ignore_ascii_case("session") => Self::Session,
            _ => Chain::parse(text).map_or_else(
                |error| Self::unknown(&format!("the stored text is no chain of roles: {error}")),
                Self::Chain,
            ),
        }
    }

    /// What the text of a column of at most `width` characters stands for; a text that fills it may be cut.
    #[must_use]
    pub(crate) fn of_column(text: &str, width: usize) -> Self {
        if text.chars().count() >= width { Self::Cut(text.trim_end().into()) } else { Self::of_text(text) }
    }

    /// What a clause of a statement stores; `None` where it stores nothing.
    #[must_use]
    pub(crate) fn of_method(method: &Method) -> Option<Self> {
        Some(match method {
            Method::Chain(text) => Self::of_text(text),
            Method::Default => Self::Default,
            Method::Session => Self::Session,
            Method::All => Self::All,
            Method::AccessKeys => Self::Keys,
            Method::None => return None,
        })
    }

    /// One that could not be read.
    #[must_use]
    pub(crate) fn unknown(reason: &str) -> Self {
        Self::Unknown(reason.into())
    }

    /// Whether what is stored is known in full.
    #[must_use]
    pub(crate) const fn is_known(&self) -> bool {
        !matches!(self, Self::Cut(_) | Self::Hidden | Self::Unknown(_))
    }

    /// The chain, if it is one.
    #[must_use]
    pub(crate) const fn chain(&self) -> Option<&Chain> {
        if let Self::Chain(chain) = self { Some(chain) } else { None }
    }

    /// The word for it in reports.
    #[must_use]
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Chain(_) => "chain",
            Self::Default => "default",
            Self::Session => "session",
            Self::All => "all",
            Self::Keys => "keys",
            Self::Cut(_) => "cut",
            Self::Hidden => "hidden",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// One credential of an object, with the clause that stores it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct StoredRole {
    /// Where it stands: `IAM_ROLE`, `CATALOG_ROLE`, and others.
    pub clause: Clause,
    /// What it is.
    pub credential: StoredCredential,
}

impl StoredRole {
    /// What a clause stores; `None`: it stores nothing.
    #[must_use]
    pub(crate) fn of_method(clause: Clause, method: &Method) -> Option<Self> {
        Some(Self { clause, credential: StoredCredential::of_method(method)? })
    }

    /// What stands in `IAM_ROLE`.
    #[must_use]
    pub(crate) const fn iam(credential: StoredCredential) -> Self {
        Self { clause: Clause::IamRole, credential }
    }
}
