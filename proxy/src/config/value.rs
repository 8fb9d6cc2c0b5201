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
        /// No TLS.
        Disable = "disable",
        /// TLS with any certificate.
        Require = "require",
        /// A certificate of a trusted authority.
        VerifyCa = "verify-ca",
        /// A certificate of a trusted authority, for the backend's name.
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
    /// What a gate may need to count as ready.
    ReadinessNeed {
        /// Facts that are not older than `max_age`.
        Facts = "facts",
        /// One cluster at least that can be reached.
        Backend = "backend",
        /// The catalogue of every gate that reads one, once at least.
        Catalog = "catalog",
    }
}

impl TlsMode {
    /// Whether it matters which authorities are trusted.
    #[must_use]
    pub const fn verifies(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyFull)
    }
}
