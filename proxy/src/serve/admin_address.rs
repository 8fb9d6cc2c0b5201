//! From a configuration to the admin address: its socket, its certificate and who may see it.

use tokio::net::TcpListener;
use tracing::warn;

use crate::admin::AdminAddress;
use crate::admin::access::{self, Access};
use crate::config::Config;
use crate::net::tls::{self, AdminIdentity};
use crate::serve::error::{BuildError, ServeError};

/// Opens the address, once its token file and its certificate are known to be good.
pub(super) async fn open(config: &Config) -> Result<AdminAddress, ServeError> {
    check(config)?;
    let admin = &config.admin;
    if admin.insecure && !admin.is_restricted() && !admin.listen.ip().is_loopback() {
        warn!(address = %admin.listen, "whoever reaches the admin address sees what it shows: insecure = true");
    }
    let listener = TcpListener::bind(admin.listen).await.map_err(|source| ServeError::Listen {
        section: "[admin]".to_owned(),
        address: admin.listen,
        source,
    })?;
    let tls = identity(config);
    let access = Access {
        token_file: admin.token_file.clone(),
        takes_certificates: tls.as_ref().is_some_and(|tls| tls.client_authorities.is_some()),
        hosts: admin.hosts.clone(),
    };
    Ok(AdminAddress { listener, tls, access })
}

/// Whether the files that the address needs are good.
///
/// # Errors
/// [`BuildError`].
pub(super) fn check(config: &Config) -> Result<(), BuildError> {
    if let Some(path) = &config.admin.token_file {
        access::tokens(path).map_err(|source| BuildError::TokenFile { path: path.clone(), source })?;
    }
    if let Some(identity) = identity(config) {
        tls::admin_acceptor(&identity)?;
    }
    Ok(())
}

fn identity(config: &Config) -> Option<AdminIdentity> {
    config.admin.tls.as_ref().map(|tls| AdminIdentity {
        certificate: tls.certificate.clone(),
        key: tls.key.clone(),
        client_authorities: tls.client_ca.clone(),
    })
}
