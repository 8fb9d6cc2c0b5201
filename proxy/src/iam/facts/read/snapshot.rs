//! Account snapshots: the output of `aws iam get-account-authorization-details`.
//! Source: IAM API Reference, `GetAccountAuthorizationDetails`.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::{Deserializer, value::RawValue};

use super::{
    error::FactsError,
    fields::{PageFields, Pages, PolicyFields, RoleFields},
    page::{empty, not_json, rest, shape},
    unique,
};
use crate::{
    chain::{AccountId, RoleArn},
    iam::{
        facts::{
            account::{Account, Managed, Origin, Role, RolePolicy},
            text::{PolicyText, Shelf, without_blanks},
        },
        policy::document::{DocumentKind, decode_text},
    },
};

/// What writes such a file.
pub(in crate::iam) const COMMAND: &str = "aws iam get-account-authorization-details";

/// The snapshots of one text.
#[derive(Debug)]
pub(in crate::iam) struct SnapshotReader<'r> {
    /// What errors call the text.
    pub(in crate::iam) file: &'r Path,
    pub(in crate::iam) shelf: &'r Shelf,
    pub(in crate::iam) origin: Origin,
    /// When the data was captured, unless a page says otherwise.
    pub(in crate::iam) captured_at: Timestamp,
}

/// A page that says that more follow.
#[derive(Clone, Copy, Debug)]
struct CutOff {
    number: usize,
    key: &'static str,
    account: Option<AccountId>,
}

impl CutOff {
    fn error(self, file: &Path) -> FactsError {
        shape(file, self.number, self.key, "a page that goes on with the listing", rest(COMMAND))
    }
}

/// What the pages read so far hold.
#[derive(Debug, Default)]
struct SnapshotPages {
    roles: BTreeMap<AccountId, HashMap<RoleArn, Arc<Role>>>,
    /// Accounts that policies belong to: they exist, and none of their roles was listed.
    mentioned: Vec<AccountId>,
    managed: Managed,
    captured_at: Option<Timestamp>,
    /// Whether roles were listed at all: with a filter they may not be.
    has_roles: bool,
    /// Names that many roles share.
    words: HashSet<Arc<str>>,
}

impl SnapshotPages {
    fn word(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.words.get(text) {
            return Arc::clone(known);
        }
        let fresh: Arc<str> = text.into();
        self.words.insert(Arc::clone(&fresh));
        fresh
    }
}

