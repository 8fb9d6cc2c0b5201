//! Redshift's start-up: ways to prove who one is, and the parameters that it reports.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use futures::{Sink, SinkExt as _};
use pgwire::api::auth::cleartext::CleartextPasswordAuthStartupHandler;
use pgwire::api::auth::md5pass::{Md5PasswordAuthStartupHandler, hash_md5_password};
use pgwire::api::auth::{
    AuthDriver, AuthSource, LoginInfo, Password, ServerParameterProvider, StartupHandler, protocol_negotiation,
    save_startup_parameters_to_metadata,
};
use pgwire::api::{
    ClientInfo, METADATA_CLIENT_ENCODING, METADATA_USER, PidSecretKeyGenerator, RandomPidSecretKeyGenerator,
};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};

use crate::standin::Settings;

/// How users prove who they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Authentication {
    /// The password as it is: what Redshift asks for over TLS.
    Cleartext,
    /// MD5.
    Md5,
    /// A salted SHA-256 with nonces of both sides: what Redshift asks for by default.
    Digest,
    /// The token of an identity provider; each user's password is the token that shows who he is.
    Idp,
}

/// Knows the users' passwords.
#[derive(Debug)]
pub struct Users {
    users: Vec<(String, String)>,
    as_md5: bool,
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "async_trait takes a named lifetime for another than the trait's hidden one"
)]
#[async_trait]
impl AuthSource for Users {
    async fn get_password(&self, login: &LoginInfo) -> PgWireResult<Password> {
        let user = login.user().unwrap_or_default();
        let known = self.users.iter().find(|(name, _)| name == user);
        let Some((_, password)) = known else { return Err(PgWireError::InvalidPassword(user.to_owned())) };
        if !self.as_md5 {
            return Ok(Password::new(None, password.clone().into_bytes()));
        }
        let salt: [u8; 4] = rand::random();
        Ok(Password::new(Some(salt.to_vec()), hash_md5_password(user, password, &salt).into_bytes()))
    }
}

/// What Redshift reports. Source: traces in the issues of amazon-redshift-jdbc-driver.
#[derive(Debug)]
pub struct Parameters;

impl ServerParameterProvider for Parameters {
    fn server_parameters<C: ClientInfo>(&self, client: &C) -> Option<HashMap<String, String>> {
        let user = client.metadata().get(METADATA_USER).cloned().unwrap_or_default();
        // Drivers that ask for UTF8 by name check that they get it by name.
        let asked =
            client.metadata().get(METADATA_CLIENT_ENCODING).map(|name| name.trim_matches('\'').to_ascii_uppercase());
        let encoding = if asked.as_deref() == Some("UTF8") { "UTF8" } else { "UNICODE" };
        let fixed = [
            ("server_version", "8.0.2"),
            ("server_encoding", "UNICODE"),
            ("client_encoding", encoding),
            ("datestyle", "ISO, MDY"),
            ("integer_datetimes", "on"),
            ("is_superuser", "off"),
            ("session_authorization", &user),
            ("TimeZone", "UTC"),
            ("padb_version", "1.0.77467"),
            ("padb_revision", "1"),
            ("max_numeric_precision", "38"),
            ("max_varchar_size", "65535"),
            ("datashare_enabled", "off"),
            ("external_database", "off"),
            ("server_protocol_version", "0"),
        ];
        Some(fixed.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// Sessions of one server have numbers of their own.
static PROCESSES: LazyLock<Arc<RandomPidSecretKeyGenerator>> = LazyLock::new(Arc::default);

fn processes() -> Arc<dyn PidSecretKeyGenerator> {
    Arc::<RandomPidSecretKeyGenerator>::clone(&PROCESSES)
}

/// What is left to do when a start-up packet arrives.
pub enum Startup {
    /// The password as it is.
    Cleartext(CleartextPasswordAuthStartupHandler<Users, Parameters>),
    /// Nothing: the login is over. See [`crate::standin::login`].
    Proven(AuthDriver<Parameters>),
    /// MD5.
    Md5(Md5PasswordAuthStartupHandler<Users, Parameters>),
}

impl Debug for Startup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Startup")
    }
}

impl Startup {
    /// As the settings say.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let as_md5 = settings.authentication == Authentication::Md5;
        let users = Users { users: settings.users.clone(), as_md5 };
        match settings.authentication {
            Authentication::Cleartext => Self::Cleartext(
                CleartextPasswordAuthStartupHandler::new(users, Parameters).with_pid_secret_key_generator(processes()),
            ),
            Authentication::Md5 => Self::Md5(
                Md5PasswordAuthStartupHandler::new(Arc::new(users), Arc::new(Parameters))
                    .with_pid_secret_key_generator(processes()),
            ),
            Authentication::Digest | Authentication::Idp => {
                Self::Proven(AuthDriver::new(Parameters).with_pid_secret_key_generator(processes()))
            }
        }
    }
}

#[async_trait]
impl StartupHandler for Startup {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let done = match self {
            Self::Cleartext(handler) => handler.on_startup(client, message).await,
            Self::Md5(handler) => handler.on_startup(client, message).await,
            Self::Proven(driver) => {
                let PgWireFrontendMessage::Startup(startup) = message else { return Ok(()) };
                protocol_negotiation(client, &startup).await?;
                save_startup_parameters_to_metadata(client, &startup);
                driver.complete_authentication(client, None).await
            }
        };
        // A server says why and hangs up; pgwire alone would say ReadyForQuery in between, as if the user had been let in.
        let Err(error) = done else { return Ok(()) };
        let why: ErrorInfo = error.into();
        client.send(PgWireBackendMessage::ErrorResponse(why.into())).await?;
        client.close().await?;
        Ok(())
    }
}
