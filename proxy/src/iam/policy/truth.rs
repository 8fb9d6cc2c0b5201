//! Three-valued logic: true, false, and "cannot tell".

use std::ops::{BitAnd, BitOr, Not};

/// The result of a test on a request of which not everything is known. Ordered: false, unknown, true.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Truth {
    False,
    Unknown,
    True,
}

impl Truth {
    pub(crate) fn is_true(self) -> bool {
        self == Self::True
    }

    pub(crate) fn is_false(self) -> bool {
        self == Self::False
    }

    /// At most "cannot tell": for what AWS leaves open or would refuse to save.
    pub(crate) fn doubted(self) -> Self {
        self.min(Self::Unknown)
    }

    /// True when any is; stops at the first that is.
    pub(crate) fn any(tests: impl IntoIterator<Item = Self>) -> Self {
        let mut found = Self::False;
        for test in tests {
            found = found | test;
            if found.is_true() {
                break;
            }
        }
        found
    }

    /// True when all are; stops at the first that is false.
    pub(crate) fn all(tests: impl IntoIterator<Item = Self>) -> Self {
        let mut found = Self::True;
        for test in tests {
            found = found & test;
            if found.is_false() {
                break;
            }
        }
        found
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

impl BitAnd for Truth {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.min(other)
    }
}

impl BitOr for Truth {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.max(other)
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::Unknown => Self::Unknown,
            Self::False => Self::True,
        }
    }
}
