//! Role ARNs and role chains: what the text of one credential literal means, and its own syntax rules.

mod arn;
mod likeness;

use std::fmt;

pub(crate) use arn::{AccountId, NotARole, RoleArn};
pub(crate) use likeness::{Likeness, alike, distance};

/// The most roles that one chain may hold. Source: CREATE EXTERNAL SCHEMA, Amazon Redshift Database Developer Guide.
pub(crate) const MAX_ROLES: usize = 10;

/// The ordered roles of one credential literal; each assumes the next.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Chain {
    roles: Box<[RoleArn]>,
}

impl Chain {
    /// Reads the decoded text of a literal: comma-separated full role ARNs without blanks, of one partition.
    ///
    /// # Errors
    /// [`ChainError`], the first rule that the text breaks.
    pub(crate) fn parse(text: &str) -> Result<Self, ChainError> {
        if text.is_empty() {
            return Err(ChainError::Empty);
        }
        if text.trim().is_empty() {
            return Err(ChainError::OnlyBlanks);
        }
        let mut roles = Vec::new();
        for (place, part) in text.split(',').enumerate() {
            let at = place.saturating_add(1);
            if part.is_empty() {
                return Err(ChainError::EmptyPart { at });
            }
            if let Some(why) = NotARole::slip(part) {
                return Err(ChainError::NotARole { at, part: clip(part), why });
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
    pub(crate) fn roles(&self) -> &[RoleArn] {
        &self.roles
    }

    /// The hops: each role with the one that it assumes, numbered from 1.
    pub(crate) fn hops(&self) -> impl Iterator<Item = (usize, &RoleArn, &RoleArn)> {
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

/// Why a text is not a chain. `at` counts the comma-separated parts from 1. `Display` is what a client reads.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ChainError {
    /// The literal is empty.
    #[error("the role literal is empty")]
    Empty,
    /// The literal holds nothing else than blanks.
    #[error("the role literal holds blanks alone")]
    OnlyBlanks,
    /// Two commas in a row, or one at an end.
    #[error("part {at} of the chain is empty")]
    EmptyPart {
        /// The part's number.
        at: usize,
    },
    /// A blank, a line break or a control character.
    #[error(
        "part {at} of the chain holds a space or line break; write the ARNs with a comma and nothing else between them"
    )]
    Blank {
        /// The part's number.
        at: usize,
    },
    /// A part that is not a role ARN.
    #[error("part {at} of the chain, \"{part}\", {why}")]
    NotARole {
        /// The part's number.
        at: usize,
        /// Its text, cut to a readable length.
        part: String,
        /// What is wrong with it.
        why: NotARole,
    },
    /// A role in another partition than the first.
    #[error(
        "part {at} of the chain is of another AWS partition than part 1; a role cannot be assumed across partitions"
    )]
    MixedPartitions {
        /// The part's number.
        at: usize,
    },
    /// More roles than Redshift accepts.
    #[error("the chain has {roles} roles, and Redshift takes at most {MAX_ROLES}")]
    TooLong {
        /// How many roles the literal holds.
        roles: usize,
    },
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
            ("blanks alone", " \n ".into(), Err(ChainError::OnlyBlanks)),
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
    fn slips_are_told() {
        for (text, want) in [
            (format!("{A};{A}"), NotARole::Separator),
            (format!("{A}|{A}"), NotARole::Separator),
            (format!("{A} + {A}"), NotARole::Separator),
            (format!("{A}/{A}"), NotARole::Separator),
            (format!("aws_iam_role={A}"), NotARole::Pair),
            ("{{ var(\"role\") }}".to_owned(), NotARole::Template),
        ] {
            let told = Chain::parse(&text);
            assert!(matches!(&told, Err(ChainError::NotARole { at: 1, why, .. }) if *why == want), "{text}: {told:?}");
        }
    }
}
