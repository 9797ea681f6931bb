use std::{fs, path::Path};

use proptest::prelude::*;

use super::*;

/// What the fuzzer has found worth keeping, and what once went wrong.
#[test]
fn the_corpus_holds() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in ALL {
        let files: Vec<_> = fs::read_dir(fuzz.join(name)).unwrap().collect();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            let path = file.unwrap().path();
            println!("{}", path.display());
            target(&fs::read(path).unwrap());
        }
    }
}

/// Texts of which parts have a meaning somewhere.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        proptest::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\\",
            "\\u",
            "d83d",
            "null",
            "true",
            "-1",
            "1e999",
            "count",
            "tasks",
            "\"id\"",
            "\"count\":1",
            "error_code",
            "error_msg",
            "limit:",
            "time:",
            "1 minute",
            "https://",
            "sms.",
            "*",
            ".myhuaweicloud.com",
            "127.0.0.1",
            "/16",
            "::",
            "h",
            "m",
            "99999999999999999999",
            "0.",
            "\n",
            "中",
            "\u{0}",
        ])
        .prop_map(str::to_owned),
        ".{0,4}",
    ];
    proptest::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

/// A property for each target: random bytes, and texts.
macro_rules! hold {
    ($($target:ident)*) => {$(
        mod $target {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(64))]

                #[test]
                fn random_bytes_hold(data in proptest::collection::vec(any::<u8>(), 0..400)) {
                    super::super::$target(&data);
                }

                #[test]
                fn random_texts_hold(text in text()) {
                    super::super::$target(text.as_bytes());
                }
            }
        }
    )*};
}

hold! { addresses answer durations filters ledgers listings page secrets statuses task_error tasks }
