//! One row of a system view.

/// A row's cells, by place. Columns of a fixed width come padded with blanks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cells<'r>(pub &'r [Option<String>]);

impl<'r> Cells<'r> {
    /// The text of a cell without the blanks behind it; `None` for null and for what is not there.
    #[must_use]
    pub(crate) fn text(self, place: usize) -> Option<&'r str> {
        self.0.get(place)?.as_deref().map(|text| text.trim_end_matches(' '))
    }

    /// The text of a cell that holds something.
    #[must_use]
    pub(crate) fn filled(self, place: usize) -> Option<&'r str> {
        self.text(place).filter(|text| !text.is_empty())
    }

    /// The text of a cell as it came.
    #[must_use]
    pub(crate) fn whole(self, place: usize) -> Option<&'r str> {
        self.0.get(place)?.as_deref()
    }

    /// The number of a cell.
    #[must_use]
    pub(crate) fn number(self, place: usize) -> Option<i64> {
        self.text(place)?.trim().parse().ok()
    }

    /// Whether a cell says yes: `t`, `true` or `1`.
    #[must_use]
    pub(crate) fn is_true(self, place: usize) -> bool {
        self.text(place).is_some_and(|text| matches!(text.trim(), "t" | "true" | "1"))
    }
}
