//! How a text is read: by which rules, within what, and what was met in it.

use std::cell::Cell;

use crate::sql::lexer::{Doubts, Rules};
use crate::sql::model::{Dialect, Statement};
use crate::sql::variables::Variables;

/// Texts within texts that are read: a procedure's body, a string that it executes, and what that makes again.
pub const MAX_DEPTH: u8 = 4;

/// What a text is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// A message, or a string that is executed.
    Message,
    /// The body of a procedure: control words stand between the statements.
    Body,
}

/// How a text is read.
#[derive(Clone, Copy, Debug)]
pub struct Context<'c> {
    /// Whose SQL it is.
    pub dialect: Dialect,
    /// Its lexical rules.
    pub rules: Rules,
    /// What the text is.
    pub place: Place,
    /// Texts around this one.
    pub depth: u8,
    /// What was met in this text or one within it.
    pub notes: &'c Notes,
    /// The rules are not those of the backend, as far as they are known.
    pub is_other: bool,
    /// What is known of the variables of the body that the text is, or stands in.
    pub variables: Option<&'c Variables>,
    /// What reads a text that a statement holds.
    pub reader: TextReader,
}

impl Notes {
    /// Counts the bytes of a text that an expression makes; whether it is to be read.
    #[must_use]
    pub fn makes(&self, bytes: usize) -> bool {
        self.made_bytes.set(self.made_bytes.get().saturating_add(bytes));
        self.made_bytes.get() <= MAX_MADE_BYTES
    }
}

/// Bytes of all texts that the expressions of a message make. Those beyond are not read, so that a variable that is executed often
/// is read in linear time.
pub const MAX_MADE_BYTES: usize = 1024 * 1024;

/// Gives the statements of a text that are to be judged.
pub type TextReader = fn(&[u8], Context<'_>) -> Vec<Statement>;

impl Context<'_> {
    /// The statements of a text that stands within the present one; `None`: it stands too deep.
    #[must_use]
    pub fn read_within(self, text: &[u8]) -> Option<Vec<Statement>> {
        let depth = self.depth.saturating_add(1);
        (self.depth < MAX_DEPTH).then(|| (self.reader)(text, Self { depth, ..self }))
    }
}

/// What reading a text, and those within it, has met.
#[derive(Debug, Default)]
pub struct Notes {
    /// Which rules have made a difference.
    pub doubts: Cell<Doubts>,
    /// No server takes the message so: nothing of it runs.
    pub is_void: Cell<bool>,
    /// A statement of a body is one that no server takes: it does not run.
    pub has_void: Cell<bool>,
    /// Bytes of the texts that expressions make.
    pub made_bytes: Cell<usize>,
}
