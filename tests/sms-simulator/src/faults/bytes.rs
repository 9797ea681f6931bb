//! Changes to the bytes of a body.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Puts a byte that UTF-8 doesn't know into the first string.
pub(super) fn spoil_utf8(mut body: Vec<u8>) -> Vec<u8> {
    let quote = body.iter().position(|byte| *byte == b'"').unwrap_or_default();
    body.insert((quote + 1).min(body.len()), 0xff);
    body
}

/// A body gzipped; writing to memory can't fail.
///
/// # Errors
/// Never: see above.
pub fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
