//! Permits that rules can hold. Cedar's validator takes names with control characters, mixed scripts or a hidden direction of writing for
//! attempts to deceive a reader; a permit about such a name is not proposed but listed for review.

use std::path::Path;

use crate::learn::propose::ProposedPermit;
use crate::rules::RuleSet;

/// The permits that load, and those that do not.
#[must_use]
pub(crate) fn sift(permits: Vec<ProposedPermit>, by_last_role: bool) -> (Vec<ProposedPermit>, Vec<ProposedPermit>) {
    if loads(&permits, by_last_role) {
        return (permits, Vec::new());
    }
    if permits.len() <= 1 {
        return (Vec::new(), permits);
    }
    let mut first = permits;
    let second = first.split_off(first.len() / 2);
    let ((mut good, mut bad), (more_good, more_bad)) = (sift(first, by_last_role), sift(second, by_last_role));
    good.extend(more_good);
    bad.extend(more_bad);
    (good, bad)
}

fn loads(permits: &[ProposedPermit], by_last_role: bool) -> bool {
    let text: String = permits.iter().map(|permit| permit.cedar(by_last_role)).collect();
    RuleSet::from_text(Path::new("learned"), text).is_ok()
}
