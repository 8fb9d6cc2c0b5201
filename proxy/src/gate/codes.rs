//! The finding codes: one row each, with everything that is the same wherever a code appears. Codes are stable; adding one takes
//! a row here and a section of `docs/findings.md`, and a test says what is missing.

use strum::VariantArray as _;

closed_sets! {
    /// What a finding does to its statement. Ordered: the gravest decides.
    #[derive(Ord, PartialOrd)]
    pub enum Severity {
        /// It is recorded, and nothing else.
        Allow,
        /// The statement goes on, annotated.
        Annotate,
        /// The statement is refused.
        Reject,
    }
}

/// What is the same for every finding of a code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CodeRow {
    /// A few words; the heading of its section in `docs/findings.md`.
    pub title: &'static str,
    /// What it does when the configuration does not say otherwise.
    pub severity: Severity,
    /// One sentence for the client, where the judge has nothing more exact to say.
    pub message: &'static str,
    /// The remedy, where the judge has none that is more exact.
    pub hint: Option<&'static str>,
}

macro_rules! codes {
    ($($(#[$about:meta])* $code:ident: $severity:ident, $title:literal, $message:literal, $hint:expr;)+) => {
        /// A finding's code.
        #[derive(
            Clone,
            Copy,
            Debug,
            Eq,
            Hash,
            Ord,
            PartialEq,
            PartialOrd,
            strum::VariantArray,
            strum::IntoStaticStr,
            strum::EnumString,
            strum::Display,
            serde::Serialize,
            serde::Deserialize,
        )]
        #[strum(serialize_all = "UPPERCASE")]
        #[serde(rename_all = "UPPERCASE")]
        pub enum Code {
            $($(#[$about])* $code,)+
        }

        impl Code {
            /// The code's row of the table.
            #[must_use]
            pub const fn row(self) -> CodeRow {
                match self {
                    $(Self::$code => CodeRow {
                        title: $title,
                        severity: Severity::$severity,
                        message: $message,
                        hint: $hint,
                    },)+
                }
            }
        }
    };
}

codes! {
    /// The literal is not a list of full role ARNs.
    Rg101: Reject, "Malformed chain",
        "the credential literal is not a list of role ARNs",
        Some("write full role ARNs, joined by commas without spaces, at most 10: \
              'arn:aws:iam::<account>:role/<first>,arn:aws:iam::<account>:role/<next>'");
    /// An escape, a join or unusual quoting.
    Rg102: Reject, "Credential literal disguised",
        "the credential literal is disguised by an escape, a join or unusual quoting",
        Some("write the credential as one plain literal in single quotes, without a backslash");
    /// More than one credential method or clause.
    Rg103: Reject, "Several credential methods",
        "the statement has more than one credential method or clause",
        Some("keep one of IAM_ROLE, CREDENTIALS or access keys, once");
    /// Keys in the text.
    Rg104: Annotate, "Static access keys",
        "the statement carries static access keys",
        Some("use IAM_ROLE with a role that is attached to the cluster");
    /// It names credentials in no known shape, or cannot be lexed.
    Rg105: Reject, "Unreadable",
        "the statement names credentials but has no known shape",
        Some("write the statement as its page in the Amazon Redshift Database Developer Guide shows it");
    /// A text that is composed at run time.
    Rg106: Reject, "Dynamic SQL",
        "the procedure runs dynamic SQL that can carry a role",
        Some("EXECUTE a literal, or write the COPY or UNLOAD into the body");
    /// An argument of CALL, in the text or bound, that looks like a role's ARN.
    Rg107: Reject, "Role as an argument of CALL",
        "an argument of CALL looks like a role ARN",
        Some("let the procedure hold its role itself, or allow RG107 in [policy.severity]");
    /// The caller's own identity would be used.
    Rg108: Annotate, "No credential clause",
        "the statement has no credential clause, so the caller's own identity would be used",
        Some("add IAM_ROLE, or allow RG108 in [policy.severity] where S3 Access Grants are in use");
    /// An encoding in which a byte below 0x80 can be part of another character.
    Rg109: Reject, "Unsafe client encoding",
        "this client encoding could hide quotes from the gate",
        Some("use client_encoding UTF8");
    /// The cluster cannot assume the first role.
    Rg201: Reject, "First role not attached",
        "the first role of the chain is not attached to the cluster",
        None;
    /// The identity side of a hop does not allow it.
    Rg202: Reject, "Not permitted",
        "no permissions policy allows the hop",
        None;
    /// The resource side of a hop does not allow it.
    Rg203: Reject, "Not trusted",
        "the trust policy of the next role does not trust the one before",
        None;
    /// A Deny, a permissions boundary, or a service or resource control policy.
    Rg204: Reject, "Explicitly denied",
        "an explicit deny, a boundary or an organisation's policy stands in the way",
        None;
    /// A condition does not hold for this call.
    Rg205: Reject, "Condition excludes the user",
        "a condition does not hold for this call",
        None;
    /// Not in the IAM facts.
    Rg206: Reject, "Unknown role or cluster",
        "the IAM facts do not hold this role or cluster",
        None;
    /// The facts do not say whether the call is allowed.
    Rg207: Reject, "Cannot be decided from the facts",
        "the IAM facts do not tell whether the call is allowed",
        None;
    /// A `forbid` of the organisation's rules applies.
    Rg301: Reject, "Forbidden by a rule",
        "an organisation rule forbids this use of a role",
        Some("ask the owner of the rule");
    /// No `permit` applies.
    Rg302: Reject, "Permitted by no rule",
        "no organisation rule permits this use of a role",
        Some("ask the owners of the rules to permit it");
    /// A stored role that is not known, where some `forbid` depends on which it is.
    Rg303: Reject, "Stored role unknown",
        "the statement uses a stored role that the gate does not know, and a rule could forbid it",
        Some("let [gate.catalog] read as a superuser, or create the object anew through this gate");
}

impl Code {
    /// Every code, in order.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The code as it is written everywhere, such as `RG101`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The anchor of its section in `docs/findings.md`.
    #[must_use]
    pub fn anchor(self) -> String {
        self.as_str().to_ascii_lowercase()
    }

    /// Whether facts or rules say it of a chain, rather than the text by itself.
    #[must_use]
    pub fn is_of_chain(self) -> bool {
        self >= Self::Rg201
    }

    /// Whether such a finding is certain. One that is not says that the facts are not enough, which never counts as allowed.
    #[must_use]
    pub const fn is_decided(self) -> bool {
        !matches!(self, Self::Rg207)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_whole() {
        for code in Code::ALL {
            let CodeRow { title, message, hint, .. } = code.row();
            assert!(title.starts_with(char::is_uppercase) && !title.ends_with('.'), "{code}: {title}");
            assert!(message.starts_with(char::is_lowercase) && !message.ends_with('.'), "{code}: {message}");
            assert!(hint.is_none_or(|hint| !hint.ends_with('.')), "{code}: {hint:?}");
        }
    }

    #[test]
    fn codes_are_written_as_everywhere() {
        assert_eq!(Code::Rg101.to_string(), "RG101");
        assert_eq!("RG302".parse(), Ok(Code::Rg302));
        assert!("rg302".parse::<Code>().is_err());
        assert_eq!(Code::Rg207.anchor(), "rg207");
    }

    #[test]
    fn only_the_cautionary_codes_annotate() {
        let annotates = Code::ALL.iter().filter(|code| code.row().severity == Severity::Annotate);
        assert_eq!(annotates.collect::<Vec<_>>(), [&Code::Rg104, &Code::Rg108]);
    }
}
