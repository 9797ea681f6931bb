//! Flags and variables that say whom the operator may talk to, and how.

use std::{fmt, path::PathBuf};

use clap::Args as ClapArgs;

use crate::{
    core::endpoint::{AllowedAddresses, CidrError},
    sms::{
        NetworkOptions,
        network::{NoProxy, ProxyUrl, ProxyUrlError},
    },
};

/// The network's flags.
#[derive(Debug, ClapArgs)]
pub(super) struct NetworkArgs {
    /// Networks and addresses that endpoints' names may resolve to, beside public ones. Repeat the flag, or separate by
    /// commas.
    #[arg(long, env = "ALLOWED_CIDRS", value_name = "CIDR")]
    allowed_cidrs: Vec<String>,

    /// The proxy for SMS and IAM, with a user and a password if it needs them. The default is that of the variables
    /// HTTPS_PROXY, https_proxy, ALL_PROXY or all_proxy.
    #[arg(long, env = "HTTPS_PROXY", hide_env_values = true, value_name = "URL")]
    https_proxy: Option<Secret>,

    /// What is called without the proxy: names with those below them, addresses, networks, separated by commas; * is
    /// everything. The default is that of the variables NO_PROXY or no_proxy.
    #[arg(long, env = "NO_PROXY", value_name = "LIST")]
    no_proxy: Option<String>,

    /// A file of authorities in PEM that are trusted beside those of the system. A changed file is read again. Repeat
    /// the flag, or separate by commas.
    #[arg(long, env = "CA_FILE", value_name = "FILE", value_delimiter = ',')]
    ca_file: Vec<String>,
}

/// A flag's text that may hold a password. Any text is one, since errors of the command line quote what they refuse.
#[derive(Clone)]
struct Secret(String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// A network's flag can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum NetworkArgsError {
    #[error("--allowed-cidrs: {0}")]
    AllowedCidrs(#[from] CidrError),
    #[error("--https-proxy: {0}")]
    Proxy(#[from] ProxyUrlError),
}

impl NetworkArgs {
    pub(super) fn options(&self) -> Result<NetworkOptions, NetworkArgsError> {
        let flag = self.https_proxy.as_ref().map(|text| text.0.clone());
        let proxy = not_empty(flag).or_else(|| first_variable(&["https_proxy", "ALL_PROXY", "all_proxy"]));
        let no_proxy = not_empty(self.no_proxy.clone()).or_else(|| first_variable(&["no_proxy"]));
        Ok(NetworkOptions {
            allowed_addresses: self.allowed_addresses()?,
            proxy: proxy.as_deref().map(ProxyUrl::parse).transpose()?,
            no_proxy: NoProxy::parse(&no_proxy.unwrap_or_default()),
            ca_files: self.ca_file.iter().filter(|file| !file.is_empty()).map(PathBuf::from).collect(),
            ..NetworkOptions::default()
        })
    }

    fn allowed_addresses(&self) -> Result<AllowedAddresses, CidrError> {
        match self.allowed_cidrs.join(",") {
            none if none.is_empty() => Ok(AllowedAddresses::default()),
            networks => networks.parse(),
        }
    }
}

/// The first of these variables that says something.
pub(super) fn first_variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| not_empty(std::env::var(name).ok()))
}

/// An empty variable is how manifests say that there is none.
fn not_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        network: NetworkArgs,
    }

    fn options(flags: &[&str]) -> Result<NetworkOptions, Box<dyn Error>> {
        let line = Line::try_parse_from([&["test"], flags].concat())?;
        Ok(line.network.options()?)
    }

    #[test]
    fn flags_are_read() {
        let options = options(&[
            "--allowed-cidrs=10.0.0.0/8,fd00::/8",
            "--allowed-cidrs=192.168.1.1",
            "--https-proxy=http://user:password@proxy:3128",
            "--no-proxy=example.com",
            "--ca-file=/a.pem,/b.pem",
            "--ca-file=/c.pem",
        ])
        .unwrap();
        assert_eq!(options.allowed_addresses.to_string(), "10.0.0.0/8,fd00::/8,192.168.1.1/32");
        assert_eq!(options.proxy.unwrap().to_string(), "http://proxy:3128");
        assert!(options.no_proxy.covers("sms.example.com", 443));
        assert_eq!(options.ca_files, ["/a.pem", "/b.pem", "/c.pem"].map(PathBuf::from));
    }

    #[test]
    fn what_is_empty_is_not_there() {
        let options = options(&["--allowed-cidrs=", "--no-proxy=", "--ca-file="]).unwrap();
        assert_eq!(options.allowed_addresses, AllowedAddresses::default());
        assert!(options.ca_files.is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_by_its_flag_and_without_a_password() {
        for (flag, expected) in [
            ("--allowed-cidrs=10.0.0.1/8", "--allowed-cidrs: 10.0.0.1/8 is not"),
            ("--https-proxy=socks5://user:marker@proxy", "--https-proxy: the URL of the proxy must start"),
            ("--https-proxy=http://user:marker@proxy:x", "--https-proxy: the URL of the proxy can't"),
            ("--https-proxy=http://user:mar ker@[", "--https-proxy: the URL of the proxy can't"),
        ] {
            let error = options(&[flag]).unwrap_err().to_string();
            assert!(error.starts_with(expected) && !error.contains("marker"), "{error}");
        }
    }

    #[test]
    fn nothing_prints_a_password() {
        let line = Line::try_parse_from(["test", "--https-proxy=http://user:marker@proxy"]).unwrap();
        assert!(!format!("{line:?} {:?}", line.network.options()).contains("marker"));
    }
}
