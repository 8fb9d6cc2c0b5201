//! The time line: a bar for each day, refused and annotated statements one above the other.

use std::fmt::{self, Write as _};

use jiff::civil::Date;

use crate::replay::html::markup::escape;
use crate::replay::human::plural;
use crate::replay::report::DayRow;

/// Between one day's bar and the next.
const STEP: usize = 12;

/// The highest bar.
const HEIGHT: u64 = 96;

/// The longest span of time that is drawn with its empty days.
const MAX_DAYS: usize = 1_000;

pub(super) fn days(page: &mut String, days: &[DayRow]) -> fmt::Result {
    let total = |day: &DayRow| day.refused.saturating_add(day.annotated);
    let most = days.iter().map(total).max().unwrap_or_default();
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(()) };
    if most == 0 {
        return Ok(());
    }
    let places = places(days);
    let width = places.last().copied().unwrap_or_default().saturating_add(1).saturating_mul(STEP);
    writeln!(
        page,
        "<h2>Time line</h2>\n<p class=\"small\"><i class=\"reject\"></i> refused <i class=\"annotate\"></i> annotated; the highest bar \
         is {}</p>\n<div class=\"wide\"><svg class=\"days\" width=\"{width}\" height=\"100\" role=\"img\" \
         aria-label=\"Statements by day\">",
        plural(most, "statement", "statements")
    )?;
    for (place, day) in places.into_iter().zip(days) {
        let height = |count: u64| count.saturating_mul(HEIGHT).div_ceil(most);
        let (refused, annotated) = (height(day.refused), height(day.annotated));
        let x = place.saturating_mul(STEP);
        let title = format!("{}: {} refused, {} annotated", day.day, day.refused, day.annotated);
        writeln!(
            page,
            "<g><title>{}</title><rect class=\"annotate\" x=\"{x}\" y=\"{}\" width=\"10\" height=\"{annotated}\"/>\
             <rect class=\"reject\" x=\"{x}\" y=\"{}\" width=\"10\" height=\"{refused}\"/></g>",
            escape(&title),
            100_u64.saturating_sub(refused).saturating_sub(annotated),
            100_u64.saturating_sub(refused)
        )?;
    }
    writeln!(page, "</svg></div>\n<p class=\"small\">{} to {}</p>", escape(&first.day), escape(&last.day))
}

/// Where each day stands: days without statements leave a gap, unless the span is too long for that.
fn places(days: &[DayRow]) -> Vec<usize> {
    let dates: Option<Vec<Date>> = days.iter().map(|day| day.day.parse().ok()).collect();
    let first = dates.as_ref().and_then(|dates| dates.first().copied());
    let since = |date: &Date| usize::try_from(first?.until(*date).ok()?.get_days()).ok();
    let spread: Option<Vec<usize>> = dates.as_ref().and_then(|dates| dates.iter().map(since).collect());
    spread.filter(|places| places.last().is_some_and(|last| *last < MAX_DAYS)).unwrap_or((0..days.len()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_without_statements_leave_a_gap() {
        let of = |names: &[&str]| {
            let day = |name: &&str| DayRow { day: (*name).to_owned(), refused: 1, annotated: 0 };
            places(&names.iter().map(day).collect::<Vec<_>>())
        };
        assert_eq!(of(&["2026-01-30", "2026-01-31", "2026-02-03"]), [0, 1, 4]);
        assert_eq!(of(&["2020-01-30", "2026-01-31"]), [0, 1]);
        assert_eq!(of(&[]), Vec::<usize>::new());
    }
}
