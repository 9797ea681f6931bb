//! `refresh`: a listing now.

use std::{process::ExitCode, time::Duration};

use clap::Args as ClapArgs;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{
    BINARY, Format,
    error::PluginError,
    follow::Follow,
    output::{Output, json},
    place::Place,
};
use crate::{
    api::{self, MigrationTaskWatch},
    core::conditions::{Truth, types},
    views::{Line, Seen, Style},
};

#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The name of the watch.
    name: String,

    /// Wait until the listing is done, and say how it went. Exit code 1 when it failed.
    #[arg(short, long)]
    wait: bool,

    /// For how many seconds to wait at most.
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    timeout: u32,

    /// How it is printed.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) async fn refresh(args: &Args, place: &Place) -> Result<ExitCode, PluginError> {
    let before = place.get(&args.name).await?;
    if before.spec.suspend {
        return Err(PluginError::Suspended(args.name.clone()));
    }
    let token = Timestamp::now().to_string();
    let patch = json!({"metadata": {"annotations": {api::REQUESTED_AT: token}}});
    let watches = place.watches(false);
    let params = PatchParams { field_manager: Some(BINARY.to_owned()), ..PatchParams::default() };
    let patched = watches.patch(&args.name, &params, &Patch::Merge(&patch)).await;
    patched.map_err(PluginError::api("annotate the MigrationTaskWatch"))?;
    if !args.wait {
        return match args.output {
            Format::Json => json(&json!({"requestedAt": token})),
            Format::Table => {
                Output::of_stdout().print(&[Line::plain(&format!("{}: a listing is asked for", args.name))])
            }
        }
        .map(|()| ExitCode::SUCCESS);
    }
    let patience = Duration::from_secs(args.timeout.into());
    let answered = tokio::time::timeout(patience, until_answered(args, place, &token)).await;
    let unanswered = || PluginError::Unanswered { namespace: place.namespace.clone(), patience };
    let after = answered.map_err(|_| unanswered())??;
    let outcome = Outcome::of(&before, &after);
    match args.output {
        Format::Json => json(&json!({
            "requestedAt": token,
            "listed": outcome.listed,
            "ready": Seen::new(&after).truth(types::READY) == Truth::True,
            "message": outcome.text,
            "summary": Seen::new(&after).summary(),
        }))?,
        Format::Table => {
            let line = Line::styled(Style::Strong, &args.name).and(Style::Plain, ": ");
            Output::of_stdout().print(&[line.and(outcome.style(), &outcome.text)])?;
        }
    }
    Ok(if outcome.listed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Follows the watch until its status echoes the token.
async fn until_answered(args: &Args, place: &Place, token: &str) -> Result<MigrationTaskWatch, PluginError> {
    let mut follow = Follow::start(place, Some(&args.name), false);
    loop {
        follow.next().await?;
        let watch = follow.watches().into_iter().next();
        let handled = watch.and_then(|watch| watch.status.as_ref()?.last_handled_reconcile_at.as_deref());
        match watch {
            Some(watch) if handled == Some(token) => return Ok(watch.clone()),
            None if follow.is_known() => return Err(PluginError::Deleted(args.name.clone())),
            _ => {}
        }
    }
}

/// How an asked-for listing went.
struct Outcome {
    listed: bool,
    text: String,
}

impl Outcome {
    fn of(before: &MigrationTaskWatch, after: &MigrationTaskWatch) -> Self {
        let (before, after) = (Seen::new(before), Seen::new(after));
        if after.truth(types::READY) != Truth::True {
            let ready = after.condition(types::READY);
            let text = ready.map_or("it has no Ready condition".to_owned(), |ready| {
                format!("Ready is {}: {}: {}", ready.status, ready.reason, ready.message)
            });
            return Self { listed: false, text };
        }
        // An answer to a request rewrites the time of the last complete listing, if there was one since.
        if before.last_sync().is_some() && before.last_sync() == after.last_sync() {
            let text =
                "the listing failed and is tried again; the status says why if it goes on failing".to_owned();
            return Self { listed: false, text };
        }
        let counts = after.summary().cloned().unwrap_or_default();
        let parts = [
            (counts.failed, "failed"),
            (counts.stalled, "stalled"),
            (counts.running, "running"),
            (counts.syncing, "syncing"),
            (counts.pending, "pending"),
            (counts.aborted, "aborted"),
            (counts.other, "other"),
            (counts.succeeded, "succeeded"),
        ];
        let parts =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(", {count} {what}"));
        let text = format!("listed: {} in all{}", counts.total, parts.collect::<String>());
        Self { listed: true, text }
    }

    fn style(&self) -> Style {
        if self.listed { Style::Plain } else { Style::Bad }
    }
}
