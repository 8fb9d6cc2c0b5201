//! Exit statuses of every subcommand.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// Status 0: nothing refused, or everything as expected.
    Ok,
    /// Status 1: something refused, or not as expected.
    Refused,
    /// Status 2: a mistake in usage, configuration or input.
    Usage,
}

impl Exit {
    /// [`Exit::Refused`] when something is refused.
    #[must_use]
    pub const fn of(is_refused: bool) -> Self {
        if is_refused { Self::Refused } else { Self::Ok }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
        })
    }
}
