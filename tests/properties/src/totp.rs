use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use twostep_core::proof::totp::{Algorithm, Authenticator};

/// The code of a step by RFC 4226 section 5.3 and RFC 6238 section 4.2, computed independently of the core.
pub fn code_of(authenticator: &Authenticator, step: u64) -> String {
    let (key, moving) = (authenticator.expose_secret(), step.to_be_bytes());
    let hash = match authenticator.algorithm() {
        Algorithm::SHA256 => Hmac::<Sha256>::new_from_slice(key)
            .expect("any length")
            .chain_update(moving)
            .finalize()
            .into_bytes()
            .to_vec(),
        Algorithm::SHA512 => Hmac::<Sha512>::new_from_slice(key)
            .expect("any length")
            .chain_update(moving)
            .finalize()
            .into_bytes()
            .to_vec(),
        _ => Hmac::<Sha1>::new_from_slice(key)
            .expect("any length")
            .chain_update(moving)
            .finalize()
            .into_bytes()
            .to_vec(),
    };
    let offset = usize::from(hash[hash.len() - 1] & 0xf);
    let four = hash[offset..offset + 4].iter().fold(0_u32, |number, &byte| number << 8 | u32::from(byte));
    let digits = u32::from(authenticator.digits());
    format!("{:0width$}", (four & 0x7fff_ffff) % 10_u32.pow(digits), width = digits as usize)
}
