//! Plots of a run, as SVG.

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::load::report::{Report, real};

const SIZE: (u32, u32) = (760, 300);

/// One line of a plot.
struct Line {
    name: &'static str,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

/// What a plot shows beside its lines.
struct Axes {
    title: &'static str,
    across: &'static str,
    up: &'static str,
    /// How a place on the horizontal axis is written.
    label: fn(f64) -> String,
}

/// Operations a second over time, by outcome. What ends after the measured time, in a second of which it is all, is left out.
///
/// # Errors
/// The plot cannot be drawn.
pub fn throughput(report: &Report) -> anyhow::Result<String> {
    let whole_seconds = report.scenario.duration.get().as_secs();
    let line = |name, colour, of: fn(&crate::load::report::Ended) -> u64| Line {
        name,
        colour,
        points: report
            .timeline
            .iter()
            .filter(|second| second.second < whole_seconds)
            .map(|second| (real(second.second), real(of(&second.counts))))
            .collect(),
    };
    let lines = [
        line("done", BLUE, |counts| counts.done),
        line("refused", MAGENTA, |counts| counts.refused),
        line("failed", RED, |counts| counts.failed),
    ];
    plot(&Axes { title: "Operations a second", across: "second", up: "operations", label: whole }, &lines)
}

/// Latency over time.
///
/// # Errors
/// The plot cannot be drawn.
pub fn latency(report: &Report) -> anyhow::Result<String> {
    let line = |name, colour, of: fn(&crate::load::report::SecondReport) -> f64| Line {
        name,
        colour,
        points: report.timeline.iter().map(|second| (real(second.second), of(second) / 1000.0)).collect(),
    };
    let lines = [line("p50", BLUE, |second| second.p50_us), line("p99", RED, |second| second.p99_us)];
    plot(&Axes { title: "Latency by second", across: "second", up: "milliseconds", label: whole }, &lines)
}

/// Latency by percentile; the axis is stretched towards 100 %, where each step is ten times rarer.
///
/// # Errors
/// The plot cannot be drawn.
pub fn curve(report: &Report) -> anyhow::Result<String> {
    let points = report.curve.iter().filter(|point| point.quantile < 1.0);
    let points = points.map(|point| (-(1.0 - point.quantile).log10(), point.latency_us / 1000.0)).collect();
    let lines = [Line { name: "latency", colour: BLUE, points }];
    plot(
        &Axes {
            title: "Latency by percentile",
            across: "percent of operations",
            up: "milliseconds",
            label: percentile,
        },
        &lines,
    )
}

/// A second; places between two have no label.
fn whole(place: f64) -> String {
    if is_whole(place) { format!("{place:.0}") } else { String::new() }
}

/// 90, 99, 99.9, ...; places between two have no label.
fn percentile(nines: f64) -> String {
    if !is_whole(nines) {
        return String::new();
    }
    let percent = 100.0 - 100.0 * 10_f64.powf(-nines);
    format!("{percent:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn is_whole(place: f64) -> bool {
    (place - place.round()).abs() < 1e-6
}

fn plot(axes: &Axes, lines: &[Line]) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&area, axes, lines).map_err(|error| anyhow!("cannot draw \"{}\": {error}", axes.title))?;
    }
    Ok(svg)
}

fn draw<'s>(
    area: &DrawingArea<SVGBackend<'s>, Shift>,
    axes: &Axes,
    lines: &[Line],
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'s> as DrawingBackend>::ErrorType>> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let right = points().map(|point| point.0).fold(1.0, f64::max);
    let top = points().map(|point| point.1).fold(0.001, f64::max) * 1.05;
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption(axes.title, ("sans-serif", 16))
        .margin(8)
        .margin_right(24)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..right, 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc(axes.across)
        .y_desc(axes.up)
        .x_label_formatter(&|place| (axes.label)(*place))
        .light_line_style(WHITE)
        .draw()?;
    for line in lines {
        let colour = line.colour;
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x.saturating_add(16), y)], colour));
    }
    if lines.len() > 1 {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK)
            .draw()?;
    }
    area.present()
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_written_short() {
        let rows = [(0.0, "0"), (0.5, ""), (1.0, "90"), (2.0, "99"), (3.0, "99.9"), (4.0, "99.99")];
        for (nines, want) in rows {
            assert_eq!(percentile(nines), want);
        }
    }
}
