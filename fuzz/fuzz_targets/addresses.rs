#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| migration_task_watch::hostile::addresses(data));
