//! What became of the statements of an audit: the cluster's answer is a record of its own, which names the verdict that it is of.

use std::collections::HashSet;

use memchr::memmem;
use serde::Deserialize;

use crate::history::block::{Blocks, Framing};
use crate::history::record::{Known, known};
use crate::history::stream::ByteStream;

/// The verdicts of statements that did not succeed, by their `id`.
pub type FailedVerdicts = HashSet<String>;

#[derive(Deserialize)]
struct OutcomeLine<'a> {
    #[serde(borrow, default, deserialize_with = "known")]
    event: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    of: Known<'a>,
    #[serde(borrow, default, deserialize_with = "known")]
    outcome: Known<'a>,
}

/// Adds the verdicts of an audit whose statements failed, or were skipped after another that did. A prepared statement that failed once
/// is among them. What cannot be read is told when the audit is read for its statements.
pub(super) fn add_failed(audit: ByteStream, failed: &mut FailedVerdicts) {
    let word = memmem::Finder::new(br#""outcome""#);
    let mut blocks = Blocks::new(audit, Framing::Lines);
    while let Some(block) = blocks.next_block() {
        for line in block.bytes.split(|byte| *byte == b'\n').filter(|line| word.find(line).is_some()) {
            failed.extend(serde_json::from_slice::<OutcomeLine<'_>>(line).ok().and_then(OutcomeLine::failed));
        }
    }
}

impl OutcomeLine<'_> {
    fn failed(self) -> Option<String> {
        let is_failed = matches!(self.outcome.as_deref(), Some("failed" | "skipped"));
        let is_outcome = self.event.as_deref() == Some("outcome");
        self.of.filter(|_| is_outcome && is_failed).map(std::borrow::Cow::into_owned)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn only_failures_are_kept() {
        let audit = r#"{"event":"verdict","id":"a","outcome":"failed"}
{"event":"outcome","of":"b","outcome":"failed","error":"42501"}
{"event":"outcome","of":"c","outcome":"completed"}
{"event":"outcome","of":"d","outcome":"skipped"}
{"event":"outcome","of":"e","outcome":"lost"}
{"event":"outcome","outcome":"failed"}
{"event":"outcome","of":"f","outcome":"fai"#;
        let mut failed = FailedVerdicts::new();
        add_failed(Box::new(Cursor::new(audit)), &mut failed);
        assert_eq!(failed, ["b", "d"].map(str::to_owned).into());
    }
}
