//! Role ARNs and role chains: what the text of one credential literal means, and its own syntax rules.

use std::fmt;

/// The most roles that one chain may hold. Source: CREATE EXTERNAL SCHEMA, Amazon Redshift Database Developer Guide.
pub const MAX_ROLES: usize = 10;

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
    text: Box<str>,
    account: AccountId,
}

impl RoleArn {
    /// Reads a full role ARN.
    ///
    /// # Errors
    /// [`NotARole`], which says what stands where the ARN breaks the form.
    pub fn parse(text: &str) -> Result<Self, NotARole> {
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

/// Why a text is no role ARN. `Display` completes the sentence "it ...".
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotARole {
    /// Not of the form `arn:<partition>:iam::<account>:role/<name>`.
    #[error("is not of the form arn:aws:iam::<account>:role/<name>")]
    Form,
    /// The partition is none of AWS's.
    #[error("names a partition that does not exist")]
    Partition,
    /// The account is not twelve digits.
    #[error("has an account that is not twelve digits")]
    Account,
    /// The role's name or path is longer than IAM allows, empty, or holds a character that IAM does not allow.
    #[error("has a role name or path that IAM does not allow")]
    Name,
}

/// The ordered roles of one credential literal; each assumes the next.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Chain {
    roles: Box<[RoleArn]>,
}

impl Chain {
    /// Reads the decoded text of a literal: comma-separated full role ARNs without blanks, of one partition.
    ///
    /// # Errors
    /// [`ChainError`], the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, ChainError> {
        if text.is_empty() {
            return Err(ChainError::Empty);
        }
        let mut roles = Vec::new();
        for (place, part) in text.split(',').enumerate() {
            let at = place.saturating_add(1);
            if part.is_empty() {
                return Err(ChainError::EmptyPart { at });
            }
            if part.chars().any(|character| character.is_whitespace() || character.is_control()) {
                return Err(ChainError::Blank { at });
            }
            let role = RoleArn::parse(part).map_err(|why| ChainError::NotARole { at, part: clip(part), why })?;
            if roles.first().is_some_and(|first: &RoleArn| first.partition() != role.partition()) {
                return Err(ChainError::MixedPartitions { at });
            }
            roles.push(role);
        }
        if roles.len() > MAX_ROLES {
            return Err(ChainError::TooLong { roles: roles.len() });
        }
        Ok(Self { roles: roles.into() })
    }

    /// The roles in the order in which they are assumed; never empty.
    #[must_use]
    pub fn roles(&self) -> &[RoleArn] {
        &self.roles
    }

    /// The hops: each role with the one that it assumes, numbered from 1.
    pub fn hops(&self) -> impl Iterator<Item = (usize, &RoleArn, &RoleArn)> {
        self.roles.windows(2).enumerate().filter_map(|(place, pair)| match pair {
            [source, target] => Some((place.saturating_add(1), source, target)),
            _ => None,
        })
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, role) in self.roles.iter().enumerate() {
            if place > 0 {
                formatter.write_str(",")?;
            }
            formatter.write_str(role.as_str())?;
        }
        Ok(())
    }
}

/// Why a text is no chain. `at` counts the comma-separated parts from 1. `Display` is a client's text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChainError {
    /// The literal is empty.
    #[error("the role literal is empty")]
    Empty,
    /// Two commas in a row, or one at an end.
    #[error("part {at} of the chain is empty")]
    EmptyPart {
        /// Which part.
        at: usize,
    },
    /// A blank, a line break or a control character.
    #[error(
        "part {at} of the chain holds a space or line break; write the ARNs with a comma and nothing else between them"
    )]
    Blank {
        /// Which part.
        at: usize,
    },
    /// A part that is no role ARN.
    #[error("part {at} of the chain, \"{part}\", {why}")]
    NotARole {
        /// Which part.
        at: usize,
        /// Its text, cut to a readable length.
        part: String,
        /// What is wrong with it.
        why: NotARole,
    },
    /// A role of another partition than the first one's.
    #[error(
        "part {at} of the chain is of another AWS partition than part 1; a role cannot be assumed across partitions"
    )]
    MixedPartitions {
        /// Which part.
        at: usize,
    },
    /// More roles than Redshift takes.
    #[error("the chain has {roles} roles, and Redshift takes at most {MAX_ROLES}")]
    TooLong {
        /// How many roles the literal holds.
        roles: usize,
    },
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

fn clip(text: &str) -> String {
    const MAX_CHARACTERS: usize = 80;
    if text.chars().count() <= MAX_CHARACTERS {
        return text.to_owned();
    }
    text.chars().take(MAX_CHARACTERS).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "arn:aws:iam::123456789012:role/RoleA";

    #[test]
    fn parse_table() {
        let rows: &[(&str, String, Result<usize, ChainError>)] = &[
            ("one role", A.into(), Ok(1)),
            ("two roles", format!("{A},{A}"), Ok(2)),
            ("with a path", "arn:aws:iam::123456789012:role/service-role/R".into(), Ok(1)),
            ("China", "arn:aws-cn:iam::123456789012:role/R".into(), Ok(1)),
            ("the most roles", [A; MAX_ROLES].join(","), Ok(MAX_ROLES)),
            ("over the limit", [A; MAX_ROLES + 1].join(","), Err(ChainError::TooLong { roles: 11 })),
            ("empty", String::new(), Err(ChainError::Empty)),
            ("leading comma", format!(",{A}"), Err(ChainError::EmptyPart { at: 1 })),
            ("trailing comma", format!("{A},"), Err(ChainError::EmptyPart { at: 2 })),
            ("space after the comma", format!("{A}, {A}"), Err(ChainError::Blank { at: 2 })),
            ("no-break space", format!("{A}\u{a0}"), Err(ChainError::Blank { at: 1 })),
            (
                "mixed partitions",
                format!("{A},arn:aws-cn:iam::123456789012:role/R"),
                Err(ChainError::MixedPartitions { at: 2 }),
            ),
        ];
        for (name, text, want) in rows {
            assert_eq!(&Chain::parse(text).map(|chain| chain.roles().len()), want, "{name}: {text}");
        }
    }

    #[test]
    fn parts_that_are_no_roles() {
        let rows: &[(&str, NotARole)] = &[
            ("RoleA", NotARole::Form),
            ("arn:aws:iam::123456789012:user/joe", NotARole::Form),
            ("ARN:AWS:IAM::123456789012:ROLE/RoleA", NotARole::Form),
            ("aws_iam_role=arn:aws:iam::123456789012:role/RoleA", NotARole::Form),
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

    #[test]
    fn parts_of_an_arn() {
        let role = RoleArn::parse("arn:aws-us-gov:iam::012345678901:role/team/etl/Loader").unwrap();
        assert_eq!((role.partition(), role.path(), role.name()), ("aws-us-gov", "/team/etl/", "Loader"));
        assert_eq!(role.account().to_string(), "012345678901");
        assert_eq!(RoleArn::parse(A).unwrap().path(), "/");
    }
}
