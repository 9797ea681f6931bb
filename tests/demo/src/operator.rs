//! The operator: the binary beside the demo's.

use std::{
    env,
    ffi::OsString,
    path::{self, Path},
};

use test_cluster::{OPERATOR_ARGUMENTS, Process};

use crate::{error::Error, place::Place};

/// Starts the operator, whose log goes to `operator.log` in `dir`. It ends when it is dropped, or this process dies.
pub(crate) async fn start(place: &Place, dir: &Path) -> Result<Process, Error> {
    let mut command = environment(place).await?;
    let demo = env::current_exe().map_err(Error::io("find the operator"))?;
    let program = demo.with_file_name("migration-task-watch");
    if !program.exists() {
        return Err(Error::OperatorMissing(program));
    }
    command.push(program.display().to_string());

    command.extend(OPERATOR_ARGUMENTS.map(str::to_owned));
    if !place.is_own() {
        // Others' watches are none of its business.
        command.extend(["--watch-namespace", place.namespace].map(str::to_owned));
    }
    Ok(Process::spawn("operator", Path::new("/usr/bin/env"), &command, dir)?)
}

/// Arguments of env(1). On a cluster of the demo's own nothing of the user's environment counts: neither KUBECONFIG
/// nor a proxy, which wouldn't find this machine's loopback.
async fn environment(place: &Place) -> Result<Vec<String>, Error> {
    if let Some(kubeconfig) = place.operator_kubeconfig().await? {
        return Ok(vec!["-i".to_owned(), assign("KUBECONFIG", kubeconfig.into())]);
    }
    let mut environment = vec![assign("NO_PROXY", no_proxy())];
    if let Some(kubeconfig) = env::var_os("KUBECONFIG") {
        environment.push(assign("KUBECONFIG", absolute(kubeconfig)?));
    }
    Ok(environment)
}

fn assign(name: &str, value: OsString) -> String {
    format!("{name}={}", value.display())
}

/// The simulator is on this machine.
fn no_proxy() -> OsString {
    let mut hosts = env::var_os("NO_PROXY").or_else(|| env::var_os("no_proxy")).unwrap_or_default();
    hosts.push(",127.0.0.1");
    hosts
}

/// The operator has a working directory of its own.
fn absolute(paths: OsString) -> Result<OsString, Error> {
    let paths: Result<Vec<_>, _> =
        env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()).map(path::absolute).collect();
    let paths = paths.map_err(Error::io("find the kubeconfig"))?;
    Ok(env::join_paths(paths).unwrap_or_default())
}
