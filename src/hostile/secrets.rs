//! The data of Secrets.

use super::bytes::Bytes;
use crate::sms::{Login, credentials::SecretData};

const KEYS: [&str; 14] = [
    "accessKey",
    "secretKey",
    "securityToken",
    "domainId",
    "projectId",
    "token",
    "username",
    "password",
    "domainName",
    "projectName",
    "expiresAt",
    "access_key",
    "Token",
    "",
];
/// Keys whose values nobody may see.
const HIDDEN: [&str; 5] = ["accessKey", "secretKey", "securityToken", "token", "password"];

/// The data of a Secret: whatever it is, no message shows a value.
pub fn secrets(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
    while !bytes.is_empty() && entries.len() < 16 {
        let key = bytes.one_of(&KEYS);
        let key = if key.is_empty() { bytes.text().into_owned() } else { key.to_owned() };
        let length = bytes.byte().into();
        let value = match bytes.byte() % 4 {
            0 => b"auto".to_vec(),
            1 => b"MARKER-\"1\\2".to_vec(),
            _ => bytes.take(length).to_vec(),
        };
        entries.push((key, value));
    }
    let hidden: Vec<String> = entries
        .iter()
        .filter(|(key, value)| HIDDEN.contains(&key.as_str()) && value.len() >= 8)
        .filter_map(|(key, value)| {
            let is_name =
                entries.iter().any(|(other, _)| other != key && other.as_bytes() == value.as_slice());
            String::from_utf8(value.clone()).ok().filter(|_| !is_name)
        })
        .collect();
    let data: SecretData = entries.iter().cloned().collect();
    let shown = match Login::from_secret_data(&data) {
        Ok(login) => format!("{login:?}"),
        Err(error) => {
            let failure = error.clone().into_failure("The Secret");
            assert!(failure.needs_a_person && failure.message.len() < 1024, "{failure:?}");
            format!("{error:?} {failure:?}")
        }
    };
    // A key's own name, or a part of the text around, is no secret.
    let around = [KEYS.join(" "), format!("{:?}", Login::from_secret_data(&SecretData::default()))].join(" ");
    for value in hidden.iter().filter(|value| !around.contains(value.as_str())) {
        let is_elsewhere = entries.iter().any(|(key, other)| {
            !HIDDEN.contains(&key.as_str()) && String::from_utf8_lossy(other).contains(value.as_str())
                || key.contains(value.as_str())
        });
        assert!(is_elsewhere || !shown.contains(value.as_str()), "{shown}");
    }
    let is_key = entries.iter().any(|(key, _)| key.contains("MARKER"));
    assert!(is_key || !format!("{data:?}").contains("MARKER"));
}
