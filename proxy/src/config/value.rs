//! Keys whose value is one of a few words.

use serde::{Deserialize, Serialize};

/// Declares a closed set of words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// The word of the file.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}

words! {
    /// TLS to the backend; the words are libpq's.
    TlsMode {
        /// None.
        Disable = "disable",
        /// Any certificate.
        Require = "require",
        /// A known authority.
        VerifyCa = "verify-ca",
        /// A known authority and the right name.
        VerifyFull = "verify-full",
    }
}

words! {
    /// A version of TLS.
    TlsVersion {
        /// TLS 1.2.
        Tls12 = "1.2",
        /// TLS 1.3.
        Tls13 = "1.3",
    }
}

words! {
    /// Whose lexical rules the backend has.
    DialectWord {
        /// Amazon Redshift.
        Redshift = "redshift",
        /// PostgreSQL, as in tests.
        PostgreSql = "postgresql",
    }
}

words! {
    /// What is done with a message.
    VerdictWord {
        /// It goes on.
        Forward = "forward",
        /// It goes on, annotated.
        Annotate = "annotate",
        /// It is refused.
        Reject = "reject",
    }
}

words! {
    /// Whether refusals are carried out.
    ModeWord {
        /// They are.
        Enforce = "enforce",
        /// They are counted and recorded only.
        Shadow = "shadow",
    }
}

words! {
    /// Which rules decide a hop.
    FactsMode {
        /// The Redshift guide's: the identity side is needed on every hop.
        Guide = "guide",
        /// IAM's own.
        Aws = "aws",
    }
}

words! {
    /// On which hops the database user's ARN is sent as `sts:ExternalId`.
    ExternalIdWord {
        /// On every hop.
        Same = "same",
        /// On the attachment only.
        FirstOnly = "first-only",
        /// It is not known.
        Unknown = "unknown",
    }
}

words! {
    /// What a finding does to its statement.
    SeverityWord {
        /// It is refused.
        Reject = "reject",
        /// It goes on, annotated.
        Annotate = "annotate",
        /// It goes on.
        Allow = "allow",
    }
}

words! {
    /// The form of the log.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

impl TlsMode {
    /// Whether a certificate authority matters.
    #[must_use]
    pub const fn verifies(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyFull)
    }
}
