//! The parameters of a query string.

use percent_encoding::percent_decode_str;

/// The pairs of a raw query, unescaped. A `+` stays a plus sign, as in the signature.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
    let decode = |text| percent_decode_str(text).collect();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    })
}

/// The first value of a parameter; an empty one is as good as none, as in most of the vendor's services (unverified for SMS).
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut values = pairs(query).filter(|(key, _)| key == name.as_bytes());
    values
        .next()
        .map(|(_, value)| String::from_utf8_lossy(&value).into_owned())
        .filter(|value| !value.is_empty())
}
