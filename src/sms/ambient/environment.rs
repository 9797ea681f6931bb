//! The vendor's environment variables.

use crate::sms::credentials::SecretData;

/// The variables, and the keys that a Secret has for the same.
const VARIABLES: [(&str, &str); 5] = [
    ("HUAWEICLOUD_SDK_AK", "accessKey"),
    ("HUAWEICLOUD_SDK_SK", "secretKey"),
    ("HUAWEICLOUD_SDK_SECURITY_TOKEN", "securityToken"),
    ("HUAWEICLOUD_SDK_DOMAIN_ID", "domainId"),
    ("HUAWEICLOUD_SDK_PROJECT_ID", "projectId"),
];

/// The vendor's environment variables, under the names of a Secret's keys. None unless there is an access key; empty
/// variables are none.
pub fn secret_data_of_environment(variable: impl Fn(&str) -> Option<String>) -> Option<SecretData> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    set("HUAWEICLOUD_SDK_AK")?;
    Some(
        VARIABLES
            .iter()
            .filter_map(|(name, key)| Some(((*key).to_owned(), set(name)?.into_bytes())))
            .collect(),
    )
}
