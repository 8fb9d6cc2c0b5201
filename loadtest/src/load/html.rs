//! A report as one HTML file that needs no other.

use std::fmt::Write as _;

use crate::load::plot;
use crate::load::report::{Ended, Report, Summary};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
    table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #ccc;padding:.25rem .6rem;text-align:right}\
    td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}.wrong{color:#b00020;font-weight:600}\
    pre{background:#f5f5f5;padding:1rem;overflow-x:auto}";

/// The page.
///
/// # Errors
/// A plot cannot be drawn.
pub fn page(report: &Report) -> anyhow::Result<String> {
    let (name, about) = (escape(&report.name), escape(&report.scenario.about));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name}</title><style>{STYLE}</style></head><body>\n\
         <h1>{name}</h1>\n<p>{about}</p>\n<p>{}; {} s from {}; seed {}; version {}</p>\n",
        escape(&report.pace()),
        report.seconds,
        report.started,
        report.seed,
        report.version,
    );
    page.push_str(&outcome(report)?);
    page.push_str(&times(report));
    page.push_str(&statements(report));
    for svg in [plot::throughput(report)?, plot::latency(report)?, plot::curve(report)?] {
        page.push_str(&svg);
    }
    let json = serde_json::to_string_pretty(&report.scenario)?;
    write!(page, "<h2>Scenario</h2><pre>{}</pre>\n</body></html>\n", escape(&json))?;
    Ok(page)
}

fn outcome(report: &Report) -> anyhow::Result<String> {
    let Ended { operations, done, refused, failed, unexpected, rows } = report.counts;
    let class = |wrong: bool| if wrong { " class=\"wrong\"" } else { "" };
    let mut text = format!(
        "<p>{operations} operations, {:.0} a second: {done} done with {rows} rows, {refused} refused, \
         <span{}>{failed} failed</span>, <span{}>{unexpected} unexpected</span>, <span{}>{} unstarted</span>.</p>\n",
        report.rate,
        class(failed > 0),
        class(unexpected > 0),
        class(report.unstarted > 0),
        report.unstarted,
    );
    if !report.refusals.is_empty() {
        writeln!(text, "<p>Refusals by code: {}.</p>", escape(&report.refusal_counts()))?;
    }
    if let Some(cost) = &report.process {
        writeln!(
            text,
            "<p>The watched process used {:.1} µs of CPU an operation and {:.1} KiB of memory a session; {} KiB in all.</p>",
            cost.cpu_us_per_operation, cost.kib_per_session, cost.resident_kib
        )?;
    }
    let failures =
        report.failures.iter().map(|(message, count)| format!("<li>{count} times: {}</li>", escape(message)));
    let failures: String = failures.collect();
    if !failures.is_empty() {
        writeln!(text, "<ul class=\"wrong\">{failures}</ul>")?;
    }
    Ok(text)
}

const HEAD: &str = "<th>mean</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>longest</th>";

fn times(report: &Report) -> String {
    let mut rows = row("latency, from when it was due", &report.latency);
    rows.push_str(&row("service, from when it was sent", &report.service));
    if let Some(connect) = &report.connect {
        rows.push_str(&row("connecting", connect));
    }
    format!("<table><tr><th>milliseconds</th>{HEAD}</tr>{rows}</table>\n")
}

fn statements(report: &Report) -> String {
    let line = |statement: &crate::load::report::StatementReport| {
        let Ended { done, refused, failed, unexpected, .. } = statement.counts;
        let name =
            format!("{} ({done} done, {refused} refused, {failed} failed, {unexpected} unexpected)", statement.name);
        row(&name, &statement.latency)
    };
    let rows: String = report.statements.iter().map(line).collect();
    format!("<table><tr><th>latency by statement, milliseconds</th>{HEAD}</tr>{rows}</table>\n")
}

fn row(name: &str, summary: &Summary) -> String {
    let Summary { mean_us, p50_us, p90_us, p99_us, p999_us, max_us } = *summary;
    let figures = [mean_us, p50_us, p90_us, p99_us, p999_us, max_us].map(|us| format!("<td>{:.3}</td>", us / 1000.0));
    format!("<tr><td>{}</td>{}</tr>", escape(name), figures.concat())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
