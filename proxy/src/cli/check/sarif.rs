//! The output of `rolegate check` as SARIF 2.1.0, the OASIS format of code scanning.

use std::collections::HashMap;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cli::check::place::SourcePlace;
use crate::cli::check::report::{self, Face};
use crate::gate::codes::{Code, CodeRow};
use crate::gate::enforcement::Action;
use crate::gate::finding::Finding;
use crate::gate::verdict::{JudgedStatement, Verdict};
use crate::sql;
use crate::sql::position::Position;

/// The page that explains the codes.
const PAGE: &str = "findings.md";

/// Where packages put the pages.
const PACKAGED: &str = "/usr/share/doc/rolegate";

/// The page as an absolute URI: that of `--help-uri`, else of the file beside the program, in its checkout or its package.
pub(super) fn help_uri(given: Option<&str>, program: Option<&Path>) -> Option<String> {
    if let Some(given) = given {
        return Some(given.to_owned());
    }
    let folders = program.into_iter().flat_map(Path::ancestors).skip(1).take(FOLDERS_UP);
    let pages = folders.map(|folder| folder.join("docs").join(PAGE)).chain([Path::new(PACKAGED).join(PAGE)]);
    let page = pages.into_iter().find(|page| page.is_file())?;
    Some(format!("file://{}", uri(&page.to_string_lossy())))
}

/// A program of a checkout lies three folders below it: `target/debug/rolegate`.
const FOLDERS_UP: usize = 4;

