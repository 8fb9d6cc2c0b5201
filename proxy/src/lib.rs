//! rolegate: a Postgres-wire gate for Amazon Redshift.
//!
//! The rooms stand in the order in which data walks through them; a room names only rooms before it. See
//! `docs/architecture.md` for the life of one connection.

/// Declares enums that are closed sets of words in `snake_case`: each lists itself (`VARIANTS`), and its word is the same in the
/// configuration, the metrics, the audit and in reports.
macro_rules! closed_sets {
    ($($(#[$about:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident),+ $(,)? })+) => {$(
        $(#[$about])*
        #[derive(
            Clone,
            Copy,
            Debug,
            Eq,
            Hash,
            PartialEq,
            strum::VariantArray,
            strum::IntoStaticStr,
            strum::EnumString,
            strum::Display,
            serde::Serialize,
            serde::Deserialize,
        )]
        #[strum(serialize_all = "snake_case")]
        #[serde(rename_all = "snake_case")]
        $vis enum $name {
            $($(#[$doc])* $variant),+
        }

        impl $name {
            /// Its word.
            #[must_use]
            $vis fn as_str(self) -> &'static str {
                self.into()
            }
        }
    )+};
}

pub mod net; // listeners, sockets and TLS on both sides
pub mod wire; // start-up, frames, the relay; refusing and annotating a message
pub mod sql; // lexer and grammar: message text -> statements and their role uses
pub mod history; // recorded statements, from whatever holds them
mod chain; // role ARNs, role chains and their syntax
pub mod iam; // policy documents and facts: may this role be assumed?
pub mod rules; // the organisation's rules, in Cedar
pub mod catalog; // what the cluster stores: names -> the roles that they use
pub mod gate; // role uses + principal + facts + rules -> verdict
pub mod observe; // metrics, audit, log
mod admin; // HTTP: metrics, health, status
pub mod config; // the TOML file
mod replay; // a recorded history under a policy
mod learn; // rules proposed from a recorded history
mod survey; // rules over a grid: what differs, what has no effect
mod coverage; // the cluster's history against the gate's audit: what passed it, what did not
mod session; // one connection: calls the rooms above in order
pub mod serve; // running, reloading, draining
pub mod cli; // subcommands
