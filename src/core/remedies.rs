//! What to do about the errors of migration tasks, by the codes of the vendor's error reference.

/// Codes, and what to do about each. docs/kubectl-plugin.md has the same table.
const REMEDIES: [(&str, &str); 11] = [
    ("SMS.0007", "check the SMS agent on the source server: that it runs, is up to date, and can reach SMS"),
    ("SMS.0201", "the network was busy: check the source server's connection, then start the task again"),
    ("SMS.0202", "give the agent on the source server a good access key and secret key"),
    (
        "SMS.0203",
        "check the network between the source server, the target server and SMS (security groups, routes, proxies), \
         then start the task again",
    ),
    ("SMS.0204", "grant the user whose key the agent has what SMS needs to create and change servers"),
    ("SMS.0205", "synchronise the source server's clock"),
    ("SMS.0206", "migrate this server in another way: SMS takes x86 servers only"),
    ("SMS.0207", "install the KVM (VirtIO) drivers on the source server, then start the task again"),
    (
        "SMS.0304",
        "check what stands between the source server and SMS: its agent can't open a TLS connection",
    ),
    ("SMS.0412", "the target server is gone: choose or create another one for the task"),
    (
        "SMS.1902",
        "the agent's I/O monitor doesn't work: check whether security software on the source server blocks it, then \
         start the agent again",
    ),
];

/// What to do about an error of a task. None for a code that isn't known here.
#[must_use]
pub fn remedy(code: &str) -> Option<&'static str> {
    REMEDIES.iter().find(|(known, _)| *known == code).map(|(_, remedy)| *remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_remedy_is_documented() {
        let docs = include_str!("../../docs/kubectl-plugin.md");
        for (code, remedy) in REMEDIES {
            assert!(docs.contains(&format!("| {code} | {remedy} |")), "docs/kubectl-plugin.md: {code}");
        }
        let rows = docs.lines().filter(|line| line.starts_with("| SMS.")).count();
        assert_eq!(rows, REMEDIES.len(), "docs/kubectl-plugin.md has a code that isn't known");
    }

    #[test]
    fn only_the_exact_code_has_a_remedy() {
        assert!(remedy("SMS.0203").is_some());
        for code in ["", "SMS.", "SMS.02030", "sms.0203", "0203"] {
            assert_eq!(remedy(code), None, "{code}");
        }
    }
}
