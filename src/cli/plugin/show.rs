//! `list`, `describe` and `why`: what is asked for once.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::{
    Format,
    error::PluginError,
    output::{Output, json, write},
    place::Place,
};
use crate::{
    api::MigrationTaskWatch,
    views::{self, Columns},
};

#[derive(Debug, Args)]
pub(super) struct List {
    /// The watches of all namespaces.
    #[arg(short = 'A', long)]
    all_namespaces: bool,

    /// How they are printed.
    #[arg(short, long, value_enum, default_value_t = ListFormat::Table)]
    output: ListFormat,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// For people.
    Table,
    /// With region and message.
    Wide,
    /// For programs.
    Json,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The name of the watch.
    pub(super) name: String,

    /// How it is printed.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) async fn list(args: &List, place: &Place) -> Result<(), PluginError> {
    let watches = place.list(args.all_namespaces).await?;
    let watches: Vec<&MigrationTaskWatch> = watches.iter().collect();
    let now = Timestamp::now();
    if args.output == ListFormat::Json {
        return json(&views::rows(&watches, now));
    }
    if watches.is_empty() {
        return write(&if args.all_namespaces {
            "There are no watches.\n".to_owned()
        } else {
            format!("There are no watches in namespace {}.\n", place.namespace)
        });
    }
    let columns = Columns { namespaces: args.all_namespaces, wide: args.output == ListFormat::Wide };
    let output = Output::of_stdout();
    output.print(&views::list(&watches, columns, now).lines(output.width()))
}

pub(super) async fn describe(args: &One, place: &Place) -> Result<(), PluginError> {
    let watch = place.get(&args.name).await?;
    // Whoever may read watches may still not read events.
    let events = place.events(&watch).await.map_err(|error| format!("they can't be read: {error}"));
    let now = Timestamp::now();
    if args.output == Format::Json {
        let events = events.unwrap_or_default();
        let findings = views::findings(&watch, now);
        return json(&json!({"watch": watch, "findings": findings, "events": events}));
    }
    let told = events.as_ref().map(Vec::as_slice).map_err(String::as_str);
    let output = Output::of_stdout();
    output.print(&views::describe(&watch, told, now, output.width()))
}

pub(super) async fn why(args: &One, place: &Place) -> Result<ExitCode, PluginError> {
    let watch = place.get(&args.name).await?;
    let findings = views::findings(&watch, Timestamp::now());
    let wrong = findings.iter().any(|finding| finding.wrong);
    match args.output {
        Format::Json => json(&json!({"wrong": wrong, "findings": findings}))?,
        Format::Table => Output::of_stdout().print(&views::why(&watch, &findings))?,
    }
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
