//! Proof to a third party that one record is in a log: an offline proof in the form of C2SP tlog-proof. Pure.

use std::collections::HashMap;
use std::fmt::Write as _;

use tlog_tiles::tlog::{self, HashReader, RecordProof, check_record, prove_record};

use crate::observe::audit::chain::{Hash, LogTree, record_hash};
use crate::observe::audit::checkpoint::{self, PublicKey};
use crate::observe::audit::line::ChainFields;

/// The first line of a proof.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Why there is no proof, or why it is none.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The record is not there.
    #[error("record {0} of the log is in no file that was named")]
    NoRecord(u64),
    /// Files are missing, or were changed.
    #[error("the records from {0} on do not follow each other; `rolegate audit verify` says where")]
    Broken(u64),
    /// Nothing vouches for the record yet.
    #[error("no checkpoint covers record {0} yet; the gate writes one every [audit] checkpoint_every")]
    NoCheckpoint(u64),
    /// The text is no proof.
    #[error("it is no proof in the form {HEADER}")]
    Malformed,
    /// The checkpoint of a proof.
    #[error("the proof's checkpoint: {0}")]
    Checkpoint(#[from] checkpoint::CheckpointError),
    /// The record is not the one that was proved.
    #[error("the proof is not one of this record")]
    Other,
}

/// Every hash of a log's tree that was met so far.
#[derive(Debug, Default)]
struct Hashes(HashMap<u64, Hash>);

impl HashReader for Hashes {
    fn read_hashes(&self, places: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        places.iter().map(|place| self.0.get(place).copied().ok_or(tlog::Error::IndexesNotInTree)).collect()
    }
}

/// Reads a log's lines in their order until a checkpoint covers one record. Memory grows with the number of records.
#[derive(Debug)]
pub struct Prover {
    log: String,
    number: u64,
    tree: Option<LogTree>,
    hashes: Hashes,
    line: Option<Vec<u8>>,
}

/// A record, and the proof that a log holds it.
#[derive(Clone, Debug)]
pub struct ProvedRecord {
    /// The record's line.
    pub line: Vec<u8>,
    /// The proof.
    pub proof: String,
}

impl Prover {
    /// Proves record `number` of a log.
    #[must_use]
    pub fn new(log: String, number: u64) -> Self {
        Self { log, number, tree: None, hashes: Hashes::default(), line: None }
    }

    /// Reads a line, and gives the proof when it holds the first signed checkpoint over the record.
    ///
    /// # Errors
    /// [`ProofError::Broken`].
    pub fn line(&mut self, line: &[u8]) -> Result<Option<ProvedRecord>, ProofError> {
        let Some(fields) = ChainFields::read(line).filter(|fields| fields.log == self.log) else { return Ok(None) };
        let broken = |_error| ProofError::Broken(fields.seq);
        let tree = match &mut self.tree {
            Some(tree) => tree,
            None if fields.seq == 0 => self.tree.insert(LogTree::default()),
            None => {
                let Some(named) = fields.tree() else { return Ok(None) };
                let named = named.map_err(broken)?;
                self.hashes.0.extend(named.placed());
                self.tree.insert(named)
            }
        };
        if fields.seq != tree.size() {
            return Err(ProofError::Broken(tree.size()));
        }
        if let Some(note) = &fields.checkpoint
            && let Some(found) = &self.line
            && let Some(proof) = self.proof(fields.seq, note)
        {
            return Ok(Some(ProvedRecord { line: found.clone(), proof }));
        }
        let tree = self.tree.get_or_insert_default();
        self.hashes.0.extend(tree.append(record_hash(line)).map_err(broken)?);
        if fields.seq == self.number {
            self.line = Some(line.to_vec());
        }
        Ok(None)
    }

    fn proof(&self, size: u64, note: &str) -> Option<String> {
        let hashes = prove_record(size, self.number, &self.hashes).ok()?;
        let mut text = format!("{HEADER}\nindex {}\n", self.number);
        for hash in hashes {
            let _infallible = writeln!(text, "{hash}");
        }
        text.push('\n');
        text.push_str(note);
        Some(text)
    }

    /// Why there was no proof in any line.
    #[must_use]
    pub fn failure(&self) -> ProofError {
        if self.line.is_some() { ProofError::NoCheckpoint(self.number) } else { ProofError::NoRecord(self.number) }
    }
}

/// Checks the proof of a record, and the signature below it if there is a key. Gives the record's number.
///
/// # Errors
/// [`ProofError`].
pub fn check(proof: &str, line: &[u8], key: Option<&PublicKey>) -> Result<u64, ProofError> {
    let (hashes, note) = proof.split_once("\n\n").ok_or(ProofError::Malformed)?;
    let mut lines = hashes.lines();
    if lines.next() != Some(HEADER) {
        return Err(ProofError::Malformed);
    }
    let mut lines = lines.skip_while(|line| line.starts_with("extra "));
    let index = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or(ProofError::Malformed)?;
    let index: u64 = index.parse().map_err(|_error| ProofError::Malformed)?;
    let hashes: RecordProof =
        lines.map(Hash::parse_hash).collect::<Result<_, _>>().map_err(|_error| ProofError::Malformed)?;
    let head = checkpoint::parse(note, key)?;
    check_record(&hashes, head.size, head.root, index, record_hash(line)).map_err(|_error| ProofError::Other)?;
    Ok(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::audit::chain::LogHead;
    use crate::observe::audit::event::{AuditEvent, CheckpointEvent, Queued, StopEvent, WrittenBy, write_line};
    use jiff::Timestamp;

    fn line(head: &mut LogHead, event: AuditEvent) -> Vec<u8> {
        let mut line = Vec::new();
        let queued = Queued { id: "x".to_owned(), time: Timestamp::UNIX_EPOCH, event };
        write_line(&mut line, ("1f", &WrittenBy::default()), head, &queued).unwrap();
        head.append(&line).unwrap();
        line
    }

    #[test]
    fn every_record_can_be_proved_and_no_other_in_its_place() {
        let mut head = LogHead::default();
        let mut lines: Vec<Vec<u8>> = (0..13).map(|_| line(&mut head, AuditEvent::Stop(StopEvent {}))).collect();
        let note = checkpoint::write("1f", 13, head.tree.root().unwrap(), None).unwrap();
        let subtrees = head.tree.hashes();
        let event = CheckpointEvent { checkpoint: note, signed: false, subtrees };
        lines.push(line(&mut head, AuditEvent::Checkpoint(Box::new(event))));
        for number in 0..13 {
            let mut prover = Prover::new("1f".to_owned(), number);
            let found = lines.iter().find_map(|line| prover.line(line).unwrap()).unwrap();
            assert_eq!(check(&found.proof, &found.line, None).unwrap(), number);
            let other = &lines[usize::try_from((number + 1) % 13).unwrap()];
            assert!(matches!(check(&found.proof, other, None), Err(ProofError::Other)), "{number}");
            let index = format!("index {}", (number + 1) % 13);
            let moved = found.proof.replace(&format!("index {number}\n"), &format!("{index}\n"));
            assert!(check(&moved, &found.line, None).is_err(), "{number}");
        }
        let mut prover = Prover::new("1f".to_owned(), 13);
        assert!(lines.iter().all(|line| prover.line(line).unwrap().is_none()));
        assert!(matches!(prover.failure(), ProofError::NoCheckpoint(13)));
        for text in ["", "x\n\ny", "c2sp.org/tlog-proof@v1\n\n", "c2sp.org/tlog-proof@v1\nindex x\n\n"] {
            assert!(check(text, b"{}", None).is_err(), "{text}");
        }
    }
}
