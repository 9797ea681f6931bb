//! Completion: scripts for shells, and answers to kubectl.
//!
//! For `kubectl mtw …` the shell asks kubectl, kubectl runs `kubectl_complete-mtw` with the words of the command line, and that
//! asks `kubectl-mtw __complete -- …`. The answer is what kubectl's own commands give: a value a line, with a description
//! after a tab, and at last a number that says what the shell may add.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use clap::{Arg, Args as ClapArgs, Command, CommandFactory, ValueEnum, ValueHint};
use clap_complete::{Shell, generate};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, ResourceExt, api::ListParams, config::Kubeconfig};

use super::{
    super::{Cli, cluster::Choice, is_plugin},
    BINARY, Kubectl,
    error::PluginError,
    output::write,
    place::Place,
};
use crate::views::clean;

/// What kubectl runs.
const FOR_KUBECTL: &str = "#!/bin/sh\n\
                           # What kubectl runs to complete `kubectl mtw`: kubectl_complete-mtw in the PATH.\n\
                           exec kubectl-mtw __complete -- \"$@\"\n";
/// Nobody waits longer for a list of names.
const PATIENCE: Duration = Duration::from_secs(3);
/// The shell is to add nothing to what was answered.
const NOTHING_ELSE: u8 = 4;
/// The shell is to add the names of files.
const FILES: u8 = 0;

#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// For what.
    #[arg(value_enum)]
    shell: For,
}

/// Who completes.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum For {
    /// For bash.
    Bash,
    /// For zsh.
    Zsh,
    /// For fish.
    Fish,
    /// For `kubectl mtw`, in whatever shell: save it as kubectl_complete-mtw in a folder of the PATH.
    Kubectl,
}

/// The words of a command line, the last of which may be incomplete.
#[derive(Debug, ClapArgs)]
pub(super) struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Prints a script.
pub(super) fn completion(args: &Args) -> Result<(), PluginError> {
    let shell = match args.shell {
        For::Bash => Shell::Bash,
        For::Zsh => Shell::Zsh,
        For::Fish => Shell::Fish,
        For::Kubectl => return write(FOR_KUBECTL),
    };
    let (mut command, name) =
        if is_plugin() { (Kubectl::command(), BINARY) } else { (Cli::command(), env!("CARGO_PKG_NAME")) };
    let mut script = Vec::new();
    generate(shell, &mut command, name, &mut script);
    write(&String::from_utf8_lossy(&script))
}

/// Answers kubectl.
pub(super) async fn complete(words: &Words) -> Result<(), PluginError> {
    let asked = Asked::parse(Kubectl::command(), &words.words);
    let names = match asked.wanted {
        Wanted::Values(values) => values,
        Wanted::Files => return write(&format!(":{FILES}\n")),
        // Without a cluster there are no names, and nothing to say about it.
        Wanted::Names(names) => {
            tokio::time::timeout(PATIENCE, find(names, &asked.options)).await.unwrap_or_default()
        }
    };
    let names = names.into_iter().filter(|(name, _)| name.starts_with(&asked.begun));
    let lines: String = names
        .map(|(name, about)| {
            let about = if about.is_empty() { about } else { format!("\t{about}") };
            format!("{}{about}\n", clean(&name))
        })
        .collect();
    write(&format!("{lines}:{NOTHING_ELSE}\n"))
}

/// A value, and what it is.
type Value = (String, String);

/// What is to be completed.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    wanted: Wanted,
    /// What is typed of it.
    begun: String,
    /// The options before it.
    options: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// One of these.
    Values(Vec<Value>),
    /// A name of the cluster or the kubeconfig.
    Names(Names),
    /// A file.
    Files,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Watches,
    Namespaces,
    Contexts,
}

impl Asked {
    fn parse(mut root: Command, words: &[String]) -> Self {
        root.build();
        let (begun, before) =
            words.split_last().map_or((String::new(), words), |(last, all)| (last.clone(), all));
        let mut command = &root;
        let (mut options, mut open, mut given) = (BTreeMap::new(), None, 0);
        for word in before {
            if let Some(option) = open.take() {
                options.insert(id(option), word.clone());
            } else if let Some(name) = word.strip_prefix('-') {
                open = take_option(command, name, &mut options);
            } else if let Some(next) = command.find_subcommand(word) {
                command = next;
            } else {
                given += 1;
            }
        }
        let wanted = match open {
            Some(option) => values_of(option),
            None if begun.starts_with('-') => Wanted::Values(flags(command)),
            None if command.has_subcommands() => Wanted::Values(subcommands(command)),
            None => command.get_positionals().nth(given).map_or(Wanted::Values(Vec::new()), values_of),
        };
        Self { wanted, begun, options }
    }
}

fn id(arg: &Arg) -> String {
    arg.get_id().to_string()
}

/// Takes an option; one whose value is the next word is given back.
fn take_option<'a>(
    command: &'a Command,
    name: &str,
    options: &mut BTreeMap<String, String>,
) -> Option<&'a Arg> {
    let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
    let is_named = |arg: &&Arg| match name.strip_prefix('-') {
        Some(long) => arg.get_long() == Some(long),
        None => arg.get_short().is_some_and(|short| name.chars().eq([short])),
    };
    let arg = command.get_arguments().find(is_named)?;
    match value {
        Some(value) => {
            options.insert(id(arg), value.to_owned());
            None
        }
        None => arg.get_action().takes_values().then_some(arg),
    }
}

