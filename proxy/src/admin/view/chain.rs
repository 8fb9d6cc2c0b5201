//! What roles, steps and buckets are called: in filters and as nodes of the graph.

use std::collections::HashMap;

use crate::gate::verdict::JudgedHop;
use crate::observe::audit::AuditRecord;
use crate::sql::Target;

/// `account/name` of a role's ARN, as hops name roles; any other text as it is.
pub(in crate::admin) fn short(role: &str) -> String {
    let mut fields = role.splitn(6, ':');
    match (fields.nth(4), fields.next().and_then(|resource| resource.strip_prefix("role/"))) {
        (Some(account), Some(path)) => format!("{account}/{}", path.rsplit('/').next().unwrap_or(path)),
        _ => role.to_owned(),
    }
}

/// The judged steps of a record by the place of their clause's credential, in the order of the chain. Of a clause that nothing assumes
/// there are none.
pub(in crate::admin) fn hops_by_place(record: &AuditRecord) -> HashMap<usize, Vec<&JudgedHop>> {
    let mut by_place: HashMap<usize, Vec<&JudgedHop>> = HashMap::new();
    for hop in &record.hops {
        by_place.entry(hop.at).or_default().push(hop);
    }
    by_place
}

/// The bucket of a target in S3.
pub(in crate::admin) fn bucket_of(target: &Target) -> Option<&str> {
    target.bucket_and_path().map(|(bucket, _)| bucket).filter(|bucket| !bucket.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (role, want) in [
            ("arn:aws:iam::111122223333:role/A", "111122223333/A"),
            ("arn:aws:iam::111122223333:role/team/etl/A", "111122223333/A"),
            ("arn:aws:iam::111122223333:user/A", "arn:aws:iam::111122223333:user/A"),
            ("<script>", "<script>"),
            ("", ""),
        ] {
            assert_eq!(short(role), want, "{role}");
        }
        for (uri, want) in [
            ("s3://lake/raw/x.csv", Some("lake")),
            ("S3://lake", Some("lake")),
            ("s3:///x", None),
            ("s3://", None),
            ("ssh://host", None),
        ] {
            assert_eq!(bucket_of(&Target::from_uri(uri)), want, "{uri}");
        }
    }
}
