//! What became of the waves, and how to look further.

use kube::ResourceExt;
use migration_task_watch::api::{MigrationTaskWatch, TaskStatus};

use crate::place::Place;

/// What became of each wave, and why what failed did.
pub(crate) fn outcome(watches: &[MigrationTaskWatch]) -> String {
    watches.iter().fold("\n".to_owned(), |text, watch| text + &outcome_of(watch))
}

fn outcome_of(watch: &MigrationTaskWatch) -> String {
    let status = watch.status.clone().unwrap_or_default();
    let counts = status.summary.unwrap_or_default();
    let ends = [("succeeded", counts.succeeded), ("failed", counts.failed), ("aborted", counts.aborted)];
    let ends = ends.iter().filter(|(_, count)| *count > 0).map(|(end, count)| format!(", {count} {end}"));
    let head = format!("{}: {} tasks{}\n", watch.name_any(), counts.total, ends.collect::<String>());
    status.tasks.iter().filter_map(failure).fold(head, |text, failure| text + &failure)
}

fn failure(task: &TaskStatus) -> Option<String> {
    let error = task.error.as_ref()?;
    let name = task.name.as_deref().unwrap_or(&task.id);
    let why: Vec<&str> = [&error.code, &error.message].into_iter().flatten().map(String::as_str).collect();
    Some(format!("  {name}: {}\n", why.join(": ")))
}

/// How to look further, while it stays or next time.
pub(crate) fn further(place: &Place, watches: &[MigrationTaskWatch], keep: bool) -> String {
    let mut lines = Vec::new();
    if keep {
        lines.push("It stays until Ctrl-C. In another terminal:".to_owned());
        lines.extend(kubeconfig(place));
    } else {
        lines.push("`make demo KEEP=1` leaves it running at the end, to look further with:".to_owned());
    }
    lines.extend(commands(place.namespace, watches));
    if keep && place.is_own() {
        lines
            .push("The operator's token is good for an hour: after that it can't write any more.".to_owned());
    }
    lines.join("\n")
}

/// How kubectl finds a cluster of the demo's own.
pub(crate) fn kubeconfig(place: &Place) -> Option<String> {
    place.kubeconfig().map(|path| format!("  export KUBECONFIG={}", path.display()))
}

fn commands(namespace: &str, watches: &[MigrationTaskWatch]) -> Vec<String> {
    let first = watches.first().map(ResourceExt::name_any).unwrap_or_default();
    [
        "get mtw -o wide".to_owned(),
        format!("describe mtw {first}"),
        format!("wait mtw/{first} --for=condition=Completed"),
        "get events --sort-by=.metadata.creationTimestamp".to_owned(),
        "explain mtw.spec.filter".to_owned(),
    ]
    .map(|command| format!("  kubectl -n {namespace} {command}"))
    .to_vec()
}

#[cfg(test)]
mod tests {
    use migration_task_watch::api::{
        MigrationTaskWatchSpec, MigrationTaskWatchStatus, Summary, TaskErrorStatus,
    };

    use super::*;

    fn watch(counts: Summary, tasks: Vec<TaskStatus>) -> MigrationTaskWatch {
        let mut watch = MigrationTaskWatch::new("wave-1", MigrationTaskWatchSpec::default());
        watch.status = Some(MigrationTaskWatchStatus {
            summary: Some(counts),
            tasks,
            ..MigrationTaskWatchStatus::default()
        });
        watch
    }

    #[test]
    fn the_outcome_counts_and_says_why() {
        let error = TaskErrorStatus { code: Some("SMS.0203".into()), message: Some("slow".into()) };
        let failed =
            TaskStatus { name: Some("wave-1-a".into()), error: Some(error), ..TaskStatus::default() };
        let counts = Summary { total: 3, succeeded: 1, failed: 1, aborted: 1, ..Summary::default() };
        assert_eq!(
            outcome(&[watch(counts, vec![failed, TaskStatus::default()])]),
            "\nwave-1: 3 tasks, 1 succeeded, 1 failed, 1 aborted\n  wave-1-a: SMS.0203: slow\n"
        );
        let counts = Summary { total: 2, succeeded: 2, ..Summary::default() };
        assert_eq!(outcome(&[watch(counts, Vec::new())]), "\nwave-1: 2 tasks, 2 succeeded\n");
    }
}
