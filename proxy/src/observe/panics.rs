//! Panics of this process, counted. Each is a bug: the session in which it happens ends, and the others go on.

use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};

/// A process has one panic hook.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Counts panics from now on, beside what is done about them anyway.
pub fn watch() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        before(panicked);
    }));
}

/// How many there were.
#[must_use]
pub fn count() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_counted() {
        watch();
        let before = count();
        assert!(std::thread::spawn(|| panic!("on purpose")).join().is_err());
        assert!(count() > before);
    }
}
