use super::*;
use crate::core::endpoint::Region;
use proptest::prelude::*;

fn allows(patterns: &str, endpoint: &str) -> bool {
    let patterns: AllowedEndpoints = patterns.parse().unwrap();
    // What isn't even an endpoint is never called.
    Endpoint::parse(endpoint).is_ok_and(|endpoint| patterns.allows(&endpoint))
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let text = "https://sms.*.myhuaweicloud.com,https://sms-api.*.myhuaweicloud.com,\
                https://iam.*.myhuaweicloud.com,https://iam.myhuaweicloud.com";
    assert_eq!(AllowedEndpoints::default().to_string(), text);
    assert_eq!(text.parse(), Ok(AllowedEndpoints::default()));
}

#[test]
fn the_defaults_allow_the_vendors_endpoints_and_no_trick() {
    let table = [
        ("https://sms.cn-north-4.myhuaweicloud.com", true),
        ("HTTPS://SMS.cn-north-4.MYHUAWEICLOUD.COM:443/", true),
        ("https://iam.myhuaweicloud.com", true),
        ("https://sms.cn-north-4.myhuaweicloud.com:8443", false),
        ("https://sms.cn-north-4.myhuaweicloud.com.evil.example", false),
        ("https://sms.cn-north-4.myhuaweicloud.com.", false),
        ("https://sms.cn-north-4.myhuaweicloud.com@evil.example", false),
        ("https://evil.example#.myhuaweicloud.com", false),
        ("https://evil.example/.myhuaweicloud.com", false),
        ("https://evil.example\\.myhuaweicloud.com", false),
        ("https://sms.evil.example?.myhuaweicloud.com", false),
        ("https://sms.a.b.myhuaweicloud.com", false),
        ("https://sms.myhuaweicloud.com", false),
        ("https://sms..myhuaweicloud.com", false),
        ("https://xsms.cn-north-4.myhuaweicloud.com", false),
        ("https://sms.cn-north-4.xmyhuaweicloud.com", false),
        ("https://obs.cn-north-4.myhuaweicloud.com", false),
        ("https://sms.a%2eb.myhuaweicloud.com", false),
        ("https://sms.a。b.myhuaweicloud.com", false),
        ("https://sms.cn-north-4.myhuaweicloud.com%00.evil.example", false),
        ("https://sms.%65vil-1.myhuaweicloud.com", true),
        ("https://sms.eu-west-101.myhuaweicloud.com", true),
        ("https://sms.obs.myhuaweicloud.com", false),
        ("https://sms.obs-website.myhuaweicloud.com", false),
        ("https://sms-api.obs.myhuaweicloud.com", false),
        ("https://iam.obs.myhuaweicloud.com", false),
        ("https://sms.eu-west-101.myhuaweicloud.eu", false),
        ("https://sms.cn-north-4。myhuaweicloud。com", true),
        ("https://127.0.0.1", false),
        ("http://127.0.0.1", false),
        ("https://2130706433", false),
        ("https://169.254.169.254", false),
        ("https://[::1]", false),
        ("https://[::ffff:7f00:1]", false),
        ("https://localhost", false),
    ];
    for (endpoint, expected) in table {
        assert_eq!(allows(&AllowedEndpoints::default().to_string(), endpoint), expected, "{endpoint}");
    }
}

