use super::*;
use crate::cli::check::jinja::Values;
use crate::cli::check::origin::TextOrigin;
use crate::cli::check::template;
use crate::gate::judge_alone;
use crate::gate::policy::{Parts, Policy};
use crate::gate::principal::{Attributes, Principal};
use crate::gate::verdict::Verdict;

fn judged(text: &InputText) -> Verdict {
    let policy = Policy::new(Parts::without_facts());
    let nobody = Principal::new(Attributes::default());
    judge_alone(&policy, text.judged(), &nobody, jiff::Timestamp::UNIX_EPOCH).unwrap()
}

fn of_psql(sql: &str, values: &[(&str, &str)]) -> InputText {
    let vars = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let values = Values { vars, ..Values::default() };
    let text = InputText::of_file("f.sql".to_owned(), sql.as_bytes().to_vec());
    InputText { rendered: template::of_psql(sql.as_bytes(), &values), ..text }
}

fn of_jinja(sql: &str) -> InputText {
    let text = InputText::of_file("m.sql".to_owned(), sql.as_bytes().to_vec());
    InputText { rendered: Some(template::of_jinja(sql.as_bytes(), &Values::default())), ..text }
}

/// The notes of a text's first statement.
fn notes(text: &InputText) -> Vec<String> {
    let verdict = judged(text);
    SourcePlace::of(text).notes(&verdict.statements[0])
}

/// (origin, line and column within the text, line and column within the file, whether it stands there)
#[test]
fn places_of_every_origin() {
    let at = |line, column| Position { line, column };
    for (origin, within, want, stands) in [
        (TextOrigin::At(at(1, 1)), at(1, 1), at(1, 1), true),
        (TextOrigin::At(at(1, 1)), at(3, 7), at(3, 7), true),
        (TextOrigin::At(at(10, 5)), at(1, 3), at(10, 7), true),
        (TextOrigin::At(at(10, 5)), at(2, 3), at(11, 3), true),
        (TextOrigin::Record(7), at(1, 1), at(7, 1), true),
        (TextOrigin::Record(7), at(4, 9), at(7, 9), true),
        (TextOrigin::Near(12), at(1, 1), at(12, 1), true),
        (TextOrigin::Near(12), at(4, 9), at(12, 1), true),
    ] {
        assert_eq!(origin.place(within), (want, stands), "{origin:?} {within:?}");
    }
}

/// A byte of what is judged leads back to the line and column of the source, through what was put in.
#[test]
fn positions_lead_through_values() {
    let text = of_psql("select 1;\ncopy t from :'p'\n  iam_role :'r'", &[("p", "s3://a/very/long/value"), ("r", "x")]);
    let judged = std::str::from_utf8(text.judged()).unwrap().to_owned();
    let place = SourcePlace::of(&text);
    for (word, line, column) in [("copy", 2, 1), ("'s3://", 2, 13), ("iam_role", 3, 3), ("'x'", 3, 12)] {
        let found = place.position(judged.find(word).unwrap());
        assert_eq!((found.line, found.column), (line, column), "{word} of {judged}");
    }
    let long = judged.find("long").unwrap();
    assert_eq!(
        place.position(long),
        place.position(judged.find("'s3://").unwrap()),
        "all of a value stands where it was put in"
    );
}

/// (script, what is noted of its first statement)
#[test]
fn variables_without_a_value_are_noted() {
    let whose = |what: &str, name: &str| {
        format!("{what} holds psql's variable {name}, whose value is not known here; --vars gives values")
    };
    for (sql, want) in [
        ("copy t from 's3://b' iam_role :'r'", vec![whose("the credential", ":'r'")]),
        ("copy t from 's3://b' IAM_ROLE\n  :r", vec![whose("the credential", ":r")]),
        ("copy t from :'p' iam_role 'x'", vec![whose("the statement", ":'p'")]),
        ("copy t from :'p' iam_role :'r'", vec![whose("the statement", ":'p'"), whose("the credential", ":'r'")]),
        ("copy t from 's3://b' credentials :'c'", vec![whose("the credential", ":'c'")]),
        ("copy t from 's3://b' iam_role 'x'; copy u from :'later' iam_role 'y'", vec![]),
    ] {
        assert_eq!(notes(&of_psql(sql, &[])), want, "{sql}");
    }
    assert_eq!(notes(&of_psql("copy t from 's3://b' iam_role :'r'", &[("r", "x")])), Vec::<String>::new());
}

#[test]
fn expressions_without_a_value_are_noted() {
    let told = notes(&of_jinja("copy {{ this }} from 's3://b' iam_role '{{ role() }}'"));
    let whose = |what: &str, name: &str| {
        format!("{what} holds the Jinja expression {name}, whose value is not known here; --vars gives values to var()")
    };
    assert_eq!(told, [whose("the statement", "{{ this }}"), whose("the credential", "{{ role() }}")]);
}

/// Many placeholders are counted beyond the first.
#[test]
fn many_placeholders_are_cut() {
    for (count, more) in [
        (MAX_PLACEHOLDERS, None),
        (MAX_PLACEHOLDERS + 1, Some("the statement holds 1 more of them")),
        (MAX_PLACEHOLDERS + 9, Some("the statement holds 9 more of them")),
    ] {
        let columns: Vec<String> = (0..count).map(|number| format!(":v{number}")).collect();
        let told = notes(&of_psql(&format!("copy t ({}) from 's3://b' iam_role 'x'", columns.join(", ")), &[]));
        assert_eq!(told.len(), count.min(MAX_PLACEHOLDERS) + usize::from(more.is_some()), "{count}");
        assert_eq!(told.get(MAX_PLACEHOLDERS).map(String::as_str), more, "{count}");
    }
}

#[test]
fn what_a_text_is_stands_first() {
    let text =
        InputText { about: Some("pre-hook 1 of model.a".to_owned()), ..of_psql("copy t from :'p' iam_role 'x'", &[]) };
    let told = notes(&text);
    assert_eq!((told.len(), told[0].as_str()), (2, "in pre-hook 1 of model.a"));
}

/// (text, byte, whether a credential is expected there)
#[test]
fn where_a_credential_is_expected() {
    for (text, want) in [
        ("iam_role ", true),
        ("IAM_ROLE\n\t", true),
        ("credentials ", true),
        ("access_key_id ", true),
        ("secret_access_key ", true),
        ("session_token ", true),
        ("iam_role", true),
        ("iam_role = ", false),
        ("iam_rol ", false),
        ("", false),
        ("from ", false),
    ] {
        assert_eq!(is_awaited(text.as_bytes(), text.len()), want, "{text:?}");
    }
    assert!(!is_awaited(b"iam_role", 99), "beyond the text");
}
