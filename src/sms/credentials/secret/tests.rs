use super::*;
use proptest::prelude::*;

fn data(entries: &[(&str, &str)]) -> SecretData {
    entries.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
}

fn refusal(entries: &[(&str, &str)]) -> String {
    Login::from_secret_data(&data(entries)).expect_err("must be refused").to_string()
}

fn read(entries: &[(&str, &str)]) -> Method {
    Login::from_secret_data(&data(entries)).unwrap().method
}

const AK_SK: [(&str, &str); 2] = [("accessKey", "AK\n"), ("secretKey", "SK\r\n")];

fn keys_and(more: (&'static str, &'static str)) -> Method {
    read(&[AK_SK.as_slice(), &[more]].concat())
}

#[test]
fn access_keys_are_read() {
    let Method::Ready(Credentials::AkSk { keys, scope: Scope::None }) = read(&AK_SK) else { panic!() };
    assert_eq!((keys.access_key.reveal(), keys.secret_key.reveal()), ("AK", "SK"));
    assert!(keys.security_token.is_none());

    let Method::Ready(Credentials::AkSk { keys, .. }) = keys_and(("securityToken", "ST")) else { panic!() };
    assert_eq!(keys.security_token.unwrap().reveal(), "ST");

    for (key, value, expected) in [
        ("domainId", "D", Scope::Domain(ScopeId::parse("D").unwrap())),
        ("projectId", "P\n", Scope::Project(ScopeId::parse("P").unwrap())),
        ("region", "left alone", Scope::None),
    ] {
        let Method::Ready(Credentials::AkSk { scope, .. }) = keys_and((key, value)) else { panic!() };
        assert_eq!(scope, expected);
    }
    assert!(matches!(keys_and(("domainId", "auto")), Method::LookUp(_, LookUp::Domain)));
    assert!(matches!(keys_and(("projectId", "auto\n")), Method::LookUp(_, LookUp::Project)));
}

#[test]
fn tokens_are_read() {
    let Method::Ready(Credentials::Token(token)) = read(&[("token", "T\n")]) else { panic!() };
    assert_eq!(token.reveal(), "T");
}

#[test]
fn passwords_are_read() {
    let user = [("username", "migration watcher\n"), ("password", "a b\"\\\n"), ("domainName", "Übersee")];
    let Method::Password(login) = read(&user) else { panic!() };
    let parts = (login.username.as_str(), login.password.reveal(), login.domain.as_str());
    assert_eq!(parts, ("migration watcher", "a b\"\\", "Übersee"));
    assert_eq!(login.scope, TokenScope::Domain);
    for (key, expected) in [
        ("projectName", TokenScope::ProjectName(Name::parse("cn-north-4").unwrap())),
        ("projectId", TokenScope::ProjectId(ScopeId::parse("cn-north-4").unwrap())),
    ] {
        let Method::Password(login) = read(&[user.as_slice(), &[(key, "cn-north-4")]].concat()) else {
            panic!()
        };
        assert_eq!(login.scope, expected);
    }
}

#[test]
fn what_ends_by_itself_may_say_when() {
    let login = |time| Login::from_secret_data(&data(&[AK_SK.as_slice(), &[("expiresAt", time)]].concat()));
    assert_eq!(
        login("2026-11-25T08:00:00+01:00\n").unwrap().expires,
        Some("2026-11-25T07:00:00Z".parse().unwrap())
    );
    assert!(login("tomorrow").unwrap_err().to_string().contains("`expiresAt` is not a time such as"));
}

