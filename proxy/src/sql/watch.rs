//! What a prepared statement's parameters can do once they have values.

use crate::sql::encoding::is_unsafe_encoding;
use crate::sql::fault::FaultKind;
use crate::sql::signs::names_role;
use crate::sql::words::is_same;

/// What a parameter stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ParameterUse {
    /// An argument of CALL.
    CallArgument,
    /// The value of `client_encoding`.
    Encoding,
    /// The name of a setting, beside a value that is a parameter too, or a constant that was looked at.
    SettingName,
    /// The name of a setting whose value is computed.
    ComputedSetting,
}

impl ParameterUse {
    const ALL: [Self; 4] = [Self::CallArgument, Self::Encoding, Self::SettingName, Self::ComputedSetting];

    const fn bit(self) -> u8 {
        match self {
            Self::CallArgument => 1,
            Self::Encoding => 2,
            Self::SettingName => 4,
            Self::ComputedSetting => 8,
        }
    }
}

/// What the parameters of a statement stand for, as far as it matters. Which of them stands for what does not count: every value is
/// judged for each, so that neither a NULL nor a cast moves one out of sight.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Watch(u8);

/// What is wrong with the values of a statement's parameters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BoundFault {
    /// What is wrong.
    pub kind: FaultKind,
    /// In words; never the value itself.
    pub detail: &'static str,
}

impl Watch {
    /// What the arguments of a function may stand for that is called by its number: it may be `set_config`.
    #[must_use]
    pub fn of_function_call() -> Self {
        let mut watch = Self::default();
        watch.add(ParameterUse::CallArgument);
        watch.add(ParameterUse::SettingName);
        watch
    }

    /// What the arguments of SQL's EXECUTE may stand for, whose statement the protocol may have prepared.
    #[must_use]
    pub fn of_execute() -> Self {
        let mut watch = Self::default();
        for role in ParameterUse::ALL {
            watch.add(role);
        }
        watch
    }

    /// Whether no parameter matters.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a parameter may be a setting's name or value.
    #[must_use]
    pub const fn sets(self) -> bool {
        self.0 & !ParameterUse::CallArgument.bit() != 0
    }

    /// A parameter stands for this.
    pub const fn add(&mut self, role: ParameterUse) {
        self.0 |= role.bit();
    }

    /// What either watches.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is wrong with the values that a `Bind` hands over, NULLs left out, if anything. Text looks the same in both formats of
    /// the protocol, and what is no text names nothing that is looked for.
    #[must_use]
    pub fn judge(self, values: &[&[u8]]) -> Option<BoundFault> {
        let names = |name: &str| values.iter().any(|value| is_same(value, name));
        let hides_quotes = || values.iter().any(|value| is_unsafe_encoding(&String::from_utf8_lossy(value)));
        let fault = |kind, detail| Some(BoundFault { kind, detail });
        ParameterUse::ALL.into_iter().filter(|role| self.0 & role.bit() != 0).find_map(|role| match role {
            ParameterUse::CallArgument if values.iter().any(|value| names_role(value)) => {
                fault(FaultKind::CallArgument, "a parameter looks like a role's ARN")
            }
            ParameterUse::Encoding if hides_quotes() => {
                fault(FaultKind::Encoding, "a parameter is a client encoding that could hide quotes")
            }
            ParameterUse::SettingName | ParameterUse::ComputedSetting if names("session_authorization") => {
                let detail = "a parameter names session_authorization, whose user the gate cannot follow here";
                fault(FaultKind::Unreadable, detail)
            }
            ParameterUse::SettingName if names("client_encoding") && hides_quotes() => {
                fault(FaultKind::Encoding, "parameters set a client encoding that could hide quotes")
            }
            ParameterUse::ComputedSetting if names("client_encoding") => {
                fault(FaultKind::ComputedSetting, "a parameter names client_encoding, whose value is computed")
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ParameterUse, Watch};
    use crate::sql::fault::FaultKind;

    fn judged(roles: &[ParameterUse], values: &[&str]) -> Option<FaultKind> {
        let mut watch = Watch::default();
        for role in roles {
            watch.add(*role);
        }
        let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
        watch.judge(&values).map(|fault| fault.kind)
    }

    #[test]
    fn values_are_judged_by_what_they_stand_for() {
        use ParameterUse::{CallArgument, ComputedSetting, Encoding, SettingName};
        let arn = "arn:aws:iam::1:role/x";
        for (roles, values, want) in [
            (&[CallArgument][..], &["x", arn][..], Some(FaultKind::CallArgument)),
            (&[CallArgument], &["x", "sjis"], None),
            (&[SettingName], &["Client_Encoding", "sjis"], Some(FaultKind::Encoding)),
            (&[SettingName], &["client_encoding", "utf8"], None),
            (&[SettingName], &["application_name", "sjis"], None),
            (&[SettingName], &["application_name", arn], None),
            (&[SettingName], &["session_authorization", "x"], Some(FaultKind::Unreadable)),
            (&[SettingName], &[], None),
            (&[Encoding], &["GBK"], Some(FaultKind::Encoding)),
            (&[Encoding], &["LATIN1"], None),
            (&[ComputedSetting], &["client_encoding"], Some(FaultKind::ComputedSetting)),
            (&[ComputedSetting], &["app.user"], None),
            // What one call sets does not hide what another does.
            (&[SettingName, Encoding], &["sjis", "app.x", "y"], Some(FaultKind::Encoding)),
            (&[], &[arn, "client_encoding", "sjis"], None),
        ] {
            assert_eq!(judged(roles, values), want, "{roles:?} {values:?}");
        }
    }
}
