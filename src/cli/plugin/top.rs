//! `top`: tasks as they move.

use std::time::Duration;

use clap::Args as ClapArgs;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

use super::{
    Format,
    error::PluginError,
    follow::{Follow, News},
    keys::Key,
    output::{Output, json, size, write},
    place::Place,
    terminal::{Terminal, pressed},
};
use crate::{
    api::MigrationTaskWatch,
    views::{self, Frame, Line, Picture, Style, changes, frame, harmless_json},
};

/// How often ages and estimates are brought up to date.
const TICK: Duration = Duration::from_secs(1);

#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The name of a watch. The default is all of the namespace.
    name: Option<String>,

    /// The watches of all namespaces.
    #[arg(short = 'A', long, conflicts_with = "name")]
    all_namespaces: bool,

    /// Print the tasks once. So it is anyway where there is no terminal.
    #[arg(long)]
    once: bool,

    /// Print a line for each change, in place of a picture.
    #[arg(short, long, conflicts_with = "once")]
    watch: bool,

    /// How it is printed; JSON once, or with --watch a line for each change of a watch.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) async fn top(args: &Args, place: &Place) -> Result<(), PluginError> {
    // A name that nobody has is told at once.
    let first = match &args.name {
        Some(name) => vec![place.get(name).await?],
        None => Vec::new(),
    };
    let output = Output::of_stdout();
    if args.watch {
        return lines(args, place, output).await;
    }
    if args.once || args.output == Format::Json || !output.is_interactive() {
        let watches = if first.is_empty() { place.list(args.all_namespaces).await? } else { first };
        return once(args, &watches.iter().collect::<Vec<_>>(), output);
    }
    Box::pin(live(args, place, output)).await
}

fn once(args: &Args, watches: &[&MigrationTaskWatch], output: Output) -> Result<(), PluginError> {
    if args.output == Format::Json {
        return json(&watches.iter().map(|watch| value(watch)).collect::<Vec<_>>());
    }
    output.print(&views::task_lines(watches, Timestamp::now(), output.width()))
}

fn value(watch: &MigrationTaskWatch) -> serde_json::Value {
    let status = watch.status.clone().unwrap_or_default();
    json!({
        "namespace": watch.metadata.namespace,
        "name": watch.metadata.name,
        "summary": status.summary,
        "tasks": status.tasks,
        "omittedTasks": status.omitted_tasks,
        "lastSyncTime": status.last_sync_time,
    })
}

/// A line for each change, until it is ended.
async fn lines(args: &Args, place: &Place, output: Output) -> Result<(), PluginError> {
    let mut follow = Follow::start(place, args.name.as_deref(), args.all_namespaces);
    loop {
        for news in follow.next().await? {
            print(&news, args, output)?;
        }
        if let Some(trouble) = follow.trouble() {
            eprintln!("{}", views::clean(trouble));
        }
    }
}

fn print(news: &News, args: &Args, output: Output) -> Result<(), PluginError> {
    let now = Timestamp::now();
    match news {
        News::Changed { watch, before } => {
            let lines = changes(before.as_deref(), watch, now);
            if args.output == Format::Table {
                return output.print(&lines);
            }
            if lines.is_empty() { Ok(()) } else { json_line(&value(watch)) }
        }
        News::Gone(watch) if args.output == Format::Json => json_line(
            &json!({"namespace": watch.metadata.namespace, "name": watch.metadata.name, "gone": true}),
        ),
        News::Gone(watch) => {
            let name = watch.metadata.name.as_deref().unwrap_or_default();
            output.print(&[Line::styled(Style::Faint, &format!("{now:.0}   {name}   is gone"))])
        }
    }
}

fn json_line(value: &serde_json::Value) -> Result<(), PluginError> {
    write(&(harmless_json(&value.to_string()) + "\n"))
}

/// A picture that follows, until somebody leaves.
async fn live(args: &Args, place: &Place, output: Output) -> Result<(), PluginError> {
    let mut follow = Follow::start(place, args.name.as_deref(), args.all_namespaces);
    let mut resized = signal(SignalKind::window_change())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let terminal = Terminal::enter(output.colours)?;
    let mut keys = pressed();
    let mut offset = 0;
    loop {
        follow.catch_up()?;
        let title = title(args, place);
        let watches = follow.watches();
        let gone = args.name.as_ref().filter(|_| follow.is_known() && watches.is_empty());
        let gone = gone.map(|name| format!("{name} is gone"));
        let trouble = follow.trouble().or(gone.as_deref());
        let shown = Frame { watches: &watches, title: &title, trouble, offset, now: Timestamp::now() };
        let Picture { lines, last_offset, page } = frame(&shown, size());
        terminal.draw(&lines)?;
        tokio::select! {
            news = follow.next() => { news?; }
            key = keys.recv() => match key {
                Some(Key::Quit) | None => return Ok(()),
                Some(Key::Suspend) => terminal.suspend()?,
                Some(key) => offset = scrolled(offset, key, last_offset, page),
            },
            _ = resized.recv() => {}
            _ = tick.tick() => {}
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hang_up.recv() => return Ok(()),
        }
    }
}

fn title(args: &Args, place: &Place) -> String {
    match &args.name {
        _ if args.all_namespaces => "all namespaces".to_owned(),
        Some(name) => format!("{}/{name}", place.namespace),
        None => format!("namespace {}", place.namespace),
    }
}

/// How many tasks are scrolled past after a key.
fn scrolled(offset: usize, key: Key, last: usize, page: usize) -> usize {
    let offset = offset.min(last);
    let wanted = match key {
        Key::Up => offset.saturating_sub(1),
        Key::Down => offset + 1,
        Key::PageUp => offset.saturating_sub(page),
        Key::PageDown => offset + page,
        Key::Home => 0,
        Key::End => last,
        Key::Quit | Key::Suspend => offset,
    };
    wanted.min(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_scrolls_past_the_end() {
        for (offset, key, wanted) in [
            (0, Key::Up, 0),
            (0, Key::Down, 1),
            (7, Key::Down, 7),
            (0, Key::PageDown, 5),
            (5, Key::PageDown, 7),
            (7, Key::PageUp, 2),
            (2, Key::PageUp, 0),
            (3, Key::End, 7),
            (3, Key::Home, 0),
            // The terminal has grown, or tasks are gone.
            (99, Key::Up, 6),
        ] {
            assert_eq!(scrolled(offset, key, 7, 5), wanted, "{offset} {key:?}");
        }
    }
}
