//! The parameters of a question. One that the page of the API does not know is a mistake, not left aside.

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::admin::reply::ApiProblem;

/// The parameters of a question.
#[derive(Debug)]
pub(super) struct QueryOf<T>(pub(super) T);

/// Two groups of parameters of one question.
#[derive(Debug)]
pub(super) struct QueriesOf<A, B>(pub(super) A, pub(super) B);

impl<S: Sync, T: DeserializeOwned + IntoParams> FromRequestParts<S> for QueryOf<T> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiProblem> {
        check(&parts.uri, &names::<T>())?;
        read(&parts.uri).map(Self)
    }
}

impl<S, A, B> FromRequestParts<S> for QueriesOf<A, B>
where
    S: Sync,
    A: DeserializeOwned + IntoParams,
    B: DeserializeOwned + IntoParams,
{
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiProblem> {
        check(&parts.uri, &[names::<A>(), names::<B>()].concat())?;
        Ok(Self(read(&parts.uri)?, read(&parts.uri)?))
    }
}

fn names<T: IntoParams>() -> Vec<String> {
    T::into_params(|| None).into_iter().map(|parameter| parameter.name).collect()
}

fn read<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiProblem> {
    let problem = |error: axum::extract::rejection::QueryRejection| {
        ApiProblem::new(axum::http::StatusCode::BAD_REQUEST, error.body_text())
    };
    Query::try_from_uri(uri).map(|Query(read)| read).map_err(problem)
}

/// Whether every parameter has one of these names, and none is given without a value: what is not asked for is left out.
fn check(uri: &Uri, names: &[String]) -> Result<(), ApiProblem> {
    for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode_str(&name.replace('+', " ")).decode_utf8_lossy().into_owned();
        if !names.contains(&name) {
            let known = if names.is_empty() { "there is none".to_owned() } else { format!("use {}", names.join(", ")) };
            return Err(ApiProblem::of(&name, format!("unknown parameter; {known}")));
        }
        if value.is_empty() {
            return Err(ApiProblem::of(&name, "a parameter without a value; leave it out"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_empty_parameters_are_mistakes() {
        let names = ["user".to_owned(), "limit".to_owned()];
        for (query, is_good) in [
            ("", true),
            ("user=etl", true),
            ("user=etl&limit=5&", true),
            ("%75ser=etl", true),
            ("user=", false),
            ("user", false),
            ("usr=etl", false),
            ("user=etl&usr=etl", false),
        ] {
            let uri: Uri = format!("http://gate/x?{query}").parse().unwrap();
            assert_eq!(check(&uri, &names).is_ok(), is_good, "{query}");
        }
        assert!(check(&"/x?a=1".parse().unwrap(), &[]).is_err());
    }
}
