//! The fields of `GetAccountAuthorizationDetails`' pages that matter, borrowed from the text; policy documents stay text.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde_json::value::RawValue;

use crate::chain::AccountId;

/// A text, borrowed where it holds no escape.
#[derive(Debug)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(value.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// One page, or an array of them.
#[derive(Debug)]
pub(super) struct Pages<'a>(pub(super) Vec<PageFields<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Pages<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PagesVisitor;
        impl<'de> Visitor<'de> for PagesVisitor {
            type Value = Pages<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object, or an array of objects")
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Pages<'de>, A::Error> {
                PageFields::deserialize(MapAccessDeserializer::new(entries)).map(|page| Pages(vec![page]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Pages<'de>, A::Error> {
                let mut pages = Vec::new();
                while let Some(page) = items.next_element()? {
                    pages.push(page);
                }
                Ok(Pages(pages))
            }
        }
        deserializer.deserialize_any(PagesVisitor)
    }
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct PageFields<'a> {
    #[serde(borrow, rename = "RoleDetailList")]
    pub(super) roles: Option<Vec<RoleFields<'a>>>,
    #[serde(borrow, rename = "Policies")]
    pub(super) policies: Option<Vec<PolicyFields<'a>>>,
    #[serde(rename = "IsTruncated")]
    is_truncated: Option<bool>,
    #[serde(borrow, rename = "Marker")]
    marker: Option<Text<'a>>,
    #[serde(borrow, rename = "NextToken")]
    next_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) captured_at: Option<Text<'a>>,
}

impl PageFields<'_> {
    /// The account that the page is of, by its first role.
    pub(super) fn account(&self) -> Option<AccountId> {
        let arn = self.roles.as_ref()?.first()?.arn.as_ref()?;
        AccountId::of_arn(&arn.0)
    }

    /// The key that says that more pages follow.
    pub(super) fn cut_off(&self) -> Option<&'static str> {
        let is_set = |token: &Option<Text<'_>>| token.as_ref().is_some_and(|token| !token.0.is_empty());
        match () {
            () if self.is_truncated == Some(true) => Some("IsTruncated"),
            () if is_set(&self.next_token) => Some("NextToken"),
            () if is_set(&self.marker) => Some("Marker"),
            () => None,
        }
    }
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct RoleFields<'a> {
    #[serde(borrow, rename = "Arn")]
    pub(super) arn: Option<Text<'a>>,
    #[serde(borrow, rename = "RoleId")]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow, rename = "AssumeRolePolicyDocument")]
    pub(super) trust: Option<&'a RawValue>,
    #[serde(borrow, rename = "RolePolicyList")]
    pub(super) inline: Option<Vec<InlineFields<'a>>>,
    #[serde(borrow, rename = "AttachedManagedPolicies")]
    pub(super) attached: Option<Vec<AttachedFields<'a>>>,
    #[serde(borrow, rename = "PermissionsBoundary")]
    pub(super) boundary: Option<BoundaryFields<'a>>,
    #[serde(borrow, rename = "Tags")]
    pub(super) tags: Option<Vec<TagFields<'a>>>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct InlineFields<'a> {
    #[serde(borrow, rename = "PolicyName")]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow, rename = "PolicyDocument")]
    pub(super) document: Option<&'a RawValue>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct AttachedFields<'a> {
    #[serde(borrow, rename = "PolicyArn")]
    pub(super) arn: Option<Text<'a>>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct BoundaryFields<'a> {
    #[serde(borrow, rename = "PermissionsBoundaryArn")]
    pub(super) arn: Option<Text<'a>>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct TagFields<'a> {
    #[serde(borrow, rename = "Key")]
    pub(super) key: Option<Text<'a>>,
    #[serde(borrow, rename = "Value")]
    pub(super) value: Option<Text<'a>>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct PolicyFields<'a> {
    #[serde(borrow, rename = "Arn")]
    pub(super) arn: Option<Text<'a>>,
    #[serde(borrow, rename = "DefaultVersionId")]
    pub(super) default_version: Option<Text<'a>>,
    #[serde(borrow, rename = "PolicyVersionList")]
    pub(super) versions: Option<Vec<VersionFields<'a>>>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct VersionFields<'a> {
    #[serde(borrow, rename = "VersionId")]
    pub(super) id: Option<Text<'a>>,
    #[serde(rename = "IsDefaultVersion")]
    pub(super) is_default: Option<bool>,
    #[serde(borrow, rename = "Document")]
    pub(super) document: Option<&'a RawValue>,
}
