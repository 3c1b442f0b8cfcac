//! The cryptography: HS256 for the JWT library, and a keyed hash for what only we may compare. Nothing here knows what a
//! token says.

use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use sha2::Sha256;

/// HS256 for the JWT library, which leaves the cryptography to its user.
struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(key: &[u8]) -> Result<Self, JwtError> {
        Hmac::new_from_slice(key).map(Self).map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }

    fn over(&self, message: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(message);
        mac
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.over(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        // In constant time, and only a signature of full length.
        self.over(message).verify_slice(signature).map_err(|_| SignatureError::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

static CRYPTO: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match algorithm {
        Algorithm::HS256 => Ok(Box::new(Hs256::new(key.as_bytes())?)),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    verifier_factory: |algorithm, key| match algorithm {
        Algorithm::HS256 => Ok(Box::new(Hs256::new(key.try_get_as_bytes()?)?)),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Tells the library who does its cryptography.
pub(super) fn install_crypto() {
    // The first call wins, and every call brings the same.
    let _ = CRYPTO.install_default();
}

/// Hashes with a key of its own, so that nothing that is signed here is ever a token.
#[allow(clippy::expect_used, reason = "HMAC takes a secret of any length")]
pub(super) fn keyed(secret: &Secret) -> Hmac<Sha256> {
    let mut of_secret = Hmac::<Sha256>::new_from_slice(secret.bytes()).expect("any length is a key");
    of_secret.update(b"ticketing keyed hashes");
    let key = of_secret.finalize().into_bytes();
    Hmac::new_from_slice(&key).expect("any length is a key")
}
