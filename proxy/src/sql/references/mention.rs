//! What is found of known names.

use std::ops::Range;

/// Different names of one statement that are told. Of one with more it is said that it holds more than can be followed.
pub const MAX_MENTIONS: usize = 1_000;

/// A part of a name.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct NamePart {
    /// Without its quotes; unquoted letters of ASCII in lower case.
    pub text: String,
    /// It stands in quotes, so that its case may count.
    pub is_quoted: bool,
    /// What it reads depends on escapes or an encoding that are not followed: it may be any name.
    pub is_open: bool,
}

/// What a name stands for where it stands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MentionedAs {
    /// A table or view that is read or written.
    Relation,
    /// Something that is made, altered or looked at within a schema: only the schema is used.
    Within,
    /// A schema of which the statement uses what it stores.
    Schema,
    /// A function that is called.
    Function,
    /// A procedure that is called.
    Procedure,
    /// A job that is run.
    Job,
    /// Any of them: it cannot be told.
    Any,
}

closed_sets! {
    /// What is made, renamed or dropped by its name.
    pub enum NamedObject {
        /// A schema.
        Schema,
        /// A view.
        View,
        /// A function.
        Function,
        /// A procedure.
        Procedure,
        /// A model, or its function.
        Model,
        /// A copy job.
        Job,
    }
}

/// What a statement does to an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NameChange {
    /// It makes it, or changes what it stores.
    Made {
        /// What it is.
        object: NamedObject,
        /// Its name.
        name: Vec<NamePart>,
    },
    /// It gives it another name.
    Renamed {
        /// What it is.
        object: NamedObject,
        /// Its old name.
        name: Vec<NamePart>,
        /// The new one.
        to: NamePart,
    },
    /// It takes it away.
    Dropped {
        /// Its name.
        name: Vec<NamePart>,
    },
}

impl NameChange {
    /// Whether it makes an object.
    #[must_use]
    pub const fn is_made(&self) -> bool {
        matches!(self, Self::Made { .. })
    }

    /// The name of the object before the statement, and behind it if it is made.
    #[must_use]
    pub fn name(&self) -> &[NamePart] {
        match self {
            Self::Made { name, .. } | Self::Renamed { name, .. } | Self::Dropped { name } => name,
        }
    }
}

/// A name that stands in a text and counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mention {
    /// What it stands for.
    pub named_as: MentionedAs,
    /// Its parts: `table`, `schema.table`, `database.schema.table`. `database@catalog` is one part.
    pub parts: Vec<NamePart>,
    /// Its bytes in the message's text; those of the literal that it stands in, where it stands in one.
    pub span: Range<usize>,
    /// The tree says so. Otherwise it may be a column's qualifier, an alias, or what the server never reads.
    pub is_exact: bool,
}

/// The known names of one statement.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StatementNames {
    /// Its bytes in the message's text.
    pub span: Range<usize>,
    /// Names that it uses.
    pub mentions: Vec<Mention>,
    /// Known names that it gives to temporary tables.
    pub hides: Vec<NamePart>,
    /// It holds more names than can be followed.
    pub is_cut: bool,
}

impl StatementNames {
    /// Adds a name, once for each thing that it stands for.
    pub(super) fn add(&mut self, mention: Mention) {
        let is_same = |known: &Mention| known.named_as == mention.named_as && known.parts == mention.parts;
        let count = self.mentions.len();
        match self.mentions.iter_mut().find(|known| is_same(known)) {
            Some(known) => known.is_exact |= mention.is_exact,
            None if count < MAX_MENTIONS => self.mentions.push(mention),
            None => self.is_cut = true,
        }
    }

    /// Whether there is nothing to say of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mentions.is_empty() && self.hides.is_empty() && !self.is_cut
    }
}