impl SnapshotReader<'_> {
    /// Reads all pages of a text.
    ///
    /// # Errors
    /// [`FactsError`]: the first thing that cannot be used.
    pub(in crate::iam) fn read(&self, text: &str) -> Result<BTreeMap<AccountId, Account>, FactsError> {
        let mut found = SnapshotPages::default();
        let (mut number, mut open) = (0_usize, None::<CutOff>);
        for pages in Deserializer::from_str(text).into_iter::<Pages<'_>>() {
            for page in pages.map_err(|source| not_json(source, self.file, COMMAND))?.0 {
                let account = page.account();
                if let Some(open) =
                    open.filter(|open| open.account != account && open.account.is_some() && account.is_some())
                {
                    return Err(open.error(self.file));
                }
                number = number.saturating_add(1);
                open = page.cut_off().map(|key| CutOff { number, key, account });
                self.add(&mut found, number, page)?;
            }
        }
        if number == 0 {
            return Err(empty(self.file, COMMAND));
        }
        if let Some(open) = open {
            return Err(open.error(self.file));
        }
        Ok(self.accounts(found))
    }

    fn accounts(&self, found: SnapshotPages) -> BTreeMap<AccountId, Account> {
        let managed = Arc::new(found.managed);
        let account = |is_complete, roles| Account {
            roles,
            managed: vec![Arc::clone(&managed)],
            is_complete,
            origin: self.origin,
            captured_at: found.captured_at.unwrap_or(self.captured_at),
        };
        let mentioned = found.mentioned.into_iter();
        let mut accounts: BTreeMap<_, _> = mentioned.map(|id| (id, account(found.has_roles, HashMap::new()))).collect();
        accounts.extend(found.roles.into_iter().map(|(id, roles)| (id, account(true, roles))));
        accounts
    }

    fn add(&self, found: &mut SnapshotPages, number: usize, page: PageFields<'_>) -> Result<(), FactsError> {
        if page.roles.is_none() && page.policies.is_none() {
            let advice = format!("write the file with: {COMMAND}");
            return Err(shape(self.file, number, "top level", "RoleDetailList and Policies", advice));
        }
        if let Some(text) = page.captured_at {
            let time = text.0.parse().map_err(|_unreadable| {
                shape(self.file, number, "captured_at", "a time such as 2026-01-31T12:00:00Z", "correct it")
            })?;
            // Of several pages the oldest counts.
            found.captured_at = Some(found.captured_at.map_or(time, |before: Timestamp| before.min(time)));
        }
        found.has_roles |= page.roles.is_some();
        for (place, policy) in page.policies.into_iter().flatten().enumerate() {
            self.add_policy(found, &PageSpot { reader: self, number, at: format!("Policies[{place}]") }, policy)?;
        }
        for (place, role) in page.roles.into_iter().flatten().enumerate() {
            self.add_role(found, &PageSpot { reader: self, number, at: format!("RoleDetailList[{place}]") }, role)?;
        }
        Ok(())
    }

    fn add_policy(
        &self,
        found: &mut SnapshotPages,
        place: &PageSpot<'_>,
        policy: PolicyFields<'_>,
    ) -> Result<(), FactsError> {
        let arn = policy.arn.ok_or_else(|| place.lacks("Arn"))?.0;
        found.mentioned.extend(AccountId::of_arn(&arn));
        let default = policy.default_version.map(|version| version.0);
        let versions = policy.versions.unwrap_or_default();
        let named = versions
            .iter()
            .find(|version| default.is_some() && version.id.as_ref().map(|id| &id.0) == default.as_ref());
        let version = named.or_else(|| versions.iter().find(|version| version.is_default == Some(true)));
        // Without the default version the policy is one whose document is missing.
        if let Some(document) = version.and_then(|version| version.document) {
            let text = self.document(place, &format!("managed policy {arn}"), DocumentKind::Permissions, document)?;
            let arn = found.word(&arn);
            found.managed.insert(arn, text);
        }
        Ok(())
    }

    fn add_role(
        &self,
        found: &mut SnapshotPages,
        place: &PageSpot<'_>,
        role: RoleFields<'_>,
    ) -> Result<(), FactsError> {
        let text = role.arn.ok_or_else(|| place.lacks("Arn"))?.0;
        let arn =
            RoleArn::parse(&text).map_err(|why| place.error(".Arn", "a role's ARN", format!("\"{text}\" {why}")))?;
        let place = &PageSpot { at: format!("{} (role {})", place.at, arn.name()), ..*place };
        let trust = role.trust.ok_or_else(|| {
            place.error("", "AssumeRolePolicyDocument, the trust policy", "take the snapshot again with the command")
        })?;
        let mut policies = Vec::new();
        match role.inline {
            None => policies.push(RolePolicy::unread(found.word("inline policies, which were not listed"))),
            Some(inline) => {
                for policy in inline {
                    let name = policy.name.ok_or_else(|| place.error(".RolePolicyList.PolicyName", "a text", AGAIN))?;
                    let label = format!("inline policy \"{}\"", name.0);
                    let document = policy.document.unwrap_or(RawValue::NULL);
                    let text = self.document(place, &label, DocumentKind::Permissions, document)?;
                    policies.push(RolePolicy::inline(found.word(&label), text));
                }
            }
        }
        match role.attached {
            None => policies.push(RolePolicy::unread(found.word("attached policies, which were not listed"))),
            Some(attached) => {
                for policy in attached {
                    let arn =
                        policy.arn.ok_or_else(|| place.error(".AttachedManagedPolicies.PolicyArn", "a text", AGAIN))?;
                    policies.push(RolePolicy::managed(found.word(&arn.0)));
                }
            }
        }
        let boundary = role.boundary.map(|boundary| {
            let arn =
                boundary.arn.ok_or_else(|| place.error(".PermissionsBoundary.PermissionsBoundaryArn", "a text", AGAIN));
            arn.map(|arn| found.word(&arn.0))
        });
        let boundary = boundary.transpose()?;
        let tags = role.tags.map(|tags| Self::tags(found, place, tags)).transpose()?;
        let read = Role {
            id: role.id.map(|id| id.0.into()),
            tags,
            trust: self.document(place, "trust policy", DocumentKind::Trust, trust)?,
            policies: policies.into(),
            boundary,
        };
        if found.roles.entry(arn.account()).or_default().insert(arn, Arc::new(read)).is_some() {
            return Err(place.error(
                "",
                "each role once",
                "the role was read before: keep one snapshot of each account",
            ));
        }
        Ok(())
    }

    fn tags(
        found: &mut SnapshotPages,
        place: &PageSpot<'_>,
        tags: Vec<super::fields::TagFields<'_>>,
    ) -> Result<Box<[(Arc<str>, Arc<str>)]>, FactsError> {
        let both = |tag: super::fields::TagFields<'_>| match (tag.key, tag.value) {
            (Some(key), Some(value)) => Ok((found.word(&key.0), found.word(&value.0))),
            _ => Err(place.error(".Tags", "Key and Value of each tag", AGAIN)),
        };
        tags.into_iter().map(both).collect()
    }

    /// A document: an object, JSON text, or percent-encoded JSON text, as the API, the command line and emulators give it.
    fn document(
        &self,
        place: &PageSpot<'_>,
        label: &str,
        kind: DocumentKind,
        raw: &RawValue,
    ) -> Result<Arc<PolicyText>, FactsError> {
        let failed = |why| place.error("", format!("the policy document of the {label}"), why);
        let text = if raw.get().starts_with('"') {
            let text: String = serde_json::from_str(raw.get()).map_err(|error| failed(error.to_string()))?;
            Cow::Owned(decode_text(&text).map_err(failed)?.into_owned())
        } else {
            Cow::Borrowed(raw.get())
        };
        unique::check(&text).map_err(|error| failed(format!("its policy text is not JSON that IAM takes: {error}")))?;
        Ok(self.shelf.share(kind, &without_blanks(&text)))
    }
}

const AGAIN: &str = "write the file again with the command";

/// Where in a text something stands.
#[derive(Clone, Debug)]
struct PageSpot<'r> {
    reader: &'r SnapshotReader<'r>,
    number: usize,
    at: String,
}

impl PageSpot<'_> {
    fn error(&self, more: &str, expected: impl Into<String>, advice: impl Into<String>) -> FactsError {
        shape(self.reader.file, self.number, &format!("{}{more}", self.at), expected, advice)
    }

    fn lacks(&self, field: &str) -> FactsError {
        self.error(&format!(".{field}"), "a text", AGAIN)
    }
}
