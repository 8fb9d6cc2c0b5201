//! The output of `rolegate check` as SARIF 2.1.0, the OASIS format of code scanning.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde_json::{Value, json};

use crate::cli::report::{Face, SourcePlace};
use crate::gate::codes::{Code, CodeRow};
use crate::gate::enforcement::Action;
use crate::gate::finding::Finding;
use crate::gate::verdict::{JudgedStatement, Verdict};
use crate::sql::position::Position;

/// Where the codes are explained.
const HELP: &str = "docs/findings.md";

/// The results of one run.
#[derive(Debug, Default)]
pub struct Sarif {
    results: Vec<Value>,
}

impl Sarif {
    /// Adds the findings of one text.
    pub fn add(&mut self, place: &SourcePlace<'_>, verdict: Option<&Verdict>, face: Face) {
        let Some(verdict) = verdict else { return };
        for statement in &verdict.statements {
            let results = statement.findings.iter().map(|finding| result(place, statement, finding, face));
            self.results.extend(results);
        }
    }

    /// The log file.
    #[must_use]
    pub fn to_json(&self) -> String {
        let rule = |code: &Code| {
            let CodeRow { title, severity, message, .. } = code.row();
            json!({
                "id": code,
                "shortDescription": { "text": title },
                "fullDescription": { "text": message },
                "helpUri": format!("{HELP}#{}", code.anchor()),
                "defaultConfiguration": { "level": level(severity.into()) },
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

fn result(place: &SourcePlace<'_>, statement: &JudgedStatement, finding: &Finding, face: Face) -> Value {
    let Position { line, column } = place.position(finding.at);
    let parts = [Some(&finding.message), finding.detail.as_ref(), finding.hint.as_ref()];
    let text: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    json!({
        "ruleId": finding.code,
        "level": level(face.of_finding(finding)),
        "message": { "text": text.join("\n") },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(place.file) },
                "region": { "startLine": line, "startColumn": column },
            },
        }],
        "properties": { "would_be": statement.would_be, "action": statement.action },
    })
}

const fn level(action: Action) -> &'static str {
    match action {
        Action::Reject => "error",
        Action::Annotate => "warning",
        Action::Forward => "note",
    }
}

/// What a path in a URI is percent-encoded for. Source: RFC 3986, 2.3 and 3.3.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// A path as a URI reference: what a URI cannot hold is percent-encoded.
fn uri(path: &str) -> String {
    percent_encoding::utf8_percent_encode(if path == "-" { "stdin" } else { path }, &ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::enforcement::Mode;
    use crate::gate::modes::Modes;
    use crate::gate::policy::{Parts, Policy};
    use crate::sql::position::Positions;

    /// (mode, face, level)
    #[test]
    fn a_result_has_the_level_of_the_face_and_both_words() {
        for (mode, face, expected) in [
            (Mode::Enforce, Face::Action, "error"),
            (Mode::Shadow, Face::WouldBe, "error"),
            (Mode::Shadow, Face::Action, "warning"),
        ] {
            let verdict = Policy::new(Parts { modes: Modes::all(mode), ..Parts::without_facts() })
                .enforcer_for_anybody()
                .judge_unreadable(b"call p($1)");
            let place = SourcePlace { id: None, file: "a b.sql", first_line: 3, text: Positions::of(b"call p($1)") };
            let mut sarif = Sarif::default();
            sarif.add(&place, Some(&verdict), face);
            sarif.add(&place, None, face);
            let log: Value = serde_json::from_str(&sarif.to_json()).unwrap();
            let results = log["runs"][0]["results"].as_array().unwrap();
            assert_eq!(results.len(), 1);
            assert_eq!((&results[0]["ruleId"], &results[0]["level"]), (&"RG109".into(), &expected.into()));
            assert_eq!(results[0]["properties"]["would_be"], "reject");
            assert_eq!(results[0]["properties"]["action"], mode.action(Action::Reject).as_str());
            let at = &results[0]["locations"][0]["physicalLocation"];
            assert_eq!((&at["artifactLocation"]["uri"], &at["region"]["startLine"]), (&"a%20b.sql".into(), &3.into()));
        }
    }

    #[test]
    fn every_code_is_a_rule() {
        let log: Value = serde_json::from_str(&Sarif::default().to_json()).unwrap();
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), Code::ALL.len());
        assert_eq!(rules[0]["helpUri"], "docs/findings.md#rg101");
    }
}
