//! Exit statuses of every subcommand.

/// Nothing refused.
pub const EXIT_OK: u8 = 0;
/// Something refused.
pub const EXIT_REFUSED: u8 = 1;
/// A mistake in usage, configuration or input.
pub const EXIT_USAGE: u8 = 2;
