//! The console: the files that `proxy/console` was built into, as far as they were there when the gate was.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::admin::access::is_of_page;
use crate::admin::reply::{ApiProblem, CONTENT_SECURITY_POLICY, guarded, off_thread};
use crate::observe::metrics::{gzip, takes_gzip};

/// A file of the console.
#[derive(Clone, Copy, Debug)]
struct SiteFile {
    path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/site_files.rs"));

/// What stands in the console's place.
const WITHOUT: &str = "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>rolegate</title></head>\n<body>\n\
     <h1>rolegate</h1>\n<p>This program was built without its console: run <code>make console</code> and build it again.</p>\n\
     <p>The API is here: <a href=\"/api/v1/openapi.json\">description</a>, <a href=\"/api/v1/status\">status</a>. \
     <a href=\"/metrics\">Metrics</a>.</p>\n</body>\n</html>\n";

/// The page, a file of it, or that there is none.
pub(super) async fn file(request: Request) -> Response {
    let path = request.uri().path();
    if !is_of_page(path) {
        return ApiProblem::not_found("no such page").into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiProblem::new(StatusCode::METHOD_NOT_ALLOWED, "only to be read").into_response();
    }
    if path == "/" {
        let index = SITE_FILES.iter().find(|file| file.path == "/index.html");
        return guarded("text/html; charset=utf-8", index.map_or(WITHOUT.as_bytes(), |file| file.bytes));
    }
    match SITE_FILES.iter().find(|file| file.path == path) {
        Some(file) => asset(*file, request.headers()).await,
        None => ApiProblem::not_found("no such page").into_response(),
    }
}

/// A file whose name changes with what it holds.
async fn asset(file: SiteFile, headers: &HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok());
    let common = [
        (header::CONTENT_TYPE, file.content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
    ];
    if takes_gzip(accepted)
        && let Ok(Ok(body)) = off_thread(|| gzip(file.bytes)).await
    {
        return (common, [(header::CONTENT_ENCODING, "gzip")], body).into_response();
    }
    (common, file.bytes).into_response()
}
