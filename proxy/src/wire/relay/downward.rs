//! Backend to frontend: follows frame boundaries, rewrites the errors that quote a nonce, and puts warnings between frames.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::wire::answer::Refusal;
use crate::wire::frame::{self, HEADER_BYTES, kind};
use crate::wire::relay::buffer::Buffer;
use crate::wire::relay::{Ledger, RelayError, RelayObserver};

/// The longest server error that is looked into for a nonce; ours quote a short token and are far below it.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// The longest ParameterStatus that is looked into.
const MAX_PARAMETER_BYTES: usize = 8 * 1024;

/// Backend to frontend: every read goes on at once; errors that quote a nonce are rewritten, and warnings stand
/// between two frames, not before the first ReadyForQuery.
pub(super) async fn downward<R, W, T>(mut from: R, mut to: W, ledger: &Ledger, observer: &T) -> Result<(), RelayError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    T: RelayObserver,
{
    let mut buffer = Buffer::default();
    let mut out = Vec::new();
    let mut streaming = 0_usize;
    loop {
        if buffer.fill(&mut from, 0).await.map_err(RelayError::Backend)? == 0 {
            return Ok(());
        }
        let (mut decided, mut copied) = (0_usize, 0_usize);
        loop {
            let unread = buffer.unread().get(decided..).unwrap_or_default();
            if streaming > 0 {
                let passed = streaming.min(unread.len());
                streaming = streaming.saturating_sub(passed);
                decided = decided.saturating_add(passed);
                if streaming > 0 {
                    break;
                }
                continue;
            }
            if ledger.status.get() != 0 && !ledger.warnings.borrow().is_empty() {
                out.extend_from_slice(buffer.unread().get(copied..decided).unwrap_or_default());
                copied = decided;
                for warning in ledger.warnings.borrow_mut().drain(..) {
                    out.extend_from_slice(&warning);
                }
            }
            let Some(header) = frame::header(unread).map_err(RelayError::BackendFrame)? else { break };
            let whole = unread.get(HEADER_BYTES..header.frame_bytes());
            match (header.kind, whole) {
                (kind::READY_FOR_QUERY, None) => break,
                (kind::READY_FOR_QUERY, Some(body)) => {
                    ledger.status.set(body.first().copied().unwrap_or_default());
                    ledger.unanswered.set(ledger.unanswered.get().saturating_sub(1));
                    // A portal lives as long as its transaction, and what is bound already may still be run.
                    if ledger.is_settled() {
                        observer.settled();
                    }
                }
                (kind::PARAMETER_STATUS, None) if header.body_bytes <= MAX_PARAMETER_BYTES => break,
                (kind::PARAMETER_STATUS, Some(body)) => {
                    let value = |name: &[u8]| body.strip_prefix(name).and_then(|value| value.strip_suffix(b"\0"));
                    if let Some(user) = value(b"session_authorization\0") {
                        observer.session_authorization(user);
                    } else if let Some(encoding) = value(b"client_encoding\0") {
                        observer.client_encoding(encoding);
                    }
                }
                (kind::ERROR_RESPONSE, whole) if !ledger.pending.borrow().is_empty() => match whole {
                    None if header.body_bytes <= MAX_ERROR_BYTES => break,
                    None => {}
                    Some(body) => {
                        if let Some(refusal) = settle(ledger, body) {
                            out.extend_from_slice(buffer.unread().get(copied..decided).unwrap_or_default());
                            out.extend_from_slice(&refusal.rewrite(body));
                            decided = decided.saturating_add(header.frame_bytes());
                            copied = decided;
                            continue;
                        }
                    }
                },
                (compressed, _) if kind::COMPRESSED.contains(&compressed) => {
                    return Err(RelayError::Compressed("the backend"));
                }
                _ => {}
            }
            streaming = header.frame_bytes();
        }
        let is_boundary = streaming == 0 && decided == buffer.unread().len();
        // While a write waits for a client that does not read, a frame may be half written.
        ledger.at_boundary.set(false);
        let unchanged = buffer.unread().get(copied..decided).unwrap_or_default();
        let bytes = if out.is_empty() && copied == 0 {
            unchanged
        } else {
            out.extend_from_slice(unchanged);
            &out
        };
        if !bytes.is_empty() {
            to.write_all(bytes).await.map_err(RelayError::Frontend)?;
            to.flush().await.map_err(RelayError::Frontend)?;
            observer.to_frontend(bytes.len());
        }
        ledger.at_boundary.set(is_boundary);
        out.clear();
        buffer.advance(decided);
    }
}

/// The pending refusal that a server error quotes; earlier ones were skipped by the server and are forgotten.
fn settle(ledger: &Ledger, body: &[u8]) -> Option<Refusal> {
    let mut pending = ledger.pending.borrow_mut();
    let place = pending.iter().position(|refusal| refusal.is_quoted_in(body))?;
    pending.drain(..=place).next_back()
}
