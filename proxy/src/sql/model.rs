//! What reading a text finds.

use std::fmt;
use std::ops::Range;

use crate::sql::fault::Fault;
use crate::sql::mask::{mask, without_userinfo};
use crate::sql::turn::Turn;
use crate::sql::watch::Watch;

closed_sets! {
    /// The lexical rules of the backend.
    pub enum Dialect {
        /// Amazon Redshift.
        Redshift,
        /// A PostgreSQL, whose `standard_conforming_strings` may be on or off: both readings must agree.
        #[strum(serialize = "postgresql")]
        #[serde(rename = "postgresql")]
        PostgreSql,
    }
}

/// The outcome of reading one message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reading {
    /// Nothing in it has to be judged.
    Plain,
    /// Something in it has to be judged.
    Analysed(Analysis),
}

/// The statements of one message that are to be judged; those without any bearing on credentials are left out.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Analysis {
    /// In the order of the text.
    pub statements: Vec<Statement>,
}

/// One statement that carries credentials, is doubtful, or changes who the session acts as.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    /// What it is.
    pub kind: StatementKind,
    /// Its bytes in the message's text.
    pub span: Range<usize>,
    /// Its credential clauses.
    pub role_uses: Vec<RoleUse>,
    /// What is wrong with its text.
    pub faults: Vec<Fault>,
    /// What it does to the session, or asks of it.
    pub effects: Vec<Effect>,
    /// What must be looked at when `Bind` hands over its parameters.
    pub watch: Watch,
}

impl Statement {
    /// Whether there is nothing to say about it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.role_uses.is_empty() && self.faults.is_empty() && self.effects.is_empty() && self.watch.is_empty()
    }
}

/// One credential clause.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoleUse {
    /// Where the credential stands.
    pub clause: Clause,
    /// What it is.
    pub method: Method,
    /// The bytes of the literal or keyword in the message's text.
    pub span: Range<usize>,
    /// What the role is used on.
    pub target: Option<Target>,
    /// The statement of a body that uses it when it runs; `None`: the statement itself does.
    pub within: Option<StatementKind>,
}

impl Fault {
    /// Whether the literal of one of these stands where it is.
    #[must_use]
    pub fn is_on(&self, role_uses: &[RoleUse]) -> bool {
        role_uses.iter().any(|role_use| role_use.span.start == self.span.start)
    }
}

closed_sets! {
    /// The clause that carries a credential.
    pub enum Clause {
        /// `IAM_ROLE`.
        IamRole,
        /// `CATALOG_ROLE`.
        CatalogRole,
        /// `CREDENTIALS`.
        Credentials,
        /// `ACCESS_KEY_ID` and its companions.
        #[strum(serialize = "access_keys")]
        #[serde(rename = "access_keys")]
        Keys,
        /// `ASSUMEROLE ON`.
        #[strum(serialize = "assumerole")]
        #[serde(rename = "assumerole")]
        AssumeRole,
        /// `TO IAM_ROLE`: the role is given a privilege and not assumed.
        Grantee,
        /// No clause where one could stand.
        #[strum(serialize = "none")]
        #[serde(rename = "none")]
        Absent,
    }
}

/// What a credential clause holds.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Method {
    /// The decoded text of a literal that should be a role chain. Its own syntax is not checked here.
    Chain(String),
    /// The keyword `default`: the cluster's default role.
    Default,
    /// `'SESSION'`: the caller's own federated identity.
    Session,
    /// `ALL` of GRANT ASSUMEROLE.
    All,
    /// Static or temporary access keys.
    AccessKeys,
    /// Nothing.
    None,
}

impl Method {
    /// Which of the methods it is, without the chain.
    #[must_use]
    pub const fn kind(&self) -> MethodKind {
        match self {
            Self::Chain(_) => MethodKind::Chain,
            Self::Default => MethodKind::Default,
            Self::Session => MethodKind::Session,
            Self::All => MethodKind::All,
            Self::AccessKeys => MethodKind::AccessKeys,
            Self::None => MethodKind::None,
        }
    }

    /// The word of the audit, the rules, the metrics and the command line.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }
}

closed_sets! {
    /// The methods that a credential clause can hold, as labels and rules name them.
    #[derive(Ord, PartialOrd)]
    pub enum MethodKind {
        /// A role, or a chain of roles.
        Chain,
        /// The cluster's default role.
        Default,
        /// The caller's own federated identity.
        Session,
        /// Every role, of GRANT ASSUMEROLE.
        All,
        /// Static or temporary access keys.
        AccessKeys,
        /// No credential.
        None,
    }
}

/// What a role is used on.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Target {
    /// An object, prefix or manifest, `s3://bucket/prefix`.
    S3Uri(String),
    /// A Lambda function.
    Lambda(String),
    /// A SageMaker endpoint.
    SageMaker(String),
    /// A database of the data catalog.
    CatalogDatabase(String),
    /// A secret's ARN.
    Secret(String),
    /// Who is granted something.
    Grantee(String),
    /// Another source or destination, as it was written.
    Other(String),
}

