use super::*;
use proptest::prelude::*;

fn data(entries: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
}

fn refusal(entries: &[(&str, &str)]) -> String {
    Credentials::from_secret_data(&data(entries)).expect_err("must be refused").to_string()
}

#[test]
fn each_kind_is_read() {
    let ak_sk = [("accessKey", "AK\n"), ("secretKey", "SK\r\n")];
    let read = Credentials::from_secret_data(&data(&ak_sk)).unwrap();
    let Credentials::AkSk { access_key, secret_key, security_token: None, scope: Scope::None } = read else {
        panic!("{read:?}")
    };
    assert_eq!((access_key.reveal(), secret_key.reveal()), ("AK", "SK"));

    let temporary = [ak_sk.as_slice(), &[("securityToken", "ST"), ("domainId", "D")]].concat();
    let read = Credentials::from_secret_data(&data(&temporary)).unwrap();
    let Credentials::AkSk { security_token: Some(token), scope: Scope::Domain(id), .. } = read else {
        panic!("{read:?}")
    };
    assert_eq!((token.reveal(), id.as_str()), ("ST", "D"));

    let project = [ak_sk.as_slice(), &[("projectId", "P"), ("region", "left alone")]].concat();
    let read = Credentials::from_secret_data(&data(&project)).unwrap();
    assert!(matches!(read, Credentials::AkSk { scope: Scope::Project(_), .. }), "{read:?}");

    let read = Credentials::from_secret_data(&data(&[("token", "T\n")])).unwrap();
    assert!(matches!(read, Credentials::Token(token) if token.reveal() == "T"));
}

#[test]
fn malformed_data_is_refused_with_the_key_and_what_to_do() {
    type Entries<'a> = &'a [(&'a str, &'a str)];
    let table: &[(Entries<'_>, &[&str])] = &[
        (&[], &["`accessKey`", "`secretKey`", "`token`", "none"]),
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
        (&[("username", "x"), ("password", "y"), ("domainName", "z")], &["`username`", "not supported"]),
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
    data.insert("secretKey".to_owned(), vec![b'a', 0xff]);
    assert_eq!(Credentials::from_secret_data(&data).err(), Some(SecretError::Encoding { key: SECRET_KEY }));
}

#[test]
fn a_second_spelling_beside_the_right_one_is_left_alone() {
    let entries = [("accessKey", "x"), ("access_key", "other"), ("secretKey", "y")];
    assert!(Credentials::from_secret_data(&data(&entries)).is_ok());
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
        if let Err(error) = Credentials::from_secret_data(&values.collect()) {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains("MARKER"));
        }
    }
}
