//! From what the reading of SQL found to findings.

use crate::gate::codes::Code;
use crate::gate::finding::Finding;
use crate::gate::judge::context::JudgeContext;
use crate::sql::{Fault, FaultKind};

/// The finding for something wrong with the text itself.
pub(super) fn fault_finding(context: &JudgeContext<'_>, fault: &Fault) -> Finding {
    let detail = Some(fault.detail.clone()).filter(|detail| !detail.is_empty());
    let finding = Finding { detail, ..context.finding(fault_code(fault.kind), fault.span.start) };
    if fault.kind != FaultKind::ComputedSetting {
        return finding;
    }
    finding
        .message("a setting is changed whose name or value is computed, so it could be client_encoding")
        .hint(Some("write the setting's name as a string, or hand it over as a parameter".to_owned()))
}

/// The code of what is wrong with a text.
#[must_use]
pub(in crate::gate) const fn fault_code(kind: FaultKind) -> Code {
    match kind {
        FaultKind::Disguised => Code::Rg102,
        FaultKind::SeveralMethods => Code::Rg103,
        FaultKind::AccessKeys => Code::Rg104,
        FaultKind::Unreadable => Code::Rg105,
        FaultKind::DynamicSql => Code::Rg106,
        FaultKind::CallArgument => Code::Rg107,
        FaultKind::NoCredentials => Code::Rg108,
        FaultKind::Encoding | FaultKind::ComputedSetting => Code::Rg109,
    }
}
