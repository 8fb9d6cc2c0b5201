//! What can be said of a condition key before any call is made.

/// Whether calls carry a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Presence {
    /// They certainly do not.
    Absent,
    /// The documentation does not say, or it depends on what the gate cannot see.
    Unknown,
    /// They do, with this value.
    Is(Fact),
}

/// Where the value of a key comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fact {
    True,
    False,
    Now,
    EpochSeconds,
    AssumedRole,
    PrincipalArn,
    PrincipalAccount,
    PrincipalOrganisation,
    PrincipalPath,
    PrincipalTags,
    UserId,
    ServiceName,
    ServiceNames,
    ResourceAccount,
    ResourceOrganisation,
    ResourcePath,
    ResourceTags,
    ClusterAccount,
    ClusterArn,
    ClusterOrganisation,
    ClusterPath,
    ExternalId,
    SessionName,
}

impl Presence {
    /// Whether the gate can say for every call what the key is.
    pub(super) const fn is_certain(self) -> bool {
        match self {
            Self::Absent => true,
            Self::Unknown => false,
            Self::Is(fact) => fact.is_certain(),
        }
    }
}

impl Fact {
    /// Whether it is known whatever the facts hold.
    const fn is_certain(self) -> bool {
        matches!(
            self,
            Self::True
                | Self::False
                | Self::Now
                | Self::EpochSeconds
                | Self::AssumedRole
                | Self::PrincipalArn
                | Self::PrincipalAccount
                | Self::ResourceAccount
                | Self::ServiceName
                | Self::ServiceNames
        )
    }
}
