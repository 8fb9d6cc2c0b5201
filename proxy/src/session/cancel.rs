//! Cancel requests: a connection that carries one packet and is answered by being closed.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing::{debug, warn};

use crate::net::stream::Stream;
use crate::observe::values::CancelResult;
use crate::session::service::Service;

/// How long a cancel request may take in total.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// Hands a cancel request to the backend as it came and waits until the backend has taken it, as a client would. Anybody may send
/// one, so that they are bounded; one that is too many is closed like any other, for its sender is not told what came of it.
pub(super) async fn forward(mut stream: Stream, packet: &[u8], service: &Service) {
    let Some(_counted) = service.held.cancel(&service.settings.load().limits.holders) else {
        service.metrics.cancel(CancelResult::Refused);
        return debug!("too many cancel requests are under way");
    };
    match tokio::time::timeout(CANCEL_TIMEOUT, deliver(&mut stream, packet, service)).await {
        Ok(Ok(())) => service.metrics.cancel(CancelResult::Forwarded),
        Ok(Err(error)) => {
            service.metrics.cancel(CancelResult::Failed);
            warn!(error, "cancel request not delivered");
        }
        Err(_elapsed) => {
            service.metrics.cancel(CancelResult::Failed);
            warn!("cancel request not delivered in time");
        }
    }
    if let Err(error) = stream.shutdown().await {
        debug!(%error, "the frontend did not wait for its cancel request");
    }
}

async fn deliver(frontend: &mut Stream, packet: &[u8], service: &Service) -> Result<(), String> {
    let settings = service.settings.load_full();
    let mut backend = settings.backend.connect().await.map_err(|error| error.to_string())?;
    backend.write_all(packet).await.map_err(|error| error.to_string())?;
    backend.flush().await.map_err(|error| error.to_string())?;
    // The server answers by closing, and an error at that moment is its way of closing. A client that has gone does not wait for it.
    let (mut nothing, mut more) = ([0_u8; 1], [0_u8; 1]);
    tokio::select! {
        _closed = backend.read(&mut nothing) => {}
        _gone = frontend.read(&mut more) => {}
    }
    Ok(())
}
