//! Values that nobody can guess, for what the simulator hands out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};

use crate::auth::hex;

/// The system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system has no random bytes")]
pub(crate) struct NoRandomness;

/// So many random bytes in Base64, with the `+`, `/` and `=` that real secrets have.
pub(crate) fn base64(bytes: usize) -> Result<String, NoRandomness> {
    random(bytes).map(|bytes| STANDARD.encode(bytes))
}

/// So many random bytes as capitals and digits, such as access key ids are made of.
pub(crate) fn capitals(bytes: usize) -> Result<String, NoRandomness> {
    random(bytes).map(|bytes| hex(&bytes).to_uppercase())
}

fn random(bytes: usize) -> Result<Vec<u8>, NoRandomness> {
    let mut random = vec![0; bytes];
    SystemRandom::new().fill(&mut random).map_err(|_| NoRandomness)?;
    Ok(random)
}
