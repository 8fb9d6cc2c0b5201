//! Why a refusal is not carried out.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::gate::exception::Exception;

/// Why a refusal is not carried out but annotated.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Lenience {
    /// Its mode is shadow.
    Shadow,
    /// It is on the use of a stored credential, and those are observed alone.
    Observed,
    /// This exception is about it.
    Exception(Arc<Exception>),
    /// The user is a member of this group, which breaks the glass.
    BreakGlass(String),
}

impl Lenience {
    /// The word of the audit and of the command line.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Observed => "observed",
            Self::Exception(_) => "exception",
            Self::BreakGlass(_) => "break_glass",
        }
    }

    /// The exception's name or the group's.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Shadow | Self::Observed => None,
            Self::Exception(exception) => Some(&exception.id),
            Self::BreakGlass(group) => Some(group),
        }
    }

    /// In words for a client.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Shadow => "shadow mode".to_owned(),
            Self::Observed => "uses of stored roles are observed alone".to_owned(),
            Self::Exception(exception) => format!("exception \"{}\" until {}", exception.id, exception.until),
            Self::BreakGlass(group) => format!("break-glass group \"{group}\""),
        }
    }
}

impl Serialize for Lenience {
    /// `{"lenience": …, "lenient_by": …}`, for the finding that it is part of.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("lenience", self.as_str())?;
        if let Some(name) = self.name() {
            map.serialize_entry("lenient_by", name)?;
        }
        map.end()
    }
}
