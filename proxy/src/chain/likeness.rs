//! How close a text comes to a known role: for "did you mean".

use super::arn::RoleArn;

/// More edits than this make another name, not a typing error.
const MAX_EDITS: usize = 2;

/// How an ARN differs from that of a known role, the likeliest mistake first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Likeness {
    /// Upper and lower case.
    Case,
    /// The path before the role's name.
    Path,
    /// The partition.
    Partition,
    /// A digit or two of the account.
    Account,
    /// A letter or two.
    Spelling,
}

impl Likeness {
    /// What differs, as the end of the sentence "it differs from … in its …".
    #[must_use]
    pub(crate) const fn difference(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Path => "path",
            Self::Partition => "partition",
            Self::Account => "account number",
            Self::Spelling => "spelling",
        }
    }
}

/// How `text` differs from `role`; `None` if it is that role, or nothing like it.
#[must_use]
pub(crate) fn alike(text: &str, role: &RoleArn) -> Option<Likeness> {
    if text == role.as_str() {
        return None;
    }
    if text.eq_ignore_ascii_case(role.as_str()) {
        return Some(Likeness::Case);
    }
    if let Ok(other) = RoleArn::parse(text)
        && other.name().eq_ignore_ascii_case(role.name())
    {
        let same_path = other.path() == role.path();
        match (other.partition() == role.partition(), other.account() == role.account()) {
            (true, true) => return Some(Likeness::Path),
            (false, true) if same_path => return Some(Likeness::Partition),
            (true, false) if same_path => {
                let edits = distance(&other.account().to_string(), &role.account().to_string());
                return (edits <= MAX_EDITS).then_some(Likeness::Account);
            }
            _ => {}
        }
    }
    let unlike_length = text.len().abs_diff(role.as_str().len()) > MAX_EDITS;
    (!unlike_length && distance(text, role.as_str()) <= MAX_EDITS).then_some(Likeness::Spelling)
}

/// The number of letters to insert, delete, replace or swap with a neighbour.
#[must_use]
pub(crate) fn distance(one: &str, other: &str) -> usize {
    strsim::osa_distance(one, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let role = RoleArn::parse("arn:aws:iam::123456789012:role/team/RoleA").unwrap();
        let rows = [
            ("arn:aws:iam::123456789012:role/team/RoleA", None),
            ("arn:aws:iam::123456789012:role/team/rolea", Some(Likeness::Case)),
            ("arn:aws:iam::123456789012:role/RoleA", Some(Likeness::Path)),
            ("arn:aws:iam::123456789012:role/service-role/RoleA", Some(Likeness::Path)),
            ("arn:aws-cn:iam::123456789012:role/team/RoleA", Some(Likeness::Partition)),
            ("arn:aws:iam::123456789021:role/team/RoleA", Some(Likeness::Account)),
            ("arn:aws:iam::210987654321:role/team/RoleA", None),
            ("arn:aws:iam::123456789012:role/team/RolA", Some(Likeness::Spelling)),
            ("arn:aws:iam::123456789012:role/team/RloeA", Some(Likeness::Spelling)),
            ("arn:aws:iam::123456789012:role/team/Reader", None),
            ("RoleA", None),
            ("", None),
        ];
        for (text, want) in rows {
            assert_eq!(alike(text, &role), want, "{text}");
        }
    }
}
