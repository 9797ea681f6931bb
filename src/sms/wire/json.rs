//! JSON objects whose values are read by what they can mean, not by their type.

use std::{borrow::Cow, collections::HashMap, fmt, sync::Arc};

use k8s_openapi::jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};
use serde_json::value::RawValue;

use crate::core::text;

/// An object with values that are not yet read. Of repeated keys the last one counts.
pub(in crate::sms) struct Object<'a>(HashMap<String, &'a RawValue>);

impl<'a> Object<'a> {
    /// Splits an object into its fields.
    pub(in crate::sms) fn parse(text: &'a str) -> serde_json::Result<Self> {
        serde_json::from_str(text).map(Self)
    }

    /// A field; one without any meaning where there is none.
    fn get(&self, key: &str) -> Value<'a> {
        self.0.get(key).map_or_else(Value::default, |value| Value(value.get()))
    }

    /// A field as text of at most `limit` bytes. Blank text is none; numbers and booleans are text, too.
    pub(in crate::sms) fn text(&self, key: &str, limit: usize) -> Option<Arc<str>> {
        self.get(key).text(limit).map(Arc::from)
    }

    /// A field as text, however long or blank.
    pub(in crate::sms) fn full_text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key).full_text()
    }

    /// A field as an object.
    pub(in crate::sms) fn object(&self, key: &str) -> Option<Object<'a>> {
        self.get(key).object()
    }

    /// A field as a list; none, null and blank text are empty lists.
    pub(in crate::sms) fn list(&self, key: &str) -> serde_json::Result<Vec<&'a RawValue>> {
        self.get(key).list()
    }
}

/// A value as it stands in a text, or none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Value<'a>(&'a str);

impl<'a> Value<'a> {
    /// The value that this JSON means.
    pub(super) fn new(json: &'a str) -> Self {
        Self(json)
    }

    /// The JSON.
    pub(super) fn as_written(self) -> &'a str {
        self.0
    }

    /// As text of at most `limit` bytes. Blank text is none; numbers and booleans are text, too.
    pub(super) fn text(self, limit: usize) -> Option<Cow<'a, str>> {
        let text = self.full_text()?;
        // Whether it is blank its beginning says; most texts aren't.
        (!text.trim_start().is_empty()).then(|| match text {
            Cow::Borrowed(text) => Cow::Borrowed(text::cut(text, limit)),
            Cow::Owned(text) => Cow::Owned(text::cut(&text, limit).to_owned()),
        })
    }

    /// As text, however long or blank.
    pub(super) fn full_text(self) -> Option<Cow<'a, str>> {
        match self.0.as_bytes().first()? {
            b'"' => {
                let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
                Some(if inner.contains('\\') { unescaped(inner) } else { Cow::Borrowed(inner) })
            }
            b'{' | b'[' | b'n' => None,
            // A number or boolean, as it is written.
            _ => Some(Cow::Borrowed(self.0)),
        }
    }

    /// As a whole number; fractions are dropped, and so are spaces around a number in a string.
    pub(super) fn integer(self) -> Option<i64> {
        let text = self.full_text()?;
        text.trim().parse().ok().or_else(|| self.number().and_then(truncate))
    }

    /// As a finite number.
    pub(super) fn number(self) -> Option<f64> {
        let number: f64 = self.full_text()?.trim().parse().ok()?;
        number.is_finite().then_some(number)
    }

    /// As a time in milliseconds since 1970. Zero stands for no time, as does what no calendar reaches.
    pub(super) fn time(self) -> Option<Timestamp> {
        let millis = self.integer().filter(|millis| *millis > 0)?;
        Timestamp::from_millisecond(millis).ok()
    }

    /// As an object.
    pub(super) fn object(self) -> Option<Object<'a>> {
        Object::parse(self.0).ok()
    }

    /// As a list; none, null and blank text are empty lists.
    pub(super) fn list<T: Deserialize<'a>>(self) -> serde_json::Result<Vec<T>> {
        match self.0 {
            "" | "null" | "\"\"" => Ok(Vec::new()),
            list => serde_json::from_str(list),
        }
    }
}

/// The whole part of a number, where an integer can hold it.
fn truncate(number: f64) -> Option<i64> {
    // Integers up to here are exact in both types.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked, and the fraction is to be dropped"
    )]
    (number.abs() <= EXACT).then_some(number as i64)
}

/// What a string means, of which this stands between the quotes.
pub(super) fn unescaped(inner: &str) -> Cow<'static, str> {
    let json = format!("\"{inner}\"");
    let text = serde_json::from_str::<LossyText<'_>>(&json);
    text.map_or(Cow::Borrowed(""), |text| Cow::Owned(text.0.into_owned()))
}

/// A string of which no part makes it unreadable: half a surrogate pair, as is left where a text has been cut, becomes
/// a replacement character.
struct LossyText<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for LossyText<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(LossyTextVisitor)
    }
}

struct LossyTextVisitor;

impl<'de> Visitor<'de> for LossyTextVisitor {
    type Value = LossyText<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(LossyText(String::from_utf8_lossy(bytes)))
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(LossyText(Cow::Owned(String::from_utf8_lossy(bytes).into_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(value: &str, read: impl Fn(Value<'_>) -> T) -> T {
        read(Object::parse(&format!("{{\"k\": {value}}}")).unwrap().get("k"))
    }

    #[test]
    fn values_are_read_by_what_they_can_mean() {
        type Row<'a> = (&'a str, Option<&'a str>, Option<i64>, Option<f64>);
        let table: &[Row<'_>] = &[
            ("null", None, None, None),
            ("\"\"", None, None, None),
            ("\"  \"", None, None, None),
            ("{\"a\": 1}", None, None, None),
            ("[1]", None, None, None),
            ("12", Some("12"), Some(12), Some(12.0)),
            ("-3", Some("-3"), Some(-3), Some(-3.0)),
            ("45.9", Some("45.9"), Some(45), Some(45.9)),
            ("1e3", Some("1e3"), Some(1000), Some(1000.0)),
            ("1e999", Some("1e999"), None, None),
            ("1e300", Some("1e300"), None, Some(1e300)),
            ("\" 12 \"", Some(" 12 "), Some(12), Some(12.0)),
            ("\"12.5\"", Some("12.5"), Some(12), Some(12.5)),
            ("\"NaN\"", Some("NaN"), None, None),
            ("\"inf\"", Some("inf"), None, None),
            ("true", Some("true"), None, None),
            ("\"a\\u00e9\\n\"", Some("aé\n"), None, None),
            ("\"a\\ud83d\"", Some("a\u{fffd}\u{fffd}\u{fffd}"), None, None),
            (
                "9223372036854775807",
                Some("9223372036854775807"),
                Some(i64::MAX),
                Some(9_223_372_036_854_775_807.0),
            ),
        ];
        for (value, text, integer, number) in table {
            assert_eq!(with(value, |v| v.text(100).map(Cow::into_owned)).as_deref(), *text, "{value}");
            assert_eq!(with(value, |v| v.integer()), *integer, "{value}");
            assert_eq!(with(value, |v| v.number()), *number, "{value}");
        }
    }

    #[test]
    fn times_that_no_calendar_holds_are_none() {
        for value in ["0", "-1", "9223372036854775807", "1e18", "\"\"", "null", "\"soon\""] {
            assert_eq!(with(value, |v| v.time()), None, "{value}");
        }
        for value in ["1585139506000", "\"1585139506000\"", "1585139506000.4"] {
            assert_eq!(with(value, |v| v.time()).unwrap().to_string(), "2020-03-25T12:31:46Z", "{value}");
        }
    }
}
