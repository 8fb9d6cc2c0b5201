//! The relay of one session: two directions in one task, each forwarding what it has read at once. The frontend's
//! direction stops at messages that carry statements and asks the [`Inspector`]; everything else streams through.

mod buffer;
mod contract;
mod downward;
mod ending;
mod hanging;
mod ledger;
mod owed;
mod passage;
mod phase;
mod shared;
mod upward;

use std::cell::RefCell;
use std::io;
use std::pin::pin;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::wire::answer::Nonce;
use crate::wire::close::close_with;
pub use crate::wire::relay::contract::{
    Answered, Drain, Ended, Inspector, RelayError, RelayObserver, Ruling, Standing,
};
use crate::wire::relay::downward::Downward;
pub use crate::wire::relay::ending::Bounds;
use crate::wire::relay::ending::{LAST_WORDS, abandoned, drained, overdue};
use crate::wire::relay::ledger::Ledger;
pub use crate::wire::relay::owed::{Number, Reached};
use crate::wire::relay::shared::SharedStream;
use crate::wire::relay::upward::Upward;

/// The two legs of a session: the client's and the cluster's.
#[derive(Debug)]
pub struct Legs<F, B> {
    frontend: RefCell<F>,
    backend: RefCell<B>,
}

impl<F, B> Legs<F, B> {
    /// The legs of a session that both sides have opened.
    pub const fn new(frontend: F, backend: B) -> Self {
        Self { frontend: RefCell::new(frontend), backend: RefCell::new(backend) }
    }
}

/// Relays until one side ends, a bound is reached or the gate drains. Not cancel safe: a frame may be half written.
///
/// # Errors
/// [`RelayError`]; its variant names the side.
pub async fn relay<F, B, I, T>(
    legs: &Legs<F, B>,
    inspector: &mut I,
    observer: &T,
    bounds: &Bounds,
    drain: &mut tokio::sync::watch::Receiver<Drain>,
) -> Result<Ended, RelayError>
where
    F: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
    I: Inspector,
    T: RelayObserver,
{
    let ledger = Ledger::new();
    let (frontend, backend) = (|| SharedStream::new(&legs.frontend), || SharedStream::new(&legs.backend));
    let ended = {
        let mut upward = Upward::new(frontend(), backend(), inspector, observer, &ledger, bounds.max_statement_bytes);
        // Pinned where they are made: a move would keep the room of both places for the whole session.
        let mut up = pin!(upward.run());
        let mut downward = Downward::new(backend(), frontend(), observer, &ledger);
        let mut down = pin!(downward.run());
        let mut late = pin!(overdue(bounds, &ledger));
        let mut frontend_open = true;
        loop {
            tokio::select! {
                biased;
                ended = &mut down => break ended.map(|()| if ledger.is_terminated.get() { Ended::Frontend } else { Ended::Backend }),
                ended = &mut up, if frontend_open => match ended {
                    Ok(()) => frontend_open = false,
                    Err(error) => break Err(error),
                },
                () = abandoned(&ledger), if !frontend_open => break Ok(Ended::Frontend),
                () = drained(drain, &ledger) => break Ok(Ended::Drained),
                ended = &mut late => break Ok(ended),
            }
        }
    };
    let last_words = ended.as_ref().map_or_else(RelayError::last_words, |ended| ended.last_words());
    let last_words = last_words.filter(|_| ledger.is_at_boundary.get());
    // A client that has gone, or does not read, learns nothing more; that the session is over is known already.
    // Boxed, since only a session that is over needs its room.
    match Box::pin(close_with(frontend(), last_words.as_ref(), LAST_WORDS)).await {
        Ok(()) | Err(_) => ended,
    }
}

/// A nonce from the operating system's random source.
///
/// # Errors
/// The source fails, which on a running system it does not.
pub fn nonce() -> io::Result<Nonce> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(Nonce::new(random))
}

#[cfg(test)]
mod tests;
