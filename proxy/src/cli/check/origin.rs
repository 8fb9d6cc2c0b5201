//! Where a judged text comes from.

use crate::cli::check::compiled::CompiledLines;
use crate::sql::position::Position;

/// Where a text stands in its file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum TextOrigin {
    /// As it is, from this place on.
    At(Position),
    /// In a record, whose line every place has; columns are the text's own.
    Record(usize),
    /// Not as it is; the line is the nearest that is known.
    Near(usize),
    /// It is what dbt made of a file, whose lines are found again as far as they can be.
    Compiled(CompiledLines),
}

impl TextOrigin {
    /// The place in the file of a place in the text, and whether it stands there.
    pub(super) fn place(&self, within: Position) -> (Position, bool) {
        match self {
            Self::At(base) => {
                let line = base.line.saturating_add(within.line).saturating_sub(1);
                let indent = if within.line == 1 { base.column.saturating_sub(1) } else { 0 };
                (Position { line, column: within.column.saturating_add(indent) }, true)
            }
            Self::Record(line) => (Position { line: *line, ..within }, true),
            Self::Near(line) => (Position { line: *line, column: 1 }, true),
            Self::Compiled(lines) => lines.place(within),
        }
    }
}
