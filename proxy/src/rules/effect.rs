//! What a rule says, and how gravely.

closed_sets! {
    /// What a rule says.
    #[derive(Ord, PartialOrd)]
    pub enum RuleEffect {
        /// It permits.
        Permit,
        /// It forbids.
        Forbid,
    }
}

closed_sets! {
    /// What a forbid does to the statement: its `@severity`.
    pub enum RuleSeverity {
        /// It is refused.
        Reject,
        /// It goes on, annotated.
        Annotate,
    }
}
