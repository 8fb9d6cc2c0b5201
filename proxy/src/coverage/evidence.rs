//! By what a statement is known to have passed the gate, or not to have.

closed_sets! {
    /// By what a statement is known to have passed the gate.
    pub enum Evidence {
        /// The connection log has the gate's address and port.
        Connection,
        /// The audit has the process at the time.
        Process,
        /// Nothing but user, time and text.
        Text,
    }

    /// Why a statement counts as unseen.
    pub enum Unseen {
        /// Its session came from an address and port that are not the gate's.
        OtherConnection,
        /// No session of the gate has its process at the time, and no statement of the gate is it.
        NoSession,
        /// Its session is the gate's, and the gate has sent no such statement: it ran within another, or the audit lacks it.
        NotSent,
        /// The service assumed a role, and no statement that uses it was seen.
        AssumedRole,
    }
}