impl Target {
    /// The target that a source or destination names, without a user and password in it.
    #[must_use]
    pub fn from_uri(uri: &str) -> Self {
        let uri = without_userinfo(uri);
        if uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("s3://")) {
            Self::S3Uri(uri)
        } else {
            Self::Other(uri)
        }
    }

    /// Its name, whole: it may hold a secret.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::S3Uri(name)
            | Self::Lambda(name)
            | Self::SageMaker(name)
            | Self::CatalogDatabase(name)
            | Self::Secret(name)
            | Self::Grantee(name)
            | Self::Other(name) => name,
        }
    }

    /// Bucket and path of a target in S3, whose scheme may be written in capitals.
    #[must_use]
    pub fn bucket_and_path(&self) -> Option<(&str, &str)> {
        let Self::S3Uri(uri) = self else { return None };
        let path = uri.get(5..).unwrap_or_default();
        Some(path.split_once('/').unwrap_or((path, "")))
    }
}

/// For logs and reports: without secrets, which may stand in it by mistake. Rules see it whole.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Lambda(_) => "lambda:",
            Self::SageMaker(_) => "sagemaker:",
            _ => "",
        };
        write!(formatter, "{kind}{}", mask(self.name().as_bytes()))
    }
}

/// What a statement does to the session, or asks of it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Effect {
    /// SET SESSION AUTHORIZATION to this user.
    SetSessionAuthorization(String),
    /// Back to the user who logged in.
    ResetSessionAuthorization,
    /// The search path may name a schema before `pg_catalog`.
    MovesCatalog,
    /// Text is executed that holds values because `quote_ident` or `quote_literal` is the server's own.
    TrustsQuoting,
    /// Names resolve otherwise from now on.
    Turn {
        /// What changes in how names resolve.
        turn: Turn,
        /// The message is this statement alone, and what it changes outlasts its transaction.
        is_alone: bool,
    },
    /// Something that keeps credentials, and that no statement uses by its name, may be altered or dropped.
    Redefines,
}

closed_sets! {
    /// What a statement is, as far as credentials are concerned.
    #[derive(Ord, PartialOrd)]
    pub enum StatementKind {
        /// COPY.
        Copy,
        /// UNLOAD.
        Unload,
        /// COPY ... JOB CREATE, and the COPY JOB statements.
        CopyJob,
        /// CREATE EXTERNAL SCHEMA.
        CreateExternalSchema,
        /// ALTER EXTERNAL SCHEMA.
        AlterExternalSchema,
        /// CREATE EXTERNAL FUNCTION.
        CreateExternalFunction,
        /// CREATE MODEL.
        CreateModel,
        /// CREATE EXTERNAL MODEL.
        CreateExternalModel,
        /// CREATE LIBRARY.
        CreateLibrary,
        /// CREATE DATABASE.
        CreateDatabase,
        /// CREATE IDENTITY PROVIDER.
        CreateIdentityProvider,
        /// ALTER IDENTITY PROVIDER.
        AlterIdentityProvider,
        /// ALTER USER.
        AlterUser,
        /// GRANT ASSUMEROLE.
        GrantAssumerole,
        /// REVOKE ASSUMEROLE.
        RevokeAssumerole,
        /// GRANT or REVOKE on external objects, to or from an IAM role.
        GrantExternal,
        /// CREATE TEMPLATE.
        CreateTemplate,
        /// ALTER TEMPLATE.
        AlterTemplate,
        /// CREATE PROCEDURE.
        CreateProcedure,
        /// CREATE FUNCTION.
        CreateFunction,
        /// SHOW DATABASES FROM DATA CATALOG.
        ShowDatabases,
        /// CALL.
        Call,
        /// SET, RESET and DISCARD.
        Set,
        /// A statement that names no role, and uses what the cluster stores.
        Query,
        /// No shape that the gate knows.
        Unknown,
        /// Nothing to do with credentials.
        None,
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::{Clause, Dialect, MethodKind, StatementKind, Target};

    #[test]
    fn a_target_is_shown_without_secrets_and_judged_whole() {
        for (uri, shown) in [
            ("s3://b/x?token=S3CRET", "s3://b/x?token=***"),
            ("s3://AKIAIOSFODNN7EXAMPLE/x", "s3://***/x"),
            ("s3://b/password=S3CRET/x", "s3://b/password=***"),
            ("jdbc:redshift://h/d?user=x&password=S3CRET", "jdbc:redshift://h/d?user=x&password=***"),
            ("s3://b/day=1/x", "s3://b/day=1/x"),
        ] {
            let target = Target::from_uri(uri);
            assert_eq!(target.to_string(), shown);
            assert!(matches!(target, Target::S3Uri(whole) | Target::Other(whole) if whole == uri));
        }
    }

    #[test]
    fn words_are_stable_and_read_back() {
        assert_eq!(StatementKind::GrantAssumerole.as_str(), "grant_assumerole");
        assert_eq!((Clause::Keys.as_str(), Clause::Absent.as_str()), ("access_keys", "none"));
        assert_eq!(Dialect::PostgreSql.as_str(), "postgresql");
        for kind in StatementKind::VARIANTS {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            assert_eq!(serde_json::to_string(kind).ok(), Some(format!("\"{kind}\"")));
        }
        for method in MethodKind::VARIANTS {
            assert_eq!(method.as_str().parse(), Ok(*method));
        }
    }
}