fn values_of(arg: &Arg) -> Wanted {
    match arg.get_id().as_str() {
        "namespace" => Wanted::Names(Names::Namespaces),
        "context" => Wanted::Names(Names::Contexts),
        "name" if arg.is_positional() => Wanted::Names(Names::Watches),
        _ if arg.get_value_hint() == ValueHint::FilePath || arg.get_value_hint() == ValueHint::AnyPath => {
            Wanted::Files
        }
        _ => {
            let values = arg.get_possible_values().into_iter();
            let value = |value: clap::builder::PossibleValue| {
                (value.get_name().to_owned(), value.get_help().map(ToString::to_string).unwrap_or_default())
            };
            Wanted::Values(values.map(value).collect())
        }
    }
}

fn flags(command: &Command) -> Vec<Value> {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let about = |arg: &Arg| arg.get_help().map(|help| first_line(&help.to_string())).unwrap_or_default();
    shown.filter_map(|arg| Some((format!("--{}", arg.get_long()?), about(arg)))).collect()
}

fn subcommands(command: &Command) -> Vec<Value> {
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    let about = |command: &Command| command.get_about().map(|about| first_line(&about.to_string()));
    shown.map(|command| (command.get_name().to_owned(), about(command).unwrap_or_default())).collect()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

async fn find(names: Names, options: &BTreeMap<String, String>) -> Vec<Value> {
    let choice = Choice {
        kubeconfig: options.get("kubeconfig").map(PathBuf::from),
        context: options.get("context").cloned(),
    };
    let found = match names {
        Names::Contexts => contexts(&choice),
        Names::Namespaces => namespaces(&choice).await,
        Names::Watches => watches(&choice, options.get("namespace").map(String::as_str)).await,
    };
    found.unwrap_or_default().into_iter().map(|name| (name, String::new())).collect()
}

fn contexts(choice: &Choice) -> Option<Vec<String>> {
    let kubeconfig = choice.kubeconfig.as_ref().map_or_else(Kubeconfig::read, Kubeconfig::read_from).ok()?;
    Some(kubeconfig.contexts.into_iter().map(|context| context.name).collect())
}

async fn namespaces(choice: &Choice) -> Option<Vec<String>> {
    let place = Place::find(choice, None).await.ok()?;
    let namespaces: Api<Namespace> = Api::all(place.client);
    let list = namespaces.list_metadata(&ListParams::default()).await.ok()?;
    Some(list.items.iter().map(ResourceExt::name_any).collect())
}

async fn watches(choice: &Choice, namespace: Option<&str>) -> Option<Vec<String>> {
    let place = Place::find(choice, namespace).await.ok()?;
    let list = place.watches(false).list_metadata(&ListParams::default()).await.ok()?;
    Some(list.items.iter().map(ResourceExt::name_any).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Asked {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Asked::parse(Kubectl::command(), &words)
    }

    fn values(line: &str) -> Vec<String> {
        let Asked { wanted: Wanted::Values(values), begun, .. } = asked(line) else {
            panic!("values for {line:?}")
        };
        values.into_iter().map(|(value, _)| value).filter(|value| value.starts_with(&begun)).collect()
    }

    #[test]
    fn subcommands_and_flags_come_from_the_command_line_itself() {
        assert_eq!(values(""), ["list", "top", "describe", "why", "refresh", "check", "completion", "help"]);
        assert_eq!(values("-n a t"), ["top"]);
        assert_eq!(values("list -o "), ["table", "wide", "json"]);
        assert_eq!(values("why --o"), ["--output"]);
        assert_eq!(values("completion "), ["bash", "zsh", "fish", "kubectl"]);
        assert!(values("top --").contains(&"--namespace".to_owned()));
        assert!(values("list ").is_empty(), "it takes no name");
        assert!(values("why wave-1 ").is_empty(), "it takes one name");
    }

    #[test]
    fn names_come_from_where_the_words_before_say() {
        for (line, names) in [
            ("why ", Names::Watches),
            ("top wa", Names::Watches),
            ("refresh --wait wa", Names::Watches),
            ("list -n ", Names::Namespaces),
            ("--namespace ", Names::Namespaces),
            ("top --context ", Names::Contexts),
        ] {
            assert_eq!(asked(line).wanted, Wanted::Names(names), "{line}");
        }
        let asked = asked("--context=prod describe -n migration --kubeconfig k wa");
        let options = asked.options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        assert_eq!(
            options.collect::<Vec<_>>(),
            [("context", "prod"), ("kubeconfig", "k"), ("namespace", "migration")]
        );
        assert_eq!((asked.begun.as_str(), asked.wanted), ("wa", Wanted::Names(Names::Watches)));
    }

    #[test]
    fn files_are_the_business_of_the_shell() {
        assert_eq!(asked("check -f ").wanted, Wanted::Files);
        assert_eq!(asked("list --kubeconfig ").wanted, Wanted::Files);
        assert_eq!(Asked::parse(Kubectl::command(), &[]).begun, "");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Kubectl::command().debug_assert();
        Cli::command().debug_assert();
    }
}
