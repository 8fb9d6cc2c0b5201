//! What a rule says, and how gravely.

closed_sets! {
    /// What a rule says.
    #[derive(Ord, PartialOrd)]
    pub enum RuleEffect {
        /// What matches is permitted, unless a rule forbids it.
        Permit,
        /// What matches is forbidden, whatever permits it.
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