#[test]
fn malformed_data_is_refused_with_the_key_and_what_to_do() {
    type Entries<'a> = &'a [(&'a str, &'a str)];
    let table: &[(Entries<'_>, &[&str])] = &[
        (&[], &["`accessKey`", "`secretKey`", "`token`", "`password`", "none"]),
        (&[("ak", "x"), ("sk", "y")], &["`accessKey`", "`ak`, `sk`"]),
        (&[("accessKey", "x")], &["`secretKey` is missing"]),
        (&[("secretKey", "x")], &["`accessKey` is missing"]),
        (&[("accessKey", ""), ("secretKey", "y")], &["`accessKey` is empty"]),
        (&[("accessKey", "x"), ("secretKey", "\n")], &["`secretKey` is empty"]),
        (&[("accessKey", "x"), ("secretKey", "a b")], &["`secretKey` contains white space"]),
        (&[("accessKey", " x"), ("secretKey", "y")], &["`accessKey` contains white space"]),
        (&[("accessKey", "x"), ("secretKey", "y"), ("securityToken", "")], &["`securityToken` is empty"]),
        (&[("access_key", "x"), ("secretKey", "y")], &["`access_key` must be written `accessKey`"]),
        (&[("accessKey", "x"), ("secretKey", "y"), ("SECURITY-TOKEN", "z")], &["`securityToken`", "rename"]),
        (&[("accessKey", "x"), ("secretKey", "y"), ("token", "z")], &["`accessKey` and `token`", "remove"]),
        (&[("token", "x"), ("securityToken", "z")], &["`token` and `securityToken`"]),
        (&[("token", "x"), ("username", "z")], &["`token` and `username`"]),
        (&[("accessKey", "x"), ("secretKey", "y"), ("password", "z")], &["`accessKey` and `password`"]),
        (&[("accessKey", "x"), ("secretKey", "y"), ("projectName", "z")], &["`accessKey` and `projectName`"]),
        (
            &[("accessKey", "x"), ("secretKey", "y"), ("domainId", "d"), ("projectId", "p")],
            &["`domainId` and `projectId`"],
        ),
        (&[("username", "x"), ("password", "y")], &["`domainName` is missing"]),
        (&[("username", "x"), ("domainName", "z")], &["`password` is missing"]),
        (&[("password", "y"), ("domainName", "z")], &["`username` is missing"]),
        (&[("username", "x"), ("password", " "), ("domainName", "z")], &["`password` begins or ends"]),
        (&[("username", "x"), ("password", "y\nz"), ("domainName", "z")], &["`password` contains control"]),
        (
            &[
                ("username", "x"),
                ("password", "y"),
                ("domainName", "z"),
                ("expiresAt", "2026-11-25T08:00:00Z"),
            ],
            &["`username` and `expiresAt`"],
        ),
        (
            &[
                ("username", "x"),
                ("password", "y"),
                ("domainName", "z"),
                ("projectId", "a"),
                ("projectName", "b"),
            ],
            &["`projectId` and `projectName`"],
        ),
        (&[("accessKey", "x"), ("secretKey", "y"), ("expires_at", "z")], &["must be written `expiresAt`"]),
    ];
    for (entries, parts) in table {
        let message = refusal(entries);
        for part in *parts {
            assert!(message.contains(part), "{entries:?}: {message}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let mut data = data(&[("accessKey", "x")]);
    data.extend([("secretKey".to_owned(), vec![b'a', 0xff])]);
    assert_eq!(Login::from_secret_data(&data).err(), Some(SecretError::Encoding { key: SECRET_KEY }));
}

#[test]
fn a_second_spelling_beside_the_right_one_is_left_alone() {
    let entries = [("accessKey", "x"), ("access_key", "other"), ("secretKey", "y")];
    assert!(Login::from_secret_data(&data(&entries)).is_ok());
}

proptest! {
    #[test]
    fn no_message_shows_a_value(
        keys in proptest::sample::subsequence(KNOWN.to_vec(), 0..KNOWN.len()),
        tails in proptest::collection::vec("[ \n\u{e4}a]{0,2}", KNOWN.len()),
    ) {
        let values = keys.iter().zip(tails).map(|(key, tail)| {
            ((*key).to_owned(), format!("MARKER{tail}").into_bytes())
        });
        if let Err(error) = Login::from_secret_data(&values.collect()) {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains("MARKER"));
        }
    }
}