#[test]
fn patterns_mean_what_they_say() {
    let table = [
        ("http://127.0.0.1:*", "http://127.0.0.1:45678", true),
        ("http://127.0.0.1:*", "http://127.0.0.1", true),
        ("http://127.0.0.1:*", "http://2130706433:1", true),
        ("http://127.0.0.1:*", "https://127.0.0.1:45678", false),
        ("http://127.0.0.1:*", "http://127.0.0.2:45678", false),
        ("http://127.0.0.1:*", "http://localhost:45678", false),
        ("http://127.0.0.1:*", "http://[::ffff:127.0.0.1]:45678", false),
        ("http://127.0.0.1", "http://127.0.0.1:81", false),
        ("https://10.1.2.3", "https://[::ffff:10.1.2.3]", false),
        ("https://[::ffff:10.1.2.3]", "https://10.1.2.3", false),
        ("https://[::ffff:10.1.2.3]", "https://[::ffff:a01:203]", true),
        ("https://10.1.2.3", "https://167838211", true),
        ("https://[::1]:8443", "https://[0::1]:8443", true),
        ("https://[::1]:8443", "https://[::1]", false),
        ("https://SMS.Example.com:8443", "https://sms.example.com:8443", true),
        ("https://例え.example", "https://xn--r8jz45g.example", true),
        ("https://*.*.example:*", "https://a.b.example:1", true),
        ("https://*.*.example:*", "https://b.example:1", false),
        ("https://sms.*.example/", "https://sms.a.example", true),
        ("https://a.example, https://b.example", "https://b.example", true),
        ("https://sms.*.myhuaweicloud.eu", "https://sms.eu-west-101.myhuaweicloud.eu", true),
        ("https://sms.*.myhuaweicloud.eu", "https://sms.obs.myhuaweicloud.eu", false),
        ("https://*.*.myhuaweicloud.com", "https://a-bucket.obs.myhuaweicloud.com", false),
        ("https://*.cn-north-4.myhuaweicloud.com", "https://sms.cn-north-4.myhuaweicloud.com", true),
        ("https://*.myhuaweicloud.com", "https://iam.myhuaweicloud.com", true),
        ("https://sms.*.example.com", "https://sms.obs.example.com", true),
    ];
    for (patterns, endpoint, expected) in table {
        assert_eq!(allows(patterns, endpoint), expected, "{patterns} {endpoint}");
    }
}

#[test]
fn patterns_that_mislead_are_refused() {
    for text in [
        "",
        ",",
        "https://a.example,",
        "*",
        "https://*",
        "https://*:*",
        "https://*.*",
        "https://sms*.example",
        "https://**.example",
        "https://127.0.0.*",
        "https://*.0.0.1",
        "https://[*::1]",
        "https://a.example:8*",
        "https://a.example/*",
        "https://a.example?*",
        "https://*@a.example",
        "http://*.example",
        "http://sms.example",
        "https://*。example",
        "https://*.%65xample",
    ] {
        assert!(text.parse::<AllowedEndpoints>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn a_wildcard_is_exactly_one_label(region in "[a-z0-9][a-z0-9.-]{0,20}") {
        let endpoint = format!("https://sms.{region}.myhuaweicloud.com");
        let one_label = Region::parse(&region).is_ok();
        prop_assert_eq!(allows("https://sms.*.example", &endpoint.replace("myhuaweicloud.com", "example")), one_label);
        let allowed = allows(&AllowedEndpoints::default().to_string(), &endpoint);
        prop_assert!(one_label || !allowed);
    }

    #[test]
    fn whatever_the_defaults_allow_is_a_vendors_host(text in "https://(sms|iam|evil|127|\\[|@|:|/|\\.|。|%2e|\\\\|#|\\?|myhuaweicloud|com| ){1,12}") {
        if let Ok(endpoint) = Endpoint::parse(&text) && AllowedEndpoints::default().allows(&endpoint) {
            let authority = endpoint.authority();
            prop_assert!(authority.ends_with(".myhuaweicloud.com"), "{}", authority);
            prop_assert!(authority.split('.').count() <= 4);
        }
    }

    #[test]
    fn an_address_needs_a_pattern_that_names_it(address: std::net::IpAddr, port in 1u16..) {
        let host = match address {
            std::net::IpAddr::V4(address) => address.to_string(),
            std::net::IpAddr::V6(address) => format!("[{address}]"),
        };
        let endpoint = format!("https://{host}:{port}");
        prop_assert!(!allows("https://*.a:*,https://*.*.*.a:*", &endpoint));
        let literal = format!("https://{host}:*");
        prop_assert!(allows(&literal, &endpoint));
    }

    #[test]
    fn patterns_read_back_as_themselves(text in "https://(\\*|[a-z]{1,5})(\\.(\\*|[a-z]{1,5})){0,3}(:\\*|:[0-9]{1,5})?") {
        if let Ok(patterns) = text.parse::<AllowedEndpoints>() {
            prop_assert_eq!(patterns.to_string().parse(), Ok(patterns));
        }
    }
}
