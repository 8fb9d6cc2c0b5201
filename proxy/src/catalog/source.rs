//! The system views that are read, and how reading them went.

use std::sync::Arc;

use crate::catalog::kind::ObjectKind;

closed_sets! {
    /// What of the cluster is read, by the system view that is asked first for it.
    #[derive(Ord, PartialOrd)]
    pub enum SystemView {
        /// Users.
        PgUser,
        /// Groups and their users.
        PgGroup,
        /// Roles granted to users.
        SvvUserGrants,
        /// Roles granted to roles.
        SvvRoleGrants,
        /// External schemas and their options.
        SvvExternalSchemas,
        /// Every schema, so that an external schema which the view does not show is not overlooked.
        PgNamespace,
        /// Schemas of other databases.
        SvvAllSchemas,
        /// Functions of the language `exfunc`, which run in Lambda.
        PgLanguage,
        /// Functions and procedures with their texts.
        PgProcInfo,
        /// Models.
        StvMlModelInfo,
        /// What `SHOW MODEL` tells of each.
        ShowModel,
        /// Copy jobs.
        SysCopyJob,
        /// Identity providers.
        SvvIdentityProviders,
        /// Views and their definitions.
        PgViews,
        /// Who may use which role.
        #[strum(serialize = "pg_get_iam_role_by_user")]
        #[serde(rename = "pg_get_iam_role_by_user")]
        AssumeroleGrants,
        /// Datashares.
        SvvDatashares,
        /// Databases, those that are made of datashares included.
        SvvRedshiftDatabases,
    }
}

/// How reading a system view went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ViewState {
    /// As a whole, as far as the cluster tells.
    Read {
        /// How many rows it has.
        rows: usize,
    },
    /// There are objects that it does not show.
    Partial {
        /// How many rows were read.
        rows: usize,
        /// What is missing, and why.
        reason: Arc<str>,
    },
    /// There is no such view: another version, or another server.
    Absent {
        /// The server's words.
        reason: Arc<str>,
    },
    /// Not at all.
    Unreadable {
        /// Why it could not be read, in words.
        reason: Arc<str>,
    },
}

impl ViewState {
    /// Why not everything is known; `None` where it is.
    #[must_use]
    pub(crate) fn gap(&self) -> Option<&str> {
        match self {
            Self::Read { .. } => None,
            Self::Partial { reason, .. } | Self::Absent { reason } | Self::Unreadable { reason } => Some(reason),
        }
    }

    /// How many rows were read.
    #[must_use]
    pub(crate) const fn rows(&self) -> usize {
        match self {
            Self::Read { rows } | Self::Partial { rows, .. } => *rows,
            Self::Absent { .. } | Self::Unreadable { .. } => 0,
        }
    }

    /// The same, with something missing.
    #[must_use]
    pub(crate) fn lacking(&self, reason: &str) -> Self {
        match self {
            Self::Read { rows } => Self::Partial { rows: *rows, reason: reason.into() },
            other => other.clone(),
        }
    }
}

impl SystemView {
    /// The views without which objects of a kind may be overlooked.
    #[must_use]
    pub(super) const fn of(kind: ObjectKind) -> &'static [Self] {
        match kind {
            ObjectKind::ExternalSchema => &[Self::SvvExternalSchemas, Self::PgNamespace],
            ObjectKind::ExternalFunction => &[Self::PgLanguage],
            ObjectKind::Function | ObjectKind::Procedure => &[Self::PgProcInfo],
            ObjectKind::Model => &[Self::StvMlModelInfo],
            ObjectKind::CopyJob => &[Self::SysCopyJob],
            ObjectKind::IdentityProvider => &[Self::SvvIdentityProviders],
            ObjectKind::View => &[Self::PgViews],
            ObjectKind::AssumeroleGrant => &[Self::AssumeroleGrants],
            ObjectKind::DefaultRole | ObjectKind::AttachedRole => &[],
            ObjectKind::Datashare => &[Self::SvvDatashares, Self::SvvRedshiftDatabases],
        }
    }
}
