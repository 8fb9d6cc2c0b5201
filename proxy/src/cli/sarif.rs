//! The output of `rolegate check` as SARIF 2.1.0, the OASIS format of code scanning.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde_json::{Value, json};

use crate::cli::report::Place;
use crate::gate::codes::{Code, CodeRow, Severity};
use crate::gate::verdict::Verdict;

/// Where the codes are explained.
const HELP: &str = "docs/findings.md";

/// The results of one run.
#[derive(Debug, Default)]
pub struct Sarif {
    results: Vec<Value>,
}

impl Sarif {
    /// Adds the findings of one text.
    pub fn add(&mut self, place: &Place<'_>, verdict: Option<&Verdict>) {
        let statements = verdict.map(|verdict| verdict.statements.as_slice()).unwrap_or_default();
        for finding in statements.iter().flat_map(|statement| &statement.findings) {
            let (line, column) = place.line_and_column(finding.at);
            let mut text = finding.message.clone();
            for more in [&finding.detail, &finding.hint].into_iter().flatten() {
                text.push('\n');
                text.push_str(more);
            }
            self.results.push(json!({
                "ruleId": finding.code.as_str(),
                "level": level(finding.severity),
                "message": { "text": text },
                "locations": [{
                    "physicalLocation": {
                        "artifactLocation": { "uri": uri(place.file) },
                        "region": { "startLine": line, "startColumn": column },
                    },
                }],
            }));
        }
    }

    /// The log file.
    #[must_use]
    pub fn to_json(&self) -> String {
        let rule = |code: &Code| {
            let CodeRow { title, severity, message, .. } = code.row();
            json!({
                "id": code.as_str(),
                "shortDescription": { "text": title },
                "fullDescription": { "text": message },
                "helpUri": format!("{HELP}#{}", code.anchor()),
                "defaultConfiguration": { "level": level(severity) },
            })
        };
        let log = json!({
            "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {
                    "driver": {
                        "name": "rolegate",
                        "semanticVersion": env!("CARGO_PKG_VERSION"),
                        "rules": Code::ALL.iter().map(rule).collect::<Vec<_>>(),
                    },
                },
                "columnKind": "unicodeCodePoints",
                "results": self.results,
            }],
        });
        format!("{log:#}\n")
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Reject => "error",
        Severity::Annotate => "warning",
        Severity::Allow => "note",
    }
}

/// What a path in a URI is percent-encoded for. Source: RFC 3986, 2.3 and 3.3.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// A path as a URI reference: what a URI cannot hold is percent-encoded.
fn uri(path: &str) -> String {
    percent_encoding::utf8_percent_encode(if path == "-" { "stdin" } else { path }, &ESCAPED).to_string()
}