/// The log file.
pub(super) fn log(results: &[Value], help_uri: Option<&str>) -> String {
    let rule = |code: &Code| {
        let CodeRow { title, severity, message, hint } = code.row();
        let help = [Some(message), hint].into_iter().flatten().collect::<Vec<_>>().join("\n");
        let mut rule = json!({
            "id": code,
            "shortDescription": { "text": title },
            "fullDescription": { "text": message },
            "help": { "text": help },
            "defaultConfiguration": { "level": level(severity.into()) },
        });
        if let (Some(page), Some(fields)) = (help_uri, rule.as_object_mut()) {
            fields.insert("helpUri".to_owned(), format!("{page}#{}", code.anchor()).into());
        }
        rule
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
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

/// The results of one text.
pub(super) fn results(place: &SourcePlace<'_>, verdict: Option<&Verdict>, face: Face) -> Vec<Value> {
    let statements = verdict.map(|verdict| verdict.statements.as_slice()).unwrap_or_default();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut found = Vec::new();
    for statement in statements {
        for finding in &statement.findings {
            let print = fingerprint(place, statement, finding);
            let times = seen.entry(print.clone()).or_default();
            *times = times.saturating_add(1);
            found.push(result(place, statement, finding, face, &format!("{print}:{times}")));
        }
    }
    found
}

/// What stays the same of a finding when lines move: its code, hop and statement, blanks and letter case aside.
fn fingerprint(place: &SourcePlace<'_>, statement: &JudgedStatement, finding: &Finding) -> String {
    let text = sql::mask_within(place.text.judged(), statement.span.clone()).to_ascii_lowercase();
    let mut hash = Sha256::new();
    hash.update(finding.code.as_str());
    hash.update([u8::try_from(finding.hop.unwrap_or_default()).unwrap_or(u8::MAX)]);
    for word in text.split_whitespace() {
        hash.update(word);
        hash.update(b" ");
    }
    hex::encode(hash.finalize())
}

fn result(place: &SourcePlace<'_>, statement: &JudgedStatement, finding: &Finding, face: Face, print: &str) -> Value {
    let Position { line, column } = place.position(finding.at);
    json!({
        "ruleId": finding.code,
        "level": level(face.of_finding(finding)),
        "message": { "text": report::words(place, statement, finding) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&place.text.file) },
                "region": { "startLine": line, "startColumn": column },
            },
        }],
        "partialFingerprints": { "statement/v1": print },
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
    use crate::cli::check::input::InputText;
    use crate::cli::check::origin::TextOrigin;
    use crate::gate::enforcement::Mode;
    use crate::gate::judge_alone;
    use crate::gate::modes::Modes;
    use crate::gate::policy::{Parts, Policy};
    use crate::gate::principal::{Attributes, Principal};

    fn parsed(results: &[Value], help_uri: Option<&str>) -> Value {
        serde_json::from_str(&log(results, help_uri)).unwrap()
    }

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
            let text = InputText::of_file("a b.sql".to_owned(), b"call p($1)".to_vec());
            let text = InputText { origin: TextOrigin::At(Position { line: 3, column: 1 }), ..text };
            let place = SourcePlace::of(&text);
            assert_eq!(results(&place, None, face), Vec::<Value>::new());
            let results = results(&place, Some(&verdict), face);
            assert_eq!(results.len(), 1);
            assert_eq!((&results[0]["ruleId"], &results[0]["level"]), (&"RG109".into(), &expected.into()));
            assert_eq!(results[0]["properties"]["would_be"], "reject");
            assert_eq!(results[0]["properties"]["action"], mode.action(Action::Reject).as_str());
            let at = &results[0]["locations"][0]["physicalLocation"];
            assert_eq!((&at["artifactLocation"]["uri"], &at["region"]["startLine"]), (&"a%20b.sql".into(), &3.into()));
        }
    }

    fn prints(sql: &str) -> Vec<String> {
        let nobody = Principal::new(Attributes::default());
        let policy = Policy::new(Parts::without_facts());
        let verdict = judge_alone(&policy, sql.as_bytes(), &nobody, jiff::Timestamp::UNIX_EPOCH);
        let text = InputText::of_file("f".to_owned(), sql.as_bytes().to_vec());
        let results = results(&SourcePlace::of(&text), verdict.as_ref(), Face::WouldBe);
        results
            .iter()
            .map(|result| result["partialFingerprints"]["statement/v1"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_fingerprint_stays_when_lines_move() {
        let bad = "copy t from 's3://b' iam_role 'x'";
        let moved = format!("select 1;\n\n{}", bad.replace(' ', "\n  ").to_uppercase().replace("'X'", "'x'"));
        assert_eq!(prints(bad), prints(&moved.replace("'S3://B'", "'s3://b'")));
        assert_ne!(prints(bad), prints("copy u from 's3://b' iam_role 'x'"));
        let twice = prints(&format!("{bad};{bad}"));
        assert!(twice.len() == 2 && twice[0] == prints(bad)[0] && twice[0] != twice[1], "{twice:?}");
    }

    #[test]
    fn every_code_is_a_rule_whose_help_is_there() {
        let page =
            help_uri(None, Some(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug/rolegate")))).unwrap();
        let text = std::fs::read_to_string(page.strip_prefix("file://").unwrap()).unwrap();
        let log = parsed(&[], Some(&page));
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), Code::ALL.len());
        for rule in rules {
            let uri = rule["helpUri"].as_str().unwrap();
            let anchor = uri.strip_prefix(&page).unwrap().strip_prefix('#').unwrap();
            let heading = format!("<a id=\"{anchor}\"></a>");
            assert!(uri.starts_with("file:///") && text.contains(&heading), "{uri}");
            assert!(!rule["help"]["text"].as_str().unwrap().is_empty());
        }
    }

    #[test]
    fn the_page_may_be_elsewhere_or_nowhere() {
        assert_eq!(
            help_uri(Some("https://wiki.example/findings"), None).as_deref(),
            Some("https://wiki.example/findings")
        );
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("docs")).unwrap();
        std::fs::write(folder.path().join("docs/findings.md"), "").unwrap();
        let page = help_uri(None, Some(&folder.path().join("rolegate"))).unwrap();
        assert_eq!(page, format!("file://{}/docs/findings.md", folder.path().display()));
        assert!(parsed(&[], None)["runs"][0]["tool"]["driver"]["rules"][0]["helpUri"].is_null());
    }
}
