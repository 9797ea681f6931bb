//! The CEL rules that several fields share. CEL has no functions of one's own, so that they are put together here.

use kube::core::Rule;

/// A duration as Go writes it, short enough that its parts can't overflow by themselves.
const DURATION: &str = "self.matches('^([0-9]{1,6}([.][0-9]{1,9})?(ns|us|µs|ms|s|m|h))+$')";

/// The field is a URL.
pub(super) fn is_url(field: &str, example: &str) -> Rule {
    Rule::new("isURL(self)").message(&*format!("{field} is a URL such as {example}"))
}

/// Credentials travel encrypted, unless they stay on the machine.
pub(super) fn is_encrypted(field: &str) -> Rule {
    Rule::new(
        "!isURL(self) || url(self).getScheme() == 'https' || (url(self).getScheme() == 'http' && \
         url(self).getHostname() in ['localhost', '127.0.0.1', '::1', '[::1]'])",
    )
    .message(&*format!("{field} must use https; http is for loopback addresses only"))
}

/// The API's paths are added by the operator.
pub(super) fn is_base(field: &str) -> Rule {
    Rule::new("!isURL(self) || (url(self).getEscapedPath() in ['', '/'] && url(self).getQuery().size() == 0)")
        .message(&*format!("{field} is a base URL: no path and no query"))
}

/// The field is a duration.
pub(super) fn is_duration(message: &str) -> Rule {
    Rule::new(DURATION).message(message)
}

/// The field is a duration, or a plain 0.
pub(super) fn is_duration_or_zero(message: &str) -> Rule {
    Rule::new(format!("self == '0' || {DURATION}")).message(message)
}

/// The field is not a duration outside of these bounds. What is no duration at all is another rule's to say.
pub(super) fn is_between(least: &str, most: &str, message: &str) -> Rule {
    let bounds = format!("duration(self) >= duration('{least}') && duration(self) <= duration('{most}')");
    Rule::new(format!("!{DURATION} || ({bounds})")).message(message)
}
