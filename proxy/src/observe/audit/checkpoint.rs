//! Signed tree heads, in the forms of transparency logs: C2SP signed-note, tlog-checkpoint and tlog-proof. Pure but for the key files.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rand_core::OsRng;
use signed_note::{Note, NoteError, Signer, StandardSigner, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::Checkpoint;

use crate::observe::audit::chain::Hash;

/// The name in the origin of logs whose checkpoints nobody signs.
const NO_KEY: &str = "rolegate";

/// Why a key or a checkpoint is of no use.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A key file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file that is at fault.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A key file holds no key.
    #[error("{}: holds no {kind} of `rolegate audit keygen`: {reason}", path.display())]
    Key {
        /// The file that is at fault.
        path: PathBuf,
        /// Which of the two keys was expected.
        kind: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A name that cannot stand in a key.
    #[error("\"{0}\" cannot be a key's name; use one without spaces and '+', such as gate.example.org/audit")]
    Name(String),
    /// The text is no checkpoint.
    #[error("it is no checkpoint")]
    Malformed,
    /// The note's own reason.
    #[error("its signature does not hold: {0}")]
    Signature(#[from] NoteError),
}

/// The key that signs checkpoints.
#[derive(Clone)]
pub struct SigningKey(StandardSigner);

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({}, [redacted])", self.0.name())
    }
}

impl SigningKey {
    /// Reads the private key that `rolegate audit keygen` wrote.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let text = read(path)?;
        let malformed = |error: signed_note::SignerError| CheckpointError::Key {
            path: path.to_owned(),
            kind: "private key",
            reason: error.to_string(),
        };
        StandardSigner::new(text.trim()).map(Self).map_err(malformed)
    }
}

/// The key that checks signatures of checkpoints.
#[derive(Clone)]
pub struct PublicKey(StandardVerifier);

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.0.name())
    }
}

impl PublicKey {
    /// Reads the public key that `rolegate audit keygen` wrote.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let text = read(path)?;
        Self::parse(text.trim()).map_err(|reason| CheckpointError::Key {
            path: path.to_owned(),
            kind: "public key",
            reason,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        StandardVerifier::new(text).map(Self).map_err(|error| error.to_string())
    }
}

fn read(path: &Path) -> Result<String, CheckpointError> {
    fs::read_to_string(path).map_err(|source| CheckpointError::Read { path: path.to_owned(), source })
}

/// A new pair of keys, private and public, as the texts of their files.
///
/// # Errors
/// [`CheckpointError::Name`].
pub fn new_keys(name: &str) -> Result<(String, String), CheckpointError> {
    if !signed_note::is_key_name_valid(name) {
        return Err(CheckpointError::Name(name.to_owned()));
    }
    Ok(signed_note::generate_key(&mut OsRng, name))
}

/// What a log is called in its checkpoints.
fn origin(log: &str, key: Option<&SigningKey>) -> String {
    let name = key.map_or(NO_KEY, |key| key.0.name());
    format!("{name}/{log}")
}

/// The checkpoint of a log: a signed note with a key, else the text alone.
///
/// # Errors
/// The key cannot sign.
pub fn write(log: &str, size: u64, root: Hash, key: Option<&SigningKey>) -> Result<String, CheckpointError> {
    let text = Checkpoint::new(&origin(log, key), size, root, "").map_err(|_malformed| CheckpointError::Malformed)?;
    let Some(key) = key else { return Ok(lossy(&text.to_bytes())) };
    let mut note = Note::new(&text.to_bytes(), &[])?;
    note.add_sigs(&[&key.0])?;
    Ok(lossy(&note.to_bytes()))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a checkpoint says of a log.
#[derive(Clone, Debug)]
pub struct SignedHead {
    /// The name of the log that it speaks of.
    pub log: String,
    /// How many records it had.
    pub size: u64,
    /// The tree head over them.
    pub root: Hash,
    /// A key vouches for it.
    pub is_signed: bool,
}

/// Reads a checkpoint, and checks its signature if there is a key to do it with.
///
/// # Errors
/// [`CheckpointError`]; with a key also when no signature of that key stands below it.
pub fn parse(text: &str, key: Option<&PublicKey>) -> Result<SignedHead, CheckpointError> {
    let note = text.contains("\n\n").then(|| Note::from_bytes(text.as_bytes())).transpose()?;
    let is_signed = match (key, &note) {
        (None, _) => false,
        (Some(_), None) => return Err(CheckpointError::Signature(NoteError::UnverifiedNote)),
        (Some(key), Some(note)) => {
            note.verify(&VerifierList::new(vec![Box::new(key.0.clone())]))?;
            true
        }
    };
    let body = note.as_ref().map_or(text.as_bytes(), Note::text);
    let head = Checkpoint::from_bytes(body).map_err(|_malformed| CheckpointError::Malformed)?;
    let log = head.origin().rsplit('/').next().unwrap_or_default().to_owned();
    Ok(SignedHead { log, size: head.size(), root: *head.hash(), is_signed })
}

/// The notes of a file that holds one after the other, each with the number of its first line.
pub fn notes(text: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    let is_signature = |line: &str| line.starts_with('\u{2014}');
    let mut lines = text.lines().zip(1_usize..).peekable();
    std::iter::from_fn(move || {
        let (_, first) = *lines.peek()?;
        let mut note = String::new();
        while let Some((line, _)) = lines.next() {
            note.push_str(line);
            note.push('\n');
            if is_signature(line) && !lines.peek().is_some_and(|(next, _)| is_signature(next)) {
                break;
            }
        }
        Some((first, note))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::audit::chain::record_hash;

    fn keys(name: &str) -> (SigningKey, PublicKey) {
        let (private, public) = new_keys(name).unwrap();
        (SigningKey(StandardSigner::new(&private).unwrap()), PublicKey::parse(&public).unwrap())
    }

    #[test]
    fn a_checkpoint_is_good_under_its_own_key_alone() {
        let (signer, verifier) = keys("gate.example.org/audit");
        let (_, stranger) = keys("gate.example.org/audit");
        let root = record_hash(b"x");
        let note = write("1f", 7, root, Some(&signer)).unwrap();
        let head = parse(&note, Some(&verifier)).unwrap();
        assert_eq!((head.log.as_str(), head.size, head.root, head.is_signed), ("1f", 7, root, true));
        assert!(note.starts_with("gate.example.org/audit/1f\n7\n"), "{note}");
        assert!(parse(&note, Some(&stranger)).is_err());
        assert!(parse(&note.replace("\n7\n", "\n8\n"), Some(&verifier)).is_err());
        assert!(parse(&write("1f", 7, root, None).unwrap(), Some(&verifier)).is_err(), "unsigned");
        assert!(!parse(&note, None).unwrap().is_signed);
        assert!(!format!("{signer:?}").contains("PRIVATE"));
        for name in ["", "a b", "a+b"] {
            assert!(new_keys(name).is_err(), "{name}");
        }
    }

    #[test]
    fn notes_of_a_file() {
        let (signer, verifier) = keys("k");
        let notes: Vec<String> = [3, 9].map(|size| write("1f", size, record_hash(b"x"), Some(&signer)).unwrap()).into();
        let text = notes.concat();
        let found: Vec<_> = super::notes(&text).collect();
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 6]);
        assert!(found.iter().all(|(_, note)| parse(note, Some(&verifier)).is_ok()));
    }
}
