//! A change of how a session resolves names.

/// What changes.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Turn {
    /// Names resolve on this database; `None`: on the one that the session logged in to.
    Database(Option<String>),
    /// Whether the case of letters in quotes counts; `None`: as it did at the start.
    Casing(Option<bool>),
    /// Where functions and views without a schema are found; `None`: where they were at the start.
    SearchPath(Option<Vec<String>>),
    /// A temporary table may have this name of something that is stored.
    Temporary(String),
}
