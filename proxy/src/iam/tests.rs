//! Tests of the whole room: the conformance cases, random documents, and facts read from files.

mod advice;
mod fixture;
mod guards;
mod live;
mod loading;
mod organisation;
mod remedies;
mod samples;
mod steps;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{EvaluationMode, case::judge_case};

/// Every case of the file agrees in both modes.
#[test]
fn conformance() {
    let cases = include_str!("../../tests/data/iam.jsonl");
    let mut wrong = Vec::new();
    for (mode, line) in
        [EvaluationMode::Aws, EvaluationMode::Guide].iter().flat_map(|mode| cases.lines().map(move |line| (mode, line)))
    {
        let case = judge_case(line, *mode).unwrap();
        if !case.agrees() {
            wrong.push(format!("{mode:?} {} {:?}", case.id, case.outcome));
        }
    }
    assert!(wrong.is_empty(), "{} cases disagree:\n{}", wrong.len(), wrong.join("\n"));
}

/// JSON out of the words that policies are made of.
fn words() -> impl Strategy<Value = Json> {
    let word = prop::sample::select(vec![
        "*",
        "",
        "Allow",
        "Deny",
        "sts:AssumeRole",
        "sts:*",
        "AWS",
        "Service",
        "111122223333",
        "${aws:PrincipalArn}",
        "${",
        "arn:aws:iam::210987654321:role/RoleB",
        "arn:aws:iam::*",
        ":::::::",
        "2012-10-17",
        "aws:CurrentTime",
        "true",
        "10.0.0.0/8",
        "StringEquals",
        "2026-11-23",
        "-1",
        "%7B",
    ]);
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        word.prop_map(Json::from),
        "[ -~é]{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 48, 4, |inner| {
        let key = prop::sample::select(vec![
            "Version",
            "Statement",
            "Effect",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Principal",
            "NotPrincipal",
            "Condition",
            "Sid",
            "AWS",
            "Service",
            "StringEquals",
            "StringNotLike",
            "ForAllValues:ArnLike",
            "DateLessThan",
            "NumericEquals",
            "IpAddress",
            "Bool",
            "Null",
            "sts:ExternalId",
            "aws:CurrentTime",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((key.prop_map(str::to_owned), inner), 0..5)
                .prop_map(|pairs| Json::Object(pairs.into_iter().collect())),
        ]
    })
}

fn random_case(trust: &Json, identity: &Json) -> String {
    json!({
        "id": "random", "hop": "role", "determined": false, "expected": "denied", "expected_strict": "denied",
        "source_role_arn": "arn:aws:iam::111122223333:role/RoleA", "source_session_name": "s",
        "target_role_arn": "arn:aws:iam::210987654321:role/RoleB",
        "target_trust_policy": trust, "source_identity_policies": [identity],
        "context": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/RoleA", "aws:CurrentTime": "2026-11-23T12:00:00Z"},
    })
    .to_string()
}

proptest! {
    /// No document makes the evaluator panic.
    #[test]
    fn any_document(trust in words(), identity in words()) {
        for mode in [EvaluationMode::Aws, EvaluationMode::Guide] {
            drop(judge_case(&random_case(&trust, &identity), mode));
        }
    }

    /// Nor does any statement, condition or resource inside of a well-formed document.
    #[test]
    fn any_statement(statement in words(), condition in words()) {
        let allow = json!({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Condition": condition});
        let trust = json!({"Version": "2012-10-17", "Statement": [allow, statement]});
        let identity = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": statement}});
        for mode in [EvaluationMode::Aws, EvaluationMode::Guide] {
            prop_assert!(judge_case(&random_case(&trust, &identity), mode).is_ok());
        }
    }
}
