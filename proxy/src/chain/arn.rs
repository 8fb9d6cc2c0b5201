//! Accounts and the ARNs of roles.

use std::fmt;
use std::sync::Arc;

/// A twelve-digit AWS account number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AccountId(u64);

impl AccountId {
    /// Reads exactly twelve ASCII digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse().ok().map(Self) } else { None }
    }

    /// The account that the ARN of anything names.
    #[must_use]
    pub fn of_arn(arn: &str) -> Option<Self> {
        arn.split(':').nth(4).and_then(Self::parse)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:012}", self.0)
    }
}

/// The ARN of an IAM role, `arn:<partition>:iam::<account>:role/<path><name>`. Compared byte for byte, path included,
/// as `AssumeRole` does. Source: IAM User Guide, "IAM identifiers".
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RoleArn {
    text: Arc<str>,
    account: AccountId,
}

impl RoleArn {
    /// Reads a full role ARN.
    ///
    /// # Errors
    /// [`NotARole`], which says where the text departs from the form.
    pub fn parse(text: &str) -> Result<Self, NotARole> {
        Self::of(text).map_err(|why| NotARole::slip(text).unwrap_or(why))
    }

    fn of(text: &str) -> Result<Self, NotARole> {
        let mut fields = text.splitn(6, ':');
        let mut next = || fields.next().unwrap_or_default();
        let (arn, partition, service, region, account, resource) = (next(), next(), next(), next(), next(), next());
        if arn != "arn" || service != "iam" || !region.is_empty() {
            return Err(NotARole::Form);
        }
        if !is_partition(partition) {
            return Err(NotARole::Partition);
        }
        let account = AccountId::parse(account).ok_or(NotARole::Account)?;
        let path_and_name = resource.strip_prefix("role/").ok_or(NotARole::Form)?;
        check_name(path_and_name)?;
        Ok(Self { text: text.into(), account })
    }

    /// The whole ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The account that owns the role.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The partition: `aws`, `aws-cn`, `aws-us-gov` or an isolated one.
    #[must_use]
    pub fn partition(&self) -> &str {
        self.text.split(':').nth(1).unwrap_or_default()
    }

    /// The role's name, without its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it belongs to an AWS service, which alone can assume it. Source: IAM User Guide, "Service-linked roles".
    #[must_use]
    pub fn is_service_linked(&self) -> bool {
        self.path().starts_with("/aws-service-role/")
    }

    /// The path, `/` or `/some/path/`.
    #[must_use]
    pub fn path(&self) -> &str {
        let resource = self.text.splitn(6, ':').nth(5).and_then(|resource| resource.strip_prefix("role"));
        resource.and_then(|resource| resource.strip_suffix(self.name())).unwrap_or("/")
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Why a text is not a role ARN. `Display` completes the sentence "it ...".
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotARole {
    /// Not of the form `arn:<partition>:iam::<account>:role/<name>`.
    #[error("is not of the form arn:aws:iam::<account>:role/<name>")]
    Form,
    /// AWS has no such partition.
    #[error("names a partition that does not exist")]
    Partition,
    /// The account is not twelve digits.
    #[error("has an account that is not twelve digits")]
    Account,
    /// The role's name or path is longer than IAM allows, empty, or holds a character that IAM does not allow.
    #[error("has a role name or path that IAM does not allow")]
    Name,
    /// Another ARN stands in it, behind something that is no comma.
    #[error("holds another ARN; write one comma, and nothing else, between two roles")]
    Separator,
    /// It is a pair of CREDENTIALS.
    #[error("begins with aws_iam_role=, which belongs in CREDENTIALS; IAM_ROLE takes the ARN alone")]
    Pair,
    /// A template's place was not filled in.
    #[error("holds the {{{{ }}}} of a template that was not filled in")]
    Template,
}

impl NotARole {
    /// The slip that an author is likely to have made, if it is one that is easily told.
    pub(super) fn slip(part: &str) -> Option<Self> {
        let arns = part.match_indices("arn:").count().max(part.match_indices(":role/").count());
        match part {
            _ if part.contains("{{") => Some(Self::Template),
            _ if part.starts_with("aws_iam_role=") => Some(Self::Pair),
            _ if arns > 1 => Some(Self::Separator),
            _ => None,
        }
    }
}

/// `aws`, `aws-cn`, `aws-us-gov`, `aws-iso` and its siblings. Source: AWS General Reference, "Partitions".
fn is_partition(text: &str) -> bool {
    let family = |prefix| text.strip_prefix(prefix).is_some_and(|rest: &str| rest.bytes().all(is_partition_byte));
    matches!(text, "aws" | "aws-cn" | "aws-us-gov" | "aws-eusc") || family("aws-iso")
}

fn is_partition_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte == b'-'
}

/// Names: up to 64 of letters, digits and `+=,.@_-`; paths: up to 512 characters of U+0021 to U+007E. Source: IAM
/// User Guide, "IAM and AWS STS quotas". A comma never arrives here, for it separates the parts of a chain.
fn check_name(path_and_name: &str) -> Result<(), NotARole> {
    let (path, name) = path_and_name.rsplit_once('/').unwrap_or(("", path_and_name));
    let name_fits = (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte));
    let path_fits = path.len() <= 510 && path.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if name_fits && path_fits { Ok(()) } else { Err(NotARole::Name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "arn:aws:iam::123456789012:role/RoleA";

    #[test]
    fn parts_that_are_no_roles() {
        let rows: &[(&str, NotARole)] = &[
            ("RoleA", NotARole::Form),
            ("arn:aws:iam::123456789012:user/joe", NotARole::Form),
            ("ARN:AWS:IAM::123456789012:ROLE/RoleA", NotARole::Form),
            ("aws_iam_role=arn:aws:iam::123456789012:role/RoleA", NotARole::Pair),
            ("arn:aws:sts::123456789012:assumed-role/RoleA/s", NotARole::Form),
            ("arn:aws:iam:us-east-1:123456789012:role/RoleA", NotARole::Form),
            ("arn:aws:iam::0123456789012:role/RoleA", NotARole::Account),
            ("arn:awx:iam::123456789012:role/RoleA", NotARole::Partition),
            ("arn:aws:iam::123456789012:role/", NotARole::Name),
            ("arn:aws:iam::123456789012:role/a*b", NotARole::Name),
            ("arn:aws:iam::123456789012:role/a:b", NotARole::Name),
        ];
        for (text, want) in rows {
            assert_eq!(RoleArn::parse(text), Err(*want), "{text}");
        }
    }

    /// IAM takes any printable character in a path, and a snapshot may hold such a role.
    #[test]
    fn odd_paths_are_paths() {
        for path in ["arn:/", "arn:aws:iam::123456789012:role/", "a:role/b:role/", "aws_iam_role=/", "{{x}}/"] {
            let text = format!("arn:aws:iam::123456789012:role/{path}RoleA");
            assert_eq!(RoleArn::parse(&text).map(|role| role.path().to_owned()), Ok(format!("/{path}")));
        }
    }

    #[test]
    fn parts_of_an_arn() {
        let role = RoleArn::parse("arn:aws-us-gov:iam::012345678901:role/team/etl/Loader").unwrap();
        assert_eq!((role.partition(), role.path(), role.name()), ("aws-us-gov", "/team/etl/", "Loader"));
        assert_eq!(role.account().to_string(), "012345678901");
        assert_eq!(RoleArn::parse(A).unwrap().path(), "/");
    }
}
