//! The totals as metrics for Prometheus, in its text format 0.0.4. No label has a person in it.

use crate::failure::Failure;

use super::destination::Destination;
use super::gather::Report;
use super::totals::{Group, Totals};

/// A metric, with its help.
struct Gauge {
    name: &'static str,
    help: &'static str,
    /// The label of each value, as it is written, or nothing.
    values: Vec<(String, u64)>,
}

pub(super) fn write(report: &Report, mut to: Destination) -> Result<(), Failure> {
    for Gauge { name, help, values } in gauges(report) {
        to.print(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"))?;
        for (label, value) in values {
            to.print(&format!("{name}{label} {value}\n"))?;
        }
    }
    to.end()
}

fn gauges(report: &Report) -> Vec<Gauge> {
    let Totals { all, recovery_codes, groups, .. } = &report.totals;
    let one = |name, help, value: usize| Gauge { name, help, values: vec![(String::new(), number(value))] };
    let left =
        [("none", recovery_codes.none), ("few", recovery_codes.few), ("enough", recovery_codes.enough)];
    let left = left.map(|(left, count)| (format!("{{left=\"{left}\"}}"), number(count))).to_vec();
    let of_groups = |count: fn(&Group) -> usize| {
        groups.iter().map(|group| (label(&group.name), number(count(group)))).collect::<Vec<_>>()
    };
    let mut gauges = vec![
        one("twostep_people", "People who may log in, as far as they are known.", all.people),
        one("twostep_people_enrolled", "People with a second step.", all.enrolled),
        one("twostep_people_required", "People who must have a second step.", all.required),
        one(
            "twostep_people_required_enrolled",
            "People who must have a second step and have one.",
            all.required_enrolled,
        ),
        one(
            "twostep_people_required_later",
            "People without a second step who must have one from a later day on.",
            report.totals.required_later,
        ),
        one("twostep_people_exempt", "People whom a rule exempts in some login.", report.totals.exempt),
        one("twostep_people_locked", "People whose right codes are refused.", report.totals.locked),
        one(
            "twostep_people_unusable",
            "People whose record cannot be used, so that their logins are denied.",
            report.totals.unusable,
        ),
        Gauge {
            name: "twostep_people_recovery_codes",
            help: "People with a second step, by how many recovery codes they have left.",
            values: left,
        },
        one("twostep_records_orphaned", "Records whose account is gone.", report.totals.orphans),
        one(
            "twostep_services_lost",
            "Services that were made to ask for a code, and ask for none.",
            report.services_lost,
        ),
        one("twostep_report_unseen", "Remarks on what the report could not see.", report.unseen.len()),
        Gauge {
            name: "twostep_report_timestamp_seconds",
            help: "When the report was made.",
            values: vec![(String::new(), report.made.seconds())],
        },
    ];
    if !groups.is_empty() {
        gauges.push(Gauge {
            name: "twostep_group_people_required",
            help: "Members of a group who must have a second step.",
            values: of_groups(|group| group.count.required),
        });
        gauges.push(Gauge {
            name: "twostep_group_people_required_enrolled",
            help: "Members of a group who must have a second step and have one.",
            values: of_groups(|group| group.count.required_enrolled),
        });
    }
    gauges
}

fn label(group: &str) -> String {
    let escaped = group.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{{group=\"{escaped}\"}}")
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_labels() {
        assert_eq!(label("a\"b\\c"), r#"{group="a\"b\\c"}"#);
    }
}
