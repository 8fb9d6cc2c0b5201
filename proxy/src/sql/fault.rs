//! What can be wrong with the text of a statement.

use std::ops::Range;

/// One thing wrong with the text of a statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Where, in the message's text.
    pub span: Range<usize>,
    /// A description; never the text of a literal that may be a secret.
    pub detail: String,
}

closed_sets! {
    /// What can be wrong with the text of a statement.
    pub enum FaultKind {
        /// An escape, a join or unusual quoting in a credential literal.
        Disguised,
        /// More than one credential method or clause.
        SeveralMethods,
        /// Static access keys.
        AccessKeys,
        /// It names credentials in no known shape, or cannot be lexed.
        Unreadable,
        /// Dynamic SQL that can carry a role.
        DynamicSql,
        /// A role ARN handed to CALL.
        CallArgument,
        /// No credential clause where the caller's own identity would be used.
        NoCredentials,
        /// A client encoding that can hide quotes.
        Encoding,
        /// The name or the value of a setting is known only when it is set, so it could be such an encoding.
        ComputedSetting,
    }
}
